"""How much larger than bias-corrected Adam's an optimizer's updates are (Zhang et al. 2021, Fig. 1)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from seedvar.figures.style import arm_colours, in_order
from seedvar.words import KEYS, all_titles


def numbers(runs: pd.DataFrame, diagnostics: pd.DataFrame) -> pd.DataFrame:
    """Computes median and range over all runs of an optimizer, measured and as theory says.

    Returns:
        One row an optimizer and update: `median`, `min`, `max` of what was measured in `n` runs of all `tasks`,
        and `analytic`.
    """
    table = diagnostics[diagnostics["quantity"] == "step_multiple"].merge(runs[[*KEYS, "optimizer"]], on=KEYS)
    keys = ["optimizer", "update"]
    measured = table[table["kind"] == "measured"].groupby(keys)["value"].agg(["median", "min", "max", "count"])
    analytic = table[table["kind"] == "analytic"].groupby(keys)["value"].first()
    result = measured.rename(columns={"count": "n"}).assign(analytic=analytic, tasks=all_titles(table["task"]))
    return result.reset_index()


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws points with their range, and lines for the theory."""
    optimizers = in_order(numbers["optimizer"])
    colours = arm_colours(optimizers)
    figure, ax = plt.subplots(figsize=(4.6, 3.2), layout="constrained")
    for optimizer, marker in zip(optimizers, "osD", strict=False):
        rows = numbers[numbers["optimizer"] == optimizer].sort_values("update")
        spread = [rows["median"] - rows["min"], rows["max"] - rows["median"]]
        ax.plot(rows["update"], rows["analytic"], color=colours[optimizer], linewidth=1)
        ax.errorbar(
            rows["update"],
            rows["median"],
            yerr=spread,
            fmt=marker,
            color=colours[optimizer],
            markersize=4,
            elinewidth=0.8,
            label=f"{optimizer} (at most {rows['n'].max()} runs)",
        )
    ax.set_title(numbers["tasks"].iloc[0], wrap=True)
    ax.set_xlabel("update")
    ax.set_ylabel("update / bias-corrected update")
    ax.set_ylim(bottom=0)
    ax.legend()
    return figure
