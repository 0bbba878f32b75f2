"""Accuracy: the share of examples whose class is right."""

from __future__ import annotations

import numpy as np

REGRESSION = False
NEEDS_POSITIVE = False
HIGHER_IS_BETTER = True
PERFECT = 1.0
CHANCE = None
IN_POINTS = True


def score(labels: np.ndarray, predictions: np.ndarray, positive: int = 1) -> float:
    """Returns the share of right answers."""
    from sklearn.metrics import accuracy_score

    return float(accuracy_score(labels, predictions))


def answer(labels: np.ndarray, positive: int = 1) -> float:
    """Always the most frequent class."""
    return float(np.bincount(labels.astype(int)).argmax())


def trivial(labels: np.ndarray, positive: int = 1) -> float:
    """Returns the share of the most frequent class."""
    return score(labels, np.full(len(labels), int(answer(labels))))


def failure(labels: np.ndarray, positive: int = 1) -> tuple[str, float]:
    """Failed: no better than the majority classifier (Mosbach et al. 2021, section 3, after Dodge et al. 2020)."""
    return "accuracy", trivial(labels)


def weighted(labels: np.ndarray, logits: np.ndarray, weights: np.ndarray, positive: int = 1) -> np.ndarray:
    """See the package."""
    return (logits.argmax(axis=2) == labels) @ weights / weights.sum(axis=0)
