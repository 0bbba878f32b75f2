"""Every arm against the baseline: differences of means with their intervals, effect sizes and failures."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from seedvar.figures import METRIC_NAMES
from seedvar.figures.panels import REFERENCE_COLOUR, legend_that_fits, task_panels
from seedvar.figures.style import FAILED_COLOUR, arm_colours, in_order

ALPHA = 0.05
COLUMNS = ["mean_difference", "mean_difference_low", "mean_difference_high", "a12", "failed", "failed_baseline"]


def numbers(runs: pd.DataFrame, comparisons: pd.DataFrame) -> pd.DataFrame:
    """Picks what is drawn out of the table of comparisons.

    Args:
        runs: The runs table, for the metrics.
        comparisons: The table of `stats.compare.compare`.
    """
    about = runs.drop_duplicates("task").set_index("task")
    table = comparisons[["task", "arm", "baseline", "n", "n_baseline", *COLUMNS, "welch_p_holm"]]
    return table.assign(**{name: table["task"].map(about[name]) for name in ("metric", "split")})


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws one panel a task and one line an arm; a filled point is significant after Holm's correction.

    On the right stand A12 and the failed runs of each arm, in the title of the panel those of the baseline.
    """
    tasks, arms = in_order(numbers["task"]), in_order(numbers["arm"])
    colour = next(iter(arm_colours(["difference"]).values()))
    figure, axes = task_panels(tasks, 4.6, 0.24 * len(arms) + 1.15)
    for ax, task in zip(axes, tasks, strict=True):
        _panel(ax, numbers[numbers["task"] == task], arms, colour)
    legend_that_fits(
        figure,
        [
            Line2D([], [], marker="o", color=colour, markersize=5, label="significant (Welch, Holm p < .05)"),
            Line2D([], [], marker="o", color=colour, markersize=5, markerfacecolor="white", label="not significant"),
            Line2D([], [], marker="X", linestyle="", color=FAILED_COLOUR, markersize=6, label="runs failed"),
        ],
    )
    return figure


def _panel(ax, rows: pd.DataFrame, arms: list[str], colour: str) -> None:
    side = {"transform": ax.get_yaxis_transform(), "va": "center", "fontsize": 7.5}
    ax.text(1.04, -0.85, "A12", **side)
    ax.text(1.21, -0.85, "failed", **side)
    by_arm = rows.set_index("arm")
    for place, arm in enumerate(arms):
        if arm not in by_arm.index:
            ax.text(1.04, place, "no run", **side)
            continue
        row = by_arm.loc[arm]
        low, high = 100 * row["mean_difference_low"], 100 * row["mean_difference_high"]
        face = colour if row["welch_p_holm"] < ALPHA else "white"
        if np.isfinite(low) and np.isfinite(high):
            ax.plot([low, high], [place, place], color=colour, linewidth=1.4)
        ax.plot(100 * row["mean_difference"], place, "o", color=colour, markersize=5, markerfacecolor=face)
        ax.text(1.04, place, "–" if np.isnan(row["a12"]) else f"{row['a12']:.2f}".lstrip("0"), **side)
        has_failed = row["failed"] > 0
        ax.text(1.21, place, f"{row['failed']:.0f}/{row['n']:.0f}", color=FAILED_COLOUR if has_failed else "black", **side)
        if has_failed:
            ax.plot(1.18, place, "X", color=FAILED_COLOUR, markersize=5, transform=side["transform"], clip_on=False)
    first = rows.iloc[0]
    baseline = f"{first['baseline']}, failed {first['failed_baseline']:.0f}/{first['n_baseline']:.0f}"
    ax.set_title(f"{ax.get_title()} against {baseline}", fontsize=9, pad=14)
    ax.axvline(0, color=REFERENCE_COLOUR, linewidth=1, zorder=1)
    ax.set_yticks(range(len(arms)), arms)
    ax.set_ylim(len(arms) - 0.4, -0.6)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    name = METRIC_NAMES.get(first["metric"], first["metric"])
    ax.set_xlabel(f"difference of means, {first['split']} {name} × 100")
