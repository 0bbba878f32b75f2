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
HEADS_KEYS, WIDTH_KEYS = ("num_attention_heads", "n_heads"), ("hidden_size", "dim")
# What makes another network of an encoder, loads it in another way, or needs inputs of other lengths.
NOT_SUPPORTED = ("is_decoder", "add_cross_attention", "quantization_config", "pruned_heads", "chunk_size_feed_forward")
ONE_OF = {  # what may be said of these, if anything is
    "hidden_act": ACTIVATIONS,
    "activation": ACTIVATIONS,
    "position_embedding_type": ("absolute",),  # others are not built any more, and would be absolute without a word
    "attn_implementation": ("eager", "sdpa"),
    "_attn_implementation": ("eager", "sdpa"),
    "return_dict": (True,),
}


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
    return config.get("num_hidden_layers") or config.get("n_layers")


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
    heads, width = (next((key for key in keys if key in config), keys[0]) for keys in (HEADS_KEYS, WIDTH_KEYS))
    if not _is_whole(config.get(heads), 1, MOST) or config[width] % config[heads]:
        refuse(heads, f"a whole number that divides {width}, which is {config[width]}")
    if "pad_token_id" in config and not _is_whole(config["pad_token_id"], 0, config["vocab_size"] - 1):
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
