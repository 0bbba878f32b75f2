"""Learning rate, bias correction and length of training (Mosbach et al. 2021, Figs. 5 and 9)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from seedvar.data.shown import score_label
from seedvar.figures.style import alike_but_for, draw_side_by_side, group_handles, in_order, run_handles
from seedvar.words import KEYS, task_title


def numbers(runs: pd.DataFrame) -> pd.DataFrame:
    """Picks the runs that differ in learning rate, optimizer and epochs alone."""
    alike = alike_but_for(runs, ["learning_rate"], ["optimizer", "epochs"])
    table = alike[[*KEYS, "optimizer", "epochs", "learning_rate", "metric", "split", "score", "majority", "degenerate"]]
    return table.sort_values(["epochs", "learning_rate"], kind="stable")


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws a row a task and a column a number of epochs; boxes of optimizers side by side, failed runs marked."""
    tasks, lengths, optimizers = (in_order(numbers[name]) for name in ("task", "epochs", "optimizer"))
    rates = sorted(in_order(numbers["learning_rate"]))
    figure, axes = plt.subplots(
        len(tasks),
        len(lengths),
        figsize=((0.35 * len(rates) * len(optimizers) + 1.3) * len(lengths) + 0.4, 2.8 * len(tasks) + 0.4),
        squeeze=False,
        sharey="row",
        layout="constrained",
    )
    for row, task in enumerate(tasks):
        of_task = numbers[numbers["task"] == task]
        for ax, epochs in zip(axes[row], lengths, strict=True):
            of_panel = of_task[of_task["epochs"] == epochs]
            if len(of_panel):
                draw_side_by_side(ax, of_panel, "learning_rate", rates, "optimizer", optimizers)
            ax.set_xticks(range(len(rates)), [f"{rate:g}" for rate in rates])
            ax.set_title(f"{task_title(task)}, {epochs} epoch{'s' if epochs > 1 else ''}")
            ax.set_xlabel("peak learning rate")
        axes[row, 0].set_ylabel(score_label(of_task["metric"].iloc[0], of_task["split"].iloc[0]))
    figure.legend(handles=[*group_handles(optimizers), *run_handles()], loc="outside lower center", ncols=3)
    return figure
