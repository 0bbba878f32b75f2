"""What all figures share: the style sheet, colours, bands, and writing them to files."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from seedvar.errors import UserError
from seedvar.files import write_atomically

plt.style.use(Path(__file__).parent / "seedvar.mplstyle")

FAILED_COLOUR = "#D55E00"
LINE_STYLES = ["-", "--", "-.", ":"]
KEYS = ["task", "arm", "init_seed", "order_seed"]


def arm_colours(arms: list[str]) -> dict[str, str]:
    """Returns a colour for each arm, the same in every figure of a study; failed runs' red is kept free.

    Beyond the colours of the style sheet they are spread over a map that is readable in grey.
    """
    cycle = [c for c in plt.rcParams["axes.prop_cycle"].by_key()["color"] if c.upper() != FAILED_COLOUR]
    if len(arms) > len(cycle):
        cycle = [matplotlib.colors.to_hex(c) for c in plt.get_cmap("viridis")(np.linspace(0, 0.92, len(arms)))]
    return dict(zip(arms, cycle, strict=False))


def arm_styles(arms: list[str]) -> dict[str, dict]:
    """Returns colour and line style of each arm, so that lines differ in grey too."""
    colours = arm_colours(arms)
    return {arm: {"color": colours[arm], "linestyle": LINE_STYLES[i % len(LINE_STYLES)]} for i, arm in enumerate(arms)}


def in_order(values: pd.Series) -> list[str]:
    """Returns the different values in the order of their first appearance: that of the study file."""
    return list(values.unique())


def legend_below(figure: Figure, ax, columns: int = 4) -> None:
    """Puts the legend of one panel below the whole figure."""
    handles, labels = ax.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=min(columns, len(labels)))


def block_shades(blocks: list[str]) -> dict[str, tuple]:
    """Returns a shade for each block of a network, dark at its bottom."""
    return dict(zip(blocks, plt.get_cmap("viridis")(np.linspace(0, 0.9, len(blocks))), strict=True))


def save(figure: Figure, paths: list[Path]) -> None:
    """Writes a figure as PNG or PDF, without a date, so that the same tables give the same file.

    Raises:
        UserError: Another file type is asked for.
    """
    for path in paths:
        if path.suffix not in (".png", ".pdf"):
            raise UserError(f"--out: {path} is not accepted; accepted: files that end in .png, .pdf or .csv")
        metadata = {"CreationDate": None} if path.suffix == ".pdf" else {"Software": None}
        write_atomically(path, lambda temporary, metadata=metadata: figure.savefig(temporary, metadata=metadata))
    plt.close(figure)
