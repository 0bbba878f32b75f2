"""Adds seeds until there are enough: after each batch of seeds, is it?

A study with `seeds: {width: …}` trains a batch of seeds for every task and arm, looks at the intervals,
and goes on with the next batch until the widest is narrow enough, or there are as many seeds as allowed.
Who looks again and again stops when intervals happen to be narrow: each look takes 98 % intervals, so that the last
ones hold 95 %. Failures that were not seen count as width, see `stats.sequential`.

One with `seeds: {until: decided}` goes on until every arm's comparison with the baseline is settled, or the two are the
same by the study's smallest difference. It may look K times, with twice as many seeds each time, and each look
multiplies its p-values by K: the chance that any look settles anything falsely is at most 5 %, by Bonferroni's
inequality. Rules that spend less on looks (Pocock's, O'Brien and Fleming's) rely on the covariance of normal means.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from seedvar.cells.places import LOOK
from seedvar.files import read_json
from seedvar.stats.describe import fill_undefined
from seedvar.stats.rule import ALL_TASKS, ONE_TASK, decide
from seedvar.stats.sequential import look_interval, unseen_failures, width
from seedvar.study.study import SeedsUntilDecided, Study
from seedvar.tables.checked import read_cells
from seedvar.tables.collect import run_row, run_table
from seedvar.tables.compared import as_compared


def with_seeds(study: Study, n: int) -> Study:
    """Returns the study with a fixed number of seeds."""
    return study.model_copy(update={"seeds": n})


def look(study: Study, results: Path, batch: int) -> dict:
    """Looks at the intervals after a batch.

    Args:
        study: A study that adds seeds.
        results: The results folder with the cells of this and earlier batches.
        batch: Its number, from 0.

    Returns:
        `seeds` so far; `reached`, whether what the study waits for is there; `enough`, whether no more seeds are needed
        or allowed; and what `_widest` or `_open` say.

    Raises:
        UserError: A result is missing or damaged.
    """
    n = study.seeds.counts[batch]
    rows = []
    for arm, cell, record in read_cells(with_seeds(study, n), results):
        rows.append(run_row(arm, cell, record, study.score, results / cell.folder()))
    runs = as_compared({"runs": run_table(rows, study)})["runs"]
    seen = (_open if isinstance(study.seeds, SeedsUntilDecided) else _widest)(study, runs)
    return {"seeds": n} | seen | {"enough": bool(seen["reached"] or n == study.seeds.at_most)}


def _open(study: Study, runs: pd.DataFrame) -> dict:
    """Returns the `arms` that are compared, those `open` with their adjusted p-values, and whether none is."""
    decisions = decide(runs, study.baseline, study.what_matters(), study.looks)
    scope = ALL_TASKS if len(study.tasks) > 1 else ONE_TASK
    asked = decisions[(decisions["question"] == study.seeds.question) & (decisions["scope"] == scope)].set_index("arm")
    settled = asked["settled"]
    quality = decisions[(decisions["question"] == "quality") & (decisions["scope"] == ONE_TASK)]
    same = quality.groupby("arm")["same"].all()
    none_failed = not fill_undefined(runs)["degenerate"].any()
    if study.seeds.question == "quality" or (study.seeds.question == "mean" and none_failed):
        settled = settled | same.reindex(settled.index)
    p = asked["p_adjusted"]
    waiting = {arm: None if np.isnan(p[arm]) else float(p[arm]) for arm in settled.index[~settled]}
    return {"question": study.seeds.question, "arms": len(settled), "open": waiting, "reached": not waiting}


def look_line(seen: dict) -> str:
    """Says in one line what a look has seen."""
    verdict = "enough" if seen["reached"] else "no more are allowed" if seen["enough"] else "more are needed"
    if "question" in seen:
        known = seen["arms"] - len(seen["open"])
        p = [f"{arm} (p {'is not defined' if p is None else f'{p:.3f}'})" for arm, p in seen["open"].items()]
        waiting = f"; open: {', '.join(p[:5])}{f' and {len(p) - 5} more' if len(p) > 5 else ''}" if p else ""
        about = f"{seen['seeds']} seeds: {seen['question']}: {known} of {seen['arms']} comparisons decided"
        return f"{about}{waiting}: {verdict}"
    widest = "not known yet" if seen["widest"] is None else f"{seen['widest']:.4f} wide"
    about = "" if seen["reached"] else f" ({seen['failures']})"
    return (
        f"{seen['seeds']} seeds: the widest interval, {seen['task']}, {seen['arm']}, is {widest}{about}, "
        f"{seen['wanted']} is wanted: {verdict}"
    )


def _widest(study: Study, runs: pd.DataFrame) -> dict:
    """Looks at the intervals.

    Returns:
        `widest`, the width of the widest interval of any task and arm, None where one has
        no interval yet, and where it is (`task`, `arm`); `reached`, whether it is as narrow as `wanted`;
        `failures`, what its failed runs allow.
    """
    widths, failures = {}, {}
    for place, group in fill_undefined(runs).groupby(["task", "arm"], sort=False):
        scores, failed = group["score"].to_numpy(float), group["degenerate"].to_numpy(bool)
        interval = look_interval(scores[~failed], scores[failed], group["majority"].iloc[0], study.seeds.statistic)
        widths[place], failures[place] = width(interval), unseen_failures(int(failed.sum()), len(group))
    task, arm = max(widths, key=widths.get)
    widest = widths[task, arm]
    reached = widest <= study.seeds.width
    seen = {"widest": float(widest) if np.isfinite(widest) else None, "task": task, "arm": arm}
    return seen | {"wanted": study.seeds.width, "failures": failures[task, arm], "reached": bool(reached)}


def decided(study: Study, folder: Path) -> Study:
    """Returns a study with the number of seeds that the looks came to; other studies as they are.

    Args:
        study: Any study.
        folder: The study's folder, with `seeds/0.json`, ….
    """
    if not study.adds_seeds:
        return study
    for batch in range(len(study.seeds.counts)):
        seen = read_json(folder / LOOK.format(batch=batch))
        if seen["enough"]:
            break
    return with_seeds(study, seen["seeds"])
