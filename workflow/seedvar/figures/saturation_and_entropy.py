"""Saturation of the pooler's tanh and entropy of the predictions over training (logged by Mosbach et al. 2021)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from seedvar.figures import task_title
from seedvar.figures.style import KEYS, arm_colours, in_order

THRESHOLD = "0.99"
LABELS = {"saturation": f"share of units with |tanh| > {THRESHOLD}", "entropy": "entropy of predictions (nats)"}


def numbers(runs: pd.DataFrame, diagnostics: pd.DataFrame) -> pd.DataFrame:
    """Averages both quantities over the runs of an arm, failed and other runs apart.

    Returns:
        One row a task, arm, `degenerate`, quantity and update: the `mean` over `n` runs.
    """
    kinds = diagnostics["kind"].astype(str)
    wanted = ((diagnostics["quantity"] == "saturation") & (kinds == THRESHOLD)) | (diagnostics["quantity"] == "entropy")
    table = runs[[*KEYS, "degenerate"]].merge(diagnostics[wanted], on=KEYS)
    groups = table.groupby(["task", "arm", "degenerate", "quantity", "update"], sort=False, observed=True)["value"]
    return groups.agg(["mean", "count"]).reset_index().rename(columns={"count": "n"})


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws one column a task: saturation above, entropy below; dotted lines are failed runs."""
    tasks, arms = in_order(numbers["task"]), in_order(numbers["arm"])
    colours = arm_colours(arms)
    quantities = [name for name in LABELS if name in set(numbers["quantity"])]
    figure, axes = plt.subplots(
        max(1, len(quantities)),
        len(tasks),
        figsize=(3.0 * len(tasks) + 0.6, 2.6 * len(quantities) + 1.0),
        squeeze=False,
        sharex="col",
        sharey="row",
        layout="constrained",
    )
    for column, task in enumerate(tasks):
        for ax, quantity in zip(axes[:, column], quantities, strict=False):
            of_panel = numbers[(numbers["task"] == task) & (numbers["quantity"] == quantity)]
            for (arm, failed), rows in of_panel.groupby(["arm", "degenerate"], sort=False):
                ax.plot(
                    rows["update"],
                    rows["mean"],
                    color=colours[arm],
                    linestyle=":" if failed else "-",
                    label=f"{arm}{' (failed)' if failed else ''}",
                )
            ax.set_ylabel(LABELS[quantity])
        axes[0, column].set_title(task_title(task))
        axes[-1, column].set_xlabel("updates")
    labels = {}
    for ax in axes.flat:
        labels |= dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    figure.legend(labels.values(), labels.keys(), loc="outside lower center", ncols=min(4, max(1, len(labels))))
    return figure
