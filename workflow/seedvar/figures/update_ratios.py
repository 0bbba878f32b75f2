"""The size of updates relative to the weights that they change, block by block."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from seedvar.figures.gradient_norms import block_numbers, draw_blocks


def numbers(runs: pd.DataFrame, diagnostics: pd.DataFrame) -> pd.DataFrame:
    """Computes the update-to-weight ratio of every block; updates at a learning rate of 0 are left out."""
    return block_numbers(runs, diagnostics[diagnostics["value"] > 0], "update_ratio")


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws one column a task, failed runs above; each line is a block, dark at the bottom of the network."""
    return draw_blocks(numbers, "update / weights (L2 norms)")
