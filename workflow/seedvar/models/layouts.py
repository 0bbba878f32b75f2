"""What weights an encoder has: by its family's table and the numbers of its `config.json`, without PyTorch.

A layout is a table of modules: name to the shape of `weight`, in keys of `config.json`, perhaps several times one
(`3*n_embd`), or in sizes that `DERIVED` computes of them. A key in braces counts: it stands for every number from 0, or
from that before the dots, to below its value. Every module has a `bias` as long as the first of the shape, but for
embeddings. A name behind = is that of a single parameter. What has a size of 0 is not there.
`tests/models/test_layouts.py` compares each with the networks that Transformers makes.
"""

from __future__ import annotations

import itertools
import math
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

_BLOCK = "encoder.layer.{num_hidden_layers}"
MPNET = {
    "embeddings.word_embeddings": "vocab_size hidden_size",
    "embeddings.position_embeddings": "max_position_embeddings hidden_size",
    "embeddings.LayerNorm": "hidden_size",
    **{f"{_BLOCK}.attention.attn.{name}": "hidden_size hidden_size" for name in "qkvo"},
    f"{_BLOCK}.attention.LayerNorm": "hidden_size",
    f"{_BLOCK}.intermediate.dense": "intermediate_size hidden_size",
    f"{_BLOCK}.output.dense": "hidden_size intermediate_size",
    f"{_BLOCK}.output.LayerNorm": "hidden_size",
    "=encoder.relative_attention_bias.weight": "relative_attention_num_buckets num_attention_heads",
}

DEBERTA_V3 = {
    "embeddings.word_embeddings": "vocab_size hidden_size",
    "embeddings.token_type_embeddings": "segments hidden_size",
    "embeddings.LayerNorm": "hidden_size",
    **{f"{_BLOCK}.attention.self.{name}_proj": "hidden_size hidden_size" for name in ("query", "key", "value")},
    f"{_BLOCK}.attention.output.dense": "hidden_size hidden_size",
    f"{_BLOCK}.attention.output.LayerNorm": "hidden_size",
    f"{_BLOCK}.intermediate.dense": "intermediate_size hidden_size",
    f"{_BLOCK}.output.dense": "hidden_size intermediate_size",
    f"{_BLOCK}.output.LayerNorm": "hidden_size",
    "=encoder.rel_embeddings.weight": "relative_positions hidden_size",
    "encoder.LayerNorm": "hidden_size",
}

_BLOCK = "layers.{num_hidden_layers}"
MODERNBERT = {
    "=embeddings.tok_embeddings.weight": "vocab_size hidden_size",
    "=embeddings.norm.weight": "hidden_size",
    "=layers.{1..num_hidden_layers}.attn_norm.weight": "hidden_size",  # the lowest block has none
    f"={_BLOCK}.attn.Wqkv.weight": "3*hidden_size hidden_size",
    f"={_BLOCK}.attn.Wo.weight": "hidden_size hidden_size",
    f"={_BLOCK}.mlp_norm.weight": "hidden_size",
    f"={_BLOCK}.mlp.Wi.weight": "2*intermediate_size hidden_size",
    f"={_BLOCK}.mlp.Wo.weight": "hidden_size intermediate_size",
    "=final_norm.weight": "hidden_size",
    "=head.dense.weight": "hidden_size hidden_size",
    "=head.norm.weight": "hidden_size",
}

_BLOCK = "layer.{n_layer}"
XLNET = {
    "=mask_emb": "1 1 d_model",
    "=word_embedding.weight": "vocab_size d_model",
    **{f"={_BLOCK}.rel_attn.{name}": "d_model n_head width_of_head" for name in "qkvor"},
    **{f"={_BLOCK}.rel_attn.r_{name}_bias": "n_head width_of_head" for name in "rsw"},
    f"={_BLOCK}.rel_attn.seg_embed": "2 n_head width_of_head",
    f"{_BLOCK}.rel_attn.layer_norm": "d_model",
    f"{_BLOCK}.ff.layer_norm": "d_model",
    f"{_BLOCK}.ff.layer_1": "d_inner d_model",
    f"{_BLOCK}.ff.layer_2": "d_model d_inner",
}


