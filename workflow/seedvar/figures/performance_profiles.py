"""How large a share of runs scores above each level, over all tasks (Agarwal et al. 2021)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from seedvar.figures.style import (
    GREY,
    MOST_BANDS,
    PAGE,
    arm_colours,
    arm_styles,
    in_order,
    legend_below,
    note,
    rows_of_multiples,
    small_multiples,
)
from seedvar.words import all_titles

LEVEL, SHARE = "normalised score τ (0: trivial predictor, 1: perfect)", "runs that score above τ (%)"


def numbers(runs: pd.DataFrame, profiles: pd.DataFrame) -> pd.DataFrame:
    """Takes profiles.csv (`arm`, `tau`, `share`, `low`, `high`) and says of which `tasks` it is."""
    return profiles.assign(tasks=all_titles(runs["task"]))


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws one line an arm with its pointwise 95 % interval; of many arms each has a panel, the others in grey."""
    arms = in_order(numbers["arm"])
    if not arms:
        return note("no task has a normalised score")
    if len(arms) > MOST_BANDS:
        return _small_multiples(numbers, arms)
    styles = arm_styles(arms)
    figure, ax = plt.subplots(figsize=(5.2, 3.4), layout="constrained")
    for arm in arms:
        rows = numbers[numbers["arm"] == arm]
        ax.plot(rows["tau"], 100 * rows["share"], label=arm, **styles[arm])
        _band(ax, rows, styles[arm]["color"])
    ax.set_title(numbers["tasks"].iloc[0], wrap=True)
    ax.axvline(0, linestyle="--", color="#333333", linewidth=1)
    ax.set_xlabel(LEVEL)
    ax.set_ylabel(SHARE)
    legend_below(figure, ax)
    return figure


def _small_multiples(numbers: pd.DataFrame, arms: list[str]) -> Figure:
    colours = arm_colours(arms)
    figure = plt.figure(figsize=(PAGE, 1.25 * rows_of_multiples(arms) + 0.7), layout="constrained")
    for ax, arm in zip(small_multiples(figure, arms), arms, strict=True):
        for other in arms:
            rows = numbers[numbers["arm"] == other]
            if other != arm:
                ax.plot(rows["tau"], 100 * rows["share"], color=GREY, linewidth=0.5)
        rows = numbers[numbers["arm"] == arm]
        ax.plot(rows["tau"], 100 * rows["share"], color=colours[arm])
        _band(ax, rows, colours[arm])
        ax.axvline(0, linestyle="--", color="#333333", linewidth=0.7)
    figure.suptitle(numbers["tasks"].iloc[0], wrap=True, fontsize=9)
    figure.supxlabel(LEVEL, fontsize=8)
    figure.supylabel(SHARE, fontsize=8)
    return figure


def _band(ax, rows: pd.DataFrame, colour: str) -> None:
    ax.fill_between(rows["tau"], 100 * rows["low"], 100 * rows["high"], color=colour, alpha=0.13, linewidth=0)
