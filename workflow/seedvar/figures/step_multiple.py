"""How much larger than bias-corrected Adam's an optimizer's updates are (Zhang et al. 2021, Fig. 1)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from seedvar.figures.style import PAGE, arm_colours, in_order, plain_powers
from seedvar.words import KEYS, all_titles

BETA1, BETA2 = 0.9, 0.999  # Adam's, of the curve that is drawn whole, as in the papers
ROOM = 40  # letters of the names of tasks at a line
LAST = 1e6  # update up to which it is drawn


def numbers(runs: pd.DataFrame, diagnostics: pd.DataFrame) -> pd.DataFrame:
    """Computes median and range over all runs of an optimizer, measured and as theory says.

    Returns:
        One row an optimizer and update: `median`, `min`, `max` of what was measured in `n` runs of all `tasks`,
        and `analytic`. Then one row a task and length of training of its runs: `task`, `update`.
    """
    table = diagnostics[diagnostics["quantity"] == "step_multiple"].merge(runs[[*KEYS, "optimizer"]], on=KEYS)
    keys = ["optimizer", "update"]
    measured = table[table["kind"] == "measured"].groupby(keys)["value"].agg(["median", "min", "max", "count"])
    analytic = table[table["kind"] == "analytic"].groupby(keys)["value"].first()
    result = measured.rename(columns={"count": "n"}).assign(analytic=analytic, tasks=all_titles(table["task"]))
    whole = runs[runs["status"] == "finished"].groupby(["task", "arm"], sort=False)["updates"].max().reset_index()
    usual = whole.groupby("task", sort=False)["updates"].agg(lambda updates: updates.mode().iloc[0])
    lengths = pd.DataFrame({"task": usual.index, "update": usual.to_numpy()})
    return pd.concat([result.reset_index(), lengths], ignore_index=True)


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws the factor by theory from the first update to the millionth, what was measured, and how long tasks take."""
    measured = numbers[numbers["optimizer"].notna()]
    lengths = numbers[numbers["task"].notna()]
    optimizers = in_order(measured["optimizer"])
    colours = arm_colours(optimizers)
    figure, (ax, inverse) = plt.subplots(1, 2, figsize=(PAGE, 2.9), layout="constrained")
    updates = np.unique(np.geomspace(1, LAST, 400).round())
    ratio = (1 - BETA1**updates) / np.sqrt(1 - BETA2**updates)
    ax.plot(updates, ratio, color="#333333", linewidth=1, label="without the correction, by theory")
    inverse.plot(updates, 1 / ratio, color="#333333", linewidth=1)
    for optimizer, marker in zip(optimizers, "osD", strict=False):
        rows = measured[measured["optimizer"] == optimizer].sort_values("update")
        spread = [rows["median"] - rows["min"], rows["max"] - rows["median"]]
        ax.errorbar(
            rows["update"],
            rows["median"],
            yerr=spread,
            fmt=marker,
            color=colours[optimizer],
            markersize=4,
            elinewidth=0.8,
            label=f"{optimizer} (at most {rows['n'].max():.0f} runs)",
        )
    for panel in (ax, inverse):
        for length, of_length in lengths.groupby("update"):
            panel.axvline(length, color="#777777", linestyle=":", linewidth=0.9)
            names = ", ".join(of_length["task"])  # the title says which are synthetic
            names = names if len(names) <= ROOM else f"{names[: ROOM - 1]}…"
            place = (length, 0.98) if panel is ax else (length, 0.02)  # where no curve is, right of the line
            how = {"rotation": 90, "ha": "left", "va": "top" if panel is ax else "bottom", "fontsize": 6}
            panel.annotate(names, place, xycoords=panel.get_xaxis_transform(), **how)
        panel.set_xscale("log")
        plain_powers(panel.xaxis)
        panel.set_xlabel("update t")
        panel.set_ylim(bottom=0)
    ax.set_title(measured["tasks"].iloc[0] if len(measured) else "", wrap=True)
    ax.set_ylabel("update / bias-corrected update")
    inverse.set_title("the inverse, by theory")
    inverse.set_ylabel("bias-corrected update / update")
    ax.legend(fontsize=6.5, loc="center right")
    return figure
