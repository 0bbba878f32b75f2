"""Describes the runs of each task and arm."""

from __future__ import annotations

import contextlib
import warnings

import numpy as np
import pandas as pd
from scipy.stats import binomtest, norm, trim_mean

from seedvar.data.shown import sign
from seedvar.errors import UserError
from seedvar.stats.intervals import mean_interval, mixture_interval, sd_interval, share_interval
from seedvar.stats.settings import CONFIDENCE
from seedvar.words import CHECKPOINTS, SPLITS


@contextlib.contextmanager
def quiet():
    """Silences the warnings of SciPy and NumPy about values that are not defined; a NaN says it."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def fill_undefined(runs: pd.DataFrame) -> pd.DataFrame:
    """Lets nothing that went wrong in a run leave the statistics.

    A score that is not defined becomes the trivial predictor's, as in `collect.py`, and stays NaN
    only if the table has none. Its run and every diverged run count as failed.

    Args:
        runs: The runs table (see `collect.py`).

    Returns:
        A copy with `score` filled, `degenerate` of type bool and `score_defined`.
    """
    undefined = runs["score"].isna()
    failed = runs["degenerate"].astype(bool) | undefined | (_column(runs, "status") == "diverged")
    recorded = runs["score_defined"].astype(bool) if "score_defined" in runs else True
    score = runs["score"].astype(float).fillna(_column(runs, "majority"))
    return runs.assign(score=score, degenerate=failed, score_defined=~undefined & recorded)


def judged_checkpoint(runs: pd.DataFrame) -> str:
    """Returns the checkpoint whose scores are judged: `last` where the table does not say."""
    return runs["checkpoint"].iloc[0] if "checkpoint" in runs else "last"


def filled(runs: pd.DataFrame, split: str, checkpoint: str) -> np.ndarray:
    """Returns the scores of runs of one task at a checkpoint on a split, whichever are judged.

    Args:
        runs: Rows of the runs table.
        split: `validation` or `test`.
        checkpoint: `last` or `best`.

    Returns:
        Shape (runs,). A score that is not defined is the trivial predictor's on that split; all are NaN where none
        was measured.
    """
    scores = _column(runs, f"{split}_{checkpoint}").to_numpy(float)
    if np.isnan(scores).all():
        return scores
    return np.where(np.isnan(scores), majority_on(runs, split), scores)


def majority_on(runs: pd.DataFrame, split: str) -> np.ndarray:
    """Returns the trivial predictor's score on a split; on the judged one where the table does not know it."""
    return _column(runs, f"majority_{split}").fillna(runs["majority"]).to_numpy(float)


def upwards(runs: pd.DataFrame) -> pd.DataFrame:
    """Turns the scores of errors round, so that the higher is the better in all rows.

    Args:
        runs: A table with `score`, perhaps `majority`, and `metric`; without that it stays as it is.
    """
    if "metric" not in runs:
        return runs
    up = runs["metric"].map({metric: sign(metric) for metric in runs["metric"].unique()})
    return runs.assign(**{name: up * runs[name] for name in ("score", "majority") if name in runs})


def failed_by_loss(runs: pd.DataFrame, slack: float = 0.0) -> np.ndarray:
    """Judges each run by its training loss: failed if it ends no lower than a constant prediction's.

    The other rule of the literature beside the score's. The loss of a constant prediction is the
    entropy of the training labels in nats, or their variance. Without slack it misses many: a run that
    has collapsed still fits a few examples of its last updates. Of 82 published runs of BERT-large that
    failed by their score it finds 47, with a slack of .03 70, with .05 78, with .1 all; and of 368 that
    did not, 1, 1, 1 and 4 (RTE, MRPC and CoLA of the 600 runs in `published_zhang_runs`).

    Args:
        runs: The runs table, if it has them with the columns `train_loss`, `constant_loss`, `status`.
        slack: A run has failed if its loss is at least (1 − slack) of the constant prediction's.

    Returns:
        Shape (runs,): 1 failed, 0 not, NaN not known. A diverged run has failed.
    """
    loss, constant = (_column(runs, name).to_numpy(float) for name in ("train_loss", "constant_loss"))
    failed = np.where(np.isnan(loss) | np.isnan(constant), np.nan, loss >= (1 - slack) * constant)
    return np.where(_column(runs, "status") == "diverged", 1.0, failed)


def _column(runs: pd.DataFrame, name: str) -> pd.Series:
    return runs[name] if name in runs else pd.Series(np.nan, index=runs.index)


def standard_deviation(scores: np.ndarray) -> float:
    """Returns the SD (ddof = 1) of scores of shape (runs,), of equal ones 0 without rounding error.

    NaN for fewer than 3: the SD of two runs is their distance / √2, and says next to nothing.
    """
    if len(scores) < 3:
        return np.nan
    return float(scores.std(ddof=1)) if np.ptp(scores) > 0 else 0.0


