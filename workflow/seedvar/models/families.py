"""Where each family of encoders keeps its layers: the only place that knows attribute names.

Supporting another family is one line in `FAMILIES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedvar.errors import UserError

if TYPE_CHECKING:  # planning a study reads this table and must not import PyTorch
    pass


@dataclass(frozen=True)
class Family:
    """The addresses inside an `AutoModelForSequenceClassification`.

    Attributes:
        layers: Attribute path of the list of encoder blocks; None where blocks share one set
            of parameters.
        pooler: Attribute path of the pre-trained pooler's Linear that feeds the classifier;
            None where the classification head has no pre-trained part.
        before_tanh: Attribute path of the Linear behind which the classification head has a
            tanh; None where it has another activation.
        word_head: How the names of a checkpoint's masked-word head begin; None where the family
            is not pre-trained by masked-language modelling.
    """

    layers: str | None
    pooler: str | None
    before_tanh: str | None
    word_head: str | None


FAMILIES = {  # by config.model_type
    "bert": Family("bert.encoder.layer", "bert.pooler.dense", "bert.pooler.dense", "cls.predictions"),
    "roberta": Family("roberta.encoder.layer", None, "classifier.dense", "lm_head"),
    "electra": Family("electra.encoder.layer", None, None, None),
    "distilbert": Family("distilbert.transformer.layer", None, None, "vocab_"),
    "albert": Family(None, "albert.pooler", "albert.pooler", "predictions"),
}

# Configuration keys that hold a dropout probability, over all families.
DROPOUT_KEYS = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "classifier_dropout",
    "classifier_dropout_prob",
    "dropout",
    "attention_dropout",
    "seq_classif_dropout",
)


def family_of(model_type: str) -> Family:
    """Returns the family of a checkpoint.

    Raises:
        UserError: It is none that seedvar knows.
    """
    if model_type not in FAMILIES:
        raise UserError(f"model: the family '{model_type}' is not supported; accepted: {', '.join(FAMILIES)}")
    return FAMILIES[model_type]
