"""The tokenised data that a cell reads: see `prepare.py` for how they are made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from seedvar.data.task import Task
from seedvar.files import read_json


@dataclass(frozen=True)
class Tokens:
    """The tokenised examples of one source split, without padding.

    Attributes:
        input_ids: Shape (all tokens,), int32: the examples one behind the other.
        token_type_ids: The same shape; 0, or 1 in a pair's second text.
        offsets: Shape (examples + 1,), int64: example i is tokens offsets[i] to offsets[i + 1].
        labels: Shape (examples,), float32.
    """

    input_ids: np.ndarray
    token_type_ids: np.ndarray
    offsets: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def lengths(self) -> np.ndarray:
        """Returns the number of tokens of each example."""
        return np.diff(self.offsets)


def load_tokens(folder: Path) -> tuple[dict[str, Tokens], int, Task]:
    """Reads what `prepare` wrote: those of train, validation and test that there are, the padding token, the task."""
    arrays = load_file(folder / "tokens.safetensors")
    names = [name.split(".")[1] for name in arrays if name.startswith("train.")]
    there = [split for split in ("train", "validation", "test") if f"{split}.labels" in arrays]
    splits = {split: Tokens(**{name: arrays[f"{split}.{name}"] for name in names}) for split in there}
    about = read_json(folder / "data.json")
    return splits, about["pad_token_id"], Task.from_dict(about["task"])
