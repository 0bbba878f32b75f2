"""The scores of every run: one panel a task, one column an arm (Zhang et al. 2021, Fig. 2)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from seedvar.data.shown import factor, score_label
from seedvar.errors import UserError
from seedvar.figures.style import (
    PAGE,
    arm_colours,
    draw_box,
    draw_runs,
    in_order,
    jitter,
    legend_below,
    panels,
    run_handles,
    turn_names,
)
from seedvar.words import KEYS, task_title

KINDS = ("box", "violin", "points")


def numbers(runs: pd.DataFrame) -> pd.DataFrame:
    """Picks the scores of all runs out of the runs table (see `collect.py`)."""
    return runs[[*KEYS, "metric", "split", "score", "majority", "degenerate"]]


def draw(numbers: pd.DataFrame, kind: str = "box") -> Figure:
    """Draws every seed as a point, failed runs marked by shape and colour.

    The dashed line is the majority score; under each arm stands how many of its runs failed.

    Args:
        numbers: As of `numbers`.
        kind: What is drawn behind the points: a `box` of the quartiles with whiskers of 1.5
            interquartile ranges, a `violin`, or nothing (`points`).

    Raises:
        UserError: Another kind is asked for.
    """
    if kind not in KINDS:
        raise UserError(f"--kind: '{kind}' is not accepted; accepted: {', '.join(KINDS)}")
    tasks, arms = in_order(numbers["task"]), in_order(numbers["arm"])
    colours = arm_colours(arms)
    many = len(arms) > 8
    columns = 1 if many else 2
    figure, axes = panels(len(tasks), 3.2 if many else 2.6, columns)
    for ax, task in zip(axes, tasks, strict=True):
        _panel(ax, numbers[numbers["task"] == task], arms, colours, kind)
        turn_names(ax, PAGE / columns, 90 if many else 30)
        ax.set_title(task_title(task))
    legend_below(figure, handles=run_handles())
    return figure


def _panel(ax, runs: pd.DataFrame, arms: list[str], colours: dict[str, str], kind: str) -> None:
    labels, scale = [], factor(runs["metric"].iloc[0])
    for position, arm in enumerate(arms):
        group = runs[runs["arm"] == arm]
        count = f"failed {int(group['degenerate'].sum())}/{len(group)}" if len(group) else "no run"
        labels.append(f"{arm}{', ' if len(arms) > 8 else chr(10)}{count}")
        if group.empty:
            continue
        scores, failed = scale * group["score"].to_numpy(float), group["degenerate"].to_numpy(bool)
        if kind == "box":
            draw_box(ax, position, scores, colours[arm])
        elif kind == "violin" and np.ptp(scores) > 0:
            for body in ax.violinplot(scores, [position], widths=0.7, showextrema=False)["bodies"]:
                body.set(facecolor=colours[arm], edgecolor=colours[arm], alpha=0.25)
        draw_runs(ax, position + jitter(len(scores)), scores, failed, colours[arm])
    ax.axhline(scale * runs["majority"].iloc[0], linestyle="--", color="#333333", linewidth=1, zorder=1)
    ax.set_xticks(range(len(arms)), labels)
    ax.set_ylabel(score_label(runs["metric"].iloc[0], runs["split"].iloc[0]))
