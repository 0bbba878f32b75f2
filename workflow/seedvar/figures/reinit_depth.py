"""Scores against the number of re-initialised layers (Zhang et al. 2021, Figs. 5 and 13)."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from seedvar.data.shown import score_label
from seedvar.figures.style import PAGE, alike_but_for, draw_side_by_side, in_order, legend_of_groups, panels, turn_names
from seedvar.words import KEYS, task_title


def numbers(runs: pd.DataFrame) -> pd.DataFrame:
    """Picks the runs that differ in depth and optimizer alone; `depth` is standard, pooler, or 1, 2, … layers."""
    alike = alike_but_for(runs, ["reinit_layers", "reinit_pooler"], ["optimizer"])
    pooler = alike["reinit_pooler"].astype(str).str.lower() == "true"
    layers = alike["reinit_layers"].astype(int)
    depth = layers.astype(str).mask(pooler, "pooler").mask((layers == 0) & ~pooler, "standard")
    place = layers.astype(float).mask(pooler, 0.5)
    table = alike[[*KEYS, "optimizer", "metric", "split", "score", "majority", "degenerate"]].assign(depth=depth)
    return table.assign(place=place).sort_values("place", kind="stable").drop(columns="place")


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws one panel a task and a box a depth, optimizers side by side, failed runs marked."""
    tasks, depths, optimizers = in_order(numbers["task"]), in_order(numbers["depth"]), in_order(numbers["optimizer"])
    columns = 2 if len(depths) * len(optimizers) < 16 else 1
    figure, axes = panels(len(tasks), 2.6, columns)
    for ax, task in zip(axes, tasks, strict=True):
        of_task = numbers[numbers["task"] == task]
        draw_side_by_side(ax, of_task, "depth", depths, "optimizer", optimizers)
        ax.set_xticks(range(len(depths)), depths)
        turn_names(ax, PAGE / columns, 30)
        ax.set_xlabel("re-initialised layers")
        ax.set_ylabel(score_label(of_task["metric"].iloc[0], of_task["split"].iloc[0]))
        ax.set_title(task_title(task))
    legend_of_groups(figure, optimizers)
    return figure
