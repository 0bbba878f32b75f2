"""Scores, the trivial predictor's score, and the rule for a degenerate (failed) run.

Everything here is a pure function of labels and predictions, and counts for every cell; what is of one metric
stands in its module in `metrics`.
"""

from __future__ import annotations

import math
import warnings

import numpy as np

from seedvar.data.metrics import ALSO, load_metric
from seedvar.data.task import Task


def metric_names(metric: str) -> list[str]:
    """Lists the metrics that a task with this one records, the one that counts first."""
    return [metric, *ALSO.get(metric, ())]


def scores(task: Task, labels: np.ndarray, logits: np.ndarray) -> dict[str, float]:
    """Computes every metric of a task, the one that counts first.

    Args:
        task: The task.
        labels: Shape (examples,): class numbers, or real values for regression.
        logits: Shape (examples, classes); (examples, 1) for regression.

    Returns:
        Metric name to value, as fractions of 1 or, for an error, in its own unit. NaN where a metric is
        not defined: not-finite logits, or a correlation with a constant (literature: Spearman's rho of
        a collapsed STS-B run).
    """
    names = metric_names(task.metric)
    if not np.isfinite(logits).all():
        return dict.fromkeys(names, math.nan)
    predictions = logits[:, 0] if task.is_regression else logits.argmax(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # constant predictions: the NaN, or the 0, says it
        return {name: load_metric(name).score(labels, predictions, task.positive) for name in names}


def majority_score(task: Task, labels: np.ndarray) -> float:
    """Returns the score of the trivial predictor on these labels: always the most frequent class.

    For the F1 of a class that is the class itself, as in Zhang et al. (2021), Table 3; Matthews' coefficient and
    correlations of a constant are taken as 0; for a squared error it is the mean label.
    """
    return load_metric(task.metric).trivial(labels, task.positive)


def constant_loss(task: Task, labels: np.ndarray) -> float:
    """Returns the smallest mean loss of a prediction that is the same for every example.

    It is the entropy of the labels in nats or, for regression, their variance: what a run that has
    learned nothing ends at.
    """
    if task.is_regression:
        return float(np.var(labels, dtype=float))
    shares = np.bincount(labels.astype(int), minlength=task.n_classes) / len(labels)
    return float(-sum(share * math.log(share) for share in shares if share))


def better(metric: str, score: float, other: float) -> bool:
    """Says whether a score is better than another by the direction of the metric; NaN never is."""
    return score > other if load_metric(metric).HIGHER_IS_BETTER else score < other


def worst(metric: str) -> float:
    """Returns what every score of the metric but NaN is better than: −∞, or ∞ for an error."""
    return -math.inf if load_metric(metric).HIGHER_IS_BETTER else math.inf


def failure_rule(task: Task, labels: np.ndarray) -> tuple[str, float]:
    """Returns the metric that decides whether a run has failed, and the limit that it has to be better than.

    It is mostly the task's metric and the majority score; the metrics' modules say where and why it is not.
    """
    return load_metric(task.metric).failure(labels, task.positive)


def is_degenerate(task: Task, measured: dict[str, float], labels: np.ndarray) -> bool:
    """Says whether a run is degenerate: at the end of training no better than the trivial predictor.

    The rule of Mosbach et al. (2021), section 3, after Dodge et al. (2020): accuracy at the end of
    training <= that of the majority classifier; see `failure_rule` for the other metrics. NaN counts.

    Args:
        task: The task.
        measured: The scores of the last checkpoint, see `scores`.
        labels: The labels that they were computed on.
    """
    name, limit = failure_rule(task, labels)
    return not better(name, measured[name], limit)
