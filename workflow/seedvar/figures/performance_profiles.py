"""How large a share of runs scores above each level, over all tasks (Agarwal et al. 2021)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from seedvar.figures.style import MOST_BANDS, arm_styles, in_order, legend_below
from seedvar.words import all_titles


def numbers(runs: pd.DataFrame, profiles: pd.DataFrame) -> pd.DataFrame:
    """Takes profiles.csv (`arm`, `tau`, `share`, `low`, `high`) and says of which `tasks` it is."""
    return profiles.assign(tasks=all_titles(runs["task"]))


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws one line an arm with its pointwise 95 % interval."""
    arms = in_order(numbers["arm"])
    styles = arm_styles(arms)
    figure, ax = plt.subplots(figsize=(5.2, 3.4), layout="constrained")
    for arm in arms:
        rows = numbers[numbers["arm"] == arm]
        ax.plot(rows["tau"], 100 * rows["share"], label=arm, **styles[arm])
        if len(arms) <= MOST_BANDS:
            ax.fill_between(
                rows["tau"], 100 * rows["low"], 100 * rows["high"], color=styles[arm]["color"], alpha=0.13, linewidth=0
            )
    ax.set_title(numbers["tasks"].iloc[0], wrap=True)
    ax.axvline(0, linestyle="--", color="#333333", linewidth=1)
    ax.set_xlabel("normalised score τ (0: trivial predictor, 1: perfect)")
    ax.set_ylabel("runs that score above τ (%)")
    legend_below(figure, ax)
    return figure
