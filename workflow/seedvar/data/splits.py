"""Which examples a cell trains, validates and tests on. None of it depends on the run's initialisation and order seed.

A task declares how validation and test come (`task.Task.split`); a recipe follows it (`halves`) or not:

- as the source has them;
- `halves` and `held_out` (Zhang et al. 2021, Table 3, and their code's `--test_val_split` and
  `--resplit_val`): RTE, MRPC, STS-B and CoLA halve the development set label by label; SST-2, QNLI, QQP
  and MNLI take 1,000 validation examples off the training set and test on the development set;
- shares of the training data, class by class;
- `dev`, of a recipe (Mosbach et al. 2021): the development set is validation; there is no test set.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seedvar.data.task import Shares, Task
from seedvar.errors import UserError

VALIDATION_SIZE = 1000  # taken off the training set of a task that declares `held_out`


@dataclass(frozen=True)
class Part:
    """Some examples of a source split, as positions in it."""

    source: str  # "train", "validation" or "test"
    rows: np.ndarray


def split(
    task: Task,
    labels: dict[str, np.ndarray],
    how: str,
    n_train: int | None = None,
    balanced: bool = True,
    sample_seed: int | None = None,
    split_seed: int | None = None,
) -> dict[str, Part]:
    """Chooses training, validation and test examples.

    Args:
        task: The task.
        labels: Labels of the source splits that there are (`train`, `validation`, `test`), each of shape (examples,).
        how: `halves`, as the task declares; or `dev`.
        n_train: Size of a fixed few-sample training set; None for all examples.
        balanced: Take it in equal parts of all classes (Zhang et al. 2021: 500 + 500, or 333 a class for
            MNLI); else as the classes come.
        sample_seed: Chooses the few; None is 0.
        split_seed: Draws validation and test, where they are drawn; None is 1 for halves, 0 for `held_out`, and what a
            declaration of shares says.

    Returns:
        `train`, `validation` and, unless there is none, `test`; their `rows` increase.

    Raises:
        UserError: There are fewer examples than asked for.
    """
    parts = _held_out_parts(task, labels, how, split_seed)
    taken = [part.rows for part in parts.values() if part.source == "train"]
    free = np.ones(len(labels["train"]), bool)
    if taken:
        free[np.concatenate(taken)] = False
    train = np.flatnonzero(free)
    if n_train:
        train = _few(task, labels["train"], free, n_train, balanced, sample_seed or 0)
    whole = {"train": Part("train", train), **parts}
    for name, part in whole.items():
        if not len(part.rows):
            raise UserError(f"tasks.{task.name}.split: leaves no example for {name}; accepted: {_way_out(task)}")
    return whole


def _way_out(task: Task) -> str:
    """Says what a task with too few examples may declare instead."""
    if task.split == "held_out":
        return f"more than {VALIDATION_SIZE:,} training examples, or shares such as {{validation: 0.1}}"
    if task.split == "halves":
        return "a validation split in which labels occur more than once, or a test split of its own"
    return "larger shares, or more examples"


def _held_out_parts(task: Task, labels: dict[str, np.ndarray], how: str, seed: int | None) -> dict[str, Part]:
    """Chooses validation and test."""
    whole = {name: Part(name, np.arange(len(values))) for name, values in labels.items() if name != "train"}
    if how == "dev" and "validation" in whole:
        return {"validation": whole["validation"]}
    if task.split == "halves":
        validation, test = _halves(labels["validation"], 1 if seed is None else seed)
        return {"validation": Part("validation", validation), "test": Part("validation", test)}
    if task.split == "held_out":
        each = VALIDATION_SIZE // task.n_classes
        rows = np.concatenate([group[-each:] for group in _grouped(task, labels["train"], seed or 0)])
        return {"validation": Part("train", np.sort(rows)), "test": Part("validation", whole["validation"].rows)}
    parts = dict(whole)
    if isinstance(task.split, Shares):
        validation, test = _shares(task, labels["train"], task.split, task.split.seed if seed is None else seed)
        if "validation" not in parts:
            parts["validation"] = Part("train", validation)
        if len(test) and "test" not in parts:
            parts["test"] = Part("train", test)
    if how == "dev":
        parts.pop("test", None)
    return {name: parts[name] for name in ("validation", "test") if name in parts}


def _grouped(task: Task, labels: np.ndarray, seed: int) -> list[np.ndarray]:
    """Shuffles the rows and groups them by class (regression: one group)."""
    rows = np.random.RandomState(seed).permutation(len(labels))
    if task.is_regression:
        return [rows]
    return [rows[labels[rows] == label] for label in range(task.n_classes)]


def _few(task: Task, labels: np.ndarray, free: np.ndarray, n_train: int, balanced: bool, seed: int) -> np.ndarray:
    """Takes the first n_train // classes free rows of every class, or the first n_train of all."""
    if balanced:
        groups = [group[free[group]] for group in _grouped(task, labels, seed)]
    else:
        rows = np.random.RandomState(seed).permutation(len(labels))
        groups = [rows[free[rows]]]
    each = n_train // len(groups)
    available = min(len(group) for group in groups)
    if not 1 <= each <= available:
        raise UserError(
            f"recipe: n_train: {n_train} of {task.name} is not accepted; "
            f"accepted: {len(groups)} to {available * len(groups)}"
        )
    return np.sort(np.concatenate([group[:each] for group in groups]))


def _shares(task: Task, labels: np.ndarray, shares: Shares, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Takes validation, then test, off every class; a class of two examples or more keeps one for training."""
    validation, test = [], []
    groups = (
        [np.arange(len(labels))] if task.is_regression else [np.flatnonzero(labels == c) for c in np.unique(labels)]
    )
    shuffle = np.random.RandomState(seed)
    for group in groups:
        rows = shuffle.permutation(group)
        first = min(round(shares.validation * len(rows)), len(rows) - 1)
        last = min(first + round(shares.test * len(rows)), len(rows) - 1)
        validation.append(rows[:first])
        test.append(rows[first:last])
    return np.sort(np.concatenate(validation)), np.sort(np.concatenate(test))


def _halves(labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Halves label by label: each label's rows shuffled by a fresh RandomState(seed), the first half validation."""
    first, second = [], []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        np.random.RandomState(seed).shuffle(rows)
        first.append(rows[: len(rows) // 2])
        second.append(rows[len(rows) // 2 :])
    return np.sort(np.concatenate(first)), np.sort(np.concatenate(second))
