"""Panels and marks that several figures share: a grid of tasks, runs as points, failed runs, families of arms."""

from __future__ import annotations

import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from seedvar.figures import task_title
from seedvar.figures.style import FAILED_COLOUR
from seedvar.recipe import Recipe

REFERENCE_COLOUR = "#333333"
MOST_BANDS = 6  # lines whose bands can still be told apart
POINT = {"linestyle": "", "markeredgecolor": "white", "markeredgewidth": 0.4}


def task_panels(tasks: list[str], width: float, height: float, columns: int = 2, **options) -> tuple[Figure, list]:
    """Makes a grid with one panel a task.

    Args:
        tasks: Their names.
        width: Of a panel, in inches.
        height: Of a panel, in inches.
        columns: Panels in a row, at most.
        options: Of `plt.subplots`.

    Returns:
        The figure and a titled panel for each task.
    """
    columns = min(columns, len(tasks))
    n_rows = -(-len(tasks) // columns)
    size = (width * columns, height * n_rows)
    figure, axes = plt.subplots(n_rows, columns, figsize=size, squeeze=False, layout="constrained", **options)
    for ax, task in zip(axes.flat, tasks, strict=False):
        ax.set_title(task_title(task))
    for ax in axes.flat[len(tasks) :]:
        ax.set_axis_off()
    return figure, list(axes.flat[: len(tasks)])


def draw_runs(ax, x: np.ndarray, scores: np.ndarray, failed: np.ndarray, colour: str, marker: str = "o") -> None:
    """Draws a point a run, and a cross in another colour where it failed. All arrays have shape (runs,)."""
    ax.plot(x[~failed], scores[~failed], marker, color=colour, markersize=4, **POINT)
    ax.plot(x[failed], scores[failed], "X", color=FAILED_COLOUR, markersize=6, **POINT)


def draw_box(ax, scores: np.ndarray, position: float, width: float, colour: str) -> None:
    """Draws a box from quartile to quartile, with whiskers of 1.5 interquartile ranges."""
    ax.boxplot(
        scores,
        positions=[position],
        widths=width,
        showfliers=False,
        patch_artist=True,
        manage_ticks=False,
        boxprops={"facecolor": colour, "alpha": 0.25, "edgecolor": colour},
        whiskerprops={"color": colour},
        capprops={"color": colour},
        medianprops={"color": colour, "linewidth": 1.8},
    )


def draw_majority(ax, runs: pd.DataFrame) -> None:
    """Draws the majority score of a task, if it is known."""
    majority = runs["majority"].dropna()
    if len(majority):
        ax.axhline(100 * majority.iloc[0], linestyle="--", color=REFERENCE_COLOUR, linewidth=1, zorder=1)


def count_failed(ax, positions: list[float], counts: list[tuple[int, int]]) -> None:
    """Writes how many runs failed at the foot of a panel, below what is drawn there.

    Args:
        ax: The panel; everything else is drawn.
        positions: On the x axis.
        counts: (failed, all) runs at each.
    """
    if not any(failed for failed, _ in counts):
        return
    low, high = ax.get_ylim()
    ax.set_ylim(low - 0.1 * (high - low), high)
    for position, (failed, n) in zip(positions, counts, strict=True):
        if failed:
            text = {"color": FAILED_COLOUR, "fontsize": 7, "ha": "center", "va": "bottom"}
            ax.text(position, 0.01, f"{failed}/{n}", transform=ax.get_xaxis_transform(), **text)


def run_handles(counted: bool = False) -> list[Line2D]:
    """Returns what the legend says of points, crosses and the majority score."""
    failed = "a failed run (failed/all below)" if counted else "a failed run"
    return [
        Line2D([], [], marker="o", linestyle="", color="#555555", markersize=4, label="a run (one seed)"),
        Line2D([], [], marker="X", linestyle="", color=FAILED_COLOUR, markersize=6, label=failed),
        Line2D([], [], linestyle="--", color=REFERENCE_COLOUR, label="majority score"),
    ]


def legend_that_fits(figure: Figure, handles: list) -> None:
    """Puts a legend below the whole figure, in as many columns as its width has room for."""
    longest = max(len(handle.get_label()) for handle in handles)
    columns = int(figure.get_figwidth() // (0.45 + 0.072 * longest))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(max(1, columns), len(handles)))


def families(runs: pd.DataFrame, varied: list[str]) -> pd.Series:
    """Puts the arms of each task that differ in nothing but some fields of their recipes into families.

    Args:
        runs: The runs table, with the recipes' fields.
        varied: The fields.

    Returns:
        The name of its family for every run: that of the first arm in it, without what the name says
        of the varied fields if anything else remains (`bertadam` for `bertadam+lr1e-5`).
    """
    fields = [name for name in Recipe.model_fields if name in runs and name not in varied]
    mention = "|".join(_mention(name) for name in varied)
    names = {}
    for task, of_task in runs.groupby("task", sort=False):
        arms = of_task.drop_duplicates("arm").set_index("arm")
        recipes = {arm: tuple(map(str, arms.loc[arm, fields])) for arm in arms.index}
        first = {}
        for arm, recipe in recipes.items():
            first.setdefault(recipe, arm)
        short = {arm: _without(arm, mention) for arm in first.values()}
        for arm, recipe in recipes.items():
            name = short[first[recipe]]
            names[task, arm] = name if list(short.values()).count(name) == 1 else first[recipe]
    return pd.Series([names[pair] for pair in zip(runs["task"], runs["arm"], strict=True)], runs.index, dtype=object)


def _mention(field: str) -> str:
    """Returns a pattern of a field in a slug, at the end of a name; of the optimizer, none."""
    about = Recipe.model_fields[field]
    label = (about.json_schema_extra or {}).get("slug")
    value = "" if about.annotation is bool else r"\d[\d.e-]*"
    return rf"[+_-]?{re.escape(label)}{value}$" if label else r"(?!)"


def _without(name: str, mention: str) -> str:
    """Strips mentions of fields off the end of an arm's name, unless nothing remains."""
    while (shorter := re.sub(mention, "", name)) not in ("", name):
        name = shorter
    return name


def with_several(table: pd.DataFrame, family: pd.Series, column: str) -> pd.Series:
    """Says which rows are of a family that has several values of a column on its task; all, if none has."""
    several = table[column].groupby([table["task"], family]).transform("nunique") > 1
    return several if several.any() else pd.Series(True, table.index)
