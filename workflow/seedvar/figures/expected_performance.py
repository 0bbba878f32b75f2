"""What the best of n runs is expected to score (Zhang et al. 2021, Figs. 4 and 12; Dodge et al. 2019)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seedvar.data.shown import factor, score_label
from seedvar.figures.style import (
    GREY,
    MOST_BANDS,
    PAGE,
    arm_colours,
    arm_styles,
    columns_of_tasks,
    in_order,
    legend_below,
    note,
    rows_of_multiples,
    small_multiples,
)
from seedvar.words import task_title

SPLITS = ("test", "validation")
RUNS = "runs to choose from"


def numbers(runs: pd.DataFrame, expected: pd.DataFrame) -> pd.DataFrame:
    """Picks expected score and middle of the best of n out of expected.csv (see `stats.selection`), with the metric."""
    columns = [f"{split}{suffix}" for split in SPLITS for suffix in ("", "_lower", "_upper")]
    metrics = runs.drop_duplicates("task").set_index("task")["metric"]
    return expected[["task", "arm", "runs", "n", *columns]].assign(metric=expected["task"].map(metrics))


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws one column a task: the test score of the run with the best validation score, and below that score."""
    if not len(numbers):
        return note("no run has a validation score")
    tasks, arms = in_order(numbers["task"]), in_order(numbers["arm"])
    if len(arms) > MOST_BANDS:
        return _draw_apart(numbers)
    splits = [split for split in SPLITS if numbers[split].notna().any()] or ["validation"]
    styles = arm_styles(arms)
    figure, axes = columns_of_tasks(len(tasks), len(splits), 1.9 * len(splits) + 0.3, sharex="col")
    for of_task, task in zip(axes, tasks, strict=True):
        metric = numbers[numbers["task"] == task]["metric"].iloc[0]
        for ax, split in zip(of_task, splits, strict=True):
            if numbers.loc[numbers["task"] == task, split].isna().all():
                ax.text(0.5, 0.5, f"no {split} split", transform=ax.transAxes, ha="center")
                ax.set_yticks([])
                continue
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
            for arm in arms:
                rows = numbers[(numbers["task"] == task) & (numbers["arm"] == arm)]
                ax.plot(rows["n"], factor(metric) * rows[split], label=arm, **styles[arm])
                _band(ax, rows, split, styles[arm]["color"])
            ax.set_ylabel(score_label(metric, split))
        of_task[0].set_title(task_title(task))
        of_task[-1].set_xlabel(RUNS)
    legend_below(figure, axes[0][-1])
    return figure


def _draw_apart(numbers: pd.DataFrame) -> Figure:
    """Of many arms draws a panel each, the others in grey: on test, or on validation where a task has no test split."""
    tasks, arms = in_order(numbers["task"]), in_order(numbers["arm"])
    colours = arm_colours(arms)
    height = 1.15 * rows_of_multiples(arms) + 0.5
    figure = plt.figure(figsize=(PAGE, height * len(tasks)), layout="constrained")
    for part, task in zip(figure.subfigures(len(tasks), 1, squeeze=False)[:, 0], tasks, strict=True):
        of_task = numbers[numbers["task"] == task]
        split = "test" if of_task["test"].notna().any() else "validation"
        metric = of_task["metric"].iloc[0]
        lines = {arm: rows for arm, rows in of_task.groupby("arm", sort=False)}
        for ax, arm in zip(small_multiples(part, arms), arms, strict=True):
            for other, rows in lines.items():
                style = {"color": colours[arm], "zorder": 3} if other == arm else {"color": GREY, "linewidth": 0.5}
                ax.plot(rows["n"], factor(metric) * rows[split], **style)
            if arm in lines:
                _band(ax, lines[arm], split, colours[arm])
            ax.xaxis.set_major_locator(MaxNLocator(3, integer=True))
        part.suptitle(task_title(task))
        part.supylabel(score_label(metric, split), fontsize=7.5)
        part.supxlabel(RUNS, fontsize=7.5)
    return figure


def _band(ax, rows: pd.DataFrame, split: str, colour: str) -> None:
    low, high = (factor(rows["metric"].iloc[0]) * rows[f"{split}_{end}"] for end in ("lower", "upper"))
    ax.fill_between(rows["n"], low, high, color=colour, alpha=0.13, linewidth=0)
