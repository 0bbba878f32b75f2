"""How much of the spread over runs each source of randomness makes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from seedvar.data.shown import factor, score_label
from seedvar.figures.style import in_order, panels
from seedvar.words import task_title

MOST = 12  # panels; the table has the others too


def numbers(sources: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Picks the components out of sources.csv as SDs, and of what out of runs.csv."""
    metrics = runs.groupby("task", sort=False)[["metric", "split"]].first()
    there = sources[sources["sd"].notna()]
    low, high = (np.sqrt(there[name]) for name in ("low", "high"))
    kept = there[["task", "arm", "arms", "group", "runs", "failed", "source", "sd", "share"]]
    return kept.assign(sd_low=low, sd_high=high).join(metrics, on="task")


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws one panel a task and group of arms, a row a source: its SD, with its interval where there is one."""
    every = [tuple(pair) for pair in numbers[["task", "arm"]].drop_duplicates().to_numpy()]
    pairs = every[:MOST]
    n_rows = numbers.groupby(["task", "arm"], sort=False).size().max() if pairs else 1
    columns = 2 if len(pairs) < 9 else 3
    figure, axes = panels(max(1, len(pairs)), 0.2 * n_rows + 1.0, columns)
    for ax, (task, arm) in zip(axes, pairs, strict=False):
        rows = numbers[(numbers["task"] == task) & (numbers["arm"] == arm)].reset_index(drop=True)
        first, places = rows.iloc[0], np.arange(len(rows))
        scale = factor(first["metric"])
        ax.barh(places, scale * rows["sd"], height=0.62, color="#9BB8D3")
        ax.hlines(places, scale * rows["sd_low"], scale * rows["sd_high"], color="#333333", linewidth=1)
        ax.set_yticks(places, in_order(rows["source"]))
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.set_xlim(left=0)
        who = first["group"] if first["arms"] > 1 else arm
        failed = f", {first['failed']} failed" if first["failed"] else ""
        ax.set_title(f"{task_title(task)}{f', {who}' if who else ''}\n{first['runs']} runs{failed}")
        ax.set_xlabel(f"SD of {score_label(first['metric'], first['split'])}")
        ax.grid(axis="x")
    if len(every) > MOST:
        figure.suptitle(f"The first {MOST} of {len(every)}; sources.csv has them all", fontsize="medium")
    if not pairs:
        axes[0].set_axis_off()
        axes[0].set_title("no task and arm has crossed seeds with a score for every combination")
    return figure
