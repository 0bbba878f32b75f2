"""Scores against the length of training (Zhang et al. 2021, Figs. 8 and 14)."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from seedvar.data.shown import factor, score_label
from seedvar.figures.style import (
    A_LINE,
    FAILED_COLOUR,
    alike_but_for,
    arm_styles,
    columns_of_tasks,
    in_order,
    legend_below,
    turn_names,
)
from seedvar.words import KEYS, task_title

LINES = ["optimizer", "reinit_layers"]


def numbers(runs: pd.DataFrame) -> pd.DataFrame:
    """Picks the runs that differ in length, optimizer and re-initialised layers alone.

    `line` is what is not length. Where every task has a depth of its own, as the papers' best ones, it is one line,
    and `depth` says which.
    """
    alike = alike_but_for(runs, ["epochs", "steps"], LINES)
    layers = alike["reinit_layers"].astype(int)
    depths = layers[layers > 0].groupby(alike["task"]).unique()
    by_task = len(depths) > 1 and all(len(each) == 1 for each in depths) and len({each[0] for each in depths}) > 1
    line = alike["optimizer"] + layers.map(lambda n: f" + reinit{'' if by_task else f' {n}'}" if n else "")
    table = alike[[*KEYS, "metric", "split", "score", "majority", "degenerate", "updates"]].assign(line=line)
    table["depth"] = table["task"].map({task: each[0] for task, each in depths.items()}) if by_task else pd.NA
    lengths = table.groupby(["task", "line"])["updates"].transform("nunique")
    return table[lengths > 1] if (lengths > 1).any() else table


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws a column a task: above, mean and range over the runs of a length; below, the share that failed."""
    tasks, lines = in_order(numbers["task"]), in_order(numbers["line"])
    styles = arm_styles(lines)
    figure, axes = columns_of_tasks(len(tasks), 2, 3.6, sharex="col", height_ratios=(3, 1))
    for (above, below), task in zip(axes, tasks, strict=True):
        of_task = numbers[numbers["task"] == task]
        scale = factor(of_task["metric"].iloc[0])
        for line in lines:
            rows = of_task[of_task["line"] == line]
            scores = (scale * rows["score"]).groupby(rows["updates"]).agg(["mean", "min", "max"])
            above.plot(scores.index, scores["mean"], marker="o", markersize=3, label=line, **styles[line])
            above.fill_between(
                scores.index, scores["min"], scores["max"], color=styles[line]["color"], alpha=0.13, linewidth=0
            )
            shares = 100 * rows["degenerate"].astype(float).groupby(rows["updates"]).mean()
            below.plot(shares.index, shares, marker="o", markersize=3, **styles[line])
        failed = of_task[of_task["degenerate"].astype(bool)]
        above.plot(
            failed["updates"], scale * failed["score"], "X", color=FAILED_COLOUR, markersize=5, label="a failed run"
        )
        above.axhline(scale * of_task["majority"].iloc[0], linestyle="--", color="#333333", linewidth=1, zorder=1)
        lengths = sorted(of_task["updates"].unique())
        if lengths[-1] >= 4 * lengths[0]:
            below.set_xscale("log")
            below.set_xticks(lengths, list(map(str, lengths)))
            turn_names(below, figure.get_size_inches()[0] / min(A_LINE, len(tasks)), 90)
            below.minorticks_off()
        below.set_ylim(-8, 108)
        below.set_xlabel("updates")
        below.set_ylabel("failed, %")
        above.set_ylabel(score_label(of_task["metric"].iloc[0], of_task["split"].iloc[0]))
        depth = of_task["depth"].iloc[0]
        above.set_title(f"{task_title(task)}{'' if pd.isna(depth) else f', reinit {depth:.0f}'}")
    legend_below(figure, *axes[0])
    return figure