def describe(scores: np.ndarray) -> dict[str, float]:
    """Describes a sample of scores.

    Args:
        scores: Shape (runs,).

    Returns:
        `mean`; `sd` with n − 1 in the denominator (ddof = 1); `median`; `iqm`, the mean of the
        middle half; `min`; `max`; `mad`, the median absolute deviation from the median × 1.4826,
        which makes it the SD of a normal distribution. NaN where a value is not defined:
        everything of an empty sample or of one with a NaN, the SD of fewer than 3 runs.
    """
    if len(scores) == 0 or np.isnan(scores).any():
        return dict.fromkeys(("mean", "sd", "median", "iqm", "min", "max", "mad"), np.nan)
    median = np.median(scores)
    return {
        "mean": scores.mean(),
        "sd": standard_deviation(scores),
        "median": median,
        "iqm": trim_mean(scores, 0.25),
        "min": scores.min(),
        "max": scores.max(),
        "mad": np.median(np.abs(scores - median)) / norm.ppf(0.75),
    }


def wilson_interval(k: int, n: int) -> tuple[float, float]:
    """Returns the 95 % Wilson score interval of the share k / n."""
    interval = binomtest(k, n).proportion_ci(CONFIDENCE, method="wilson")
    return interval.low, interval.high


def summarise(runs: pd.DataFrame, loss_slack: float = 0.0) -> pd.DataFrame:
    """Describes every task and arm, over all runs and over those that did not fail.

    Args:
        runs: The runs table (see `collect.py`).
        loss_slack: Of the rule on the training loss, see `failed_by_loss`.

    Returns:
        One row a task and arm, in the order of the table: where the study selects arms `trained_as`, the arm that was
        chosen; `n` runs, of which `failed` are
        degenerate, their share with its exact interval (`failed_low`, `failed_high`); `failed_by_loss`
        of them by the rule of that name and `rules_disagree` by only one of the two rules, NaN if
        that is not known of every run; `undefined` scores; then the columns of `describe` for all
        runs and, with the prefix `ok_`, for the runs that did not fail. Intervals are those of
        `intervals.py`: of the mean of all runs, and of mean and SD of those that did not fail. Last
        `mean_<split>_<checkpoint>` and `sd_<split>_<checkpoint>`, of all runs, whichever of them is judged above.
    """
    rows = []
    for (task, arm), group in fill_undefined(runs).groupby(["task", "arm"], sort=False):
        failed = group["degenerate"].to_numpy()
        by_loss = failed_by_loss(group, loss_slack)
        scores = group["score"].to_numpy()
        low, high = share_interval(int(failed.sum()), len(group))
        everything, ok = describe(scores), describe(scores[~failed])
        ends = ("low", "high")
        found = {
            "mean": mixture_interval(scores[~failed], scores[failed], group["majority"].iloc[0]),
            "ok_mean": mean_interval(scores[~failed]),
            "ok_sd": sd_interval(scores[~failed]),
        }
        limits = {f"{name}_{end}": pair[i] for name, pair in found.items() for i, end in enumerate(ends)}
        rows.append(
            {
                "task": task,
                "arm": arm,
                **({"trained_as": group["trained_as"].iloc[0]} if "trained_as" in group else {}),
                "metric": group["metric"].iloc[0],
                "checkpoint": judged_checkpoint(group),
                "split": group["split"].iloc[0],
                "majority": group["majority"].iloc[0],
                "n": len(group),
                "failed": int(failed.sum()),
                "failed_share": failed.mean(),
                "failed_low": low,
                "failed_high": high,
                "failed_by_loss": by_loss.sum(),
                "rules_disagree": np.nan if np.isnan(by_loss).any() else float((by_loss != failed).sum()),
                "undefined": int((~group["score_defined"]).sum()),
                **everything,
                "mean_low": limits.pop("mean_low"),
                "mean_high": limits.pop("mean_high"),
                "ok_n": int((~failed).sum()),
                **{f"ok_{name}": value for name, value in ok.items()},
                **limits,
                **_measured(group),
            }
        )
    return pd.DataFrame(rows)


def _measured(group: pd.DataFrame) -> dict[str, float]:
    """Returns mean and SD of the runs of a task and arm at each checkpoint on each split."""
    found = {}
    for split in SPLITS:
        for checkpoint in CHECKPOINTS:
            of_runs = describe(filled(group, split, checkpoint))
            found |= {f"{name}_{split}_{checkpoint}": of_runs[name] for name in ("mean", "sd")}
    return found


def require_baseline(table: pd.DataFrame, baseline: str) -> None:
    """Refuses a baseline that is no arm of the table."""
    if baseline not in set(table["arm"]):
        raise UserError(f"--baseline: unknown arm '{baseline}'; accepted: {', '.join(table['arm'].unique())}")
