"""Every arm over all tasks: its mean, and how likely a run of it beats one of the baseline (Agarwal et al. 2021)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from seedvar.figures.style import PAGE, legend_below, note
from seedvar.words import all_titles


def numbers(runs: pd.DataFrame, aggregate: pd.DataFrame, improvement: pd.DataFrame) -> pd.DataFrame:
    """Puts aggregate.csv and improvement.csv side by side, a row an arm, and says of which tasks they are."""
    table = aggregate.rename(columns={"tasks": "n_tasks"})
    against = improvement.drop(columns=["tasks"])
    failed = runs.groupby("arm", sort=False)["degenerate"].sum().rename("failed")
    return table.merge(against, on="arm", how="left").join(failed, on="arm").assign(tasks=all_titles(runs["task"]))


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws a row an arm: on the left mean and interquartile mean, on the right the probability of improvement."""
    if numbers["mean"].isna().all():  # also where there is no row
        return note("no task has a normalised score")
    places = np.arange(len(numbers))
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(PAGE, 0.26 * len(numbers) + 1.5), sharey=True, layout="constrained", width_ratios=[3, 2]
    )
    left.hlines(places, 100 * numbers["mean_low"], 100 * numbers["mean_high"], color="#0072B2", linewidth=1.2)
    left.plot(100 * numbers["mean"], places, "o", color="#0072B2", label="mean of the tasks' means, 95 % interval")
    left.plot(100 * numbers["iqm"], places, "|", color="#333333", markersize=10, label="interquartile mean")
    left.axvline(0, linestyle="--", color="#333333", linewidth=0.8)
    left.set_xlabel("normalised score (0 trivial, 100 perfect)")
    names = (
        f"{row.arm} ({row.runs} runs{f', {row.failed} failed' if row.failed else ''})" for row in numbers.itertuples()
    )
    left.set_yticks(places, names)
    left.set_ylim(len(numbers) - 0.5, -0.5)
    baseline = next(iter(numbers["baseline"].dropna()), "the baseline")
    low, high = (100 * numbers[f"improvement_{end}"] for end in ("low", "high"))
    right.hlines(places, low, high, color="#E69F00", linewidth=1.2)
    right.plot(100 * numbers["improvement"], places, "s", color="#E69F00", markersize=4)
    right.axvline(50, linestyle="--", color="#333333", linewidth=0.8)
    right.set_xlim(0, 100)
    right.set_xlabel(f"a run beats one of {baseline} (%)")
    for ax in (left, right):
        ax.grid(axis="x")
    figure.suptitle(numbers["tasks"].iloc[0], wrap=True, fontsize=9)
    legend_below(figure, left)
    return figure
