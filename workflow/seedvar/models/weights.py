"""The weights of a checkpoint by their headers: do they belong to the encoder that `config.json` speaks of?

Transformers draws anew what a file lacks, or holds in another shape, and says no more than a warning. Such a model
would be trained as pre-trained, and enter the tables as unstable. Headers are read in milliseconds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from seedvar.errors import UserError, first_line
from seedvar.models.configuration import read_object
from seedvar.models.families import Family
from seedvar.models.layouts import HEADS, TIED, is_buffer, weights_of

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
SHARD = re.compile(r"model-\d+-of-\d+\.safetensors", re.ASCII)
PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json")
KINDS = ("F32", "F16", "BF16", "F64")  # of numbers, as safetensors calls them
SHOWN, LONGEST = 3, 90  # names in a message, and characters of one
SAVE = "a folder that `model.save_pretrained(folder)` of Transformers has written"


@dataclass(frozen=True)
class Header:
    """What a file says of one of its tensors.

    Attributes:
        kind: Of its numbers, such as `F32`.
        shape: Its shape.
    """

    kind: str
    shape: tuple[int, ...]


def weight_files(folder: Path) -> list[Path]:
    """Lists the files of weights that Transformers would read: one, or the shards that an index names.

    Raises:
        UserError: There are none that are accepted.
    """
    if (folder / SINGLE).exists():
        return [folder / SINGLE]
    if (folder / INDEX).exists():
        return [folder / name for name in sorted(set(shards_of(folder / INDEX).values()))]
    if any((folder / name).exists() for name in PICKLED):
        raise UserError(
            f"{folder}: holds its weights as a pickle, which can run code and is not read; accepted: {SINGLE}, which "
            "`model.save_pretrained(folder)` of Transformers writes"
        )
    raise UserError(f"{folder}: holds no {SINGLE}; accepted: {SAVE}")


def shards_of(index: Path) -> dict[str, str]:
    """Returns which file beside an index holds each tensor.

    Raises:
        UserError: The index is damaged, or names no plain file beside it.
    """
    files = read_object(index).get("weight_map")
    if not isinstance(files, dict) or not files:
        raise UserError(f"{index}: weight_map: is missing; accepted: {SAVE}")
    for name in files.values():
        if not isinstance(name, str) or not SHARD.fullmatch(name):
            raise UserError(f"{index}: weight_map: {name!r} is not accepted; accepted: model-1-of-2.safetensors, …")
    return files


def read_headers(folder: Path) -> dict[str, Header]:
    """Reads the headers of a checkpoint's weights, and no weight.

    Raises:
        UserError: A file is damaged, or is not what an index says.
    """
    headers: dict[str, Header] = {}
    for path in weight_files(folder):
        try:
            with safe_open(path, framework="np") as file:
                names = list(file.keys())
                slices = [file.get_slice(name) for name in names]
                found = {n: Header(s.get_dtype(), tuple(s.get_shape())) for n, s in zip(names, slices, strict=True)}
        except (SafetensorError, OSError, ValueError) as error:
            raise UserError(
                f"{path}: is damaged or not whole ({first_line(error)}); accepted: a file as Transformers saved it"
            ) from None
        headers |= found
    if not (folder / SINGLE).exists():
        check_index(shards_of(folder / INDEX), headers, folder / INDEX)
    return headers


def check_index(files: dict[str, str], headers: dict[str, Header], index: Path) -> None:
    """Refuses an index that does not name just the tensors that its files hold.

    Raises:
        UserError: It does not.
    """
    if differ := sorted(set(files) ^ set(headers)):
        raise UserError(f"{index}: its files do not hold what it says ({_first(differ)}); accepted: {SAVE}")


def check_weights(config: dict, family: Family, headers: dict[str, Header], where: Path) -> list[str]:
    """Refuses weights that are not those of the encoder that a configuration implies.

    Args:
        config: `config.json`, which has been checked.
        family: Its family.
        headers: Those of all tensors.
        where: The folder, for messages.

    Returns:
        What is drawn anew for every cell, though it is the encoder's: a pooler that the file lacks.

    Raises:
        UserError: A weight is missing, has another shape or kind of numbers, or is none of the encoder's.
    """
    expected, held, twice = weights_of(family.layout, config), {}, []
    for name, header in headers.items():
        plain = _plain(name, family, expected)
        if plain in TIED and TIED[plain] in expected:
            held.setdefault(TIED[plain], header)
            continue
        if plain in held and plain in expected and plain not in TIED.values():
            twice.append(plain)
        held[plain] = header
    missing = [name for name in expected if name not in held]
    pooler = [name for name in expected if family.pooler and family.address(name).startswith(f"{family.pooler}.")]
    if missing == pooler:
        missing = []
    shapes = [
        f"{name} {_shape(held[name].shape)} instead of {_shape(shape)}"
        for name, shape in expected.items()
        if name in held and held[name].shape != shape
    ]
    kinds = [f"{name} ({held[name].kind})" for name in expected if name in held and held[name].kind not in KINDS]
    unknown = [n for n in held if n not in expected and not is_buffer(n) and n.split(".")[0] not in _heads(expected)]
    instead = f" (they hold, for example, {_shown(unknown[0])})" if unknown else ""
    problems = {
        f"lack {len(missing)} of the {len(expected)} that config.json implies{instead}": missing,
        "have other shapes than config.json implies": shapes,
        f"hold other numbers than {', '.join(KINDS)}": kinds,
        "hold what the network that config.json implies does not have": unknown,
        "hold a weight twice": twice,
    }
    for problem, names in problems.items():
        if names:
            raise UserError(f"{where}: the weights {problem}: {_first(names)}; accepted: {SAVE}")
    return [family.address(name) for name in pooler if name not in held]


def has_word_head(family: Family, headers: Iterable[str]) -> bool:
    """Says whether a checkpoint has the masked-word head of its family."""
    return family.word_head is not None and any(name.startswith(family.word_head) for name in headers)


def check_finite(paths: Iterable[Path]) -> None:
    """Reads all weights and refuses those that are no numbers.

    Raises:
        UserError: A weight is NaN or infinite.
    """
    import numpy as np

    for path in paths:
        with safe_open(path, framework="np") as file:
            kinds = {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118, not a dict
            for name, kind in kinds.items():
                if kind == "BF16":
                    continue  # NumPy has no such numbers; see below
                values = file.get_tensor(name)
                if values.dtype.kind == "f" and not np.isfinite(values).all():
                    raise _not_finite(path, name)
        for name, values in _brain_floats(path):
            if ((values & 0x7F80) == 0x7F80).any():  # all bits of the exponent
                raise _not_finite(path, name)


def _brain_floats(path: Path):
    """Yields name and bits, as whole numbers of 16 bits, of the tensors in bfloat16."""
    import numpy as np

    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        about = json.loads(file.read(length))
        for name, entry in about.items():
            if entry.get("dtype") == "BF16":
                start, end = entry["data_offsets"]
                file.seek(8 + length + start)
                yield name, np.frombuffer(file.read(end - start), np.uint16)


def _not_finite(path: Path, name: str) -> UserError:
    return UserError(f"{path}: {name} holds numbers that are not finite; accepted: weights that are")


def _plain(name: str, family: Family, expected: dict) -> str:
    """Returns what the encoder calls a weight: without the prefix, and a LayerNorm's by its present names."""
    name = name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
    plain = name.removeprefix(f"{family.prefix}.")
    is_known = plain in expected or plain in TIED or is_buffer(plain) or plain.startswith("pooler.")
    return plain if is_known else name


def _heads(expected: dict) -> set[str]:
    """Lists what other parts than the encoder's own may be called."""
    return set(HEADS) - {name.split(".")[0] for name in expected}


def _first(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(map(_shown, names[:SHOWN])) + (f" and {more} more" if more > 0 else "")


def _shown(name: str) -> str:
    """Returns a name of a stranger's file for a message of one line."""
    text = name if name.isprintable() else repr(name)[1:-1]
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "one number"