def _bart(stack: str, attentions: tuple[str, ...]) -> dict[str, str]:
    block = f"{stack}.layers.{{{stack}_layers}}"
    matrices = [f"{attention}.{name}_proj" for attention in attentions for name in ("k", "v", "q", "out")]
    return {
        f"={stack}.embed_positions.weight": "shifted_positions d_model",
        f"{stack}.layernorm_embedding": "d_model",
        **{f"{block}.{name}": "d_model d_model" for name in matrices},
        **{f"{block}.{attention}_layer_norm": "d_model" for attention in attentions},
        f"{block}.fc1": f"{stack}_ffn_dim d_model",
        f"{block}.fc2": f"d_model {stack}_ffn_dim",
        f"{block}.final_layer_norm": "d_model",
    }


BART = {
    "=shared.weight": "vocab_size d_model",
    **_bart("encoder", ("self_attn",)),
    **_bart("decoder", ("self_attn", "encoder_attn")),
}

GPT2 = {"=wte.weight": "vocab_size n_embd", "=wpe.weight": "n_positions n_embd"}
for _name, _from, _to in (  # its matrices lie the other way round
    ("attn.c_attn", "n_embd", "3*n_embd"),
    ("attn.c_proj", "n_embd", "n_embd"),
    ("mlp.c_fc", "n_embd", "width_inside"),
    ("mlp.c_proj", "width_inside", "n_embd"),
):
    GPT2 |= {f"=h.{{n_layer}}.{_name}.weight": f"{_from} {_to}", f"=h.{{n_layer}}.{_name}.bias": _to}
GPT2 |= {"h.{n_layer}.ln_1": "n_embd", "h.{n_layer}.ln_2": "n_embd", "ln_f": "n_embd"}


def _llama() -> dict[str, str]:
    block = "=layers.{num_hidden_layers}"
    return {
        "=embed_tokens.weight": "vocab_size hidden_size",
        f"{block}.self_attn.q_proj.weight": "width_of_queries hidden_size",
        f"{block}.self_attn.k_proj.weight": "width_of_keys hidden_size",
        f"{block}.self_attn.v_proj.weight": "width_of_keys hidden_size",
        f"{block}.self_attn.o_proj.weight": "hidden_size width_of_queries",
        f"{block}.mlp.gate_proj.weight": "intermediate_size hidden_size",
        f"{block}.mlp.up_proj.weight": "intermediate_size hidden_size",
        f"{block}.mlp.down_proj.weight": "hidden_size intermediate_size",
        f"{block}.input_layernorm.weight": "hidden_size",
        f"{block}.post_attention_layernorm.weight": "hidden_size",
        "=norm.weight": "hidden_size",
    }


_BLOCK = "=layers.{num_hidden_layers}.self_attn"
LLAMA = _llama()
QWEN2 = LLAMA | {
    f"{_BLOCK}.q_proj.bias": "width_of_queries",
    f"{_BLOCK}.k_proj.bias": "width_of_keys",
    f"{_BLOCK}.v_proj.bias": "width_of_keys",
}
QWEN3 = LLAMA | {f"{_BLOCK}.q_norm.weight": "width_of_head", f"{_BLOCK}.k_norm.weight": "width_of_head"}


def _width_of_head(config: dict) -> int:
    if "n_head" in config:
        return config.get("d_head") or config["d_model"] // config["n_head"]
    return config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]


def _n_keys(config: dict) -> int:
    return config.get("num_key_value_heads") or config["num_attention_heads"]


