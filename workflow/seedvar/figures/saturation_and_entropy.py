"""Saturation of the pooler's tanh and entropy of the predictions over training (logged by Mosbach et al. 2021)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from seedvar.figures.style import FAILED_COLOUR, in_order, legend_below, over_share_of_training, panel_names
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
    figure, axes = plt.subplots(
        max(1, len(quantities)),
        len(tasks),
        figsize=(3.0 * len(tasks) + 0.6, 2.6 * len(quantities) + 0.8),
        squeeze=False,
        sharex="col",
        sharey="row",
        layout="constrained",
    )
    for column, task in enumerate(tasks):
        for ax, quantity in zip(axes[:, column], quantities, strict=False):
            for failed, colour, line in ((False, OTHER_COLOUR, "-"), (True, FAILED_COLOUR, ":")):
                wanted = (numbers["task"] == task) & (numbers["quantity"] == quantity)
                rows = numbers[wanted & (numbers["degenerate"] == failed)].sort_values("share")
                label = f"{'failed' if failed else 'other'} runs"
                ax.plot(rows["share"], rows["median"], color=colour, linestyle=line, label=label)
                ax.fill_between(rows["share"], rows["low"], rows["high"], color=colour, alpha=0.15, linewidth=0)
            axes[quantities.index(quantity), 0].set_ylabel(LABELS[quantity])
        axes[-1, column].set_xlabel("share of training, %")
        counts = numbers[numbers["task"] == task].groupby("degenerate")["n"].max()
        n = [int(counts.get(failed, 0)) for failed in (True, False)]
        axes[0, column].set_title(f"{task_title(task)}\n{n[0]} failed, {n[1]} other runs")
    legend_below(figure, axes[0, 0])
    return figure
