"""Computes a statistic from the tables of a study, with the one seed of all statistics."""

from __future__ import annotations

import importlib
import inspect

import numpy as np
import pandas as pd

from seedvar.errors import UserError
from seedvar.stats import STATISTICS
from seedvar.stats.settings import SEED


def compute(
    name: str,
    tables: dict[str, pd.DataFrame],
    baseline: str | None = None,
    smallest_difference: dict[str, float] | float | None = None,
    loss_slack: float = 0.0,
    looks: int = 1,
) -> pd.DataFrame:
    """Computes a statistic.

    Args:
        name: One of `STATISTICS`.
        tables: The study's tables that it needs, by their names without ending.
        baseline: Name of the baseline arm, for comparisons.
        smallest_difference: The smallest difference of means that would matter, for all tasks or by task.
        loss_slack: Of the rule that judges failure by the training loss, for the summary.
        looks: How often the study may test its comparisons while it adds seeds.

    Raises:
        UserError: It compares arms, and no baseline is given.
    """
    kind = STATISTICS[name]
    function = getattr(importlib.import_module(f"seedvar.stats.{kind.module}"), kind.function)
    values, wanted = dict(tables), inspect.signature(function).parameters
    if "baseline" in wanted:
        if baseline is None:
            raise UserError(f"--baseline: is missing; {name} compares every arm with the baseline arm")
        values["baseline"] = baseline
    if "smallest_difference" in wanted:
        values["smallest_difference"] = smallest_difference
    if "looks" in wanted:
        values["looks"] = looks
    if "loss_slack" in wanted:
        values["loss_slack"] = loss_slack
    if "rng" in wanted:
        values["rng"] = np.random.default_rng(SEED)
    return function(**values)
