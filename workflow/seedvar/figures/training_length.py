"""Scores against the length of training (Zhang et al. 2021, Figs. 8 and 14; Mosbach et al. 2021, Fig. 3)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from seedvar.figures import score_label
from seedvar.figures.panels import (
    POINT,
    draw_majority,
    families,
    legend_that_fits,
    run_handles,
    task_panels,
    with_several,
)
from seedvar.figures.style import FAILED_COLOUR, KEYS, arm_styles, in_order
from seedvar.stats.describe import fill_undefined

FIELDS = ["epochs", "steps"]
MARKERS = "osD^vP<>"
CLOSEST = 0.08  # of the width of a panel, between the labels of two lengths


def numbers(runs: pd.DataFrame) -> pd.DataFrame:
    """Picks the arms that differ in their length and, at most, in the number of training examples.

    Returns:
        One row a run: the `length` of its arm in updates, also where the run ended early; the
        `family` of arms that differ in length alone; and its score.
    """
    runs = fill_undefined(runs)
    length = runs.groupby(["task", "arm"])["updates"].transform("max")
    table = runs[[*KEYS, "metric", "split", "score", "majority", "degenerate"]]
    table = table.assign(family=families(runs, FIELDS), length=length)
    return table[with_several(table, families(runs, [*FIELDS, "n_train"]), "length")].reset_index(drop=True)


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws one panel a task: a line a family through the means, bars from the lowest to the highest run."""
    tasks, names = in_order(numbers["task"]), in_order(numbers["family"])
    styles = arm_styles(names)
    figure, axes = task_panels(tasks, 3.4, 2.7)
    for ax, task in zip(axes, tasks, strict=True):
        _panel(ax, numbers[numbers["task"] == task], styles)
    lines = [
        Line2D([], [], marker=MARKERS[i % len(MARKERS)], markersize=4, label=f"{name}: mean and range", **styles[name])
        for i, name in enumerate(names)
    ]
    legend_that_fits(figure, [*lines, *run_handles()[1:]])
    return figure


def _panel(ax, runs: pd.DataFrame, styles: dict[str, dict]) -> None:
    lengths = np.sort(runs["length"].unique()).astype(float)
    for i, (name, style) in enumerate(styles.items()):
        of_family = runs[runs["family"] == name]
        if of_family.empty:
            continue
        shift = 1.035 ** (i - (len(styles) - 1) / 2)  # families side by side
        scores = (100 * of_family["score"]).groupby(of_family["length"]).agg(["mean", "min", "max"])
        spread = [scores["mean"] - scores["min"], scores["max"] - scores["mean"]]
        marks = {"marker": MARKERS[i % len(MARKERS)], "markersize": 4, "elinewidth": 0.9, "capsize": 2}
        ax.errorbar(scores.index * shift, scores["mean"], yerr=spread, **marks, **style)
        failed = of_family[of_family["degenerate"]]
        ax.plot(failed["length"] * shift, 100 * failed["score"], "X", color=FAILED_COLOUR, markersize=6, **POINT)
    draw_majority(ax, runs)
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator(_apart(lengths)))
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlim(lengths[0] / 1.25, lengths[-1] * 1.25)
    ax.set_xlabel("updates")
    ax.set_ylabel(score_label(runs["metric"].iloc[0], runs["split"].iloc[0]))


def _apart(lengths: np.ndarray) -> list[float]:
    """Picks the lengths whose labels do not touch, the longest first."""
    places = np.log(lengths) / max(np.log(lengths[-1] / lengths[0]), 1e-9)
    kept: list[int] = []
    for i in reversed(range(len(lengths))):
        if not kept or places[kept[-1]] - places[i] > CLOSEST:
            kept.append(i)
    return [lengths[i] for i in reversed(kept)]
