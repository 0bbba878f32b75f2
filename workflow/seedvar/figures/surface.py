"""Training loss and gradient norm on the plane through three points (Mosbach et al. 2021, Fig. 7)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from seedvar.data.shown import loss_label
from seedvar.figures.style import PAGE
from seedvar.words import task_title

LEVELS = 18  # contours


def numbers(runs: pd.DataFrame, surface: pd.DataFrame) -> pd.DataFrame:
    """Says of the two runs that span the plane whether they failed: `first_failed`, `second_failed`."""
    numbers = surface.copy()
    for run in ("first", "second"):
        of_run = runs[
            (runs["task"] == surface["task"].iloc[0])
            & (runs["arm"] == surface[f"{run}_arm"].iloc[0])
            & (runs["init_seed"] == surface[f"{run}_init_seed"].iloc[0])
            & (runs["order_seed"] == surface[f"{run}_order_seed"].iloc[0])
        ]
        numbers[f"{run}_failed"] = bool(of_run["degenerate"].iloc[0])
    numbers["metric"] = of_run["metric"].iloc[0]
    return numbers


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws loss and gradient norm as contours on a logarithmic scale, with the three points marked."""
    figure, axes = plt.subplots(1, 2, figsize=(PAGE, 3.2), layout="constrained", sharey=True)
    about = numbers.iloc[0]
    for ax, quantity, label in zip(
        axes, ("loss", "gradient_norm"), (loss_label(about["metric"]), "gradient norm"), strict=True
    ):
        grid = numbers.pivot(index="b", columns="a", values=quantity)
        low, high = float(grid.min().min()), float(grid.max().max())
        norm = LogNorm(max(low, 1e-12), max(high, 1e-11))
        levels = np.geomspace(norm.vmin, norm.vmax * 1.0001, LEVELS)
        filled = ax.contourf(grid.columns, grid.index, grid, levels, cmap="viridis", norm=norm)
        figure.colorbar(filled, ax=ax, label=label, format="%.2g")
        for (a, b), name, marker in (
            ((0, 0), "start", "o"),
            ((1, 0), _name(about, "first"), "X" if about["first_failed"] else "s"),
            ((0, 1), _name(about, "second"), "X" if about["second_failed"] else "s"),
        ):
            ax.plot(a, b, marker, color="white", markeredgecolor="black", markersize=8, linestyle="")
            ax.annotate(
                name,
                (a, b),
                xytext=(-7, 6) if a else (7, 6) if b else (7, -6),
                horizontalalignment="right" if a else "left",
                verticalalignment="bottom" if a or b else "top",
                textcoords="offset points",
                fontsize=7,
                bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 1},
            )
        ax.xaxis.set_major_locator(MultipleLocator(0.5))
        ax.set_xlabel("towards the first run")
        ax.grid(visible=False)
    axes[0].set_ylabel("towards the second run")
    figure.suptitle(task_title(about["task"]), fontsize=9)
    return figure


def _name(about: pd.Series, run: str) -> str:
    seeds = (about[f"{run}_init_seed"], about[f"{run}_order_seed"])
    seed = str(seeds[0]) if seeds[0] == seeds[1] else f"{seeds[0]}/{seeds[1]}"
    return f"{about[f'{run}_arm']}, seed {seed}{' (failed)' if about[f'{run}_failed'] else ''}"
