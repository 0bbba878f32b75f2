"""Spearman's rank correlation of predictions and labels."""

from __future__ import annotations

import numpy as np

from seedvar.data.metrics.pearson import FAILED_CORRELATION, correlation

REGRESSION = True
NEEDS_POSITIVE = False
HIGHER_IS_BETTER = True
PERFECT = 1.0
CHANCE = 0.0
IN_POINTS = True


def score(labels: np.ndarray, predictions: np.ndarray, positive: int = 1) -> float:
    """Returns the rank correlation; NaN where labels or predictions are constant, as in a collapsed run."""
    from scipy.stats import spearmanr

    return float(spearmanr(labels, predictions).statistic)


def answer(labels: np.ndarray, positive: int = 1) -> float:
    """Always 0; any constant does as well."""
    return 0.0


def trivial(labels: np.ndarray, positive: int = 1) -> float:
    """Returns 0, which stands for the correlation with a constant."""
    return CHANCE


def failure(labels: np.ndarray, positive: int = 1) -> tuple[str, float]:
    """Failed: a rank correlation of at most `FAILED_CORRELATION`."""
    return "spearman", FAILED_CORRELATION


def weighted(labels: np.ndarray, logits: np.ndarray, weights: np.ndarray, positive: int = 1) -> np.ndarray:
    """See the package."""
    own = _ranks(labels, weights)
    products = weights * own
    spread = (products * own).sum(axis=0)
    return np.array([correlation(weights, _ranks(one, weights), products, spread) for one in logits[:, :, 0]])


def _ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Returns mid-ranks in each resample, minus their mean, shape (examples, resamples)."""
    level = np.unique(values, return_inverse=True)[1]
    order = np.argsort(level, kind="stable")
    size = np.add.reduceat(weights[order], np.flatnonzero(np.diff(level[order], prepend=-1)), axis=0)
    return (np.cumsum(size, axis=0) - size / 2 - weights.sum(axis=0) / 2)[level]
