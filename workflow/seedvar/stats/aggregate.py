"""Describes and compares arms over all tasks, and on resampled runs and examples."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from scipy.stats import trim_mean

from seedvar.data.shown import is_regression, listed, perfect
from seedvar.stats.agreement import Outputs, positive_class, read_outputs, weighted_scores
from seedvar.stats.compare import a12, a12_interval
from seedvar.stats.describe import fill_undefined, require_baseline, upwards
from seedvar.stats.intervals import mixture_interval, share_interval
from seedvar.stats.settings import CONFIDENCE, FEWER_RESAMPLES

TAUS = np.linspace(-0.1, 1.0, 56)  # normalised scores
AGGREGATES = ["iqm", "mean", "median", "optimality_gap"]


def normalise(scores: np.ndarray, majority: np.ndarray | float, perfect: np.ndarray | float = 1.0) -> np.ndarray:
    """Returns (score − majority) / (perfect − majority): 0 is the trivial predictor, 1 is perfect.

    NaN where the trivial predictor is perfect.
    """
    return (scores - majority) / np.where(np.equal(majority, perfect), np.nan, perfect - np.asarray(majority))


def resample_counts(n: int, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Draws bootstrap resamples of n things: how often each is drawn, shape (resamples, n)."""
    places = rng.integers(n, size=(resamples, n)) + n * np.arange(resamples)[:, None]
    return np.bincount(places.ravel(), minlength=resamples * n).reshape(resamples, n).astype(float)


def aggregates(scores: list[np.ndarray], gamma: float = 1.0) -> dict[str, float]:
    """Summarises the scores of an arm over tasks (Agarwal et al. 2021).

    Args:
        scores: For each task, shape (runs of the task,).
        gamma: The score that is as good as can be.

    Returns:
        By the names of `AGGREGATES`: the interquartile mean, that of the middle half of all runs of all
        tasks; mean and median of the tasks' means; the optimality gap, the mean over tasks of
        gamma − min(score, gamma). Tasks weigh equally, but in the interquartile mean by their number of runs.
    """
    means = [each.mean() for each in scores]
    gaps = [(gamma - np.minimum(each, gamma)).mean() for each in scores]
    values = (trim_mean(np.concatenate(scores), 0.25), np.mean(means), np.median(means), np.mean(gaps))
    return dict(zip(AGGREGATES, map(float, values), strict=True))


def averaged(values: list[float], intervals: list[tuple[float, float]]) -> tuple[float, float]:
    """Returns an interval of the mean of independent values from theirs (MOVER: Donner and Zou 2012); NaN if one is."""
    below, above = (np.array([abs(end - value) for value, end in zip(values, ends, strict=True)])
                    for ends in zip(*intervals, strict=True))  # fmt: skip
    middle, n = float(np.mean(values)), len(values)
    return middle - float(np.linalg.norm(below)) / n, middle + float(np.linalg.norm(above)) / n


