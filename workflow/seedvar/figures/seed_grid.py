"""Scores of crossed seeds, initialisation by order (Zhang et al. 2021, Fig. 9)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from seedvar.figures import score_label, task_title
from seedvar.figures.style import FAILED_COLOUR, KEYS, in_order
from seedvar.stats.describe import fill_undefined

CELL = 0.33  # inches, with its value printed
WIDEST = 5.0  # inches; of a grid that would be wider, no values are printed
ROW = 7.5  # inches; panels side by side
GAP = 0.35  # cells, between the grid and its means
MAP = plt.get_cmap("viridis")


def numbers(runs: pd.DataFrame) -> pd.DataFrame:
    """Picks seeds and scores of all runs; where a pair of seeds has no run, there is no row."""
    runs = fill_undefined(runs)
    return runs[[*KEYS, "metric", "split", "score", "degenerate"]]


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws a heat map for each task and arm, with the means of rows and columns beside it.

    All arms of a task share one scale. A failed run has a frame and a cross.
    """
    tasks, arms = in_order(numbers["task"]), in_order(numbers["arm"])
    inits, orders = (sorted(numbers[name].unique()) for name in ("init_seed", "order_seed"))
    side = max(len(inits), len(orders)) + 1 + GAP
    size = min(CELL, WIDEST / side)
    width, height = size * (len(orders) + 1 + GAP) + 0.55, size * (len(inits) + 1 + GAP) + 0.75
    columns = max(1, min(len(arms), int(ROW // width)))
    n_rows = -(-len(arms) // columns)
    figure = plt.figure(
        figsize=(max(3.4, columns * width + 0.9), len(tasks) * (n_rows * height + 0.35) + 0.35), layout="constrained"
    )
    blocks = figure.subfigures(len(tasks), 1, squeeze=False)[:, 0]
    for block, task in zip(blocks, tasks, strict=True):
        of_task = numbers[numbers["task"] == task]
        scores = 100 * of_task["score"]
        norm = Normalize(*((scores.min(), scores.max()) if scores.notna().any() else (0, 100)))
        axes = block.subplots(n_rows, columns, squeeze=False)
        for ax, arm in zip(axes.flat, arms, strict=False):
            _panel(ax, of_task[of_task["arm"] == arm], inits, orders, norm, printed=size == CELL)
            ax.set_title(arm, fontsize=8)
        for ax in axes.flat[len(arms) :]:
            ax.set_axis_off()
        for ax in axes[:, 0]:
            ax.set_ylabel("init seed")
        for i in range(columns):
            ax = axes.flat[[j for j in range(len(arms)) if j % columns == i][-1]]
            ax.set_xlabel("order seed")
        label = score_label(of_task["metric"].iloc[0], of_task["split"].iloc[0])
        block.colorbar(plt.cm.ScalarMappable(norm, MAP), ax=axes, label=label, aspect=18, shrink=0.9)
        block.suptitle(task_title(task), fontsize=10)
    handles = [
        Line2D(
            [],
            [],
            marker="X",
            linestyle="",
            color=FAILED_COLOUR,
            markersize=6,
            markeredgecolor="white",
            markeredgewidth=0.4,
            label="a failed run",
        )
    ]
    figure.legend(handles=handles, loc="outside lower center")
    return figure


def _panel(ax, runs: pd.DataFrame, inits: list[int], orders: list[int], norm: Normalize, printed: bool) -> None:
    grid = (100 * runs.pivot(index="init_seed", columns="order_seed", values="score")).reindex(inits, columns=orders)
    failed = set(zip(*(runs.loc[runs["degenerate"], name] for name in ("init_seed", "order_seed")), strict=True))
    right, below = len(orders) + GAP, len(inits) + GAP
    marks = []
    for i, init in enumerate(inits):
        for j, order in enumerate(orders):
            has_failed = (init, order) in failed
            _cell(ax, j, i, grid.at[init, order], norm, printed, edge=FAILED_COLOUR if has_failed else "white")
            if has_failed:
                marks.append((j + 0.8, i + 0.2) if printed else (j + 0.5, i + 0.5))
        _cell(ax, right, i, grid.loc[init].mean(), norm, printed, edge=None)
    for j, order in enumerate(orders):
        _cell(ax, j, below, grid[order].mean(), norm, printed, edge=None)
    marker = {"markersize": 4, "markeredgecolor": "white", "markeredgewidth": 0.3}
    ax.plot([x for x, _ in marks], [y for _, y in marks], "X", color=FAILED_COLOUR, zorder=4, **marker)
    ax.set_xlim(-0.05, right + 1.05)
    ax.set_ylim(below + 1.05, -0.05)
    ax.set_aspect("equal")
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.tick_params(length=0, labelsize=7)
    step = 1 if printed else max(1, max(len(inits), len(orders)) // 10)
    ax.set_xticks([*(np.arange(len(orders))[::step] + 0.5), right + 0.5], [*orders[::step], "mean"])
    ax.set_yticks([*(np.arange(len(inits))[::step] + 0.5), below + 0.5], [*inits[::step], "mean"])


def _cell(ax, x: float, y: float, value: float, norm: Normalize, printed: bool, edge: str | None) -> None:
    is_known = not np.isnan(value)
    face = MAP(float(norm(value))) if is_known else "#eeeeee"
    is_failed = edge == FAILED_COLOUR
    inset = 0.06 if is_failed else 0
    style = {"facecolor": face, "edgecolor": edge or "none", "linewidth": 1.6 if is_failed else 0.5}
    ax.add_patch(
        Rectangle((x + inset, y + inset), 1 - 2 * inset, 1 - 2 * inset, zorder=3 if is_failed else 2, **style)
    )
    if printed:
        colour = "black" if not is_known or norm(value) > 0.6 else "white"
        text = f"{value:.1f}" if is_known else "–"
        ax.text(x + 0.5, y + 0.55, text, ha="center", va="center", fontsize=6, color=colour, zorder=5)
