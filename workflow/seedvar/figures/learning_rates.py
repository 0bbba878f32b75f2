"""Learning rate, bias correction and length of training (Mosbach et al. 2021, Figs. 5 and 9)."""

from __future__ import annotations

import itertools

import pandas as pd
from matplotlib.figure import Figure

from seedvar.data.shown import score_label
from seedvar.figures.style import PAGE, alike_but_for, draw_side_by_side, in_order, legend_of_groups, panels, turn_names
from seedvar.words import KEYS, task_title


def numbers(runs: pd.DataFrame) -> pd.DataFrame:
    """Picks the runs that differ in learning rate, optimizer and epochs alone."""
    alike = alike_but_for(runs, ["learning_rate"], ["optimizer", "epochs"])
    table = alike[[*KEYS, "optimizer", "epochs", "learning_rate", "metric", "split", "score", "majority", "degenerate"]]
    return table.sort_values(["epochs", "learning_rate"], kind="stable")


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws a panel a task and number of epochs; boxes of optimizers side by side, failed runs marked."""
    tasks, lengths, optimizers = (in_order(numbers[name]) for name in ("task", "epochs", "optimizer"))
    rates = sorted(in_order(numbers["learning_rate"]))
    columns = len(lengths) if len(lengths) > 1 else min(3, max(2, len(tasks)))
    figure, axes = panels(len(tasks) * len(lengths), 2.4, columns, sharey="row" if len(lengths) > 1 else "none")
    for ax, (task, epochs) in zip(axes, itertools.product(tasks, lengths), strict=True):
        of_task = numbers[numbers["task"] == task]
        of_panel = of_task[of_task["epochs"] == epochs]
        if len(of_panel):
            draw_side_by_side(ax, of_panel, "learning_rate", rates, "optimizer", optimizers)
        ax.set_xticks(range(len(rates)), [f"{rate:g}" for rate in rates])
        turn_names(ax, PAGE / columns, 90)
        ax.set_title(f"{task_title(task)}\n{epochs} epoch{'s' if epochs > 1 else ''}")
        ax.set_xlabel("peak learning rate")
        if epochs == lengths[0]:
            ax.set_ylabel(score_label(of_task["metric"].iloc[0], of_task["split"].iloc[0]))
    legend_of_groups(figure, optimizers)
    return figure
