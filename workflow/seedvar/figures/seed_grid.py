"""Initialisation seeds against order seeds (Zhang et al. 2021, Fig. 9)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from seedvar.data.shown import factor, higher_is_better, score_label
from seedvar.figures.style import FAILED_COLOUR, PAGE, in_order
from seedvar.words import KEYS, task_title

MARGIN = 1.0  # inches, for the labels and the scale of colours
MOST_PRINTED = 12  # seeds a side up to which scores and means are printed
MEAN, SD = "mean", "SD"


def numbers(runs: pd.DataFrame) -> pd.DataFrame:
    """Picks scores and failures out of the runs table."""
    return runs[[*KEYS, "metric", "split", "score", "degenerate"]]


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws one heat map a task and arm: a row an initialisation seed, a column an order seed, failed runs crossed."""
    pairs = [tuple(pair) for pair in numbers[["task", "arm"]].drop_duplicates().to_numpy()]
    n_orders, n_inits = numbers["order_seed"].nunique(), numbers["init_seed"].nunique()
    columns = int((PAGE - MARGIN) / _width(n_orders))
    columns = max(1, min(columns, max(sum(t == task for t, _ in pairs) for task, _ in pairs)))
    tasks = in_order(numbers["task"])
    figure = plt.figure(layout="constrained", figsize=_size(pairs, columns, n_orders, n_inits))
    parts = figure.subfigures(len(tasks), 1, squeeze=False, height_ratios=[_rows(pairs, t, columns) for t in tasks])
    for part, task in zip(parts[:, 0], tasks, strict=True):
        of_task = numbers[numbers["task"] == task]
        arms = [arm for t, arm in pairs if t == task]
        axes = part.subplots(_rows(pairs, task, columns), columns, squeeze=False, sharex=True, sharey=True).ravel()
        inits, orders = (sorted(in_order(of_task[seed])) for seed in ("init_seed", "order_seed"))
        scale = factor(of_task["metric"].iloc[0])
        norm = Normalize(scale * of_task["score"].min(), scale * of_task["score"].max())
        for ax, arm in zip(axes, arms, strict=False):
            up = higher_is_better(of_task["metric"].iloc[0])
            image = _panel(ax, of_task[of_task["arm"] == arm], inits, orders, norm, scale, up)
            ax.set_title(arm, fontsize=7)
        for ax in axes[len(arms) :]:
            ax.set_axis_off()
        label = score_label(of_task["metric"].iloc[0], of_task["split"].iloc[0])
        part.colorbar(image, ax=list(part.axes), label=label, aspect=30)
        part.suptitle(task_title(task), fontsize=9)
        part.supxlabel("order seed", fontsize=7.5)
        part.supylabel("initialisation seed", fontsize=7.5)
    return figure


def _rows(pairs: list[tuple[str, str]], task: str, columns: int) -> int:
    return -(-sum(t == task for t, _ in pairs) // columns)


def _size(pairs: list[tuple[str, str]], columns: int, n_orders: int, n_inits: int) -> tuple[float, float]:
    rows = sum(_rows(pairs, task, columns) for task in dict.fromkeys(t for t, _ in pairs))
    tasks = len({t for t, _ in pairs})
    height = max(1.0, 0.21 * (n_inits + 2) + 0.5)
    return min(PAGE, columns * _width(n_orders) + MARGIN), rows * height + 0.7 * tasks


def _width(n_orders: int) -> float:
    """Returns the width of a grid in inches."""
    return max(1.15, 0.21 * (n_orders + 2) + 0.3)


def _panel(ax, rows: pd.DataFrame, inits: list, orders: list, norm: Normalize, scale: int, up: bool):
    grid = scale * rows.pivot(index="init_seed", columns="order_seed", values="score").reindex(inits, columns=orders)
    failed = rows.pivot(index="init_seed", columns="order_seed", values="degenerate").reindex_like(grid)
    few = max(grid.shape) <= MOST_PRINTED
    best = grid.eq(grid.max(axis=1), axis=0) if up else grid.eq(grid.min(axis=1), axis=0)
    sds = pd.DataFrame(np.nan, [*inits, MEAN, SD], [*orders, MEAN, SD])
    if few:
        whole = grid.stack().mean()
        sds.loc[inits, SD], sds.loc[SD, orders] = grid.std(axis=1), grid.std(axis=0)
        grid[MEAN] = grid.mean(axis=1)
        grid.loc[MEAN] = grid.mean(axis=0)
        grid.loc[MEAN, MEAN] = whole
        grid[SD], grid.loc[SD] = np.nan, np.nan  # no score: it has no colour
        for line, at in ((ax.axhline, len(inits)), (ax.axvline, len(orders))):
            line(at - 0.5, color="white", linewidth=3)
    image = ax.imshow(grid, cmap="viridis", norm=norm, aspect="auto")
    for i, j in np.ndindex(*grid.shape):
        value, sd = grid.iloc[i, j], sds.iloc[i, j] if few else np.nan
        if i < len(inits) and j < len(orders) and failed.iloc[i, j] == True:  # noqa: E712, a missing run is NaN
            ax.plot(j, i, "X", color=FAILED_COLOUR, markeredgecolor="white", markersize=6)
        elif few and pd.notna(value) or pd.notna(sd):
            is_best = i < len(inits) and j < len(orders) and best.iloc[i, j]
            ax.text(
                j,
                i,
                _printed(sd, scale, 1) if pd.notna(sd) else _printed(value, scale, 0),
                ha="center",
                va="center",
                fontsize=6,
                weight="bold" if is_best else "normal",
                color="black" if pd.notna(sd) or norm(value) >= 0.6 else "white",
            )
    ax.set_xticks(range(grid.shape[1]), grid.columns, rotation=90 if few else 0, fontsize=6)
    ax.set_yticks(range(grid.shape[0]), grid.index, fontsize=6)
    ax.tick_params(length=2, pad=1.5)
    ax.grid(visible=False)
    return image


def _printed(value: float, scale: int, decimals: int) -> str:
    return f"{value:.{decimals}f}" if scale == 100 else f"{value:.2g}"
