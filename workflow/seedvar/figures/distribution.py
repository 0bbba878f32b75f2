"""The scores of every run: one panel a task, one column an arm (Zhang et al. 2021, Fig. 2)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from seedvar.figures import score_label, task_title
from seedvar.figures.style import FAILED_COLOUR, KEYS, arm_colours, in_order

COLUMNS = 2  # panels in a row


def numbers(runs: pd.DataFrame) -> pd.DataFrame:
    """Picks the scores of all runs out of the runs table (see `collect.py`)."""
    return runs[[*KEYS, "metric", "split", "score", "majority", "degenerate"]]


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws every seed as a point over a box plot, failed runs marked by shape and colour.

    Boxes span the quartiles, whiskers 1.5 interquartile ranges; the dashed line is the majority
    score; under each arm stands how many of its runs failed.
    """
    tasks, arms = in_order(numbers["task"]), in_order(numbers["arm"])
    colours = arm_colours(arms)
    columns = min(COLUMNS, len(tasks))
    n_rows = -(-len(tasks) // columns)
    width = max(2.6, 0.85 * len(arms) + 0.8)
    figure, axes = plt.subplots(
        n_rows, columns, figsize=(width * columns, 3.0 * n_rows), squeeze=False, layout="constrained"
    )
    for ax, task in zip(axes.flat, tasks, strict=False):
        _panel(ax, numbers[numbers["task"] == task], arms, colours)
        ax.set_title(task_title(task))
    for ax in axes.flat[len(tasks) :]:
        ax.set_axis_off()
    handles = [
        Line2D([], [], marker="o", linestyle="", color="#555555", markersize=4, label="a run (one seed)"),
        Line2D([], [], marker="X", linestyle="", color=FAILED_COLOUR, markersize=6, label="a failed run"),
        Line2D([], [], linestyle="--", color="#333333", label="majority score"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def _panel(ax, runs: pd.DataFrame, arms: list[str], colours: dict[str, str]) -> None:
    rng = np.random.default_rng(0)  # jitter, the same in every drawing
    labels = []
    for position, arm in enumerate(arms):
        group = runs[runs["arm"] == arm]
        labels.append(
            f"{arm}\nfailed {int(group['degenerate'].sum())}/{len(group)}" if len(group) else f"{arm}\nno run"
        )
        if group.empty:
            continue
        scores, failed = 100 * group["score"].to_numpy(), group["degenerate"].to_numpy(bool)
        ax.boxplot(
            scores,
            positions=[position],
            widths=0.55,
            showfliers=False,
            patch_artist=True,
            boxprops={"facecolor": colours[arm], "alpha": 0.25, "edgecolor": colours[arm]},
            whiskerprops={"color": colours[arm]},
            capprops={"color": colours[arm]},
            medianprops={"color": colours[arm], "linewidth": 1.8},
        )
        x = position + rng.uniform(-0.16, 0.16, len(scores))
        ax.plot(
            x[~failed],
            scores[~failed],
            "o",
            color=colours[arm],
            markersize=4,
            markeredgecolor="white",
            markeredgewidth=0.4,
        )
        ax.plot(
            x[failed],
            scores[failed],
            "X",
            color=FAILED_COLOUR,
            markersize=6,
            markeredgecolor="white",
            markeredgewidth=0.4,
        )
    ax.axhline(100 * runs["majority"].iloc[0], linestyle="--", color="#333333", linewidth=1, zorder=1)
    ax.set_xticks(range(len(arms)), labels)
    if len(arms) > 4:
        ax.tick_params(axis="x", labelrotation=30)
    ax.set_ylabel(score_label(runs["metric"].iloc[0], runs["split"].iloc[0]))
