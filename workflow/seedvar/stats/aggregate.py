"""Describes and compares arms over all tasks, with intervals from resampled runs and examples."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from seedvar.data.shown import is_regression, listed, perfect
from seedvar.stats.agreement import Outputs, positive_class, read_outputs, weighted_scores
from seedvar.stats.describe import require_baseline, upwards
from seedvar.stats.settings import CONFIDENCE, FEWER_RESAMPLES, RESAMPLES

TAUS = np.linspace(-0.1, 1.0, 56)  # normalised scores
AGGREGATES = ["iqm", "mean", "median", "optimality_gap"]
BLOCK = 4_000_000  # numbers that are held at once: 32 MB


def normalise(scores: np.ndarray, majority: np.ndarray | float, perfect: np.ndarray | float = 1.0) -> np.ndarray:
    """Returns (score − majority) / (perfect − majority): 0 is the trivial predictor, 1 is perfect.

    NaN where the trivial predictor is perfect.
    """
    return (scores - majority) / np.where(np.equal(majority, perfect), np.nan, perfect - np.asarray(majority))


def resample_counts(n: int, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Draws bootstrap resamples of n things: how often each is drawn, shape (resamples, n)."""
    places = rng.integers(n, size=(resamples, n)) + n * np.arange(resamples)[:, None]
    return np.bincount(places.ravel(), minlength=resamples * n).reshape(resamples, n).astype(float)


def aggregates(scores: list[np.ndarray], counts: list[np.ndarray], gamma: float = 1.0) -> np.ndarray:
    """Summarises the scores of an arm over tasks, once for every resample (Agarwal et al. 2021).

    Args:
        scores: For each task, shape (runs of the task,).
        counts: For each task how often each run counts, shape (resamples, runs of the task); each
            row sums to the number of runs.
        gamma: The score that is as good as can be.

    Returns:
        Shape (4, resamples), in the order of `AGGREGATES`: the interquartile mean, that of the middle
        half of all runs of all tasks; mean and median of the tasks' means; the optimality gap, the
        mean over tasks of gamma − min(score, gamma). Tasks weigh equally, but in the interquartile
        mean by their number of runs.
    """
    means = np.array([c @ s / len(s) for s, c in zip(scores, counts, strict=True)])
    gaps = [c @ (gamma - np.minimum(s, gamma)) / len(s) for s, c in zip(scores, counts, strict=True)]
    pooled = np.concatenate(scores)
    order = np.argsort(pooled, kind="stable")
    total, cut = len(pooled), int(0.25 * len(pooled))
    cumulated = np.cumsum(np.concatenate(counts, axis=1)[:, order], axis=1)
    kept = np.diff(np.clip(cumulated, cut, total - cut), axis=1, prepend=cut)
    iqm = kept @ pooled[order] / (total - 2 * cut)
    return np.array([iqm, means.mean(axis=0), np.median(means, axis=0), np.mean(gaps, axis=0)])


