"""Marks of significance from published summaries: mean, SD and number of runs.

The test is that of Zhang et al. (2021), Tables 1 and 2: Student's t with pooled variance, one-tailed
for the higher mean, at .05, without correction for many comparisons. A higher score is better.
"""

from __future__ import annotations

from math import isclose

import numpy as np
import pandas as pd
from scipy.stats import ttest_ind_from_stats

from seedvar.stats.describe import quiet
from seedvar.stats.settings import ALPHA


def higher_mean_p(first: pd.Series, second: pd.Series) -> float:
    """Tests whether the first of two summaries has the higher mean.

    Args:
        first: `mean`, `sd` (ddof = 1) and `n`.
        second: The same.

    Returns:
        The one-tailed p-value; NaN where the test is not defined: a summary of one run, or two
        without spread.
    """
    if min(first["n"], second["n"]) < 2 or first["sd"] == second["sd"] == 0:
        return np.nan
    numbers = [summary[name] for summary in (first, second) for name in ("mean", "sd", "n")]
    with quiet():
        return float(ttest_ind_from_stats(*numbers, equal_var=True, alternative="greater").pvalue)


def significantly_better(table: pd.DataFrame, baseline: str) -> pd.Series:
    """Marks the arms whose mean is significantly higher than the baseline's on the same task.

    Args:
        table: One row a task and arm with `task`, `arm`, `mean`, `sd` (ddof = 1) and `n`.
        baseline: Name of the baseline arm.

    Returns:
        True or False for each row; False for the baseline and where the test is not defined.
    """
    marks = pd.Series(False, index=table.index)
    for _, group in table.groupby("task", sort=False):
        for _, reference in group[group["arm"] == baseline].iterrows():
            marks[group.index] = [higher_mean_p(row, reference) < ALPHA for _, row in group.iterrows()]
    return marks


def equivalent_to_best(group: pd.DataFrame) -> pd.Series:
    """Marks the highest mean and those that it is not significantly higher than.

    "Equivalent" is the word of Zhang et al. (2021), Table 1; the test finds no difference, which
    does not show that there is none.

    Args:
        group: What is compared, one row each with `mean`, `sd` (ddof = 1) and `n`.

    Returns:
        True or False for each row; False where the test is not defined, unless the means are equal.
    """
    if group["mean"].isna().all():
        return pd.Series(False, index=group.index)
    best = group.loc[group["mean"].idxmax()]
    marks = [isclose(row["mean"], best["mean"]) or higher_mean_p(best, row) >= ALPHA for _, row in group.iterrows()]
    return pd.Series(marks, index=group.index, dtype=bool)
