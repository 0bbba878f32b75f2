"""Pearson's correlation of predictions and labels."""

from __future__ import annotations

import numpy as np

REGRESSION = True
NEEDS_POSITIVE = False
HIGHER_IS_BETTER = True
PERFECT = 1.0
CHANCE = 0.0
IN_POINTS = True

# A run has failed if its correlation is no larger than this: a network that has collapsed to a
# constant still orders its outputs by rounding noise.
FAILED_CORRELATION = 0.1


def score(labels: np.ndarray, predictions: np.ndarray, positive: int = 1) -> float:
    """Returns the correlation; NaN where labels or predictions are constant."""
    from scipy.stats import pearsonr

    return float(pearsonr(labels, predictions).statistic)


def answer(labels: np.ndarray, positive: int = 1) -> float:
    """Always 0; any constant does as well."""
    return 0.0


def trivial(labels: np.ndarray, positive: int = 1) -> float:
    """Returns 0, which stands for the correlation with a constant."""
    return CHANCE


def failure(labels: np.ndarray, positive: int = 1) -> tuple[str, float]:
    """Failed: a correlation of at most `FAILED_CORRELATION`."""
    return "pearson", FAILED_CORRELATION


def weighted(labels: np.ndarray, logits: np.ndarray, weights: np.ndarray, positive: int = 1) -> np.ndarray:
    """See the package."""
    own = centred(labels, weights)
    products = weights * own
    spread = (products * own).sum(axis=0)
    return np.array([correlation(weights, centred(one, weights), products, spread) for one in logits[:, :, 0]])


def centred(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Returns the values minus their mean in each resample, shape (examples, resamples)."""
    # Rounding would give a constant a spread of its own.
    values = np.asarray(values, float)
    if len(values) and np.ptp(values) == 0:
        return np.zeros(weights.shape)
    return values[:, None] - values @ weights / weights.sum(axis=0)


def correlation(weights: np.ndarray, values: np.ndarray, weighted: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Correlates centred values with others that are given times the weights and with their sum of squares."""
    product = np.einsum("ij,ij,ij->j", weights, values, values) * spread
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(product > 0, np.einsum("ij,ij->j", weighted, values) / np.sqrt(product), 0.0)
