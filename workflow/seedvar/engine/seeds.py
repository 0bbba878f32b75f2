"""Adds seeds until intervals are narrow enough: after each batch of seeds, is it enough?

A study with `seeds: {width: …}` trains a batch of seeds for every task and arm, looks at the intervals,
and goes on with the next batch until the widest is narrow enough, or there are as many seeds as allowed.
Looking again and again makes the final intervals a little too narrow: they stop when they happen to be.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from seedvar.cells.places import LOOK
from seedvar.files import read_json
from seedvar.stats.planning import interval_half_width
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
        `seeds` so far; `widest`, the width of the widest interval of any task and arm, and where it is
        (`task`, `arm`); `enough`, whether no more seeds are needed or allowed.

    Raises:
        UserError: A result is missing or damaged.
    """
    n = study.seeds.counts[batch]
    rows = []
    for arm, cell, record in read_cells(with_seeds(study, n), results):
        rows.append(run_row(arm, cell, record))
    scores = pd.DataFrame(rows).groupby(["task", "arm"], sort=False)["score"]
    widths = scores.apply(lambda values: 2 * interval_half_width(values.to_numpy(float), study.seeds.statistic))
    widest = float(np.nanmax(widths)) if widths.notna().any() else 0.0
    task, arm = widths.idxmax() if widths.notna().any() else widths.index[0]
    enough = widest <= study.seeds.width or n == study.seeds.at_most
    return {"seeds": n, "widest": widest, "task": task, "arm": arm, "wanted": study.seeds.width, "enough": bool(enough)}


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
