"""When an interval is narrow enough to stop adding seeds, looked at after every batch."""

from __future__ import annotations

import numpy as np

from seedvar.errors import UserError
from seedvar.stats.intervals import mean_interval, mixture_interval, sd_interval, share_interval

LOOK_CONFIDENCE = 0.98  # of every look's interval: who stops when it happens to be narrow holds 95 % with it
STATISTICS = ("mean", "quality", "sd")


def look_interval(ok: np.ndarray, failed: np.ndarray, majority: float, statistic: str = "mean") -> tuple[float, float]:
    """Returns the interval that decides whether to go on.

    Args:
        ok: Scores of the runs that did not fail, shape (runs,).
        failed: Scores of those that did.
        majority: The trivial predictor's score.
        statistic: `mean` of all runs, with the failures that may not have been seen yet (`mixture_interval`): the upper
            limit of their rate times their distance counts as width; `quality`, the mean of the runs that did not
            fail; `sd`, of these.

    Returns:
        NaN where there is none: fewer than 3 runs that did not fail, of `sd` 5, or equal ones.
    """
    if statistic == "mean":
        return mixture_interval(ok, failed, majority, LOOK_CONFIDENCE)
    if statistic == "quality":
        return mean_interval(ok, LOOK_CONFIDENCE)
    if statistic == "sd":
        return sd_interval(ok, LOOK_CONFIDENCE)
    raise UserError(f"statistic: unknown statistic '{statistic}'; accepted: {', '.join(STATISTICS)}")


def unseen_failures(failed: int, n: int) -> str:
    """Says how many runs may fail: "0 of 10 failed still allows 26 %"."""
    return f"{failed} of {n} failed still allows {100 * share_interval(failed, n, 0.90)[1]:.0f} %"


def width(interval: tuple[float, float]) -> float:
    """Returns the width of an interval; infinite where there is none, since nothing is known."""
    return np.inf if np.isnan(interval[0]) else interval[1] - interval[0]
