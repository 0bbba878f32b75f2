"""The examples of a cell, and how they become batches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from seedvar.cells.recipe import Recipe
from seedvar.data.splits import Part, split
from seedvar.data.task import Task
from seedvar.data.tokens import Tokens, load_tokens


@dataclass(frozen=True)
class Examples:
    """What a cell trains, validates and tests on.

    Attributes:
        task: The task.
        tokens: The tokenised source splits.
        parts: `train`, `validation` and, where there is one, `test`: which examples of which source split.
        pad_token_id: Fills batches up to their longest example.
    """

    task: Task
    tokens: dict[str, Tokens]
    parts: dict[str, Part]
    pad_token_id: int

    def source(self, name: str) -> Tokens:
        """Returns the source split that a part is taken from."""
        return self.tokens[self.parts[name].source]

    def rows(self, name: str) -> np.ndarray:
        """Returns the positions of a part's examples in their source split, shape (examples,)."""
        return self.parts[name].rows

    def labels(self, name: str) -> np.ndarray:
        """Returns the labels of a part, shape (examples,), float32."""
        return self.source(name).labels[self.rows(name)]


def load_examples(folder: Path, recipe: Recipe) -> Examples:
    """Reads tokenised data and chooses the examples that a recipe trains, validates and tests on.

    Raises:
        UserError: There are fewer training examples than the recipe asks for.
    """
    tokens, pad_token_id, task = load_tokens(folder)
    labels = {name: source.labels for name, source in tokens.items()}
    chosen = (recipe.n_train, recipe.sampling == "balanced", recipe.sample_seed, recipe.split_seed)
    parts = split(task, labels, recipe.split, *chosen)
    return Examples(task, tokens, parts, pad_token_id)


def size_of_training_set(examples: Examples, recipe: Recipe) -> int:
    """Returns the number of training examples that a recipe would have without `n_train`."""
    labels = {name: source.labels for name, source in examples.tokens.items()}
    return len(split(examples.task, labels, recipe.split)["train"].rows)


def micro_batches(examples: Examples, name: str, rows: np.ndarray, most: int | None) -> list[np.ndarray]:
    """Divides a batch into parts of similar lengths, the shortest examples first.

    Args:
        examples: The examples of the cell.
        name: The part that they are of.
        rows: Their positions in the source split of that part.
        most: Examples in a part; None does not divide the batch.

    Returns:
        The positions, part by part.
    """
    by_length = rows[np.argsort(examples.source(name).lengths()[rows], kind="stable")]
    most = most or len(rows)
    return [by_length[start : start + most] for start in range(0, len(rows), most)]


def make_batch(
    examples: Examples, name: str, rows: np.ndarray, device: torch.device
) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Pads some examples to the longest of them.

    Args:
        examples: The examples of the cell.
        name: The part that they are of.
        rows: Their positions in the source split of that part.
        device: Where to.

    Returns:
        `input_ids`, `token_type_ids` and `attention_mask`, each (batch, longest); and the labels
        (batch,), whole numbers or for regression float32.
    """
    tokens = examples.source(name)
    starts, ends = tokens.offsets[rows], tokens.offsets[rows + 1]
    longest = int((ends - starts).max())
    ids = np.full((len(rows), longest), examples.pad_token_id, dtype=np.int64)
    types = np.zeros((len(rows), longest), dtype=np.int64)
    mask = np.zeros((len(rows), longest), dtype=np.int64)
    for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
        ids[i, : end - start] = tokens.input_ids[start:end]
        types[i, : end - start] = tokens.token_type_ids[start:end]
        mask[i, : end - start] = 1
    inputs = {"input_ids": ids, "token_type_ids": types, "attention_mask": mask}
    labels = torch.from_numpy(tokens.labels[rows])
    return (
        {name: torch.from_numpy(array).to(device) for name, array in inputs.items()},
        (labels if examples.task.is_regression else labels.long()).to(device),
    )
