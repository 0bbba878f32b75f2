"""Ends hopeless runs early: "start many, stop early, continue some" of Dodge et al. (2020), run by run.

A run that has not once been better than the trivial predictor on validation after a given share of
its training is stopped. It keeps its last weights as its result and is marked `stopped`.
"""

from __future__ import annotations

import numpy as np

from seedvar.data.scoring import is_degenerate
from seedvar.data.task import Task
from seedvar.methods.hooks import Watcher


def watch(model, optimizer, recipe) -> Stopping:
    """Watches a run as the recipe says."""
    return Stopping(recipe.stop_failed_after)


class Stopping(Watcher):
    """Gives a run up.

    Args:
        stop_after: No run is stopped before this share of its updates.
    """

    def __init__(self, stop_after: float):
        super().__init__()
        self.stop_after = stop_after

    def is_hopeless(self, task: Task, curve: list[dict], labels: np.ndarray, share_done: float) -> bool:
        """Says whether to stop a run.

        Args:
            task: Says what counts as better than the trivial predictor.
            curve: The evaluations so far, see `training.loop.Outcome`.
            labels: The validation labels.
            share_done: Share of the updates that have been made.
        """
        return share_done >= self.stop_after and all(
            is_degenerate(task, {name.removeprefix("val_"): value for name, value in row.items()}, labels)
            for row in curve
        )
