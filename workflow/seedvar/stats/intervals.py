"""Intervals that hold what they promise with 5 runs: `make bench-coverage` measures it."""

from __future__ import annotations

import warnings
from functools import lru_cache

import numpy as np
from scipy.stats import binomtest, t, trim_mean, ttest_ind

from seedvar.stats.settings import CONFIDENCE

NONE = (np.nan, np.nan)


@lru_cache(maxsize=4096)
def share_interval(k: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Returns Clopper and Pearson's exact interval of the share k / n, which never covers less than it says."""
    interval = binomtest(k, n).proportion_ci(confidence, method="exact")
    return interval.low, interval.high


def mean_interval(scores: np.ndarray, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Returns Student's interval of the mean of scores of shape (n,) with one mode.

    NaN for fewer than 3, or equal ones. Of 5 scores it covers the mean in 95 % where they are normal, in 93 % where
    they are as skewed as a gamma distribution of shape 4, and in far fewer where some runs fail: for those there is
    `mixture_interval`.
    """
    if len(scores) < 3 or not np.ptp(scores) > 0:
        return NONE
    half = t.isf((1 - confidence) / 2, len(scores) - 1) * scores.std(ddof=1) / np.sqrt(len(scores))
    return scores.mean() - half, scores.mean() + half


def mixture_interval(
    ok: np.ndarray, failed: np.ndarray, majority: float, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Returns an interval of the mean of all runs, where some fail or may fail that have not been seen to.

    The mean is (1 − p) μ + p f: of a failure rate p, the mean μ of the runs that do not fail and that of those that
    do, f. Clopper and Pearson's interval of p and Student's of μ, each at 97.5 %, hold together in at least 95 % of
    samples (Bonferroni); the ends are the lowest and the highest mean that they allow. f lies between the failed runs
    that were seen and the majority score.

    Args:
        ok: Scores of the runs that did not fail, shape (n,).
        failed: Scores of those that did, perhaps none.
        majority: The trivial predictor's score.
        confidence: Of the interval.

    Returns:
        NaN for fewer than 3 runs that did not fail, or equal ones.
    """
    each = 1 - (1 - confidence) / 2
    low, high = mean_interval(ok, each)
    level = np.append(failed, majority)
    if np.isnan(low) or np.isnan(level).any():
        return NONE
    rates = share_interval(len(failed), len(ok) + len(failed), each)
    return (
        min((1 - rate) * low + rate * level.min() for rate in rates),
        max((1 - rate) * high + rate * level.max() for rate in rates),
    )


def sd_interval(scores: np.ndarray, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Returns Bonett's interval (2006) of the SD of scores of shape (n,) with one mode.

    log s² is off by √((γ − (n − 3)/n) / (n − 1)), where γ is the kurtosis about a trimmed mean: unlike the χ² interval
    it does not suppose normal scores. With Student's quantile in place of the normal one. NaN for fewer than 5 scores,
    or equal ones.
    """
    n = len(scores)
    if n < 5 or not np.ptp(scores) > 0:
        return NONE
    error, correction = _log_variance(scores)
    middle = np.log(correction * scores.var(ddof=1))
    half = t.isf((1 - confidence) / 2, n - 1) * error
    return float(np.exp((middle - half) / 2)), float(np.exp((middle + half) / 2))


def _log_variance(scores: np.ndarray) -> tuple[float, float]:
    """Returns the standard error of the logarithm of the variance, and the factor that centres it (Bonett 2006)."""
    n = len(scores)
    around = scores - trim_mean(scores, 1 / (2 * np.sqrt(n - 4)))
    kurtosis = n * (around**4).sum() / ((scores - scores.mean()) ** 2).sum() ** 2
    correction = n / (n - t.isf((1 - CONFIDENCE) / 2, np.inf))
    return correction * np.sqrt(max((kurtosis - (n - 3) / n) / (n - 1), 0.0)), correction


def apart(value: float, own: tuple[float, float], other: float, others: tuple[float, float]) -> tuple[float, float]:
    """Returns an interval of value − other from the intervals of both (MOVER: Donner and Zou 2012)."""
    below = np.hypot(value - own[0], others[1] - other)
    above = np.hypot(own[1] - value, other - others[0])
    return value - other - below, value - other + above


def shares_apart(failed: int, n: int, failed_baseline: int, n_baseline: int) -> tuple[float, float]:
    """Returns an interval of the difference of two failure rates, from their exact intervals."""
    own, others = share_interval(failed, n), share_interval(failed_baseline, n_baseline)
    return apart(failed / n, own, failed_baseline / n_baseline, others)


def means_apart(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Returns Welch's interval of mean(x) − mean(y); NaN for fewer than 2 scores of either, or equal ones."""
    if min(len(x), len(y)) < 2 or not (np.ptp(x) > 0 or np.ptp(y) > 0):
        return NONE
    with warnings.catch_warnings(action="ignore"):  # that the scores of one arm are equal
        interval = ttest_ind(x, y, equal_var=False).confidence_interval(CONFIDENCE)
    return float(interval.low), float(interval.high)


def sds_apart(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Returns an interval of SD(x) / SD(y), from Bonett's intervals of the two logarithms; NaN where one has none."""
    own, others = sd_interval(x), sd_interval(y)
    if np.isnan(own[0]) or np.isnan(others[0]):
        return NONE
    own, others = np.log(own), np.log(others)
    low, high = apart(own.mean(), tuple(own), others.mean(), tuple(others))
    return float(np.exp(low)), float(np.exp(high))
