"""Gradient norms and distances block by block (Mosbach et al. 2021, Fig. 4; Zhang et al. 2021, Fig. 7)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from seedvar.figures import arm_colours, task_title
from seedvar.figures.curves import LINE_STYLES, draw_band

KEYS = ["task", "arm", "init_seed", "order_seed"]


def draw_gradient_norms(runs: pd.DataFrame, diagnostics: pd.DataFrame) -> Figure:
    """Draws the gradient norm of every block over training, failed runs above, the others below.

    Args:
        runs: The runs table (see `collect.py`).
        diagnostics: The diagnostics table: `methods.diagnostics` with the keys of the runs.

    Returns:
        The figure: one column a task. Each line is a block, dark at the bottom of the network, the
        geometric mean over runs of all arms of its gradient norm before clipping, on a
        logarithmic scale.
    """
    norms = diagnostics[diagnostics["quantity"] == "gradient_norm"]
    of_block = (
        norms.assign(value=norms["value"] ** 2).groupby([*KEYS, "update", "block"], sort=False)["value"].sum() ** 0.5
    )
    table = of_block.reset_index().merge(runs[[*KEYS, "degenerate"]], on=KEYS)
    tasks, blocks = list(runs["task"].unique()), list(norms["block"].unique())
    shades = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(blocks)))
    figure, axes = plt.subplots(
        2,
        len(tasks),
        figsize=(2.6 * len(tasks) + 1.4, 5.0),
        squeeze=False,
        sharex=True,
        sharey=True,
        layout="constrained",
    )
    for column, task in enumerate(tasks):
        for ax, failed in zip(axes[:, column], (True, False), strict=True):
            rows = table[(table["task"] == task) & (table["degenerate"] == failed)]
            n_runs = len(rows.drop_duplicates(KEYS))
            for block, shade in zip(blocks, shades, strict=True):
                means = np.log(rows[rows["block"] == block].set_index("update")["value"].clip(lower=1e-12))
                means = np.exp(means.groupby(level=0).mean())
                ax.plot(means.index, means, color=shade, label=block, linewidth=1.1)
            ax.set_yscale("log")
            ax.set_title(f"{task_title(task)}\n{n_runs} {'failed' if failed else 'other'} runs")
            if n_runs == 0:
                ax.text(0.5, 0.5, "no run", transform=ax.transAxes, ha="center")
        axes[1, column].set_xlabel("updates")
    for ax in axes[:, 0]:
        ax.set_ylabel("gradient norm before clipping")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right center")
    return figure


def draw_weight_distance(runs: pd.DataFrame, diagnostics: pd.DataFrame) -> Figure:
    """Draws how far every block is from its starting weights at the end of training.

    Args:
        runs: The runs table, for the order of tasks and arms.
        diagnostics: The diagnostics table.

    Returns:
        The figure: one panel a task, one line an arm with the mean and the range over all its
        runs, failed ones too.
    """
    distances = diagnostics[diagnostics["quantity"] == "distance"]
    last = distances[distances["update"] == distances.groupby(KEYS)["update"].transform("max")]
    tasks, arms, blocks = (list(table.unique()) for table in (runs["task"], runs["arm"], last["block"]))
    colours = arm_colours(arms)
    figure, axes = plt.subplots(
        1, len(tasks), figsize=(2.8 * len(tasks) + 0.6, 3.4), squeeze=False, sharey=True, layout="constrained"
    )
    for ax, task in zip(axes[0], tasks, strict=True):
        for number, arm in enumerate(arms):
            rows = last[(last["task"] == task) & (last["arm"] == arm)]
            places = rows["block"].map(blocks.index)
            style = {"color": colours[arm], "linestyle": LINE_STYLES[number % len(LINE_STYLES)]}
            draw_band(ax, rows["value"].groupby(places), style, arm)
        ax.set_title(task_title(task))
        ax.set_xticks(range(len(blocks)), blocks, rotation=90)
    axes[0, 0].set_ylabel("L2 distance from the start")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=min(4, len(arms)))
    return figure
