"""Scores against the number of re-initialised layers (Zhang et al. 2021, Figs. 5 and 13)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from seedvar.figures import score_label
from seedvar.figures.panels import (
    count_failed,
    draw_box,
    draw_majority,
    draw_runs,
    families,
    legend_that_fits,
    run_handles,
    task_panels,
    with_several,
)
from seedvar.figures.style import KEYS, arm_colours, in_order
from seedvar.stats.describe import fill_undefined

FIELDS = ["reinit_layers", "reinit_pooler"]


def numbers(runs: pd.DataFrame) -> pd.DataFrame:
    """Picks the arms that differ in their re-initialised layers and in nothing else.

    Returns:
        One row a run: its `depth`, which is `standard`, `pooler` or a number of layers (and the
        pooler), the `family` of arms that differ in depth alone, and its score.
    """
    runs = fill_undefined(runs)
    layers, pooler = runs["reinit_layers"].astype(int), runs["reinit_pooler"].astype(bool)
    depth = layers.astype(str).where(layers > 0, pooler.map({True: "pooler", False: "standard"}))
    family = families(runs, FIELDS)
    table = runs[[*KEYS, "metric", "split", "score", "majority", "degenerate"]].assign(family=family, depth=depth)
    return table[with_several(table, family, "depth")].reset_index(drop=True)


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws one panel a task: a box and points for each depth and, side by side, each family."""
    numbers = numbers.assign(depth=numbers["depth"].astype(str))
    tasks, names = in_order(numbers["task"]), in_order(numbers["family"])
    depths = sorted(numbers["depth"].unique(), key=lambda depth: {"standard": -2, "pooler": -1}.get(depth) or int(depth))
    colours = arm_colours(names)
    figure, axes = task_panels(tasks, max(3.2, 0.42 * len(depths) * len(names) + 0.9), 2.8)
    for ax, task in zip(axes, tasks, strict=True):
        _panel(ax, numbers[numbers["task"] == task], depths, colours)
    handles = run_handles(counted=True)
    if len(names) > 1:
        handles += [Patch(facecolor=colours[name], alpha=0.4, label=name) for name in names]
    legend_that_fits(figure, handles)
    return figure


def _panel(ax, runs: pd.DataFrame, depths: list[str], colours: dict[str, str]) -> None:
    rng = np.random.default_rng(0)  # jitter, the same in every drawing
    width = 0.8 / len(colours)
    positions, counts = [], []
    for i, depth in enumerate(depths):
        for j, (name, colour) in enumerate(colours.items()):
            group = runs[(runs["depth"] == depth) & (runs["family"] == name)]
            if group.empty:
                continue
            position = i + width * (j - (len(colours) - 1) / 2)
            scores, failed = 100 * group["score"].to_numpy(), group["degenerate"].to_numpy(bool)
            draw_box(ax, scores, position, 0.75 * width, colour)
            draw_runs(ax, position + width * rng.uniform(-0.25, 0.25, len(scores)), scores, failed, colour)
            positions.append(position)
            counts.append((int(failed.sum()), len(failed)))
    draw_majority(ax, runs)
    ax.set_xticks(range(len(depths)), depths)
    ax.set_xlim(-0.6, len(depths) - 0.4)
    count_failed(ax, positions, counts)
    ax.set_xlabel("re-initialised layers, from the top")
    ax.set_ylabel(score_label(runs["metric"].iloc[0], runs["split"].iloc[0]))
