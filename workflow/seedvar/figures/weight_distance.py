"""How far every block is from its starting weights at the end of training (Zhang et al. 2021, Fig. 7)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from seedvar.figures.style import MOST_BANDS, arm_styles, in_order, legend_below, panel_names, plain_powers
from seedvar.words import KEYS, task_title


def numbers(runs: pd.DataFrame, diagnostics: pd.DataFrame) -> pd.DataFrame:
    """Computes mean and range of the L2 distance at the last measurement, over all runs of an arm.

    Args:
        runs: The runs table, for the order of tasks and arms.
        diagnostics: The diagnostics table.

    Returns:
        One row a task (and model, where there are several), arm and block, from the bottom of the network: `mean`,
        `min`, `max`, `n` runs.
    """
    rows = diagnostics[diagnostics["quantity"] == "distance"]
    last = rows[rows["update"] == rows.groupby(KEYS, observed=True)["update"].transform("max")]
    panels = runs[KEYS].assign(panel=panel_names(runs))
    order = {pair: i for i, pair in enumerate(panels.groupby(["panel", "arm"], sort=False).groups)}
    last = last.merge(panels, on=KEYS).drop(columns="task").rename(columns={"panel": "task"})
    groups = last.groupby(["task", "arm", "block"], sort=False, observed=True)["value"]
    table = groups.agg(["mean", "min", "max", "count"]).reset_index().rename(columns={"count": "n"})
    places = [order[pair] for pair in zip(table["task"], table["arm"], strict=True)]
    return table.assign(place=places).sort_values("place", kind="stable").drop(columns="place")


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws one panel a task and one line an arm with its range, failed runs too."""
    tasks, arms, blocks = (in_order(numbers[name]) for name in ("task", "arm", "block"))
    styles = arm_styles(arms)
    figure, axes = plt.subplots(
        1, len(tasks), figsize=(3.2 * len(tasks) + 0.6, 3.6), squeeze=False, sharey=True, layout="constrained"
    )
    for ax, task in zip(axes[0], tasks, strict=True):
        for arm in arms:
            rows = numbers[(numbers["task"] == task) & (numbers["arm"] == arm)]
            places = rows["block"].map(blocks.index).to_numpy()
            ax.plot(places, rows["mean"], label=arm, **styles[arm])
            if len(arms) <= MOST_BANDS:
                ax.fill_between(places, rows["min"], rows["max"], color=styles[arm]["color"], alpha=0.12, linewidth=0)
        ax.set_yscale("log")
        plain_powers(ax.yaxis)
        ax.set_title(task_title(task))
        ax.set_xticks(range(len(blocks)), blocks, rotation=90)
    axes[0, 0].set_ylabel("L2 distance from the start")
    legend_below(figure, axes[0, 0], columns=4)
    return figure
