"""Where each family of models keeps its layers: the only place, with `layouts.py`, that knows attribute names.

Supporting another family is one line in `FAMILIES`. A cell's fingerprint has the row of its model's family, so a
changed row invalidates that family's cells and a new one none.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from seedvar.errors import UserError
from seedvar.models.layouts import (
    ALBERT,
    BART,
    BERT,
    DEBERTA_V3,
    DISTILBERT,
    ELECTRA,
    GPT2,
    LLAMA,
    MODERNBERT,
    MPNET,
    QWEN2,
    QWEN3,
    ROBERTA,
    XLNET,
)

LINEAR, CONV1D, BARE = "Linear", "Conv1D", "bare"


@dataclass(frozen=True)
class Family:
    """The addresses inside an `AutoModelForSequenceClassification`.

    Attributes:
        layers: Attribute path of the list of blocks, or of several lists, the lowest first, that count as one; None
            where blocks share one set of parameters.
        pooler: Attribute path of what is pre-trained between the blocks and the classifier, such as BERT's pooler;
            None where the classification head has no pre-trained part.
        before_tanh: Attribute path of the Linear behind which the classification head has a
            tanh; None where it has another activation.
        word_head: How the names of a checkpoint's masked-word head begin; None where the family
            is not pre-trained by masked-language modelling.
        layout: The weights of its encoder, see `layouts.py`. It checks what is loaded and decides no cell.
        embeddings: Paths of what lies below the first block, in the encoder; "" is the encoder's own parameters.
        dropout: Keys of the configuration that hold a dropout probability.
        final: Path of the norm above the top block, in the encoder; None where blocks end in their own.
        read_out: How inputs are made ready so that the classifier reads the right token, see `read_out.py`; None
            where that is the first one, and padding on the right does no harm.
        matrices: What holds the matrices of blocks: modules `Linear`, or `Conv1D` as in GPT-2, or `bare` parameters.
        packing: How `training.packing` reads the first token out of its last layer; None where the family cannot
            take packed batches.
        positions_after_padding: Whether the first token's position is the one behind the number of the padding token.
    """

    layers: str | tuple[str, ...] | None
    pooler: str | None
    before_tanh: str | None
    word_head: str | None
    layout: dict[str, str]
    embeddings: tuple[str, ...] = ("embeddings",)
    dropout: tuple[str, ...] = ("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout")
    final: str | None = None
    read_out: str | None = None
    matrices: str = LINEAR
    packing: str | None = None
    positions_after_padding: bool = False

    def row(self) -> dict:
        """Returns what decides a cell, in JSON's types: what differs from its default, so a new field changes none."""
        decides = [f for f in fields(self) if f.name != "layout"]
        values = {f.name: getattr(self, f.name) for f in decides if getattr(self, f.name) != f.default}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @property
    def prefix(self) -> str:
        """What the names of the encoder's weights begin with in a classifier."""
        first = self.layers[0] if isinstance(self.layers, tuple) else self.layers
        return (first or self.pooler).split(".")[0]

    @property
    def stacks(self) -> tuple[str, ...]:
        """Paths of the lists of blocks, the lowest first."""
        return self.layers if isinstance(self.layers, tuple) else (self.layers,) if self.layers else ()

    def address(self, weight: str) -> str:
        """Returns what a classifier calls a weight of the layout."""
        is_outside = self.pooler and not self.pooler.startswith(f"{self.prefix}.")
        return weight if is_outside and weight.startswith(f"{self.pooler}.") else f"{self.prefix}.{weight}"


_DECODER = {"layers": "model.layers", "pooler": None, "before_tanh": None, "word_head": None}
_DECODER |= {"embeddings": ("embed_tokens",), "dropout": ("attention_dropout",), "final": "norm", "read_out": "last"}