# Sizes that are computed: the keys that they are of and must be there, and how.
DERIVED = {
    "segments": ((), lambda config: config.get("type_vocab_size") or 0),
    "relative_positions": (
        ("max_position_embeddings",),
        lambda config: 2 * next(
            n for key in ("position_buckets", "max_relative_positions", "max_position_embeddings")
            if (n := config.get(key) or 0) > 0
        ),
    ),
    "width_of_head": ((), _width_of_head),
    "width_of_queries": (
        ("num_attention_heads",), lambda config: config["num_attention_heads"] * _width_of_head(config)
    ),
    "width_of_keys": (("num_attention_heads",), lambda config: _n_keys(config) * _width_of_head(config)),
    "width_inside": (("n_embd",), lambda config: config.get("n_inner") or 4 * config["n_embd"]),
    "shifted_positions": (("max_position_embeddings",), lambda config: config["max_position_embeddings"] + 2),
}  # fmt: skip

NO_BIAS = ("word_embeddings", "position_embeddings", "token_type_embeddings")
ONLY_BETWEEN_WIDTHS = ("embeddings_project",)  # there is none where both widths are the same
# What a checkpoint may hold besides its encoder, by the first part of the name: heads of pre-training and of tasks.
HEADS = (
    "cls", "lm_head", "predictions", "sop_classifier", "vocab_transform", "vocab_layer_norm", "vocab_projector",
    "generator_predictions", "generator_lm_head", "discriminator_predictions",
    "classifier", "pre_classifier", "qa_outputs", "pooler", "sequence_summary",
    "lm_loss", "logits_proj", "classification_head", "final_logits_bias", "score", "head", "decoder",
    "lm_predictions", "mask_predictions",
)  # fmt: skip
BUFFERS = ("embeddings.position_ids", "embeddings.token_type_ids")  # of older Transformers: numbers, and no weights
_BUFFER = re.compile(r"h\.\d+\.attn\.(masked_)?bias|(layers\.\d+\.self_attn\.)?rotary_emb\.\w*inv_freq", re.ASCII)
# One and the same weight under other names, of which a file may hold any.
TIED = {"encoder.embed_tokens.weight": "shared.weight", "decoder.embed_tokens.weight": "shared.weight"}


def is_buffer(name: str) -> bool:
    """Says whether what a file holds under a name of the encoder is no weight."""
    return name in BUFFERS or _BUFFER.fullmatch(name) is not None


def sizes_in(layout: dict[str, str]) -> list[str]:
    """Lists the keys of `config.json` that a layout takes its sizes from, those that count first."""
    counts = [key for name in layout for _, key in _counts(name)]
    words = [word.rpartition("*")[2] for shape in layout.values() for word in shape.split()]
    keys = [key for word in words if not word.isdigit() for key in (DERIVED[word][0] if word in DERIVED else (word,))]
    return list(dict.fromkeys([*counts, *keys]))


def weights_of(layout: dict[str, str], config: dict) -> dict[str, tuple[int, ...]]:
    """Returns the weights of an encoder: name, without the prefix of the base model, to shape."""
    weights = {}
    for pattern, words in layout.items():
        shape = tuple(_size(word, config) for word in words.split())
        if 0 in shape or (pattern in ONLY_BETWEEN_WIDTHS and shape[0] == shape[1]):
            continue
        counts = _counts(pattern)
        plain = re.sub(r"{[^}]*}", "{}", pattern.removeprefix("="))
        for numbers in itertools.product(*(range(int(first or 0), config[key]) for first, key in counts)):
            name = plain.format(*numbers)
            if pattern.startswith("="):
                weights[name] = shape
                continue
            weights[f"{name}.weight"] = shape
            if not name.endswith(NO_BIAS):
                weights[f"{name}.bias"] = shape[:1]
    return weights


def _counts(pattern: str) -> list[tuple[str, str]]:
    """Lists what a name counts: where it begins, "" for 0, and the key that says where it ends."""
    return re.findall(r"{(?:(\d+)\.\.)?(\w+)}", pattern)


def _size(word: str, config: dict) -> int:
    *factors, word = word.split("*")
    size = int(word) if word.isdigit() else DERIVED[word][1](config) if word in DERIVED else config[word]
    return math.prod(map(int, factors)) * size
