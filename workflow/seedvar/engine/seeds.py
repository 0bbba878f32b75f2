"""Adds seeds until intervals are narrow enough: after each batch of seeds, is it enough?

A study with `seeds: {width: …}` trains a batch of seeds for every task and arm, looks at the intervals,
and goes on with the next batch until the widest is narrow enough, or there are as many seeds as allowed.
Who looks again and again stops when intervals happen to be narrow: each look takes 98 % intervals, so that the last
ones hold 95 %. Failures that were not seen count as width, see `stats.sequential`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from seedvar.cells.places import LOOK
from seedvar.files import read_json
from seedvar.stats.describe import fill_undefined
from seedvar.stats.sequential import look_interval, unseen_failures, width
from seedvar.study.study import Study
from seedvar.tables.checked import read_cells
from seedvar.tables.collect import run_row


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
        `seeds` so far; `widest`, the width of the widest interval of any task and arm, None where one has
        no interval yet, and where it is (`task`, `arm`); `reached`, whether it is as narrow as wanted; `enough`,
        whether no more seeds are needed or allowed; `failures`, what its failed runs allow.

    Raises:
        UserError: A result is missing or damaged.
    """
    n = study.seeds.counts[batch]
    rows = []
    for arm, cell, record in read_cells(with_seeds(study, n), results):
        rows.append(run_row(arm, cell, record, study.score, results / cell.folder()))
    widths, failures = {}, {}
    for place, group in fill_undefined(pd.DataFrame(rows)).groupby(["task", "arm"], sort=False):
        scores, failed = group["score"].to_numpy(float), group["degenerate"].to_numpy(bool)
        interval = look_interval(scores[~failed], scores[failed], group["majority"].iloc[0], study.seeds.statistic)
        widths[place], failures[place] = width(interval), unseen_failures(int(failed.sum()), len(group))
    task, arm = max(widths, key=widths.get)
    widest = widths[task, arm]
    reached = widest <= study.seeds.width
    seen = {"seeds": n, "widest": float(widest) if np.isfinite(widest) else None, "task": task, "arm": arm}
    seen |= {"wanted": study.seeds.width, "failures": failures[task, arm], "reached": bool(reached)}
    return seen | {"enough": bool(reached or n == study.seeds.at_most)}


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
