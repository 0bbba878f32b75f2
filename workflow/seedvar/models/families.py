"""Where each family of encoders keeps its layers: the only place that knows attribute names.

Supporting another family is one line in `FAMILIES`. A cell's fingerprint has the row of its model's family, so a
changed row invalidates that family's cells and a new one none.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from seedvar.errors import UserError


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
        embeddings: Names of what lies below the first block, in the encoder.
        dropout: Keys of the configuration that hold a dropout probability.
    """

    layers: str | None
    pooler: str | None
    before_tanh: str | None
    word_head: str | None
    embeddings: tuple[str, ...] = ("embeddings",)
    dropout: tuple[str, ...] = ("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout")

    def row(self) -> dict:
        """Returns what decides a cell, in JSON's types: what differs from its default, so a new field changes none."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


FAMILIES = {  # by config.model_type
    "bert": Family("bert.encoder.layer", "bert.pooler.dense", "bert.pooler.dense", "cls.predictions"),
    "roberta": Family("roberta.encoder.layer", None, "classifier.dense", "lm_head"),
    "electra": Family("electra.encoder.layer", None, None, None, embeddings=("embeddings", "embeddings_project")),
    "distilbert": Family(
        "distilbert.transformer.layer", None, None, "vocab_",
        dropout=("dropout", "attention_dropout", "seq_classif_dropout"),
    ),
    "albert": Family(
        None, "albert.pooler", "albert.pooler", "predictions",
        dropout=("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout_prob"),
    ),
}  # fmt: skip


def family_of(model_type: str) -> Family:
    """Returns the family of a checkpoint.

    Raises:
        UserError: It is none that seedvar knows.
    """
    if model_type not in FAMILIES:
        raise UserError(f"model: the family '{model_type}' is not supported; accepted: {', '.join(FAMILIES)}")
    return FAMILIES[model_type]
