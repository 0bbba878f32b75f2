"""Where each family of encoders keeps its layers: the only place, with `layouts.py`, that knows attribute names.

Supporting another family is one line in `FAMILIES`. A cell's fingerprint has the row of its model's family, so a
changed row invalidates that family's cells and a new one none.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from seedvar.errors import UserError
from seedvar.models.layouts import ALBERT, BERT, DISTILBERT, ELECTRA, ROBERTA


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
        layout: The weights of its encoder, see `layouts.py`. It checks what is loaded and decides no cell.
        embeddings: Names of what lies below the first block, in the encoder.
        dropout: Keys of the configuration that hold a dropout probability.
    """

    layers: str | None
    pooler: str | None
    before_tanh: str | None
    word_head: str | None
    layout: dict[str, str]
    embeddings: tuple[str, ...] = ("embeddings",)
    dropout: tuple[str, ...] = ("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout")

    def row(self) -> dict:
        """Returns what decides a cell, in JSON's types: what differs from its default, so a new field changes none."""
        decides = [f for f in fields(self) if f.name != "layout"]
        values = {f.name: getattr(self, f.name) for f in decides if getattr(self, f.name) != f.default}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @property
    def prefix(self) -> str:
        """What the names of the encoder's weights begin with in a classifier."""
        return (self.layers or self.pooler).split(".")[0]


FAMILIES = {  # by config.model_type
    "bert": Family("bert.encoder.layer", "bert.pooler.dense", "bert.pooler.dense", "cls.predictions", BERT),
    "roberta": Family("roberta.encoder.layer", None, "classifier.dense", "lm_head", ROBERTA),
    "electra": Family(
        "electra.encoder.layer", None, None, None, ELECTRA, embeddings=("embeddings", "embeddings_project")
    ),
    "distilbert": Family(
        "distilbert.transformer.layer", None, None, "vocab_", DISTILBERT,
        dropout=("dropout", "attention_dropout", "seq_classif_dropout"),
    ),
    "albert": Family(
        None, "albert.pooler", "albert.pooler", "predictions", ALBERT,
        dropout=("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout_prob"),
    ),
}  # fmt: skip


def family_of(model_type: str) -> Family:
    """Returns the family of a checkpoint.

    Raises:
        UserError: It is none that seedvar knows.
    """
    if model_type not in FAMILIES:
        raise UserError(f"model: the family {model_type!r} is not supported; accepted: {', '.join(FAMILIES)}")
    return FAMILIES[model_type]