def percentiles(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the ends of the 95 % percentile interval along the last axis."""
    tail = (1 - CONFIDENCE) / 2
    return tuple(np.quantile(values, [tail, 1 - tail], axis=-1))


def _by_task(runs: pd.DataFrame, normalised: bool) -> dict[str, dict[str, np.ndarray]]:
    """Returns the scores by arm, then by task.

    The trivial predictor's stands in for an undefined score. A task without a normalised score is
    left out.
    """
    scores = runs["score"].astype(float).fillna(runs["majority"]).to_numpy()
    if normalised:
        best = runs["metric"].map(perfect).to_numpy(float) if "metric" in runs else 1.0
        scores = normalise(scores, runs["majority"].to_numpy(float), best)
    table = runs[["arm", "task"]].assign(score=scores).dropna()
    arms: dict[str, dict[str, np.ndarray]] = {arm: {} for arm in table["arm"].unique()}
    for (arm, task), group in table.groupby(["arm", "task"], sort=False):
        arms[arm][task] = group["score"].to_numpy()
    return arms


def aggregate(
    runs: pd.DataFrame,
    rng: np.random.Generator,
    normalised: bool = True,
    gamma: float = 1.0,
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """Summarises every arm over its tasks, with stratified bootstrap intervals.

    Each resample draws the runs of every task anew, with replacement; the tasks stay the same, so
    the intervals speak of these tasks alone.

    Args:
        runs: The runs table (see `collect.py`).
        rng: Draws the resamples.
        normalised: Use `normalise`d scores, else the scores as they are.
        gamma: See `aggregates`.
        resamples: How many.

    Returns:
        One row an arm: number of `tasks` and `runs`; each of `AGGREGATES` with its 95 % percentile
        interval, `<name>_low` and `<name>_high`. Compare arms only where they have the same tasks.
    """
    seed = rng.integers(2**63)  # of every row, so that none changes because another is added
    rows = []
    for arm, by_task in _by_task(runs, normalised).items():
        rng = np.random.default_rng(seed)
        scores = list(by_task.values())
        total = sum(len(s) for s in scores)
        point = aggregates(scores, [np.ones((1, len(s))) for s in scores], gamma)[:, 0]
        block = max(1, BLOCK // total)
        drawn = [
            aggregates(scores, [resample_counts(len(s), min(block, resamples - done), rng) for s in scores], gamma)
            for done in range(0, resamples, block)
        ]
        low, high = percentiles(np.concatenate(drawn, axis=1))
        row = {"arm": arm, "tasks": len(scores), "runs": total}
        for i, name in enumerate(AGGREGATES):
            row |= {name: point[i], f"{name}_low": low[i], f"{name}_high": high[i]}
        rows.append(row)
    return pd.DataFrame(rows)


def performance_profile(
    runs: pd.DataFrame,
    rng: np.random.Generator,
    taus: np.ndarray = TAUS,
    normalised: bool = True,
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """Returns the share of runs that score above each level, averaged over tasks (Agarwal et al. 2021).

    Args:
        runs: The runs table.
        rng: Draws the resamples, stratified as in `aggregate`.
        taus: The levels, shape (levels,).
        normalised: Use `normalise`d scores.
        resamples: How many.

    Returns:
        One row an arm and level `tau`: the `share` with its pointwise 95 % interval, `low` and `high`.
    """
    seed = rng.integers(2**63)  # of every row, so that none changes because another is added
    tables = []
    for arm, by_task in _by_task(runs, normalised).items():
        rng = np.random.default_rng(seed)
        share, drawn = np.zeros(len(taus)), np.zeros((resamples, len(taus)))
        for scores in by_task.values():
            above = (scores[:, None] > taus).astype(float)
            share += above.mean(axis=0) / len(by_task)
            block = max(1, BLOCK // len(scores))
            for start in range(0, resamples, block):
                part = drawn[start : start + block]
                part += resample_counts(len(scores), len(part), rng) @ above / (len(scores) * len(by_task))
        low, high = percentiles(drawn.T)
        tables.append(pd.DataFrame({"arm": arm, "tau": taus, "share": share, "low": low, "high": high}))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def improvement(
    runs: pd.DataFrame, baseline: str, rng: np.random.Generator, resamples: int = RESAMPLES
) -> pd.DataFrame:
    """Returns the chance that a run of an arm beats one of the baseline, averaged over their common tasks.

    Per task it is Vargha and Delaney's A12 = P(X > Y) + P(X = Y) / 2 (Agarwal et al. 2021).

    Returns:
        One row an arm but the baseline: number of `tasks`; `improvement` with its 95 % stratified
        bootstrap interval, `improvement_low` and `improvement_high`.
    """
    require_baseline(runs, baseline)
    arms = _by_task(upwards(runs), normalised=False)
    seed = rng.integers(2**63)  # of every row, so that none changes because another is added
    rows = []
    for arm, by_task in arms.items():
        rng = np.random.default_rng(seed)
        tasks = [task for task in by_task if task in arms.get(baseline, {})]
        if arm == baseline or not tasks:
            continue
        point, drawn = 0.0, np.zeros(resamples)
        for task in tasks:
            x, y = by_task[task], arms[baseline][task]
            wins = (x[:, None] > y) + 0.5 * (x[:, None] == y)
            point += wins.mean() / len(tasks)
            block = max(1, BLOCK // max(len(x), len(y)))
            for start in range(0, resamples, block):
                part = drawn[start : start + block]
                ours, theirs = (resample_counts(len(s), len(part), rng) for s in (x, y))
                part += ((ours @ wins) * theirs).sum(axis=1) / (wins.size * len(tasks))
        low, high = percentiles(drawn)
        row = {"arm": arm, "baseline": baseline, "tasks": len(tasks), "improvement": point}
        rows.append(row | {"improvement_low": low, "improvement_high": high})
    return pd.DataFrame(rows)


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
        have the same seeds; and the columns of `multi_bootstrap`. In place of a diverged run stands
        the trivial predictor.
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
        row |= multi_bootstrap(score, ours.labels, pair, np.random.default_rng(seed), paired, resamples)
        rows.append(row)
    return pd.DataFrame(rows)
