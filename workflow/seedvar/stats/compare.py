"""Compares every arm with the baseline arm, task by task."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from scipy import stats

from seedvar.errors import UserError

RESAMPLES = 10_000
CONFIDENCE = 0.95
TESTS = ["welch", "mann_whitney", "fisher", "brown_forsythe", "levene"]


def a12(x: np.ndarray, y: np.ndarray) -> float:
    """Returns Vargha and Delaney's A12 = P(X > Y) + P(X = Y) / 2 for samples of shape (n,), (m,)."""
    return stats.mannwhitneyu(x, y).statistic / (len(x) * len(y))


def sd_ratio_interval(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """Returns the 95 % bootstrap percentile interval of SD(x) / SD(y).

    Both samples, of shape (n,) and (m,), are resampled independently. A resample without
    spread makes the ratio 0 or infinite, and the interval may end there.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = _resampled_sd(x, rng) / _resampled_sd(y, rng)
    ratios = np.sort(ratios[~np.isnan(ratios)])
    if len(ratios) == 0:
        return np.nan, np.nan
    tail = (1 - CONFIDENCE) / 2
    return tuple(np.quantile(ratios, [tail, 1 - tail], method="nearest"))


def _resampled_sd(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    samples = x[rng.integers(len(x), size=(RESAMPLES, len(x)))]
    # Equal values have an SD of 0, not of the rounding error of their mean.
    return np.where(np.ptp(samples, axis=1) > 0, samples.std(axis=1, ddof=1), 0.0)


def holm(p_values: np.ndarray) -> np.ndarray:
    """Adjusts p-values by Holm's step-down procedure (1979).

    The k-th smallest of m becomes the running maximum of (m − k + 1) p, at most 1. NaN, a test
    that is not defined, stays NaN and does not count in m.
    """
    p_values = np.asarray(p_values, float)
    adjusted = np.full(p_values.shape, np.nan)
    defined = np.flatnonzero(~np.isnan(p_values))
    order = defined[np.argsort(p_values[defined], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p_values[order]), 1.0)
    return adjusted


def compare_samples(arm: pd.DataFrame, baseline: pd.DataFrame, rng: np.random.Generator) -> dict[str, float]:
    """Compares the runs of an arm with those of the baseline on one task. All tests are two-sided.

    Returns:
        `mean_difference` (arm − baseline) with its 95 % Welch interval; test statistics and
        p-values of Welch's t (means), Mann-Whitney's U (ranks, with A12), Fisher's exact test
        (failures), Brown-Forsythe and Levene (spread around the median, the mean);
        `sd_ratio` (arm / baseline, ddof = 1) with its bootstrap interval. NaN where a value is
        not defined, such as a t-test of two samples without spread.
    """
    x, y = arm["score"].to_numpy(float), baseline["score"].to_numpy(float)
    failed_x, failed_y = int(arm["degenerate"].sum()), int(baseline["degenerate"].sum())
    row = {
        "n": len(x),
        "n_baseline": len(y),
        "mean_difference": x.mean() - y.mean(),
        "mean_difference_low": np.nan,
        "mean_difference_high": np.nan,
        "welch_t": np.nan,
        "welch_df": np.nan,
        "welch_p": np.nan,
        "mann_whitney_u": np.nan,
        "mann_whitney_p": np.nan,
        "a12": a12(x, y),
        "failed": failed_x,
        "failed_baseline": failed_y,
        "fisher_p": stats.fisher_exact([[failed_x, len(x) - failed_x], [failed_y, len(y) - failed_y]]).pvalue,
        "brown_forsythe_w": np.nan,
        "brown_forsythe_p": np.nan,
        "levene_w": np.nan,
        "levene_p": np.nan,
        "sd_ratio": np.nan,
        "sd_ratio_low": np.nan,
        "sd_ratio_high": np.nan,
    }
    rank = stats.mannwhitneyu(x, y)
    row |= {"mann_whitney_u": rank.statistic, "mann_whitney_p": rank.pvalue}
    if min(len(x), len(y)) < 2 or (np.ptp(x) == 0 and np.ptp(y) == 0):
        return row
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore")  # nearly constant samples; a NaN says what is not defined
        welch = stats.ttest_ind(x, y, equal_var=False)
        interval = welch.confidence_interval(CONFIDENCE)
        row |= {"mean_difference_low": interval.low, "mean_difference_high": interval.high}
        row |= {"welch_t": welch.statistic, "welch_df": welch.df, "welch_p": welch.pvalue}
        for name, center in (("brown_forsythe", "median"), ("levene", "mean")):
            test = stats.levene(x, y, center=center)
            row |= {f"{name}_w": test.statistic, f"{name}_p": test.pvalue}
        row["sd_ratio"] = x.std(ddof=1) / y.std(ddof=1)
    row["sd_ratio_low"], row["sd_ratio_high"] = sd_ratio_interval(x, y, rng)
    return row


def compare(runs: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Compares every other arm with the baseline arm on every task.

    Args:
        runs: The runs table (see `collect.py`).
        baseline: Name of the baseline arm.

    Returns:
        One row a task and arm. For each test, `<test>_p_holm` is adjusted over the family of all
        rows of this table, each test a family of its own.

    Raises:
        UserError: No run has that arm.
    """
    if baseline not in set(runs["arm"]):
        raise UserError(f"--baseline: unknown arm '{baseline}'; accepted: {', '.join(runs['arm'].unique())}")
    rng = np.random.default_rng(0)
    rows = []
    for task, group in runs.groupby("task", sort=False):
        reference = group[group["arm"] == baseline]
        for arm, others in group.groupby("arm", sort=False):
            if arm != baseline and len(reference):
                rows.append({"task": task, "arm": arm, "baseline": baseline, **compare_samples(others, reference, rng)})
    table = pd.DataFrame(rows)
    for test in TESTS if len(table) else []:
        column = f"{test}_p"
        table.insert(table.columns.get_loc(column) + 1, f"{column}_holm", holm(table[column].to_numpy()))
    return table
