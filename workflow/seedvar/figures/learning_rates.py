"""Scores by learning rate, bias correction and length of training (Mosbach et al. 2021, Figs. 5 and 9)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from seedvar.figures import score_label, task_title
from seedvar.figures.panels import (
    count_failed,
    draw_box,
    draw_majority,
    draw_runs,
    families,
    legend_that_fits,
    run_handles,
    with_several,
)
from seedvar.figures.style import KEYS, arm_colours, in_order
from seedvar.stats.describe import fill_undefined

CORRECTED = {"bertadam": "no bias correction", "adamw": "bias correction", "torch-adamw": "bias correction"}


def numbers(runs: pd.DataFrame) -> pd.DataFrame:
    """Picks the arms that differ in learning rate, optimizer and length, and in nothing else.

    Returns:
        One row a run: its `learning_rate`, the `length` of training in words, the `family` of arms
        that differ in these two alone, the `optimizer`, and its score.
    """
    runs = fill_undefined(runs)
    steps = runs["steps"] if "steps" in runs else pd.Series(np.nan, runs.index)
    updates = runs.groupby(["task", "arm"])["updates"].transform("max").astype(int)
    length = runs["epochs"].map(lambda n: f"{n} epoch{'s' if n > 1 else ''}")
    length = length.where(steps.isna(), updates.map(lambda n: f"{n:,} updates"))
    ours = ["learning_rate", "epochs", "steps"]
    columns = [*KEYS, "metric", "split", "optimizer", "learning_rate", "score", "majority", "degenerate"]
    table = runs[columns].assign(family=families(runs, ours), length=length, updates=updates)
    shown = with_several(table, families(runs, [*ours, "optimizer"]), "learning_rate")
    # From the shortest training to the longest, arms in the study's order.
    order = table["updates"].groupby(table["length"]).transform("min").rename("order")
    return table[shown].assign(order=order).sort_values("order", kind="stable").drop(columns=["order", "updates"])


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws one row a task and one column a length: boxes and points over the learning rates."""
    tasks, lengths, names = (in_order(numbers[name]) for name in ("task", "length", "family"))
    rates = sorted(numbers["learning_rate"].unique())
    optimizers = numbers.drop_duplicates("family").set_index("family")["optimizer"]
    colours = arm_colours(names)
    width = max(2.4, 0.36 * len(rates) * len(names) + 0.3)
    figure, axes = plt.subplots(
        len(tasks),
        len(lengths),
        figsize=(width * len(lengths) + 0.6, 2.5 * len(tasks) + 0.6),
        squeeze=False,
        sharey="row",
        layout="constrained",
    )
    for row, task in zip(axes, tasks, strict=True):
        of_task = numbers[numbers["task"] == task]
        drawn = [_panel(ax, of_task[of_task["length"] == n], rates, colours) for ax, n in zip(row, lengths, strict=True)]
        for ax, length in zip(row, lengths, strict=True):
            draw_majority(ax, of_task)
            ax.set_title(f"{task_title(task)}, {length}")
        # The row has one y axis: make room below only once.
        low = row[0].get_ylim()
        for ax, (positions, counts) in zip(row, drawn, strict=True):
            row[0].set_ylim(low)
            count_failed(ax, positions, counts)
        row[0].set_ylabel(score_label(of_task["metric"].iloc[0], of_task["split"].iloc[0]))
    for ax in axes[-1]:
        ax.set_xlabel("learning rate")
    labels = {name: f"{name} ({CORRECTED.get(optimizers[name], optimizers[name])})" for name in names}
    boxes = [Patch(facecolor=colours[name], alpha=0.4, label=labels[name]) for name in names]
    legend_that_fits(figure, [*run_handles(counted=True), *boxes])
    return figure


def _panel(ax, runs: pd.DataFrame, rates: list[float], colours: dict[str, str]) -> tuple[list, list]:
    """Draws a panel; returns where there are boxes, and how many of their runs (failed, all)."""
    rng = np.random.default_rng(0)  # jitter, the same in every drawing
    width = 0.8 / len(colours)
    positions, counts = [], []
    for i, rate in enumerate(rates):
        for j, (name, colour) in enumerate(colours.items()):
            group = runs[(runs["learning_rate"] == rate) & (runs["family"] == name)]
            if group.empty:
                continue
            position = i + width * (j - (len(colours) - 1) / 2)
            scores, failed = 100 * group["score"].to_numpy(), group["degenerate"].to_numpy(bool)
            draw_box(ax, scores, position, 0.75 * width, colour)
            draw_runs(ax, position + width * rng.uniform(-0.25, 0.25, len(scores)), scores, failed, colour)
            positions.append(position)
            counts.append((int(failed.sum()), len(failed)))
    if not positions:
        ax.text(0.5, 0.5, "no run", transform=ax.transAxes, ha="center")
    ax.set_xticks(range(len(rates)), [f"{rate:.2g}".replace("e-0", "e-") for rate in rates])
    ax.set_xlim(-0.6, len(rates) - 0.4)
    return positions, counts
