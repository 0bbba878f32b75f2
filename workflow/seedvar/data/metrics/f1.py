"""F1 of one class, the harmonic mean of its precision and recall."""

from __future__ import annotations

import numpy as np

REGRESSION = False
NEEDS_POSITIVE = True
HIGHER_IS_BETTER = True
PERFECT = 1.0
CHANCE = None
IN_POINTS = True


def score(labels: np.ndarray, predictions: np.ndarray, positive: int = 1) -> float:
    """Returns F1 of the class `positive`; 0 where that is neither there nor predicted."""
    from sklearn.metrics import f1_score

    return float(f1_score(labels == positive, predictions == positive, zero_division=0.0))


def answer(labels: np.ndarray, positive: int = 1) -> float:
    """Always the positive class, as in Zhang et al. (2021), Table 3."""
    return float(positive)


def trivial(labels: np.ndarray, positive: int = 1) -> float:
    """Returns F1 of always answering the positive class."""
    return score(labels, np.full(len(labels), positive), positive)


def failure(labels: np.ndarray, positive: int = 1) -> tuple[str, float]:
    """Failed: accuracy no better than the majority classifier's.

    Always answering "positive" has a high F1 that a useful classifier may not reach.
    """
    return "accuracy", float(np.bincount(labels.astype(int)).max() / len(labels))


def weighted(labels: np.ndarray, logits: np.ndarray, weights: np.ndarray, positive: int = 1) -> np.ndarray:
    """See the package."""
    predicted, true = (logits.argmax(axis=2) == positive).astype(float), labels == positive
    hits = (predicted * true) @ weights
    said, are = predicted @ weights, true @ weights
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(2 * hits / (said + are), nan=0.0)
