"""How many seeds an arm it takes to settle stated differences, with 80 % power."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from seedvar.figures.style import in_order, legend_below, panels
from seedvar.words import task_title

MARKS = {"runs_for_mean": ("o", "#0072B2", "difference of means"), "runs_for_spread": ("s", "#E69F00", "ratio of SDs"),
         "runs_for_failures": ("^", "#009E73", "failure rates")}  # fmt: skip
MOST = 1_000  # more than that is drawn at the edge


def numbers(seeds_needed: pd.DataFrame) -> pd.DataFrame:
    """Picks the numbers of runs out of seeds_needed.csv (see `stats.planning`)."""
    return seeds_needed[["task", "arm", "baseline", "n", *MARKS]]


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws one panel a task; a dashed line at the runs that there are, marks at the edge for more than 1,000."""
    tasks, n_arms = in_order(numbers["task"]), numbers["arm"].nunique()
    figure, axes = panels(len(tasks), 0.22 * n_arms + 1.0, columns=2 if n_arms < 12 else 1, sharex=True)
    for ax, task in zip(axes, tasks, strict=True):
        rows = numbers[numbers["task"] == task].reset_index(drop=True)
        for name, (marker, colour, label) in MARKS.items():
            runs = rows[name].to_numpy(float)
            places = np.arange(len(rows)) + 0.18 * (list(MARKS).index(name) - 1)
            within = np.isfinite(runs) & (runs <= MOST)
            ax.plot(runs[within], places[within], marker, color=colour, markersize=5, linestyle="", label=label)
            beyond = ~within & ~np.isnan(runs)
            ax.plot(np.full(beyond.sum(), MOST * 1.5), places[beyond], marker, color=colour, markersize=5, alpha=0.35)
        ax.axvline(rows["n"].iloc[0], linestyle="--", color="#333333", linewidth=1, label="runs there are")
        ax.set_xscale("log")
        ax.set_xlim(1.7, MOST * 2)
        ax.set_xticks([2, 5, 10, 20, 50, 100, 300, 1500], ["2", "5", "10", "20", "50", "100", "300", ">1000"])
        ax.minorticks_off()
        ax.set_yticks(range(len(rows)), rows["arm"])
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.set_title(f"{task_title(task)}, against {rows['baseline'].iloc[0]}")
        ax.set_xlabel("runs an arm for 80 % power")
        ax.grid(axis="x")
    legend_below(figure, axes[0])
    return figure
