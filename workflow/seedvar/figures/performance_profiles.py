"""The share of runs that score above each level, over all tasks (Agarwal et al. 2021)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from seedvar.figures.panels import MOST_BANDS, REFERENCE_COLOUR, legend_that_fits
from seedvar.figures.style import arm_styles, in_order


def numbers(profiles: pd.DataFrame) -> pd.DataFrame:
    """Takes the table of `stats.aggregate.performance_profile` as it is: one row an arm and level `tau`."""
    return profiles


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws a line an arm, with its band; more than a few arms get lines alone."""
    arms = in_order(numbers["arm"])
    styles = arm_styles(arms)
    figure, ax = plt.subplots(figsize=(5.2, 3.4), layout="constrained")
    for arm in arms:
        rows = numbers[numbers["arm"] == arm].sort_values("tau")
        ax.plot(rows["tau"], rows["share"], label=arm, **styles[arm])
        if len(arms) <= MOST_BANDS:
            band = {"color": styles[arm]["color"], "alpha": 0.15, "linewidth": 0}
            ax.fill_between(rows["tau"], rows["low"], rows["high"], **band)
    ax.axvline(0, linestyle="--", color=REFERENCE_COLOUR, linewidth=1, zorder=1)
    ax.set_ylim(-0.02, 1.02)
    ax.set_xlabel("normalised score τ (0: majority score, 1: perfect)")
    ax.set_ylabel("share of runs with score > τ")
    if arms:
        legend_that_fits(figure, ax.get_legend_handles_labels()[0])
    return figure
