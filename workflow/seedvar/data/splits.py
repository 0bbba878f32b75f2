"""Which examples a cell trains, validates and tests on. None of it depends on the run's seed.

Two ways to make them, as in the two papers:

- `halves` (Zhang et al. 2021, Table 3, and their code's `--test_val_split` and `--resplit_val`):
  RTE, MRPC, STS-B and CoLA halve the development set label by label; SST-2, QNLI, QQP and MNLI
  take 1,000 validation examples off the training set and test on the development set.
- `dev` (Mosbach et al. 2021): the development set is validation; there is no test set.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seedvar.data.tasks import Task
from seedvar.errors import UserError

VALIDATION_SIZE = 1000  # taken off the training set of a large task


@dataclass(frozen=True)
class Part:
    """Some examples of a source split, as positions in it."""

    source: str  # "train" or "validation"
    rows: np.ndarray


def split(task: Task, labels: dict[str, np.ndarray], how: str, n_train: int | None = None) -> dict[str, Part]:
    """Chooses training, validation and test examples.

    Args:
        task: The task.
        labels: Labels of the source splits `train` and `validation`, each of shape (examples,).
        how: `halves` or `dev`.
        n_train: Size of a few-sample training set, balanced over the classes and fixed
            (Zhang et al. 2021: 500 + 500, or 333 a class for MNLI); None for all examples.

    Returns:
        `train`, `validation` and, for `halves`, `test`.

    Raises:
        UserError: A class has fewer examples than asked for.
    """
    groups = _grouped(task, labels["train"])
    held_out = 0
    if how == "halves" and task.large:
        held_out = VALIDATION_SIZE // task.n_classes
    train = _few(task, groups, n_train, held_out) if n_train else np.arange(len(labels["train"]))
    everything = np.arange(len(labels["validation"]))
    if how == "dev":
        return {"train": Part("train", train), "validation": Part("validation", everything)}
    if task.large:
        validation = np.concatenate([group[-held_out:] for group in groups])
        return {
            "train": Part("train", np.setdiff1d(train, validation) if not n_train else train),
            "validation": Part("train", np.sort(validation)),
            "test": Part("validation", everything),
        }
    validation, test = _halves(labels["validation"])
    return {
        "train": Part("train", train),
        "validation": Part("validation", validation),
        "test": Part("validation", test),
    }


def _grouped(task: Task, labels: np.ndarray) -> list[np.ndarray]:
    """Shuffles the rows with seed 0 and groups them by class (regression: one group)."""
    rows = np.random.RandomState(0).permutation(len(labels))
    if task.is_regression:
        return [rows]
    return [rows[labels[rows] == label] for label in range(task.n_classes)]


def _few(task: Task, groups: list[np.ndarray], n_train: int, held_out: int) -> np.ndarray:
    """Takes the first n_train // classes rows of every class."""
    each = n_train // task.n_classes
    available = min(len(group) for group in groups) - held_out
    if not 1 <= each <= available:
        raise UserError(
            f"recipe: n_train: {n_train} of {task.name} is not accepted; "
            f"accepted: {task.n_classes} to {available * task.n_classes}"
        )
    return np.sort(np.concatenate([group[:each] for group in groups]))


def _halves(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Halves label by label: each label's rows shuffled by a fresh RandomState(1), the first half validation."""
    first, second = [], []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        np.random.RandomState(1).shuffle(rows)
        first.append(rows[: len(rows) // 2])
        second.append(rows[len(rows) // 2 :])
    return np.sort(np.concatenate(first)), np.sort(np.concatenate(second))
