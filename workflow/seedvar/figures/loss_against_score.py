"""Final training loss against score (Mosbach et al. 2021, Fig. 8b)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from scipy.stats import spearmanr

from seedvar.data.shown import factor, loss_label, score_label
from seedvar.figures.style import FAILED_COLOUR, MOST_BANDS, arm_colours, in_order, legend_below, panels
from seedvar.words import KEYS, task_title

ANY = "a run, whatever its arm"
SMALLEST = 1e-8  # stands for a loss of 0 on a logarithmic scale


def numbers(runs: pd.DataFrame) -> pd.DataFrame:
    """Picks the runs with a training loss; diverged ones have none."""
    return runs[[*KEYS, "metric", "split", "score", "degenerate", "train_loss"]].dropna(subset="train_loss")


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws one panel a task and a point a run, failed ones as crosses, with Spearman's ρ of the others."""
    tasks, arms = in_order(numbers["task"]), in_order(numbers["arm"])
    colours = arm_colours(arms)
    figure, axes = panels(max(1, len(tasks)), 2.7)
    if not tasks:
        axes[0].text(0.5, 0.5, "no run has a training loss", transform=axes[0].transAxes, ha="center")
        axes[0].set_axis_off()
    for ax, task in zip(axes, tasks, strict=False):
        of_task = numbers[numbers["task"] == task].assign(train_loss=lambda t: t["train_loss"].clip(lower=SMALLEST))
        failed = of_task["degenerate"].astype(bool)
        scale = factor(of_task["metric"].iloc[0])
        edge = {"linestyle": "", "markersize": 4, "markeredgecolor": "white", "markeredgewidth": 0.3, "alpha": 0.8}
        of_arms = {arm: of_task["arm"] == arm for arm in arms} if len(arms) <= MOST_BANDS else {ANY: True}
        for arm, is_of_arm in of_arms.items():
            rows, colour = of_task[~failed & is_of_arm], colours.get(arm, colours[arms[0]])
            ax.plot(rows["train_loss"], scale * rows["score"], "o", color=colour, label=arm, **edge)
        there = of_task[failed]
        crosses = {**edge, "markersize": 5}
        ax.plot(there["train_loss"], scale * there["score"], "X", color=FAILED_COLOUR, label="a failed run", **crosses)
        ax.set_xscale("log")
        decades = np.log10(ax.get_xlim()[1] / ax.get_xlim()[0])
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 2 else (1,), numticks=6))
        ax.xaxis.set_major_formatter("{x:g}")
        ax.minorticks_off()
        good = of_task[~failed]
        defined = len(good) > 2 and np.ptp(good["score"]) > 0 and np.ptp(good["train_loss"]) > 0
        correlation = f"{spearmanr(good['train_loss'], good['score']).statistic:.2f}" if defined else "not defined"
        ax.set_title(f"{task_title(task)}\nρ = {correlation} ({len(good)} runs that did not fail)")
        ax.set_xlabel(f"final {loss_label(of_task['metric'].iloc[0])}")
        ax.set_ylabel(score_label(of_task["metric"].iloc[0], of_task["split"].iloc[0]))
    legend_below(figure, *axes)
    return figure
