"""What the best of n runs is expected to score (Zhang et al. 2021, Figs. 4 and 12)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seedvar.figures import score_label, task_title
from seedvar.figures.panels import MOST_BANDS, legend_that_fits
from seedvar.figures.style import arm_styles, in_order

SPLITS = ("validation", "test")


def numbers(runs: pd.DataFrame, expected: pd.DataFrame) -> pd.DataFrame:
    """Takes the expectations apart by split.

    Args:
        runs: The runs table, for the metrics.
        expected: The table of `stats.selection.expected_performance`.

    Returns:
        One row a task, split, arm and number n of trials: the expected `score` of the one with the best
        validation score, and its `sd` over draws of n of the `runs` runs. Splits without scores are left out.
    """
    metrics = runs.drop_duplicates("task").set_index("task")["metric"]
    tables = [
        expected[["task", "arm", "runs", "n"]].assign(
            metric=expected["task"].map(metrics), split=split, score=expected[split], sd=expected[f"{split}_sd"]
        )
        for split in SPLITS
    ]
    table = pd.concat(tables).dropna(subset="score")
    return table[["task", "metric", "split", "arm", "runs", "n", "score", "sd"]].reset_index(drop=True)


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws one row of panels a task: the validation score on the left, the test score on the right.

    Bands are one SD on both sides; more than a few arms get lines alone.
    """
    tasks, arms = in_order(numbers["task"]), in_order(numbers["arm"])
    splits = [split for split in SPLITS if split in set(numbers["split"])] or [SPLITS[0]]
    styles = arm_styles(arms)
    figure, axes = plt.subplots(
        max(1, len(tasks)),
        len(splits),
        figsize=(3.3 * len(splits) + 0.3, 2.4 * max(1, len(tasks)) + 0.5),
        squeeze=False,
        sharey="row",
        layout="constrained",
    )
    if not tasks:
        axes[0, 0].text(0.5, 0.5, "no run has a validation score", transform=axes[0, 0].transAxes, ha="center")
    for row, task in zip(axes, tasks, strict=False):
        for ax, split in zip(row, splits, strict=True):
            of_panel = numbers[(numbers["task"] == task) & (numbers["split"] == split)]
            for arm in arms:
                lines = of_panel[of_panel["arm"] == arm]
                mean, sd = 100 * lines["score"], 100 * lines["sd"]
                ax.plot(lines["n"], mean, marker="o" if len(lines) == 1 else "", markersize=4, label=arm, **styles[arm])
                if len(arms) <= MOST_BANDS:
                    band = {"color": styles[arm]["color"], "alpha": 0.15, "linewidth": 0}
                    ax.fill_between(lines["n"], mean - sd, mean + sd, **band)
            ax.set_title(task_title(task))
            ax.set_ylabel(f"expected {score_label(numbers['metric'][numbers['task'] == task].iloc[0], split)}")
            ax.yaxis.set_tick_params(labelleft=True)
            ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    for ax in axes[-1]:
        ax.set_xlabel("trials n, of which the best on validation is taken")
    if tasks:
        legend_that_fits(figure, axes[0, 0].get_legend_handles_labels()[0])
    return figure
