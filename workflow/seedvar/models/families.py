"""Where each family of encoders keeps its layers: the only place that knows attribute names.

Supporting another family is one line in `FAMILIES`.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from seedvar.errors import UserError


@dataclass(frozen=True)
class Family:
    """The addresses inside an `AutoModelForSequenceClassification`.

    Attributes:
        layers: Attribute path of the list of encoder blocks; None where blocks share one set
            of parameters.
        pooler: Attribute path of the pre-trained pooler's Linear that feeds the classifier;
            None where the classification head has no pre-trained part.
    """

    layers: str | None
    pooler: str | None


FAMILIES = {  # by config.model_type
    "bert": Family("bert.encoder.layer", "bert.pooler.dense"),
    "roberta": Family("roberta.encoder.layer", None),
    "electra": Family("electra.encoder.layer", None),
    "distilbert": Family("distilbert.transformer.layer", None),
    "albert": Family(None, "albert.pooler"),
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


def layers_of(model: nn.Module) -> list[nn.Module]:
    """Returns the encoder blocks, from the bottom to the top.

    Raises:
        UserError: The family's blocks share their parameters, so that there is no top block.
    """
    path = family_of(model.config.model_type).layers
    if path is None:
        raise UserError(
            f"recipe: reinit_layers: all layers of {model.config.model_type} share one set of parameters, so none is "
            "the top one; accepted: 0"
        )
    return list(model.get_submodule(path))


def pooler_of(model: nn.Module) -> nn.Linear | None:
    """Returns the pre-trained pooler's Linear, or None where there is none."""
    path = family_of(model.config.model_type).pooler
    return model.get_submodule(path) if path else None
