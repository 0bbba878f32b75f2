"""Final training loss against the score, one point a run (Mosbach et al. 2021, Fig. 8b)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter
from scipy.stats import spearmanr

from seedvar.figures import score_label
from seedvar.figures.panels import draw_majority, draw_runs, legend_that_fits, run_handles, task_panels
from seedvar.figures.style import KEYS, arm_colours, in_order
from seedvar.stats.describe import fill_undefined

SMALLEST = 1e-8  # stands for 0 on a logarithmic scale
MARKERS = "osD^v<>pPh"


def numbers(runs: pd.DataFrame) -> pd.DataFrame:
    """Picks final training losses and scores, and correlates them.

    Returns:
        One row a run. For each task, `spearman` is Spearman's rank correlation of loss and score among its
        `spearman_n` runs, of all arms, that did not fail; NaN for fewer than three or without spread.
    """
    runs = fill_undefined(runs)
    table = runs[[*KEYS, "metric", "split", "score", "majority", "degenerate", "train_loss"]]
    table = table.assign(constant_loss=runs.get("constant_loss", np.nan))
    for task, of_task in table.groupby("task"):
        good = of_task[~of_task["degenerate"] & of_task["train_loss"].notna()]
        is_defined = len(good) > 2 and good["train_loss"].nunique() > 1 and good["score"].nunique() > 1
        rank = spearmanr(good["train_loss"], good["score"]).statistic if is_defined else np.nan
        table.loc[of_task.index, ["spearman", "spearman_n"]] = rank, len(good)
    return table.astype({"spearman_n": int})


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws one panel a task; runs without a loss (they diverged) stand at its right edge."""
    tasks, arms = in_order(numbers["task"]), in_order(numbers["arm"])
    colours = arm_colours(arms)
    markers = {arm: MARKERS[i % len(MARKERS)] for i, arm in enumerate(arms)}
    figure, axes = task_panels(tasks, 3.4, 2.9)
    for ax, task in zip(axes, tasks, strict=True):
        _panel(ax, numbers[numbers["task"] == task], colours, markers)
    arm_handles = [
        Line2D([], [], marker=markers[arm], linestyle="", color=colours[arm], markersize=4, label=arm) for arm in arms
    ]
    constant = Line2D([], [], linestyle=":", color="#333333", label="loss of a constant prediction")
    legend_that_fits(figure, [*arm_handles, *run_handles()[1:], constant])
    return figure


def _panel(ax, runs: pd.DataFrame, colours: dict[str, str], markers: dict[str, str]) -> None:
    losses = runs["train_loss"].clip(lower=SMALLEST)
    known = losses[np.isfinite(losses)]
    low, high = (known.min(), known.max()) if len(known) else (0.1, 1.0)
    edge = high * max(high / low, 10) ** 0.08
    losses = losses.where(np.isfinite(losses), edge)
    for arm, colour in colours.items():
        mine = runs["arm"] == arm
        failed = runs.loc[mine, "degenerate"].to_numpy(bool)
        draw_runs(ax, losses[mine].to_numpy(), 100 * runs.loc[mine, "score"].to_numpy(), failed, colour, markers[arm])
    draw_majority(ax, runs)
    constant = runs["constant_loss"].dropna().unique()
    if len(constant) == 1:
        ax.axvline(constant[0], linestyle=":", color="#333333", linewidth=1, zorder=1)
    ax.set_xscale("log")
    if edge in set(losses):
        ax.text(edge, 1.0, "no loss", transform=ax.get_xaxis_transform(), ha="center", va="bottom", fontsize=7)
    ax.xaxis.set_major_locator(LogLocator(subs=(1,) if high / low > 50 else (1, 2, 5)))
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    metric, rank, n = runs["metric"].iloc[0], runs["spearman"].iloc[0], runs["spearman_n"].iloc[0]
    ax.set_xlabel(f"final training loss ({'squared error' if metric == 'spearman' else 'nats'})")
    ax.set_ylabel(score_label(metric, runs["split"].iloc[0]))
    text = f"ρ = {rank:.2f} (n = {n})" if np.isfinite(rank) else f"ρ not defined (n = {n})"
    box = {"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 1.5}
    ax.text(0.02, 0.03, text, transform=ax.transAxes, fontsize=8, bbox=box)
