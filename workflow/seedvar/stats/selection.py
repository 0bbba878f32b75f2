"""What the best of n runs is expected to score: the highest, or of an error the lowest."""

from __future__ import annotations

import numpy as np
import pandas as pd

from seedvar.data.shown import sign
from seedvar.stats.describe import filled, judged_checkpoint
from seedvar.words import SPLITS

MOST = 1_000  # runs to choose from; of more, tables of 10,000 runs would need gigabytes
MIDDLE = (0.16, 0.84)  # of the draws: what ± 1 SD holds of a normal distribution


def chance_within(runs: int, replace: bool) -> np.ndarray:
    """Returns P(n draws all fall among the c lowest of the runs), at [c, n − 1], for n up to runs and `MOST`.

    With replacement (c / N)^n; without, C(c, n) / C(N, n).
    """
    lowest, drawn = np.arange(runs + 1)[:, None], np.arange(min(runs, MOST))
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
        Shape (runs,), for n = 1, …, runs, at most `MOST`. NaN where a run with a NaN value may be selected.
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
        Shape (runs,), for n = 1, …, runs, at most `MOST`.
    """
    return expected_selected(scores, np.where(np.isnan(scores), stand_in, scores), replace)


def selected_middle(validation: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Returns between which values the selected run's lies in the `MIDDLE` of draws of n runs with replacement.

    Both are values that were seen: a band of the mean ± SD passes the best of them.

    Returns:
        Shape (2, runs), for n = 1, …, runs, at most `MOST`. NaN where a value is.
    """
    level, n_levels = _levels(validation)
    size = np.bincount(level, minlength=n_levels)
    weights = np.diff(chance_within(len(values), True)[np.concatenate([[0], np.cumsum(size)])], axis=0)
    order = np.argsort(values, kind="stable")
    reached = np.cumsum((weights / size[:, None])[level[order]], axis=0)
    return np.array([values[order][(reached >= share - 1e-12).argmax(axis=0)] for share in MIDDLE])


def expected_performance(runs: pd.DataFrame) -> pd.DataFrame:
    """Describes the best of n runs, selected by validation score, for every task and arm that has such scores.

    An undefined score (NaN) is never selected but where all n are undefined; the trivial predictor's
    score then stands in for it, as it does in the runs table.

    Args:
        runs: The runs table (see `collect.py`), with `validation_<checkpoint>` and perhaps
            `test_<checkpoint>` of the judged checkpoint, whichever split is judged.

    Returns:
        One row a task, arm and n = 1, …, number of its runs, at most `MOST`: expected `validation`
        (V-statistic, with replacement), `validation_unbiased` (U-statistic), expected `test` of the
        selected run (with replacement); `<name>_lower` and `<name>_upper`, see `selected_middle`. NaN in
        the test columns where an arm has no test split. No row where no run has a validation score:
        nobody measured one, and nothing can be selected by it.
    """
    tables = []
    for (task, arm), group in runs.groupby(["task", "arm"], sort=False):
        up = sign(group["metric"].iloc[0])  # of an error the lowest is the best
        checkpoint = judged_checkpoint(group)
        validation = up * group[f"validation_{checkpoint}"].to_numpy(float)
        if np.isnan(validation).all():
            continue
        columns = {split: up * filled(group, split, checkpoint) for split in SPLITS}
        table = {"task": task, "arm": arm, "runs": len(group), "n": np.arange(1, min(len(group), MOST) + 1)}
        for name, values in columns.items():
            table[name] = up * expected_selected(validation, values)
            if name == "validation":
                table["validation_unbiased"] = up * expected_selected(validation, values, replace=False)
            ends = up * selected_middle(validation, values)
            table[f"{name}_lower"], table[f"{name}_upper"] = ends[::up]
        tables.append(pd.DataFrame(table))
    names = ["validation", "validation_unbiased", "validation_lower", "validation_upper"]
    empty = ["task", "arm", "runs", "n", *names, "test", "test_lower", "test_upper"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=empty)
