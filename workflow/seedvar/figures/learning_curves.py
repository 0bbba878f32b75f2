"""Training loss and validation score over the updates (Zhang et al. 2021, Fig. 6; Mosbach et al. 2021, Fig. 2c)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from seedvar.data.shown import chance, factor, higher_is_better, loss_label, score_label
from seedvar.figures.style import (
    FAILED_COLOUR,
    GREY,
    MOST_BANDS,
    PAGE,
    arm_colours,
    columns_of_tasks,
    in_order,
    legend_below,
    rows_of_multiples,
    small_multiples,
)
from seedvar.words import KEYS, task_title

MOST_CURVES = 25  # runs of an arm up to which each has a line of its own


def numbers(runs: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Computes mean and range at every evaluation, failed and other runs of an arm apart, beside the single curves.

    Args:
        runs: The runs table, for the metrics, the failures and the order of the arms.
        curves: The curves table (see `collect.py`).

    Returns:
        One row a task, arm, `degenerate`, update and quantity (`train_loss`, or the metric), without seeds: `value` is
        the mean, `low` and `high` the range over `n` runs, while all of them train. Where `n` is at most
        `MOST_CURVES` there is also a row a run, with its seeds and its `value`. A score that is not defined (a
        correlation with a constant) counts as 0, an error as the trivial predictor's.
    """
    tables = []
    for (task, arm, failed), group in runs.groupby(["task", "arm", "degenerate"], sort=False):
        metric = group["metric"].iloc[0]
        majority = "majority_validation" if "majority_validation" in group else "majority"
        undefined = 0.0 if higher_is_better(metric) else group[majority].iloc[0]
        found = group[KEYS].merge(curves, on=KEYS)
        found[f"val_{metric}"] = found[f"val_{metric}"].fillna(undefined)
        n = len(found[KEYS].drop_duplicates())
        for quantity, column in (("train_loss", "train_loss"), (metric, f"val_{metric}")):
            about = {"task": task, "arm": arm, "degenerate": failed, "quantity": quantity, "n": n}
            by_update = found.groupby("update")[column].agg(["mean", "min", "max", "count"]).reset_index()
            together = by_update[by_update["count"] == n].drop(columns="count")
            tables.append(together.rename(columns={"mean": "value", "min": "low", "max": "high"}).assign(**about))
            if n <= MOST_CURVES:
                single = found[["init_seed", "order_seed", "update", column]].rename(columns={column: "value"})
                tables.append(single.assign(**about))
    keys = ["task", "arm", "degenerate", "init_seed", "order_seed"]
    return pd.concat(tables).reindex(columns=[*keys, "quantity", "update", "value", "low", "high", "n"])


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws a column a task, loss above and score below; of many arms, a panel each with the others in grey."""
    if numbers["arm"].nunique() > MOST_BANDS:
        return _draw_apart(numbers)
    tasks, arms = in_order(numbers["task"]), in_order(numbers["arm"])
    colours = arm_colours(arms)
    figure, axes = columns_of_tasks(len(tasks), 2, 4.0, sharex="col")
    for panels, task in zip(axes, tasks, strict=True):
        of_task = numbers[numbers["task"] == task]
        for ax, quantity in zip(panels, _quantities(of_task), strict=True):
            for arm in arms:
                for failed in (False, True):
                    rows = of_task[of_task["arm"].eq(arm) & of_task["degenerate"].eq(failed)]
                    if numbers[numbers["arm"].eq(arm) & numbers["degenerate"].eq(failed)].empty:
                        continue
                    label = f"{arm}, {'failed' if failed else 'other'} (n = {_counts(numbers, tasks, arm, failed)})"
                    _draw_runs(ax, rows[rows["quantity"] == quantity], colours[arm], ":" if failed else "-", label)
            _finish(ax, quantity, of_task)
        panels[0].set_title(task_title(task))
        panels[1].set_xlabel("updates")
    legend_below(figure, axes[0][0])
    return figure


def _draw_apart(numbers: pd.DataFrame) -> Figure:
    tasks, arms = in_order(numbers["task"]), in_order(numbers["arm"])
    height = 1.15 * rows_of_multiples(arms) + 0.5
    figure = plt.figure(figsize=(PAGE, len(tasks) * 2 * height), layout="constrained")
    parts = figure.subfigures(2 * len(tasks), 1, squeeze=False)[:, 0]
    for number, task in enumerate(tasks):
        of_task = numbers[numbers["task"] == task]
        for part, quantity in zip(parts[2 * number : 2 * number + 2], _quantities(of_task), strict=True):
            rows = of_task[of_task["quantity"] == quantity]
            means = rows[rows["init_seed"].isna()].groupby(["arm", "degenerate"])
            for ax, arm in zip(small_multiples(part, arms), arms, strict=True):
                for _, line in means:
                    ax.plot(line["update"], _scale(quantity) * line["value"], color=GREY, linewidth=0.5, zorder=0)
                of_arm = rows[rows["arm"] == arm]
                for failed, colour, style in ((False, arm_colours(["all"])["all"], "-"), (True, FAILED_COLOUR, ":")):
                    _draw_runs(ax, of_arm[of_arm["degenerate"] == failed], colour, style, "failed" if failed else "")
                n = [_counts(numbers, [task], arm, failed) for failed in (True, False)]
                ax.set_title(f"{arm}\n{n[0]} failed, {n[1]} other", fontsize=6)
                _finish(ax, quantity, of_task)
                ax.set_ylabel("")
            part.suptitle(task_title(task), fontsize=9)
            part.supylabel(_label(quantity, of_task), fontsize=8)
            part.supxlabel("updates", fontsize=8)
    return figure


def _draw_runs(ax, rows: pd.DataFrame, colour: str, style: str, label: str) -> None:
    if rows.empty:
        ax.plot([], [], color=colour, linestyle=style, label=label)
        return
    scale = _scale(rows["quantity"].iloc[0])
    is_run = rows["init_seed"].notna()
    for _, run in rows[is_run].groupby(["init_seed", "order_seed"]):
        ax.plot(run["update"], scale * run["value"], color=colour, linestyle=style, linewidth=0.5, alpha=0.45)
    means = rows[~is_run]
    ax.plot(means["update"], scale * means["value"], color=colour, linestyle=style, label=label)
    if not is_run.any():
        ax.fill_between(
            means["update"], scale * means["low"], scale * means["high"], color=colour, alpha=0.15, linewidth=0
        )


def _finish(ax, quantity: str, of_task: pd.DataFrame) -> None:
    if quantity != "train_loss" and chance(quantity) is not None:
        ax.axhline(factor(quantity) * chance(quantity), color="#333333", linewidth=0.8)
    ax.set_ylabel(_label(quantity, of_task))


def _quantities(of_task: pd.DataFrame) -> tuple[str, str]:
    return "train_loss", next(q for q in of_task["quantity"] if q != "train_loss")


def _label(quantity: str, of_task: pd.DataFrame) -> str:
    return loss_label(_quantities(of_task)[1]) if quantity == "train_loss" else score_label(quantity, "validation")


def _scale(quantity: str) -> float:
    return 1 if quantity == "train_loss" else factor(quantity)


def _counts(numbers: pd.DataFrame, tasks: list[str], arm: str, failed: bool) -> str:
    """Returns how many runs there are on each task: 5/3/0."""
    rows = numbers[numbers["arm"].eq(arm) & numbers["degenerate"].eq(failed)]
    counts = rows.groupby("task")["n"].max()
    return "/".join(str(int(counts.get(task, 0))) for task in tasks)
