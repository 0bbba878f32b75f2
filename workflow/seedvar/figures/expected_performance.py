"""What the best of n runs is expected to score (Zhang et al. 2021, Figs. 4 and 12; Dodge et al. 2019)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seedvar.data.shown import factor, score_label
from seedvar.figures.style import MOST_BANDS, arm_styles, in_order, legend_below
from seedvar.words import task_title

SPLITS = ("test", "validation")


def numbers(runs: pd.DataFrame, expected: pd.DataFrame) -> pd.DataFrame:
    """Picks expected score and middle of the best of n out of expected.csv (see `stats.selection`), with the metric."""
    columns = [f"{split}{suffix}" for split in SPLITS for suffix in ("", "_lower", "_upper")]
    metrics = runs.drop_duplicates("task").set_index("task")["metric"]
    return expected[["task", "arm", "runs", "n", *columns]].assign(metric=expected["task"].map(metrics))


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws one column a task: the test score of the run with the best validation score, and below that score."""
    if not len(numbers):
        figure = plt.figure(figsize=(3.3, 2.0))
        figure.text(0.5, 0.5, "no run has a validation score", ha="center", va="center")
        return figure
    tasks, arms = in_order(numbers["task"]), in_order(numbers["arm"])
    splits = [split for split in SPLITS if numbers[split].notna().any()] or ["validation"]
    styles = arm_styles(arms)
    figure, axes = plt.subplots(
        len(splits),
        len(tasks),
        figsize=(2.7 * len(tasks) + 0.6, 2.4 * len(splits) + 0.6),
        squeeze=False,
        sharex="col",
        layout="constrained",
    )
    for column, task in enumerate(tasks):
        metric = numbers[numbers["task"] == task]["metric"].iloc[0]
        for ax, split in zip(axes[:, column], splits, strict=True):
            if numbers.loc[numbers["task"] == task, split].isna().all():
                ax.text(0.5, 0.5, f"no {split} split", transform=ax.transAxes, ha="center")
                ax.set_yticks([])
                continue
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
            for arm in arms:
                rows = numbers[(numbers["task"] == task) & (numbers["arm"] == arm)]
                mean, lower, upper = (factor(metric) * rows[f"{split}{end}"] for end in ("", "_lower", "_upper"))
                ax.plot(rows["n"], mean, label=arm, **styles[arm])
                if len(arms) <= MOST_BANDS:
                    ax.fill_between(rows["n"], lower, upper, color=styles[arm]["color"], alpha=0.13, linewidth=0)
            ax.set_ylabel(score_label(metric, split))
        axes[0, column].set_title(task_title(task))
        axes[-1, column].set_xlabel("runs to choose from")
    legend_below(figure, axes[-1, 0])
    return figure
