"""Training loss and validation score over the updates (Zhang et al. 2021, Figs. 3 and 11)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from seedvar.figures import METRIC_NAMES, arm_colours, task_title

LINE_STYLES = ["-", "--", "-.", ":"]


def draw(runs: pd.DataFrame, curves: pd.DataFrame) -> Figure:
    """Draws mean and range over the seeds, one column a task; all runs, failed ones too.

    Args:
        runs: The runs table, for the metrics and the order of the arms.
        curves: The curves table (see `collect.py`).

    Returns:
        The figure: training loss above, the validation score below. Lines are means over the
        runs that reached an update, bands go from the smallest to the largest value. A score that
        is not defined (a correlation with a constant) counts as 0.
    """
    tasks, arms = list(runs["task"].unique()), list(runs["arm"].unique())
    colours = arm_colours(arms)
    figure, axes = plt.subplots(
        2, len(tasks), figsize=(2.6 * len(tasks) + 0.6, 5.0), squeeze=False, sharex="col", layout="constrained"
    )
    for column, task in enumerate(tasks):
        of_task = runs[runs["task"] == task]
        metric, regression = of_task["metric"].iloc[0], of_task["metric"].iloc[0] == "spearman"
        score = f"val_{metric}"
        loss_ax, score_ax = axes[:, column]
        for number, arm in enumerate(arms):
            rows = curves[(curves["task"] == task) & (curves["arm"] == arm)]
            if rows.empty:
                continue
            style = {"color": colours[arm], "linestyle": LINE_STYLES[number % len(LINE_STYLES)]}
            draw_band(loss_ax, rows.groupby("update")["train_loss"], style, arm)
            draw_band(score_ax, (100 * rows[score].fillna(0.0)).groupby(rows["update"]), style, arm)
        if metric in ("matthews", "spearman"):
            score_ax.axhline(0, color="#333333", linewidth=0.8)
        loss_ax.set_title(task_title(task))
        loss_ax.set_ylabel("training loss (squared error)" if regression else "training loss (nats)")
        score_ax.set_ylabel(f"validation {METRIC_NAMES.get(metric, metric)} × 100")
        score_ax.set_xlabel("updates")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(arms)))
    return figure


def draw_band(ax, groups, style: dict, label: str) -> None:
    """Draws mean and range of grouped values over the group's key."""
    table = groups.agg(["mean", "min", "max"])
    ax.plot(table.index, table["mean"], label=label, **style)
    ax.fill_between(table.index, table["min"], table["max"], color=style["color"], alpha=0.15, linewidth=0)