FAMILIES = {  # by config.model_type
    "bert": Family(
        "bert.encoder.layer", "bert.pooler.dense", "bert.pooler.dense", "cls.predictions", BERT, packing="bert"
    ),
    "roberta": Family(
        "roberta.encoder.layer", None, "classifier.dense", "lm_head", ROBERTA,
        packing="bert", positions_after_padding=True,
    ),
    "electra": Family(
        "electra.encoder.layer", None, None, None, ELECTRA, embeddings=("embeddings", "embeddings_project"),
        packing="bert",
    ),
    "distilbert": Family(
        "distilbert.transformer.layer", None, None, "vocab_", DISTILBERT,
        dropout=("dropout", "attention_dropout", "seq_classif_dropout"), packing="distilbert",
    ),
    "albert": Family(
        None, "albert.pooler", "albert.pooler", "predictions", ALBERT,
        dropout=("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout_prob"), packing="stack",
    ),
    "xlm-roberta": Family(
        "roberta.encoder.layer", None, "classifier.dense", "lm_head", ROBERTA,
        packing="bert", positions_after_padding=True,
    ),
    "mpnet": Family(
        "mpnet.encoder.layer", None, "classifier.dense", "lm_head", MPNET,
        embeddings=("embeddings", "encoder.relative_attention_bias"),
    ),
    "deberta-v2": Family(  # of the shape of DeBERTa-v3, see `configuration.ONLY`
        "deberta.encoder.layer", None, None, None, DEBERTA_V3,
        embeddings=("embeddings", "encoder.rel_embeddings", "encoder.LayerNorm"),
        dropout=("hidden_dropout_prob", "attention_probs_dropout_prob", "pooler_dropout", "cls_dropout"),
    ),
    "modernbert": Family(
        "model.layers", "head", None, "decoder", MODERNBERT,
        dropout=("attention_dropout", "embedding_dropout", "mlp_dropout", "classifier_dropout"), final="final_norm",
    ),
    "xlnet": Family(
        "transformer.layer", None, "sequence_summary.summary", None, XLNET,
        embeddings=("", "word_embedding"), dropout=("dropout", "summary_last_dropout"), read_out="left",
        matrices=BARE,
    ),
    "bart": Family(
        ("model.encoder.layers", "model.decoder.layers"), None, "classification_head.dense", None, BART,
        embeddings=(
            "shared", "encoder.embed_positions", "encoder.layernorm_embedding", "decoder.embed_positions",
            "decoder.layernorm_embedding",
        ),
        dropout=("dropout", "attention_dropout", "activation_dropout", "classifier_dropout"), read_out="end",
    ),
    "gpt2": Family(
        "transformer.h", None, None, None, GPT2, embeddings=("wte", "wpe"),
        dropout=("resid_pdrop", "embd_pdrop", "attn_pdrop"), final="ln_f", read_out="last", matrices=CONV1D,
    ),
    "llama": Family(**_DECODER, layout=LLAMA),
    "qwen2": Family(**_DECODER, layout=QWEN2),
    "qwen3": Family(**_DECODER, layout=QWEN3),
}  # fmt: skip

NO_CHECKPOINTING = ("albert", "mpnet", "xlnet")  # Transformers cannot compute activations of their blocks once more
# Families whose head of Transformers is not that of the authors' code, and what that is.
OFFICIAL_HEADS = {
    "electra": "dropout and one Linear layer on the first token, as in the code of Zhang et al. (2021)",
    "roberta": "no dropout before the head's first Linear layer, as in the code of Mosbach et al. (2021)",
}


def has_segments(config: dict) -> bool:
    """Says whether a model is told the first text of a pair from the second, by its `config.json`."""
    return config.get("model_type") == "xlnet" or (config.get("type_vocab_size") or 0) > 1


def family_of(model_type: str) -> Family:
    """Returns the family of a checkpoint.

    Raises:
        UserError: It is none that seedvar knows.
    """
    if model_type not in FAMILIES:
        raise UserError(f"model: the family {model_type!r} is not supported; accepted: {', '.join(FAMILIES)}")
    return FAMILIES[model_type]
