"""What weights an encoder has: by its family's table and the numbers of its `config.json`, without PyTorch.

A layout is a table of modules: name to the shape of `weight`, in keys of `config.json`. A key in braces counts: it
stands for every number from 0 to below its value. Every module has a `bias` as long as the first of the shape, but
for embeddings. `tests/models/test_layouts.py` compares each with the networks that Transformers makes.
"""

from __future__ import annotations

import itertools
import re


def _bert(width: str = "hidden_size") -> dict[str, str]:
    block = "encoder.layer.{num_hidden_layers}"
    return {
        "embeddings.word_embeddings": f"vocab_size {width}",
        "embeddings.position_embeddings": f"max_position_embeddings {width}",
        "embeddings.token_type_embeddings": f"type_vocab_size {width}",
        "embeddings.LayerNorm": width,
        f"{block}.attention.self.query": "hidden_size hidden_size",
        f"{block}.attention.self.key": "hidden_size hidden_size",
        f"{block}.attention.self.value": "hidden_size hidden_size",
        f"{block}.attention.output.dense": "hidden_size hidden_size",
        f"{block}.attention.output.LayerNorm": "hidden_size",
        f"{block}.intermediate.dense": "intermediate_size hidden_size",
        f"{block}.output.dense": "hidden_size intermediate_size",
        f"{block}.output.LayerNorm": "hidden_size",
    }


ROBERTA = _bert()
BERT = ROBERTA | {"pooler.dense": "hidden_size hidden_size"}
ELECTRA = _bert("embedding_size") | {"embeddings_project": "hidden_size embedding_size"}

_SHARED = "encoder.albert_layer_groups.{num_hidden_groups}.albert_layers.{inner_group_num}"
ALBERT = {
    "embeddings.word_embeddings": "vocab_size embedding_size",
    "embeddings.position_embeddings": "max_position_embeddings embedding_size",
    "embeddings.token_type_embeddings": "type_vocab_size embedding_size",
    "embeddings.LayerNorm": "embedding_size",
    "encoder.embedding_hidden_mapping_in": "hidden_size embedding_size",
    f"{_SHARED}.full_layer_layer_norm": "hidden_size",
    f"{_SHARED}.attention.query": "hidden_size hidden_size",
    f"{_SHARED}.attention.key": "hidden_size hidden_size",
    f"{_SHARED}.attention.value": "hidden_size hidden_size",
    f"{_SHARED}.attention.dense": "hidden_size hidden_size",
    f"{_SHARED}.attention.LayerNorm": "hidden_size",
    f"{_SHARED}.ffn": "intermediate_size hidden_size",
    f"{_SHARED}.ffn_output": "hidden_size intermediate_size",
    "pooler": "hidden_size hidden_size",
}

_BLOCK = "transformer.layer.{n_layers}"
DISTILBERT = {
    "embeddings.word_embeddings": "vocab_size dim",
    "embeddings.position_embeddings": "max_position_embeddings dim",
    "embeddings.LayerNorm": "dim",
    f"{_BLOCK}.attention.q_lin": "dim dim",
    f"{_BLOCK}.attention.k_lin": "dim dim",
    f"{_BLOCK}.attention.v_lin": "dim dim",
    f"{_BLOCK}.attention.out_lin": "dim dim",
    f"{_BLOCK}.sa_layer_norm": "dim",
    f"{_BLOCK}.ffn.lin1": "hidden_dim dim",
    f"{_BLOCK}.ffn.lin2": "dim hidden_dim",
    f"{_BLOCK}.output_layer_norm": "dim",
}

NO_BIAS = ("word_embeddings", "position_embeddings", "token_type_embeddings")
ONLY_BETWEEN_WIDTHS = ("embeddings_project",)  # there is none where both widths are the same
# What a checkpoint may hold besides its encoder, by the first part of the name: heads of pre-training and of tasks.
HEADS = (
    "cls", "lm_head", "predictions", "sop_classifier", "vocab_transform", "vocab_layer_norm", "vocab_projector",
    "generator_predictions", "generator_lm_head", "discriminator_predictions",
    "classifier", "pre_classifier", "qa_outputs", "pooler", "sequence_summary",
)  # fmt: skip
BUFFERS = ("embeddings.position_ids", "embeddings.token_type_ids")  # of older Transformers: numbers, and no weights


def sizes_in(layout: dict[str, str]) -> list[str]:
    """Lists the keys of `config.json` that a layout takes its sizes from, those that count first."""
    counts = [key for name in layout for key in re.findall(r"{(\w+)}", name)]
    return list(dict.fromkeys([*counts, *(key for shape in layout.values() for key in shape.split())]))


def weights_of(layout: dict[str, str], config: dict) -> dict[str, tuple[int, ...]]:
    """Returns the weights of an encoder: name, without the prefix of the base model, to shape."""
    weights = {}
    for pattern, words in layout.items():
        shape = tuple(config[key] for key in words.split())
        if pattern in ONLY_BETWEEN_WIDTHS and shape[0] == shape[1]:
            continue
        counts = re.findall(r"{(\w+)}", pattern)
        for numbers in itertools.product(*(range(config[key]) for key in counts)):
            name = pattern.format(**dict(zip(counts, numbers, strict=True)))
            weights[f"{name}.weight"] = shape
            if not name.endswith(NO_BIAS):
                weights[f"{name}.bias"] = shape[:1]
    return weights
