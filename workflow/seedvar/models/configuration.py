"""The `config.json` of a checkpoint: read, and refused where no network can be built from it as it says.

No Transformers is imported here: a plan checks the configurations of its models in milliseconds.
"""

from __future__ import annotations

import math
from pathlib import Path

from seedvar.errors import UserError, first_line
from seedvar.files import read_json
from seedvar.models.families import FAMILIES, Family, family_of
from seedvar.models.layouts import sizes_in

CONFIG = "config.json"
ACTIVATIONS = (
    "gelu", "gelu_10", "gelu_accurate", "gelu_fast", "gelu_new", "gelu_python", "gelu_python_tanh",
    "gelu_pytorch_tanh", "hardswish", "leaky_relu", "linear", "mish", "quick_gelu", "relu", "relu2", "relu6", "sigmoid",
    "silu", "swish", "tanh",
)  # fmt: skip
MOST = 1_000_000_000  # of anything that is counted
MOST_LAYERS = 200
HEADS_KEYS = ("num_attention_heads", "n_heads", "n_head", "encoder_attention_heads", "decoder_attention_heads")
WIDTH_KEYS = ("hidden_size", "dim", "d_model", "n_embd")
# What makes another network of an encoder, loads it in another way, or needs inputs of other lengths.
NOT_SUPPORTED = ("is_decoder", "add_cross_attention", "quantization_config", "pruned_heads", "chunk_size_feed_forward")
ONE_OF = {  # what may be said of these, if anything is
    **dict.fromkeys(
        ("hidden_act", "activation", "activation_function", "ff_activation", "hidden_activation", "pooler_hidden_act",
         "classifier_activation"),
        ACTIVATIONS,
    ),
    "position_embedding_type": ("absolute",),  # others are not built any more, and would be absolute without a word
    "attn_implementation": ("eager", "sdpa"),
    "_attn_implementation": ("eager", "sdpa"),
    "return_dict": (True,),
}  # fmt: skip
# What networks of a family are built as; None where the key may be missing. Others have other weights, or read another
# token out.
ONLY = {
    "deberta-v2": {
        "relative_attention": (True,), "share_att_key": (True,), "norm_rel_ebd": ("layer_norm",),
        "position_biased_input": (False,), "conv_kernel_size": (None, 0), "embedding_size": (None,),
    },
    "modernbert": dict.fromkeys(("norm_bias", "attention_bias", "mlp_bias", "classifier_bias"), (False, None)),
    "mpnet": {"pad_token_id": (1, None)},
    "xlnet": {"summary_type": ("last", None), "summary_use_proj": (True, None), "attn_type": ("bi", None)},
    "gpt2": {"add_cross_attention": (False, None)},
    "llama": dict.fromkeys(("attention_bias", "mlp_bias"), (False, None)),
    "qwen3": {"attention_bias": (False, None)},
}  # fmt: skip


def read_object(path: Path) -> dict:
    """Reads a JSON file that holds an object.

    Raises:
        UserError: It holds something else, or cannot be read.
    """
    try:
        value = read_json(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); accepted: a JSON file") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: is damaged ({first_line(error)}); accepted: a JSON file") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: holds no keys; accepted: a JSON object")
    return value


def depth_of(config: dict) -> int | None:
    """Returns the number of a model's blocks, from its `config.json`."""
    if "encoder_layers" in config and "decoder_layers" in config:
        return config["encoder_layers"] + config["decoder_layers"]
    return config.get("num_hidden_layers") or config.get("n_layers") or config.get("n_layer")


def check_config(config: dict, path: Path) -> None:
    """Refuses a configuration that no classifier can be built from, or not the one that it speaks of.

    Args:
        config: What it holds.
        path: Where it is from, for messages.

    Raises:
        UserError: The family is not known, or a value is not accepted.
    """

    def refuse(key: str, accepted: str):
        given = f"{config[key]!r} is not accepted" if key in config else "is missing"
        raise UserError(f"{path}: {key}: {given if len(given) < 100 else 'is not accepted'}; accepted: {accepted}")

    if not isinstance(config.get("model_type"), str):
        refuse("model_type", "the name of a family, as `model.save_pretrained(folder)` writes it")
    try:
        family = family_of(config["model_type"])
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    if not isinstance(config.get("architectures"), list | None):
        refuse("architectures", "a list of classes of Transformers")
    if made_by := [name for name in config.get("architectures") or [] if _is_of_another(name, config["model_type"])]:
        raise UserError(
            f"{path}: architectures: {made_by[0]!r} is not of the family {config['model_type']!r} (model_type); "
            "accepted: a configuration of one family"
        )
    for key in NOT_SUPPORTED:
        if config.get(key):
            refuse(key, "none, or false")
    for key in sizes_in(family.layout):
        most = MOST_LAYERS if any(f"{{{key}}}" in name for name in family.layout) else MOST
        if not _is_whole(config.get(key), 1, most):
            refuse(key, f"a whole number from 1 to {most:,}")
    width = next((key for key in WIDTH_KEYS if key in config), WIDTH_KEYS[0])
    for heads in [key for key in HEADS_KEYS if key in config] or HEADS_KEYS[:1]:
        any_width = config.get("head_dim") is not None  # of one head; then it need not come out of the whole
        if not _is_whole(config.get(heads), 1, MOST) or (config[width] % config[heads] and not any_width):
            refuse(heads, f"a whole number that divides {width}, which is {config[width]}")
    for key in ("num_key_value_heads", "head_dim", "d_head", "n_inner"):
        if config.get(key) is not None and not _is_whole(config[key], 1, MOST):
            refuse(key, "a whole number")
    for key, accepted in ONLY.get(config["model_type"], {}).items():
        if config.get(key) not in accepted:
            refuse(key, " or ".join(repr(value) for value in accepted if value is not None) or "none")
    pad = config.get("pad_token_id", 0)
    if not _is_whole(pad, 0, config["vocab_size"] - 1) and not (pad is None and family.read_out == "last"):
        refuse("pad_token_id", f"a whole number from 0 to {config['vocab_size'] - 1:,}")
    _check_numbers(config, family, refuse)


def _is_of_another(architecture: str, family: str) -> bool:
    """Says whether a class of Transformers, such as `BertForMaskedLM`, is of another family that is known."""
    named = {name for name in FAMILIES if str(architecture).lower().startswith(name.replace("-", ""))}
    return bool(named) and family not in named


def _check_numbers(config: dict, family: Family, refuse) -> None:
    for key, accepted in ONE_OF.items():
        if config.get(key) is not None and config[key] not in accepted:
            refuse(key, ", ".join(map(str, accepted)))
    for key in family.dropout:
        if config.get(key) is not None and not _is_number(config[key], 0, 1, below=True):
            refuse(key, "a number from 0 to below 1")
    for key in ("layer_norm_eps", "initializer_range"):
        if key in config and not (_is_number(config[key], 0, 1) and config[key] > 0):
            refuse(key, "a number above 0, at most 1")


def _is_whole(value, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_number(value, least: float, most: float, below: bool = False) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return is_number and least <= value <= most and not (below and value == most)
