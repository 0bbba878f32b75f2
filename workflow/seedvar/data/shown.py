"""How scores are shown to people, and which way is up: for statistics, figures and tables.

A table of runs from elsewhere may have metrics that `metrics` does not list: these count as "the higher, the better"
with a perfect score of 1, shown × 100 under their own name. One whose name ends in an arrow down is an error: the
lower, the better, with a perfect score of 0, shown as it is.
"""

from __future__ import annotations

from seedvar.data.metrics import METRICS, load_metric
from seedvar.errors import UserError

DOWN = "\u2193"
UNKNOWN = {"HIGHER_IS_BETTER": True, "PERFECT": 1.0, "CHANCE": None, "IN_POINTS": True, "REGRESSION": False}
UNKNOWN_ERROR = UNKNOWN | {"HIGHER_IS_BETTER": False, "PERFECT": 0.0, "IN_POINTS": False}


def _of(metric: str, what: str):
    if metric in METRICS:
        return getattr(load_metric(metric), what)
    return (UNKNOWN_ERROR if metric.endswith(DOWN) else UNKNOWN)[what]


def title(metric: str) -> str:
    """Returns what figures and tables call a metric."""
    return METRICS.get(metric, metric)


def higher_is_better(metric: str) -> bool:
    """Says which way is up."""
    return _of(metric, "HIGHER_IS_BETTER")


def sign(metric: str) -> int:
    """Returns 1, or −1 for an error: what to multiply scores by so that the higher is the better."""
    return 1 if higher_is_better(metric) else -1


def perfect(metric: str) -> float:
    """Returns the score of a predictor that is always right."""
    return _of(metric, "PERFECT")


def chance(metric: str) -> float | None:
    """Returns the score of knowing nothing where it is the same for any data, else None."""
    return _of(metric, "CHANCE")


def is_regression(metric: str) -> bool:
    """Says whether the metric judges real numbers rather than classes."""
    return _of(metric, "REGRESSION")


def factor(metric: str) -> int:
    """Returns 100 for a score that people read in points, else 1."""
    return 100 if _of(metric, "IN_POINTS") else 1


def score_label(metric: str, split: str) -> str:
    """Returns the label of an axis of scores."""
    way = "" if higher_is_better(metric) or metric.endswith(DOWN) else " (lower is better)"
    return f"{split} {title(metric)}{' × 100' if factor(metric) == 100 else ''}{way}"


def loss_label(metric: str) -> str:
    """Returns the label of an axis of training losses: of a regression a squared error, else cross-entropy."""
    return f"training loss ({'squared error' if is_regression(metric) else 'nats'})"


def listed(metric: str):
    """Returns the module of a metric that predictions are to be scored by.

    Raises:
        UserError: It is not listed, so that nobody knows how.
    """
    if metric not in METRICS:
        raise UserError(f"metric: unknown metric '{metric}'; accepted: {', '.join(METRICS)}")
    return load_metric(metric)
