"""The metrics: one module each, and this list.

Adding one is a module here, named as the metric, and a line in `METRICS` with what people call it. A module has

    REGRESSION          whether it judges real numbers; else classes
    NEEDS_POSITIVE      whether it is the score of one class, which has to be named if there are more than two
    HIGHER_IS_BETTER    which way is up
    PERFECT             the score of a predictor that is always right
    CHANCE              what a predictor that knows nothing scores on any data; None if that depends on the data
    IN_POINTS           whether people read it × 100
    score(labels, predictions, positive) -> float
                        labels and predictions of shape (examples,); `positive` is a class number. NaN where the
                        score is not defined
    answer(labels, positive) -> float
                        what the trivial predictor always answers: a class number, or a value
    trivial(labels, positive) -> float
                        the score of that
    failure(labels, positive) -> (metric, limit)
                        a run has failed if its score by that metric (this one or one of `ALSO`) is not better
                        than the limit
    weighted(labels, logits, weights, positive) -> array of shape (runs, resamples)
                        scores runs on examples that count several times or not at all, such as bootstrap
                        resamples: logits (runs, examples, classes), finite; weights (examples, resamples). Where a
                        score is not defined it is 0, or as bad as the trivial predictor's

and imports, of the package, the modules of `ALSO` alone: with these it is what a cell's fingerprint counts. A
library that takes long to import is imported inside the functions.
"""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass
from types import ModuleType

# Name to what figures and tables call it. The first that suits a task is its metric if its declaration names none, so
# new ones go to the end.
METRICS = {
    "accuracy": "accuracy",
    "f1": "F1",
    "macro_f1": "macro-F1",
    "matthews": "MCC",
    "spearman": "Spearman ρ",
    "pearson": "Pearson r",
    "mse": "mean squared error",
}

# The other metrics that are recorded along with one; each counts for its cells too. It stands here, since a cell that
# comes out of the store cannot wait for the libraries of metrics.
ALSO = {"f1": ("accuracy",), "macro_f1": ("accuracy",), "spearman": ("pearson",)}


@dataclass(frozen=True)
class Simulated:
    """What simulations found about the split of a metric's spread into real and noise (docs/statistics.md).

    Attributes:
        is_mean: The score is a mean over examples: leaving out each alone is exact.
        fewest_examples: For an interval of the share that is real; of correlations with fewer the jackknife overstates
            the noise by about 5 %. `math.inf` where none has been simulated.
        fewest_for_difference: For an interval of a difference of two arms.
        noise: Whether an interval of the noise holds.
    """

    is_mean: bool = False
    fewest_examples: float = math.inf
    fewest_for_difference: float = math.inf
    noise: bool = False


# It stands here, since no cell depends on it; a metric that is not simulated gets no intervals.
SIMULATED = dict.fromkeys(METRICS, Simulated()) | {
    "accuracy": Simulated(is_mean=True, fewest_examples=100, fewest_for_difference=100, noise=True),
    "f1": Simulated(fewest_examples=100, fewest_for_difference=100),
    "matthews": Simulated(fewest_examples=100, fewest_for_difference=100, noise=True),
    "pearson": Simulated(fewest_examples=500),
    "mse": Simulated(is_mean=True),
}


def load_metric(name: str) -> ModuleType:
    """Imports the module of a metric; KeyError for a name that is not in the list."""
    if name not in METRICS:
        raise KeyError(name)
    return importlib.import_module(f"{__name__}.{name}")
