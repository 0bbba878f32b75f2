"""How many seeds an arm it takes to tell it from the baseline, at what was observed."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from seedvar.figures.panels import REFERENCE_COLOUR, legend_that_fits, task_panels
from seedvar.figures.style import arm_colours, in_order

MOST = 1_000  # seeds; what needs more is drawn at the right edge
EDGE = 2_000
KINDS = {
    "runs_for_mean": ("difference in mean", "o"),
    "runs_for_spread": ("ratio of SDs", "s"),
    "runs_for_failures": ("difference in failure rate", "^"),
}


def numbers(seeds_needed: pd.DataFrame) -> pd.DataFrame:
    """Picks what is drawn out of the table of `stats.planning.seeds_needed`; NaN where a number is not defined."""
    return seeds_needed[["task", "arm", "baseline", "n", "n_baseline", *KINDS]]


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws one panel a task and one row an arm, with a bar at the number of seeds that were run."""
    tasks, arms = in_order(numbers["task"]), in_order(numbers["arm"])
    colours = arm_colours(list(KINDS))
    figure, axes = task_panels(tasks, 4.2, 0.34 * len(arms) + 1.05)
    for ax, task in zip(axes, tasks, strict=True):
        _panel(ax, numbers[numbers["task"] == task], arms, colours)
    about = {"linestyle": "", "markersize": 5}
    handles = [
        Line2D([], [], marker=marker, color=colours[kind], label=label, **about)
        for kind, (label, marker) in KINDS.items()
    ]
    hollow = Line2D([], [], marker="o", color="#555555", markerfacecolor="white", label="more than 1,000", **about)
    legend_that_fits(figure, [*handles, hollow, Line2D([], [], color=REFERENCE_COLOUR, label="seeds that were run")])
    return figure


def _panel(ax, rows: pd.DataFrame, arms: list[str], colours: dict[str, str]) -> None:
    by_arm = rows.set_index("arm")
    for place, arm in enumerate(arms):
        if arm not in by_arm.index:
            ax.text(0.5, place, "no run", transform=ax.get_yaxis_transform(), ha="center", va="center", fontsize=7.5)
            continue
        row = by_arm.loc[arm]
        n = min(row["n"], row["n_baseline"])
        ax.plot([n, n], [place - 0.42, place + 0.42], color=REFERENCE_COLOUR, linewidth=1.6, zorder=1)
        for offset, (kind, (_, marker)) in zip((-0.24, 0, 0.24), KINDS.items(), strict=True):
            if np.isnan(row[kind]):
                continue
            is_beyond = row[kind] > MOST
            face = "white" if is_beyond else colours[kind]
            style = {"color": colours[kind], "markerfacecolor": face, "markersize": 4.5, "linestyle": ""}
            ax.plot(EDGE if is_beyond else row[kind], place + offset, marker=marker, **style)
    ax.set_xscale("log")
    ax.set_xlim(1.6, EDGE * 1.5)
    ax.set_xticks([2, 5, 10, 20, 50, 100, 200, 500, 1000, EDGE])
    ax.set_xticklabels(["2", "5", "10", "20", "50", "100", "200", "500", "", "more"])
    ax.minorticks_off()
    ax.set_yticks(range(len(arms)), arms)
    ax.set_ylim(len(arms) - 0.45, -0.55)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    for between in np.arange(len(arms) - 1) + 0.5:
        ax.axhline(between, color="#e6e6e6", linewidth=0.6, zorder=0)
    ax.set_title(f"{ax.get_title()} against {rows['baseline'].iloc[0]}", fontsize=9)
    ax.set_xlabel("seeds an arm, for 80 % power")
