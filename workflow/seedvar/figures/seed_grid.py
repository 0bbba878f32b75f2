"""Initialisation seeds against order seeds (Zhang et al. 2021, Fig. 9)."""

from __future__ import annotations

import pandas as pd
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from seedvar.figures import score_label, task_title
from seedvar.figures.style import FAILED_COLOUR, KEYS, in_order, panels

MOST_PRINTED = 12  # seeds a side up to which scores are printed in their cells


def numbers(runs: pd.DataFrame) -> pd.DataFrame:
    """Picks scores and failures out of the runs table."""
    return runs[[*KEYS, "metric", "split", "score", "degenerate"]]


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws one heat map a task and arm: a row an initialisation seed, a column an order seed, failed runs framed."""
    pairs = numbers[["task", "arm"]].drop_duplicates().to_numpy().tolist()
    first = numbers[(numbers["task"] == pairs[0][0]) & (numbers["arm"] == pairs[0][1])]
    n_orders, n_inits = first["order_seed"].nunique(), first["init_seed"].nunique()
    columns = max(1, min(4, 28 // max(6, n_orders)))
    figure, axes = panels(len(pairs), max(2.2, 0.4 * n_orders + 1.0), max(1.9, 0.36 * n_inits + 1.1), columns=columns)
    for task in in_order(numbers["task"]):
        of_task = numbers[numbers["task"] == task]
        norm = Normalize(100 * of_task["score"].min(), 100 * of_task["score"].max())
        shown = [(ax, arm) for ax, (t, arm) in zip(axes, pairs, strict=True) if t == task]
        for ax, arm in shown:
            image = _panel(ax, of_task[of_task["arm"] == arm], norm)
            ax.set_title(f"{task_title(task)}\n{arm}")
        label = score_label(of_task["metric"].iloc[0], of_task["split"].iloc[0])
        figure.colorbar(image, ax=[ax for ax, _ in shown], label=label, shrink=0.8)
    return figure


def _panel(ax, rows: pd.DataFrame, norm: Normalize):
    grid = 100 * rows.pivot(index="init_seed", columns="order_seed", values="score")
    failed = rows.pivot(index="init_seed", columns="order_seed", values="degenerate").reindex_like(grid)
    image = ax.imshow(grid, cmap="viridis", norm=norm, aspect="auto")
    for i in range(grid.shape[0]):
        for j in range(grid.shape[1]):
            if failed.iloc[i, j] == True:  # noqa: E712, a missing run is NaN
                ax.plot(j, i, "X", color=FAILED_COLOUR, markeredgecolor="white", markersize=9)
            elif max(grid.shape) <= MOST_PRINTED and pd.notna(grid.iloc[i, j]):
                dark = norm(grid.iloc[i, j]) < 0.6
                ax.text(
                    j,
                    i,
                    f"{grid.iloc[i, j]:.0f}",
                    ha="center",
                    va="center",
                    fontsize=7,
                    color="white" if dark else "black",
                )
    by_order, by_init = grid.mean(axis=0), grid.mean(axis=1)
    few = max(grid.shape) <= MOST_PRINTED
    ax.set_xticks(range(grid.shape[1]), [f"{o}\n({m:.0f})" if few else o for o, m in by_order.items()])
    ax.set_yticks(range(grid.shape[0]), [f"{i} ({m:.0f})" if few else i for i, m in by_init.items()])
    ax.set_xlabel("order seed")
    ax.set_ylabel("initialisation seed")
    ax.grid(visible=False)
    return image
