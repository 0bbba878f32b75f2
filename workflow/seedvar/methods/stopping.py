"""Ends hopeless runs early: "start many, stop early, continue some" of Dodge et al. (2020), run by run.

A run that has not once been better than the trivial predictor on validation after a given share of
its training is stopped. It keeps its last weights as its result and is marked `stopped`.
"""

from __future__ import annotations

from seedvar.data.metrics import is_degenerate
from seedvar.data.tasks import Task


def is_hopeless(task: Task, curve: list[dict], majority: float, share_done: float, stop_after: float) -> bool:
    """Says whether to stop a run.

    Args:
        task: Says which column of the curve is the score.
        curve: The evaluations so far, see `training.loop.Outcome`.
        majority: The trivial predictor's score on validation.
        share_done: Share of the updates that have been made.
        stop_after: No run is stopped before this share.
    """
    return share_done >= stop_after and all(is_degenerate(task, row[f"val_{task.metric}"], majority) for row in curve)
