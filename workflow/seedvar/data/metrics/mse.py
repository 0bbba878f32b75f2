"""Mean squared error, in squared units of the label: the lower, the better."""

from __future__ import annotations

import numpy as np

REGRESSION = True
NEEDS_POSITIVE = False
HIGHER_IS_BETTER = False
PERFECT = 0.0
CHANCE = None
IN_POINTS = False

FAILED_SHARE = 0.99  # of the labels' variance


def score(labels: np.ndarray, predictions: np.ndarray, positive: int = 1) -> float:
    """Returns the mean squared difference."""
    return float(np.mean((np.asarray(labels, float) - np.asarray(predictions, float)) ** 2))


def answer(labels: np.ndarray, positive: int = 1) -> float:
    """Always the mean label."""
    return float(np.mean(labels, dtype=float))


def trivial(labels: np.ndarray, positive: int = 1) -> float:
    """Returns the variance of the labels, the error of always answering their mean."""
    return float(np.var(labels, dtype=float))


def failure(labels: np.ndarray, positive: int = 1) -> tuple[str, float]:
    """Failed: an error that is not below .99 of the labels' variance.

    A collapsed network answers a constant, whose error is at least the variance; rounding noise may bring it a
    hair below. A hundredth of the variance is what a correlation of .1 explains, the limit of the correlations.
    """
    return "mse", FAILED_SHARE * trivial(labels)


def weighted(labels: np.ndarray, logits: np.ndarray, weights: np.ndarray, positive: int = 1) -> np.ndarray:
    """See the package."""
    return (logits[:, :, 0] - labels) ** 2 @ weights / weights.sum(axis=0)