def percentiles(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the ends of the 95 % percentile interval along the last axis."""
    tail = (1 - CONFIDENCE) / 2
    return tuple(np.quantile(values, [tail, 1 - tail], axis=-1))


def _by_task(runs: pd.DataFrame, normalised: bool) -> dict[str, dict[str, pd.DataFrame]]:
    """Returns `score` and `degenerate` of the runs, and the `majority`, by arm, then by task.

    The trivial predictor's stands in for an undefined score. A task without a normalised score is
    left out.
    """
    runs = fill_undefined(runs)
    scores, majority = runs["score"].to_numpy(float), runs["majority"].to_numpy(float)
    if normalised:
        best = runs["metric"].map(perfect).to_numpy(float) if "metric" in runs else 1.0
        scores, majority = normalise(scores, majority, best), np.zeros(len(runs))
    table = runs[["arm", "task", "degenerate"]].assign(score=scores, majority=majority).dropna(subset=["score"])
    arms: dict[str, dict[str, pd.DataFrame]] = {arm: {} for arm in table["arm"].unique()}
    for (arm, task), group in table.groupby(["arm", "task"], sort=False):
        arms[arm][task] = group
    return arms


def aggregate(runs: pd.DataFrame, normalised: bool = True, gamma: float = 1.0) -> pd.DataFrame:
    """Summarises every arm over its tasks.

    The tasks stay the same in the intervals, which speak of these tasks alone.

    Args:
        runs: The runs table (see `collect.py`).
        normalised: Use `normalise`d scores, else the scores as they are.
        gamma: See `aggregates`.

    Returns:
        One row an arm: number of `tasks` and `runs`; each of `AGGREGATES`; `mean_low` and `mean_high`, from
        the tasks' intervals that allow for failures that were not seen (`intervals.mixture_interval`).
        A bootstrap of 5 runs a task has none, and covers far too little. Compare arms only where they
        have the same tasks.
    """
    rows = []
    for arm, by_task in _by_task(runs, normalised).items():
        scores = [group["score"].to_numpy() for group in by_task.values()]
        limits = []
        for each, group in zip(scores, by_task.values(), strict=True):
            failed = group["degenerate"].to_numpy(bool)
            limits.append(mixture_interval(each[~failed], each[failed], group["majority"].iloc[0]))
        low, high = averaged([each.mean() for each in scores], limits)
        found = aggregates(scores, gamma)
        rows.append({"arm": arm, "tasks": len(scores), "runs": sum(map(len, scores))} | found)
        rows[-1] |= {"mean_low": low, "mean_high": high}
    return pd.DataFrame(rows, columns=["arm", "tasks", "runs", *AGGREGATES, "mean_low", "mean_high"])


def performance_profile(runs: pd.DataFrame, taus: np.ndarray = TAUS, normalised: bool = True) -> pd.DataFrame:
    """Returns the share of runs that score above each level, averaged over tasks (Agarwal et al. 2021).

    Args:
        runs: The runs table.
        taus: The levels, shape (levels,).
        normalised: Use `normalise`d scores.

    Returns:
        One row an arm and level `tau`: the `share` with its pointwise 95 % interval, `low` and `high`: Clopper
        and Pearson's of that share of all runs, which is no narrower than it need be where tasks differ.
    """
    tables = []
    for arm, by_task in _by_task(runs, normalised).items():
        total = sum(map(len, by_task.values()))
        shares = [(group["score"].to_numpy()[:, None] > taus).mean(axis=0) for group in by_task.values()]
        share = np.mean(shares, axis=0)
        limits = np.array([share_interval(int(round(each * total)), total) for each in share])
        limits = {"low": np.minimum(limits[:, 0], share), "high": np.maximum(limits[:, 1], share)}
        tables.append(pd.DataFrame({"arm": arm, "tau": taus, "share": share, **limits}))
    return (
        pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["arm", "tau", "share", "low", "high"])
    )


def improvement(runs: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Returns the chance that a run of an arm beats one of the baseline, averaged over their common tasks.

    Per task it is Vargha and Delaney's A12 = P(X > Y) + P(X = Y) / 2 (Agarwal et al. 2021).

    Returns:
        One row an arm but the baseline: number of `tasks`; `improvement` with its 95 % interval,
        `improvement_low` and `improvement_high`, from those of A12 on each task.
    """
    require_baseline(runs, baseline)
    arms = _by_task(upwards(runs), normalised=False)
    rows = []
    for arm, by_task in arms.items():
        tasks = [task for task in by_task if task in arms.get(baseline, {})]
        if arm == baseline or not tasks:
            continue
        pairs = [(by_task[task]["score"].to_numpy(), arms[baseline][task]["score"].to_numpy()) for task in tasks]
        chances = [a12(x, y) for x, y in pairs]
        low, high = averaged(chances, [a12_interval(x, y) for x, y in pairs])
        row = {"arm": arm, "baseline": baseline, "tasks": len(tasks), "improvement": float(np.mean(chances))}
        rows.append(row | {"improvement_low": max(low, 0.0), "improvement_high": min(high, 1.0)})
    limits = ["improvement_low", "improvement_high"]
    return pd.DataFrame(rows, columns=["arm", "baseline", "tasks", "improvement", *limits])


def with_trivial_runs(outputs: Outputs, metric: str, positive: int = 1) -> np.ndarray:
    """Returns the logits, where those of the trivial predictor stand in for a diverged run's.

    They have the score that the runs table gives to such a run.
    """
    labels, logits = outputs.labels, outputs.logits.copy()
    answer = listed(metric).answer(labels, positive)
    logits[outputs.diverged] = answer if is_regression(metric) else np.arange(logits.shape[2]) == answer
    return logits


def multi_bootstrap(
    score: Callable,
    labels: np.ndarray,
    pair: tuple[np.ndarray, np.ndarray],
    rng: np.random.Generator,
    paired: bool,
    resamples: int = FEWER_RESAMPLES,
) -> dict[str, float]:
    """Compares two arms on runs and test examples that are both resampled (Sellam et al. 2022).

    So the interval speaks of other seeds and of other examples. Runs of crossed seeds are drawn as
    if they were independent.

    Args:
        score: `weighted_scores` of a metric: of labels, logits and weights.
        labels: Shape (examples,).
        pair: Logits of the arm, shape (runs, examples, classes), finite; those of the baseline on the same examples.
        rng: Draws the resamples.
        paired: Run i of both has the same seed, and is drawn for both alike.
        resamples: How many.

    Returns:
        `difference` of the mean scores (arm − baseline) with its 95 % percentile interval, `low` and
        `high`; its bootstrap SD, `se`, and what that is if only runs (`se_seeds`) or only examples
        (`se_examples`) are resampled; the two-sided `p` = 2 min(share ≤ 0, share ≥ 0), each share counted
        as (1 + how many) / (1 + resamples), at most 1.
    """
    everything = np.ones((len(labels), 1))
    drawn_examples = resample_counts(len(labels), resamples, rng).T
    drawn_runs = [resample_counts(len(logits), resamples, rng).T / len(logits) for logits in pair]
    if paired:
        drawn_runs[1] = drawn_runs[0]
    means = []  # for each arm: as it is, over resampled examples, over resampled runs, over both
    for logits, share in zip(pair, drawn_runs, strict=True):
        scores = score(labels, logits, everything)
        resampled = score(labels, logits, drawn_examples)
        of_runs, of_both = (share * scores).sum(axis=0), (share * resampled).sum(axis=0)
        means.append((scores.mean(), resampled.mean(axis=0), of_runs, of_both))
    difference, by_examples, by_runs, by_both = (a - b for a, b in zip(*means, strict=True))
    low, high = percentiles(by_both)
    rounding = 1e-12
    shares = [(1 + np.count_nonzero(sign * by_both <= rounding)) / (1 + resamples) for sign in (1, -1)]
    row = {"difference": difference, "low": low, "high": high, "se": by_both.std(ddof=1)}
    row |= {"se_seeds": by_runs.std(ddof=1), "se_examples": by_examples.std(ddof=1)}
    return row | {"p": min(1.0, 2 * min(shares))}


def compare_on_resamples(
    predictions: pd.DataFrame,
    runs: pd.DataFrame,
    baseline: str,
    rng: np.random.Generator,
    resamples: int = FEWER_RESAMPLES,
) -> pd.DataFrame:
    """Compares every arm with the baseline by `multi_bootstrap`, task by task.

    Returns:
        One row a task and arm: number of `runs` of each and of common `examples`; `paired`, if both
        have the same seeds; and of `multi_bootstrap` the difference and the standard errors, but neither
        the interval nor the p-value, which do not hold for 5 runs. In place of a diverged run stands the
        trivial predictor.
    """
    require_baseline(runs, baseline)
    outputs = read_outputs(predictions, runs)
    seed = rng.integers(2**63)  # of every row, so that none changes because another is added
    tasks = {task: (group["metric"].iloc[0], positive_class(group)) for task, group in runs.groupby("task", sort=False)}
    rows = []
    for (task, arm), ours in outputs.items():
        if arm == baseline or (task, baseline) not in outputs:
            continue
        theirs = outputs[task, baseline]
        common = np.intersect1d(ours.examples, theirs.examples)
        if len(common) == 0 or ours.logits.shape[2] != theirs.logits.shape[2]:
            continue
        ours, theirs = ours.on(common), theirs.on(common)
        paired = ours.seeds == theirs.seeds
        metric, positive = tasks[task]
        pair = tuple(with_trivial_runs(one, metric, positive) for one in (ours, theirs))
        score = partial(weighted_scores, metric, positive=positive)
        row = {"task": task, "arm": arm, "baseline": baseline, "runs": len(ours.seeds)}
        row |= {"runs_baseline": len(theirs.seeds), "examples": len(common), "paired": paired}
        found = multi_bootstrap(score, ours.labels, pair, np.random.default_rng(seed), paired, resamples)
        row |= {name: found[name] for name in ("difference", "se", "se_seeds", "se_examples")}
        rows.append(row)
    return pd.DataFrame(rows)
