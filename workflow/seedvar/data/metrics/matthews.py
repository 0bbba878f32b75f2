"""Matthews' correlation coefficient; with more than two classes Gorodkin's R_K (2004)."""

from __future__ import annotations

import numpy as np

REGRESSION = False
NEEDS_POSITIVE = False
HIGHER_IS_BETTER = True
PERFECT = 1.0
CHANCE = 0.0
IN_POINTS = True


def score(labels: np.ndarray, predictions: np.ndarray, positive: int = 1) -> float:
    """Returns the coefficient, from −1 to 1; 0 for a constant prediction."""
    from sklearn.metrics import matthews_corrcoef

    return float(matthews_corrcoef(labels, predictions))


def answer(labels: np.ndarray, positive: int = 1) -> float:
    """Always the first class; any constant scores the same."""
    return 0.0


def trivial(labels: np.ndarray, positive: int = 1) -> float:
    """Returns 0, the coefficient of a constant."""
    return CHANCE


def failure(labels: np.ndarray, positive: int = 1) -> tuple[str, float]:
    """Failed: no better than a constant prediction, which has 0."""
    return "matthews", CHANCE


def weighted(labels: np.ndarray, logits: np.ndarray, weights: np.ndarray, positive: int = 1) -> np.ndarray:
    """See the package."""
    classes = max(logits.shape[2], int(labels.max(initial=0)) + 1)
    predicted, total = logits.argmax(axis=2), weights.sum(axis=0)
    if classes <= 2:
        said, true = (predicted == 1).astype(float), labels == 1
        hits = (said * true) @ weights
        said, are = said @ weights, true @ weights
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = said * (total - said) * are * (total - are)
            return np.where(spread > 0, (total * hits - said * are) / np.sqrt(spread), 0.0)
    right = (predicted == labels) @ weights
    said = [(predicted == number).astype(float) @ weights for number in range(classes)]
    are = [(labels == number) @ weights for number in range(classes)]
    product = sum(s * a for s, a in zip(said, are, strict=True))
    spread = (total**2 - sum(s**2 for s in said)) * (total**2 - sum(a**2 for a in are))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(spread > 0, (total * right - product) / np.sqrt(spread), 0.0)
