"""Describes the runs of each task and arm."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import binomtest, trim_mean

CONFIDENCE = 0.95


def describe(scores: np.ndarray) -> dict[str, float]:
    """Describes a sample of scores.

    Args:
        scores: Shape (runs,).

    Returns:
        `mean`; `sd` with n − 1 in the denominator (ddof = 1); `median`; `iqm`, the mean of the
        middle half; `min`; `max`. NaN where a value is not defined: everything of an empty
        sample, the SD of one run.
    """
    if len(scores) == 0:
        return dict.fromkeys(("mean", "sd", "median", "iqm", "min", "max"), np.nan)
    return {
        "mean": scores.mean(),
        "sd": scores.std(ddof=1) if len(scores) > 1 else np.nan,
        "median": np.median(scores),
        "iqm": trim_mean(scores, 0.25),
        "min": scores.min(),
        "max": scores.max(),
    }


def wilson_interval(k: int, n: int) -> tuple[float, float]:
    """Returns the 95 % Wilson score interval of the share k / n."""
    interval = binomtest(k, n).proportion_ci(CONFIDENCE, method="wilson")
    return interval.low, interval.high


def summarise(runs: pd.DataFrame) -> pd.DataFrame:
    """Describes every task and arm, over all runs and over those that did not fail.

    Args:
        runs: The runs table (see `collect.py`).

    Returns:
        One row a task and arm, in the order of the table: `n` runs, of which `failed` are
        degenerate, their share with its Wilson interval, `undefined` scores; then the columns of
        `describe` for all runs and, with the prefix `ok_`, for the runs that did not fail.
    """
    rows = []
    for (task, arm), group in runs.groupby(["task", "arm"], sort=False):
        failed = group["degenerate"].to_numpy(bool)
        scores = group["score"].to_numpy(float)
        low, high = wilson_interval(int(failed.sum()), len(group))
        rows.append(
            {
                "task": task,
                "arm": arm,
                "metric": group["metric"].iloc[0],
                "split": group["split"].iloc[0],
                "majority": group["majority"].iloc[0],
                "n": len(group),
                "failed": int(failed.sum()),
                "failed_share": failed.mean(),
                "failed_low": low,
                "failed_high": high,
                "undefined": int((~group["score_defined"]).sum()) if "score_defined" in group else 0,
                **describe(scores),
                "ok_n": int((~failed).sum()),
                **{f"ok_{name}": value for name, value in describe(scores[~failed]).items()},
            }
        )
    return pd.DataFrame(rows)
