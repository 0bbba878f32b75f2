"""Figures: each function takes tables and returns a Matplotlib figure; `save` writes it.

Adding a figure is one module with a `draw` function and one line in `cli.py` and `figures.smk`.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from seedvar.errors import UserError
from seedvar.files import write_atomically

plt.style.use(Path(__file__).parent / "seedvar.mplstyle")

FAILED_COLOUR = "#D55E00"
METRIC_NAMES = {
    "accuracy": "accuracy",
    "f1": "F1",
    "matthews": "MCC",
    "spearman": "Spearman ρ",
}


def task_title(task: str) -> str:
    """Returns a task's name for a title; synthetic tasks are called synthetic."""
    return f"{task} (synthetic)" if task.startswith("syn-") else task


def arm_colours(arms: list[str]) -> dict[str, str]:
    """Returns a colour for each arm, the same in every figure of a study; failed runs' red is kept free."""
    cycle = [c for c in plt.rcParams["axes.prop_cycle"].by_key()["color"] if c.upper() != FAILED_COLOUR]
    return {arm: cycle[i % len(cycle)] for i, arm in enumerate(arms)}


def save(figure: Figure, paths: list[Path]) -> None:
    """Writes a figure as PNG or PDF, without a date, so that the same tables give the same file.

    Raises:
        UserError: Another file type is asked for.
    """
    for path in paths:
        if path.suffix not in (".png", ".pdf"):
            raise UserError(f"--out: {path} is not accepted; accepted: a file that ends in .png or .pdf")
        metadata = {"CreationDate": None} if path.suffix == ".pdf" else {"Software": None}
        write_atomically(path, lambda temporary, metadata=metadata: figure.savefig(temporary, metadata=metadata))
    plt.close(figure)
