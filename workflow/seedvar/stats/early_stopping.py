"""Whether it pays to start many runs and to stop some early (Dodge et al. 2020)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from seedvar.data.shown import sign
from seedvar.stats.describe import majority_on
from seedvar.stats.settings import FEWER_RESAMPLES
from seedvar.words import KEYS

BUDGETS = (1, 2, 3, 5, 10)  # full runs


def plans(budget: int, evaluations: int) -> list[tuple[int, int, int]]:
    """Lists the ways to spend a budget of so many full runs (Dodge et al. 2020, section 5).

    Returns:
        `(n_started, n_stopped, n_evaluations)`: start that many, stop the worst after so many
        evaluations, continue the others to the end, at least one. They satisfy (n_started −
        n_stopped) · evaluations + n_stopped · n_evaluations = budget · evaluations. The first is
        plain training, (budget, 0, evaluations).
    """
    found = [(budget, 0, evaluations)]
    for continued in range(1, budget):
        to_spend = (budget - continued) * evaluations
        found += [
            (continued + to_spend // stop_at, to_spend // stop_at, stop_at)
            for stop_at in range(1, evaluations)
            if to_spend % stop_at == 0
        ]
    return found


def plan_scores(curves: np.ndarray, plan: tuple[int, int, int], drawn: np.ndarray, stand_in: float) -> np.ndarray:
    """Returns the best validation score that a plan finds, one for each row of drawn run numbers.

    A stopped run is no better when it is stopped than the runs that continue, so the best of
    these is the best of all.

    Args:
        curves: Best validation score so far, −inf before there is any, shape (runs, evaluations).
        plan: See `plans`.
        drawn: Run numbers, shape (draws, n_started or more).
        stand_in: The score where no evaluation gave one.
    """
    n_started, n_stopped, stop_at = plan
    started = drawn[:, :n_started]
    if n_stopped:
        kept = np.argpartition(curves[started, stop_at - 1], n_stopped, axis=1)[:, n_stopped:]
        started = np.take_along_axis(started, kept, axis=1)
    best = curves[started, -1].max(axis=1)
    return np.where(np.isneginf(best), stand_in, best)


def stopping_plans(
    curves: np.ndarray,
    budgets: list[int],
    rng: np.random.Generator,
    draws: int = FEWER_RESAMPLES,
    stand_in: float = np.nan,
) -> pd.DataFrame:
    """Estimates what every plan to start many, stop early and continue some would have found.

    The analysis of Dodge et al. (2020), section 5: runs are drawn with replacement from those that
    were recorded. A plan that starts more runs than were recorded is left out: it would find the best
    of them too surely. All plans see the same draws.

    Args:
        curves: Validation scores, shape (runs, evaluations). NaN where a score is undefined or a
            run ended early: what it has counts, and the plan pays for it in full.
        budgets: In full runs.
        rng: Draws the runs.
        draws: Number of times that a plan is played.
        stand_in: The score where no evaluation of a plan gave one.

    Returns:
        One row a budget and plan: `budget`, `n_started`, `n_stopped`, `n_evaluations`, `score`, the
        mean of the best validation score, with its Monte-Carlo `standard_error`. The first row of
        a budget is plain training, with `n_stopped` = 0.
    """
    best_so_far = np.fmax.accumulate(np.where(np.isnan(curves), -np.inf, curves), axis=1)
    rows = [
        (budget, plan)
        for budget in budgets
        for plan in plans(budget, curves.shape[1])
        if plan[0] <= max(budget, len(curves))
    ]
    most = max((plan[0] for _, plan in rows), default=0)
    drawn = rng.integers(len(curves), size=(draws, most))
    table = []
    for budget, plan in rows:
        scores = plan_scores(best_so_far, plan, drawn, stand_in)
        table.append((budget, *plan, scores.mean(), scores.std(ddof=1) / np.sqrt(draws)))
    columns = ["budget", "n_started", "n_stopped", "n_evaluations", "score", "standard_error"]
    return pd.DataFrame(table, columns=columns)


def start_many(runs: pd.DataFrame, curves: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Finds the best plan to start many and stop some early, for every task, arm and budget.

    Args:
        runs: The runs table (see `collect.py`).
        curves: The curves table, with a column `val_<metric>`.
        rng: Draws the runs.

    Returns:
        One row a task, arm and budget (of `BUDGETS`, up to the number of runs): the best plan as in
        `stopping_plans`, its `score` and `standard_error`, and those of plain training with the
        prefix `plain_`. The plan is chosen by one set of draws and scored by another, so that being
        chosen does not flatter it. A full run has as many evaluations as the longest of the arm.
    """
    seeds = rng.integers(2**63, size=2)  # of every row, so that none changes because another is added
    rows = []
    by_arm = dict(list(curves.groupby(["task", "arm"], sort=False)))
    for (task, arm), group in runs.groupby(["task", "arm"], sort=False):
        if (task, arm) not in by_arm:
            continue
        curve = by_arm[task, arm].sort_values("update")
        curve = curve.assign(evaluation=curve.groupby(KEYS).cumcount())
        scores = curve.pivot(index=KEYS, columns="evaluation", values=f"val_{group['metric'].iloc[0]}")
        up = sign(group["metric"].iloc[0])  # of an error the lowest is the best
        scores = up * scores.reindex(pd.MultiIndex.from_frame(group[KEYS])).to_numpy(float)
        budgets = [budget for budget in BUDGETS if budget <= len(group)]
        majority = up * majority_on(group, "validation")[0]
        choice, judged = (
            stopping_plans(scores, budgets, np.random.default_rng(seed), stand_in=majority) for seed in seeds
        )
        for budget, plan in choice.groupby("budget"):
            best, plain = judged.loc[plan["score"].idxmax()], judged.loc[plan.index[0]]
            row = {"task": task, "arm": arm, "runs": len(group), "evaluations": scores.shape[1], "budget": budget}
            row |= {name: int(best[name]) for name in ("n_started", "n_stopped", "n_evaluations")}
            row |= {"score": up * best["score"], "standard_error": best["standard_error"]}
            row |= {"plain_score": up * plain["score"], "plain_standard_error": plain["standard_error"]}
            rows.append(row)
    return pd.DataFrame(rows)
