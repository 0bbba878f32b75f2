"""How much of the spread over seeds is real, and how much noise of the test set (Jordan 2024)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from seedvar.data.shown import factor, score_label
from seedvar.figures.style import in_order, legend_below, panels
from seedvar.words import task_title

MARKS = {"sd": ("|", "#333333", "SD over seeds"), "sd_real": ("o", "#0072B2", "real: on all examples there could be"),
         "sd_noise": ("s", "#E69F00", "noise of this test set")}  # fmt: skip


def numbers(noise: pd.DataFrame) -> pd.DataFrame:
    """Picks the SDs of the runs that did not fail out of noise.csv (see `stats.real_or_noise`)."""
    ok = [name for name in noise if name.startswith("ok_sd")]
    kept = noise[["task", "arm", "metric", "split", "examples", "ok_runs", *ok]]
    return kept.rename(columns={name: name.removeprefix("ok_") for name in ok} | {"ok_runs": "n"})


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws one panel a task, a row an arm."""
    tasks, n_arms = in_order(numbers["task"]), numbers["arm"].nunique()
    figure, axes = panels(len(tasks), 0.32 * n_arms + 1.0, columns=2 if n_arms < 12 else 1)
    for ax, task in zip(axes, tasks, strict=True):
        rows = numbers[numbers["task"] == task].reset_index(drop=True)
        metric, split = rows["metric"].iloc[0], rows["split"].iloc[0]
        scale, places = factor(metric), np.arange(len(rows))
        for name, (marker, colour, _) in MARKS.items():
            at = places + {"sd": 0.0, "sd_real": -0.16, "sd_noise": 0.16}[name]
            size = 13 if name == "sd" else 4
            ax.plot(scale * rows[name], at, marker, color=colour, markersize=size, linestyle="")
            if name != "sd":
                ax.hlines(at, scale * rows[f"{name}_low"], scale * rows[f"{name}_high"], color=colour, linewidth=1.2)
        ax.set_yticks(places, [f"{arm} (n = {n})" for arm, n in zip(rows["arm"], rows["n"], strict=True)])
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.set_xlim(left=0)
        ax.set_title(f"{task_title(task)}\n{rows['examples'].iloc[0]:,} examples")
        ax.set_xlabel(f"SD of {score_label(metric, split)}")
        ax.grid(axis="x")
    handles = [
        Line2D([], [], color=colour, marker=marker, linestyle="", label=label, markersize=10 if marker == "|" else 4)
        for marker, colour, label in MARKS.values()
    ]
    legend_below(figure, handles=handles)
    return figure
