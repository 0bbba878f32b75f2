"""Masked-word perplexity with the top k layers replaced (Mosbach et al. 2021, Fig. 2)."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from seedvar.figures.style import arm_colours, arm_numbers, in_order, legend_below, panels, plain_powers
from seedvar.words import KEYS, task_title


def numbers(runs: pd.DataFrame, forgetting: pd.DataFrame) -> pd.DataFrame:
    """Says of every probed run whether it failed; one row a run and number of replaced layers."""
    table = runs[[*KEYS, "degenerate"]].merge(forgetting, on=KEYS)
    return table.assign(arm_number=arm_numbers(runs, table["arm"]))


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws one panel a task and one line a run, dotted where the run failed."""
    tasks = in_order(numbers["task"])
    colours = arm_colours(dict(zip(numbers["arm"], numbers["arm_number"], strict=True)))
    figure, axes = panels(len(tasks), 3.2, sharey=True)
    for ax, task in zip(axes, tasks, strict=True):
        of_task = numbers[numbers["task"] == task]
        for key, rows in of_task.groupby(KEYS, sort=False):
            failed = bool(rows["degenerate"].iloc[0])
            ax.plot(
                rows["replaced_layers"],
                rows["perplexity"],
                color=colours[key[1]],
                linestyle=":" if failed else "-",
                linewidth=1.2,
                label=f"{key[1]}{' (failed)' if failed else ''}",
            )
        pretrained = of_task.loc[of_task["replaced_layers"].idxmax(), "perplexity"]
        ax.axhline(pretrained, color="#333333", linestyle="--", linewidth=0.8, label="pre-trained model")
        ax.set_yscale("log")
        plain_powers(ax.yaxis)
        ax.set_title(task_title(task))
        ax.set_xlabel("top layers replaced by pre-trained ones")
    axes[0].set_ylabel("masked-word perplexity")
    legend_below(figure, *axes)
    return figure
