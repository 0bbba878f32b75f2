"""Every arm against the baseline: differences of means with their intervals, one below the other."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from seedvar.data.shown import factor, score_label
from seedvar.figures.style import in_order, panels
from seedvar.words import ALPHA, task_title


def numbers(runs: pd.DataFrame, comparisons: pd.DataFrame) -> pd.DataFrame:
    """Picks difference, interval, A12 and failures out of comparisons.csv, with the score of each task."""
    columns = ["mean_difference", "mean_difference_low", "mean_difference_high", "welch_p_holm", "a12"]
    counts = ["failed", "n", "failed_baseline", "n_baseline"]
    scores = runs.drop_duplicates("task").set_index("task")[["metric", "split"]]
    return comparisons[["task", "arm", "baseline", *columns, *counts]].join(scores, on="task")


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws one panel a task; filled points are significant at .05 after Holm's correction."""
    tasks = in_order(numbers["task"])
    n_arms = numbers["arm"].nunique()
    figure, axes = panels(len(tasks), 5.2, 0.28 * n_arms + 1.2, columns=2 if n_arms < 12 else 1)
    for ax, task in zip(axes, tasks, strict=True):
        rows = numbers[numbers["task"] == task].reset_index(drop=True)
        scale = factor(rows["metric"].iloc[0])
        for place, row in rows.iterrows():
            difference, low, high = (scale * row[f"mean_difference{end}"] for end in ("", "_low", "_high"))
            ax.plot([low, high], [place] * 2, color="#0072B2")
            face = "#0072B2" if row["welch_p_holm"] < ALPHA else "white"
            ax.plot(difference, place, "o", color="#0072B2", markerfacecolor=face, markersize=5)
            text = f"A12 {row['a12']:.2f}, failed {row['failed']:.0f}/{row['n']:.0f}"
            ax.text(1.02, place, text, transform=ax.get_yaxis_transform(), va="center", fontsize=7)
        ax.axvline(0, color="#333333", linewidth=1)
        ax.set_yticks(range(len(rows)), rows["arm"])
        ax.set_ylim(len(rows) - 0.5, -0.5)
        first = rows.iloc[0]
        failed = f"{first['failed_baseline']:.0f}/{first['n_baseline']:.0f}"
        score = score_label(first["metric"], first["split"])
        ax.set_xlabel(f"{score}: difference from {first['baseline']}, which failed {failed}")
        ax.set_title(task_title(task))
        ax.grid(axis="x")
    return figure
