"""Every arm against the baseline: failures, and means without failed runs with intervals, one below the other."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from seedvar.data.shown import factor, score_label
from seedvar.figures.style import in_order, panels
from seedvar.words import task_title


def numbers(runs: pd.DataFrame, decisions: pd.DataFrame) -> pd.DataFrame:
    """Picks what is known of the means without failed runs, and failures, out of decisions.csv."""
    rows = decisions[decisions["scope"] == "task"]
    by_question = {name: group.set_index(["task", "arm"]) for name, group in rows.groupby("question", sort=False)}
    quality, failures = by_question["quality"], by_question["failures"]
    picked = quality[["baseline", "difference", "low", "high", "settled", "n", "n_baseline"]]
    picked = picked.rename(columns={"n": "ok_n", "n_baseline": "ok_n_baseline"})
    shares = failures[["n", "n_baseline", "value", "value_baseline", "settled"]]
    picked = picked.join(shares.rename(columns={"settled": "failures_settled"}))
    counts = {"failed": ("value", "n"), "failed_baseline": ("value_baseline", "n_baseline")}
    for name, (value, n) in counts.items():
        picked[name] = (picked[value] * picked[n]).round().astype(int)
    scores = runs.drop_duplicates("task").set_index("task")[["metric", "split"]]
    return picked.drop(columns=["value", "value_baseline"]).reset_index().join(scores, on="task")


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws one panel a task; filled points and bold counts are settled by the one rule (see `stats.rule`)."""
    tasks = in_order(numbers["task"])
    n_arms = numbers["arm"].nunique()
    figure, axes = panels(len(tasks), 0.22 * n_arms + 1.1, columns=2 if n_arms < 12 else 1)
    for ax, task in zip(axes, tasks, strict=True):
        rows = numbers[numbers["task"] == task].reset_index(drop=True)
        scale = factor(rows["metric"].iloc[0])
        for place, row in rows.iterrows():
            difference, low, high = (scale * row[name] for name in ("difference", "low", "high"))
            ax.plot([low, high], [place] * 2, color="#0072B2")
            face = "#0072B2" if row["settled"] else "white"
            ax.plot(difference, place, "o", color="#0072B2", markerfacecolor=face, markersize=4)
            text = f"failed {row['failed']:.0f}/{row['n']:.0f}"
            weight = "bold" if row["failures_settled"] else "normal"
            transform = ax.get_yaxis_transform()
            ax.text(1.02, place, text, transform=transform, va="center", fontsize=6.5, fontweight=weight)
        ax.axvline(0, color="#333333", linewidth=1)
        ax.set_yticks(range(len(rows)), rows["arm"])
        ax.set_ylim(len(rows) - 0.5, -0.5)
        first = rows.iloc[0]
        failed = f"{first['failed_baseline']:.0f}/{first['n_baseline']:.0f}"
        score = score_label(first["metric"], first["split"])
        ax.set_xlabel(f"{score} without failed runs:\ndifference from {first['baseline']}, which failed {failed}")
        ax.set_title(task_title(task))
        ax.grid(axis="x")
    return figure
