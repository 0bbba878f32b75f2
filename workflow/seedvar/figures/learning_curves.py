"""Training loss and validation score over the updates (Zhang et al. 2021, Figs. 3, 6 and 11)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from seedvar.data.shown import chance, factor, higher_is_better, loss_label, score_label
from seedvar.figures.style import MOST_BANDS, arm_styles, in_order, legend_below
from seedvar.words import task_title


def numbers(runs: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Computes mean and range over the seeds at every evaluation; all runs, failed ones too.

    Args:
        runs: The runs table, for the metrics and the order of the arms.
        curves: The curves table (see `collect.py`).

    Returns:
        One row a task, arm, update and quantity (`train_loss`, or the metric): `mean`, `min`, `max`
        over the `n` runs that reached the update. A score that is not defined (a correlation with
        a constant) counts as 0, an error as the trivial predictor's.
    """
    rows = []
    for (task, arm), group in runs.groupby(["task", "arm"], sort=False):
        metric = group["metric"].iloc[0]
        of_arm = curves[(curves["task"] == task) & (curves["arm"] == arm)]
        majority = "majority_validation" if "majority_validation" in group else "majority"
        undefined = 0.0 if higher_is_better(metric) else group[majority].iloc[0]
        scores = of_arm[f"val_{metric}"].fillna(undefined)
        for quantity, values in (("train_loss", of_arm["train_loss"]), (metric, scores)):
            table = values.groupby(of_arm["update"]).agg(["mean", "min", "max", "count"]).reset_index()
            rows.append(table.rename(columns={"count": "n"}).assign(task=task, arm=arm, quantity=quantity))
    return pd.concat(rows)[["task", "arm", "quantity", "update", "mean", "min", "max", "n"]]


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws one column a task: training loss above, the validation score below."""
    tasks, arms = in_order(numbers["task"]), in_order(numbers["arm"])
    styles = arm_styles(arms)
    figure, axes = plt.subplots(
        2, len(tasks), figsize=(2.6 * len(tasks) + 0.6, 5.0), squeeze=False, sharex="col", layout="constrained"
    )
    for column, task in enumerate(tasks):
        of_task = numbers[numbers["task"] == task]
        metric = next(q for q in of_task["quantity"] if q != "train_loss")
        for ax, quantity, scale in zip(axes[:, column], ("train_loss", metric), (1, factor(metric)), strict=True):
            for arm in arms:
                rows = of_task[(of_task["arm"] == arm) & (of_task["quantity"] == quantity)]
                ax.plot(rows["update"], scale * rows["mean"], label=arm, **styles[arm])
                if len(arms) <= MOST_BANDS:
                    ax.fill_between(
                        rows["update"],
                        scale * rows["min"],
                        scale * rows["max"],
                        color=styles[arm]["color"],
                        alpha=0.15,
                        linewidth=0,
                    )
        if chance(metric) is not None:
            axes[1, column].axhline(factor(metric) * chance(metric), color="#333333", linewidth=0.8)
        axes[0, column].set_title(task_title(task))
        axes[0, column].set_ylabel(loss_label(metric))
        axes[1, column].set_ylabel(score_label(metric, "validation"))
        axes[1, column].set_xlabel("updates")
    legend_below(figure, axes[0, 0])
    return figure
