"""What the best of n runs is expected to score: the highest, or of an error the lowest."""

from __future__ import annotations

import numpy as np
import pandas as pd

from seedvar.data.shown import sign
from seedvar.stats.settings import CONFIDENCE, FEWER_RESAMPLES


def chance_within(runs: int, replace: bool) -> np.ndarray:
    """Returns P(n draws all fall among the c lowest of the runs), shape (runs + 1, runs), at [c, n − 1].

    With replacement (c / N)^n; without, C(c, n) / C(N, n).
    """
    lowest, drawn = np.arange(runs + 1)[:, None], np.arange(runs)
    if replace:
        return (lowest / runs) ** (drawn + 1)
    return np.cumprod(np.maximum(lowest - drawn, 0) / (runs - drawn), axis=1)


def _levels(validation: np.ndarray) -> tuple[np.ndarray, int]:
    """Numbers the distinct validation scores from the lowest up; NaN is the lowest of all."""
    values, level = np.unique(np.where(np.isnan(validation), -np.inf, validation), return_inverse=True)
    return level, len(values)


def expected_selected(validation: np.ndarray, values: np.ndarray, replace: bool = True) -> np.ndarray:
    """Returns what the run with the best validation score of n runs is expected to have.

    E_n = Σ over the distinct validation scores x of P(the best of n is x) · mean(values | validation = x):
    the closed form of the bootstrap of Zhang et al. (2021), Fig. 4. Ties are averaged. A run whose
    validation score is NaN is selected only where all n runs are such.

    Args:
        validation: Shape (runs,).
        values: What is wanted of the selected run, such as its test score, shape (runs,).
        replace: Draw the n runs with replacement (plug-in estimate) or without (unbiased).

    Returns:
        Shape (runs,), for n = 1, …, runs. NaN where a run with a NaN value may be selected.
    """
    level, n_levels = _levels(validation)
    size = np.bincount(level, minlength=n_levels)
    means = np.bincount(level, weights=values, minlength=n_levels) / size
    weights = np.diff(chance_within(len(values), replace)[np.concatenate([[0], np.cumsum(size)])], axis=0)
    return np.where(weights > 0, weights * means[:, None], 0.0).sum(axis=0)


def expected_best(scores: np.ndarray, replace: bool = True, stand_in: float = np.nan) -> np.ndarray:
    """Returns the expected best of n scores.

    With replacement it is the V-statistic of Dodge et al. (2019), Σ v_(i) [(i/N)^n − ((i−1)/N)^n],
    which is biased low; without, the unbiased U-statistic of Tang et al. (2020),
    Σ C(i−1, n−1) v_(i) / C(N, n), which varies more (Dodge et al. 2021).

    Args:
        scores: Shape (runs,). NaN, an undefined score, is lower than every other.
        replace: V- or U-statistic.
        stand_in: What counts as the score where all n are NaN.

    Returns:
        Shape (runs,), for n = 1, …, runs.
    """
    return expected_selected(scores, np.where(np.isnan(scores), stand_in, scores), replace)


def selected_sd(validation: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Returns the SD of the selected run's value over draws of n runs with replacement, shape (runs,)."""
    centred = values - values.mean()  # so that equal values have an SD of 0
    variance = expected_selected(validation, centred**2) - expected_selected(validation, centred) ** 2
    return np.sqrt(np.maximum(variance, 0.0))


def selected_interval(validation: np.ndarray, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns the 95 % bootstrap percentile interval of `expected_selected`, shape (2, runs).

    Such intervals cover the truth less often than they say (Tang et al. 2020), the less the nearer n
    is to the number of runs: no resample has a run better than the best that was seen. Of 50 normal
    scores they cover the expected best of 1, 5, 10, 20, 50 in 93, 90, 81, 71, 43 % of simulations, of
    10 scores that of 1, 2, 5, 10 in 91, 82, 67, 48 %.
    """
    level, n_levels = _levels(validation)
    runs = len(values)
    drawn = rng.integers(runs, size=(FEWER_RESAMPLES, runs))
    place = (level[drawn] + n_levels * np.arange(FEWER_RESAMPLES)[:, None]).ravel()
    size = np.bincount(place, minlength=FEWER_RESAMPLES * n_levels).reshape(FEWER_RESAMPLES, n_levels)
    sums = np.bincount(place, values[drawn].ravel(), FEWER_RESAMPLES * n_levels).reshape(FEWER_RESAMPLES, n_levels)
    means = sums / np.maximum(size, 1)
    within = np.pad(np.cumsum(size, axis=1), ((0, 0), (1, 0))) / runs
    power, curves = np.ones_like(within), []
    for _ in range(runs):
        power *= within
        curves.append(np.einsum("ij,ij->i", np.diff(power, axis=1), means))
    tail = (1 - CONFIDENCE) / 2
    return np.quantile(curves, [tail, 1 - tail], axis=1)


def expected_performance(runs: pd.DataFrame, rng: np.random.Generator, checkpoint: str = "last") -> pd.DataFrame:
    """Describes the best of n runs, selected by validation score, for every task and arm.

    An undefined score (NaN) is never selected but where all n are undefined; the trivial predictor's
    score then stands in for it, as it does in the runs table.

    Args:
        runs: The runs table (see `collect.py`), with `validation_<checkpoint>` and perhaps
            `test_<checkpoint>`.
        rng: Draws the bootstrap resamples.
        checkpoint: `last` or `best`.

    Returns:
        One row a task, arm and n = 1, …, number of its runs: expected `validation` (V-statistic,
        with replacement), `validation_unbiased` (U-statistic), expected `test` of the selected run
        (with replacement); `<name>_sd` over draws of n runs, `<name>_low` and `<name>_high` the
        bootstrap interval of the expectation, which is too narrow (see `selected_interval`). NaN in
        the test columns where an arm has no test split.
    """
    seed = rng.integers(2**63)  # of every row, so that none changes because another is added
    tables = []
    for (task, arm), group in runs.groupby(["task", "arm"], sort=False):
        up = sign(group["metric"].iloc[0])  # of an error the lowest is the best
        validation = up * group[f"validation_{checkpoint}"].to_numpy(float)
        majority = up * group["majority"].to_numpy(float)
        columns = {"validation": np.where(np.isnan(validation), majority, validation)}
        columns["test"] = np.full(len(group), np.nan)
        if (group["split"] == "test").all():
            test = up * group[f"test_{checkpoint}"].to_numpy(float)
            columns["test"] = np.where(np.isnan(test), majority, test)
        table = {"task": task, "arm": arm, "runs": len(group), "n": np.arange(1, len(group) + 1)}
        for name, values in columns.items():
            table[name] = up * expected_selected(validation, values)
            if name == "validation":
                table["validation_unbiased"] = up * expected_selected(validation, values, replace=False)
            table[f"{name}_sd"] = selected_sd(validation, values)
            ends = up * selected_interval(validation, values, np.random.default_rng(seed))
            table[f"{name}_low"], table[f"{name}_high"] = ends[::up]
        tables.append(pd.DataFrame(table))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
