"""Macro-F1: the mean over classes of the F1 of each, so that a rare class weighs as much as a frequent one."""

from __future__ import annotations

import numpy as np

REGRESSION = False
NEEDS_POSITIVE = False
HIGHER_IS_BETTER = True
PERFECT = 1.0
CHANCE = None
IN_POINTS = True


def score(labels: np.ndarray, predictions: np.ndarray, positive: int = 1) -> float:
    """Returns the mean of F1 over the classes that are there or are predicted."""
    from sklearn.metrics import f1_score

    return float(f1_score(labels, predictions, average="macro", zero_division=0.0))


def answer(labels: np.ndarray, positive: int = 1) -> float:
    """Always the most frequent class: of all constant answers the one with the highest macro-F1."""
    return float(np.bincount(labels.astype(int)).argmax())


def trivial(labels: np.ndarray, positive: int = 1) -> float:
    """Returns macro-F1 of always answering the most frequent class: 2 p / (1 + p) over the number of classes."""
    return score(labels, np.full(len(labels), int(answer(labels))))


def failure(labels: np.ndarray, positive: int = 1) -> tuple[str, float]:
    """Failed: no better than the best constant answer.

    A collapsed network answers one class, and whichever that is, its macro-F1 is at most this. Other than the
    F1 of one class it is low, so that no useful classifier falls below it.
    """
    return "macro_f1", trivial(labels)


def weighted(labels: np.ndarray, logits: np.ndarray, weights: np.ndarray, positive: int = 1) -> np.ndarray:
    """See the package."""
    predicted = logits.argmax(axis=2)
    total, there = 0.0, 0
    for number in range(max(logits.shape[2], int(labels.max(initial=0)) + 1)):
        said, are = (predicted == number).astype(float), labels == number
        hits, sizes = (said * are) @ weights, said @ weights + are @ weights
        with np.errstate(divide="ignore", invalid="ignore"):
            total = total + np.nan_to_num(2 * hits / sizes, nan=0.0)
        there = there + (sizes > 0)
    return total / np.maximum(there, 1)
