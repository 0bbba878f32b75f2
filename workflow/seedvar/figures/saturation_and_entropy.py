"""Saturation of the pooler's tanh and entropy of the predictions over training (logged by Mosbach et al. 2021)."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from seedvar.figures.style import (
    A_LINE,
    FAILED_COLOUR,
    columns_of_tasks,
    in_order,
    legend_below,
    over_share_of_training,
    panel_names,
)
from seedvar.words import KEYS, task_title

THRESHOLD = "0.99"
OTHER_COLOUR = "#0072B2"
LABELS = {"saturation": f"units with |tanh| > {THRESHOLD} (share)", "entropy": "entropy of predictions (nats)"}


def numbers(runs: pd.DataFrame, diagnostics: pd.DataFrame) -> pd.DataFrame:
    """Takes quartiles of both quantities over the runs of all arms, failed and other runs apart.

    Returns:
        One row a task (and model, where there are several), `degenerate`, quantity and share of training:
        `low`, `median` and `high` of `n` runs.
    """
    kinds = diagnostics["kind"].astype(str)
    wanted = ((diagnostics["quantity"] == "saturation") & (kinds == THRESHOLD)) | (diagnostics["quantity"] == "entropy")
    panels = runs[[*KEYS, "degenerate"]].assign(panel=panel_names(runs))
    measured = over_share_of_training(diagnostics[wanted], runs, ["quantity"])
    table = panels.merge(measured, on=KEYS).drop(columns="task").rename(columns={"panel": "task"})
    groups = table.groupby(["task", "degenerate", "quantity", "share"], sort=False, observed=True)["value"]
    result = groups.agg(["median", "count"]).rename(columns={"count": "n"})
    return result.assign(low=groups.quantile(0.25), high=groups.quantile(0.75)).reset_index()


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws one column a task: saturation above, entropy below; dotted lines are failed runs."""
    tasks = in_order(numbers["task"])
    quantities = [name for name in LABELS if name in set(numbers["quantity"])]
    n = max(1, len(quantities))
    figure, axes = columns_of_tasks(len(tasks), n, 2.1 * n + 0.4, sharex="col", sharey="row")
    for column, (of_task, task) in enumerate(zip(axes, tasks, strict=True)):
        for ax, quantity in zip(of_task, quantities, strict=False):
            for failed, colour, line in ((False, OTHER_COLOUR, "-"), (True, FAILED_COLOUR, ":")):
                wanted = (numbers["task"] == task) & (numbers["quantity"] == quantity)
                rows = numbers[wanted & (numbers["degenerate"] == failed)].sort_values("share")
                label = f"{'failed' if failed else 'other'} runs"
                ax.plot(rows["share"], rows["median"], color=colour, linestyle=line, label=label)
                ax.fill_between(rows["share"], rows["low"], rows["high"], color=colour, alpha=0.15, linewidth=0)
            if column % A_LINE == 0:
                ax.set_ylabel(LABELS[quantity])
        of_task[-1].set_xlabel("share of training, %")
        counts = numbers[numbers["task"] == task].groupby("degenerate")["n"].max()
        n = [int(counts.get(failed, 0)) for failed in (True, False)]
        of_task[0].set_title(f"{task_title(task)}\n{n[0]} failed, {n[1]} other runs")
    legend_below(figure, axes[0][0])
    return figure
