"""Scores, the trivial predictor's score, and the rule for a degenerate (failed) run.

Everything here is a pure function of labels and predictions.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from seedvar.data.tasks import Task

# A regression run has failed if its rank correlation is no larger than this: a network that has
# collapsed to a constant still ranks its outputs by rounding noise.
FAILED_CORRELATION = 0.1


def scores(task: Task, labels: np.ndarray, logits: np.ndarray) -> dict[str, float]:
    """Computes every metric of a task, the one that counts first.

    Args:
        task: The task.
        labels: Shape (examples,): class numbers, or real values for regression.
        logits: Shape (examples, classes); (examples, 1) for regression.

    Returns:
        Metric name to value, as fractions of 1. NaN where a metric is not defined: not-finite
        logits, or a correlation with a constant (literature: Spearman's rho of a collapsed
        STS-B run).
    """
    names = {"f1": ["f1", "accuracy"], "spearman": ["spearman", "pearson"]}.get(task.metric, [task.metric])
    if not np.isfinite(logits).all():
        return dict.fromkeys(names, math.nan)
    predictions = logits[:, 0] if task.is_regression else logits.argmax(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # constant predictions: the NaN says it
        return {name: float(_METRICS[name](labels, predictions)) for name in names}


_METRICS = {
    "accuracy": accuracy_score,
    "f1": lambda labels, predictions: f1_score(labels, predictions, zero_division=0.0),
    "matthews": matthews_corrcoef,
    "spearman": lambda labels, predictions: spearmanr(labels, predictions).statistic,
    "pearson": lambda labels, predictions: pearsonr(labels, predictions).statistic,
}


def majority_score(task: Task, labels: np.ndarray) -> float:
    """Returns the score of the trivial predictor on these labels: always the most frequent class.

    For F1 that is the positive class, as in Zhang et al. (2021), Table 3; Matthews' and
    Spearman's coefficients of a constant are taken as 0.
    """
    if task.metric in ("matthews", "spearman"):
        return 0.0
    positive = 1 if task.metric == "f1" else np.bincount(labels.astype(int)).argmax()
    predictions = np.full(len(labels), positive)
    return float(_METRICS[task.metric](labels, predictions))


def constant_loss(task: Task, labels: np.ndarray) -> float:
    """Returns the smallest mean loss of a prediction that is the same for every example.

    It is the entropy of the labels in nats or, for regression, their variance: what a run that has
    learned nothing ends at.
    """
    if task.is_regression:
        return float(np.var(labels, dtype=float))
    shares = np.bincount(labels.astype(int), minlength=task.n_classes) / len(labels)
    return float(-sum(share * math.log(share) for share in shares if share))


def failure_rule(task: Task, labels: np.ndarray) -> tuple[str, float]:
    """Returns the metric that decides whether a run has failed, and the largest value of it that has.

    It is the task's metric and the majority score, but for F1 it is accuracy: always answering
    "positive" has a high F1 that a useful classifier may not reach. For regression it is a rank
    correlation of `FAILED_CORRELATION`.
    """
    if task.is_regression:
        return task.metric, FAILED_CORRELATION
    if task.metric == "f1":
        return "accuracy", float(np.bincount(labels.astype(int)).max() / len(labels))
    return task.metric, majority_score(task, labels)


def is_degenerate(task: Task, measured: dict[str, float], labels: np.ndarray) -> bool:
    """Says whether a run is degenerate: at the end of training no better than the trivial predictor.

    The rule of Mosbach et al. (2021), section 3, after Dodge et al. (2020): accuracy at the end of
    training <= that of the majority classifier; see `failure_rule` for the other metrics. NaN counts.

    Args:
        task: The task.
        measured: The scores of the last checkpoint, see `scores`.
        labels: The labels that they were computed on.
    """
    name, threshold = failure_rule(task, labels)
    return math.isnan(measured[name]) or measured[name] <= threshold
