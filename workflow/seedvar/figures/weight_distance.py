"""How far every block goes from its starting weights during training (Zhang et al. 2021, Figs. 7 and 15 to 18)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from seedvar.figures.style import MOST_BANDS, PAGE, arm_numbers, arm_styles, in_order, legend_below, panel_names
from seedvar.words import KEYS, task_title

COLUMNS = 5  # of panels


def numbers(runs: pd.DataFrame, diagnostics: pd.DataFrame) -> pd.DataFrame:
    """Computes mean and range of the L2 distance at every measurement, while all runs of an arm train.

    Args:
        runs: The runs table, for the order of tasks and arms.
        diagnostics: The diagnostics table.

    Returns:
        One row a task (and model, where there are several), arm, block (from the bottom of the network) and update:
        `mean`, `min`, `max`, `n` runs, and the arm's number in the study.
    """
    rows = diagnostics[diagnostics["quantity"] == "distance"]
    panels = runs[KEYS].assign(panel=panel_names(runs))
    order = {pair: i for i, pair in enumerate(panels.groupby(["panel", "arm"], sort=False).groups)}
    rows = rows.merge(panels, on=KEYS).drop(columns="task").rename(columns={"panel": "task"})
    last = rows.groupby(["task", *KEYS[1:]], observed=True)["update"].transform("max")
    first_end = last.groupby([rows["task"], rows["arm"]], observed=True).transform("min")
    rows = rows[rows["update"] <= first_end]
    groups = rows.groupby(["task", "arm", "block", "update"], sort=False, observed=True)["value"]
    table = groups.agg(["mean", "min", "max", "count"]).reset_index().rename(columns={"count": "n"})
    places = [order[pair] for pair in zip(table["task"], table["arm"], strict=True)]
    table = table.assign(arm_number=arm_numbers(runs, table["arm"]), place=places)
    return table.sort_values("place", kind="stable").drop(columns="place")


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws rows of panels a task, one a block, with one line an arm and its range, failed runs too."""
    tasks, arms, blocks = (in_order(numbers[name]) for name in ("task", "arm", "block"))
    styles = arm_styles(dict(zip(numbers["arm"], numbers["arm_number"], strict=True)))
    columns = min(COLUMNS, len(blocks))
    height = -(-len(blocks) // columns)
    figure = plt.figure(
        figsize=(min(PAGE, 1.6 * columns + 0.5), len(tasks) * (1.25 * height + 0.4) + 0.6), layout="constrained"
    )
    parts = figure.subfigures(len(tasks), 1, squeeze=False)[:, 0]
    for part, task in zip(parts, tasks, strict=True):
        axes = part.subplots(height, columns, squeeze=False, sharex=True).ravel()
        for ax, block in zip(axes, blocks, strict=False):
            of_block = numbers[(numbers["task"] == task) & (numbers["block"] == block)]
            for arm in arms:
                rows = of_block[of_block["arm"] == arm].sort_values("update")
                ax.plot(rows["update"], rows["mean"], label=arm, **styles[arm])
                if len(arms) <= MOST_BANDS:
                    ax.fill_between(
                        rows["update"], rows["min"], rows["max"], color=styles[arm]["color"], alpha=0.12, linewidth=0
                    )
            ax.set_title(block, fontsize=7)
            ax.tick_params(labelsize=6, pad=1.5, length=2)
            ax.set_ylim(bottom=0)
        for ax in axes[len(blocks) :]:
            ax.set_axis_off()
        part.suptitle(task_title(task), fontsize=9)
        part.supylabel("L2 distance from the start", fontsize=8)
        part.supxlabel("updates", fontsize=8)
    legend_below(figure, parts[0].axes[0])
    return figure
