"""Learning rate, bias correction and length of training (Mosbach et al. 2021, Figs. 5 and 9)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from seedvar.figures import score_label, task_title
from seedvar.figures.style import KEYS, alike_but_for, arm_colours, draw_box, draw_runs, in_order, jitter, run_handles


def numbers(runs: pd.DataFrame) -> pd.DataFrame:
    """Picks the runs that differ in learning rate, optimizer and epochs alone."""
    alike = alike_but_for(runs, ["learning_rate"], ["optimizer", "epochs"])
    table = alike[[*KEYS, "optimizer", "epochs", "learning_rate", "metric", "split", "score", "majority", "degenerate"]]
    return table.sort_values(["epochs", "learning_rate"], kind="stable")


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws a row a task and a column a number of epochs; boxes of optimizers side by side, failed runs marked."""
    tasks, lengths, rates = in_order(numbers["task"]), in_order(numbers["epochs"]), in_order(numbers["learning_rate"])
    optimizers = in_order(numbers["optimizer"])
    colours, width, rates = arm_colours(optimizers), 0.8 / len(optimizers), sorted(rates)
    figure, axes = plt.subplots(
        len(tasks),
        len(lengths),
        figsize=((0.5 * len(rates) * len(optimizers) + 1.3) * len(lengths) + 0.4, 2.8 * len(tasks) + 0.4),
        squeeze=False,
        sharey="row",
        layout="constrained",
    )
    for row, task in enumerate(tasks):
        for column, epochs in enumerate(lengths):
            ax = axes[row, column]
            of_panel = numbers[(numbers["task"] == task) & (numbers["epochs"] == epochs)]
            for number, optimizer in enumerate(optimizers):
                for place, rate in enumerate(rates):
                    rows = of_panel[(of_panel["learning_rate"] == rate) & (of_panel["optimizer"] == optimizer)]
                    if rows.empty:
                        continue
                    x = place + (number - (len(optimizers) - 1) / 2) * width
                    scores = 100 * rows["score"].to_numpy(float)
                    draw_box(ax, x, scores, colours[optimizer], 0.85 * width)
                    shifts = jitter(len(scores), 0.25 * width)
                    draw_runs(ax, x + shifts, scores, rows["degenerate"].to_numpy(bool), colours[optimizer])
            of_task = numbers[numbers["task"] == task]
            ax.axhline(100 * of_task["majority"].iloc[0], linestyle="--", color="#333333", linewidth=1, zorder=1)
            ax.set_xticks(range(len(rates)), [f"{rate:g}" for rate in rates])
            ax.set_title(f"{task_title(task)}, {epochs} epoch{'s' if epochs > 1 else ''}")
            ax.set_xlabel("learning rate")
        axes[row, 0].set_ylabel(score_label(of_task["metric"].iloc[0], of_task["split"].iloc[0]))
    boxes = [axes[0, 0].plot([], [], "s", color=colours[name], alpha=0.5, label=name)[0] for name in optimizers]
    figure.legend(handles=[*boxes, *run_handles()], loc="outside lower center", ncols=3)
    return figure
