"""Statistics: arrays and tables in, numbers out; no files, no plotting.

`STATISTICS` lists the tables that a study gets. Adding one is a function in a module here and a line in
this list. The function's arguments are tables of the study (`runs`: runs.csv) and, where it wants them,
`baseline` (the baseline arm's name), `smallest_difference` (that would matter) and `rng`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Statistic:
    """A table of a study that is computed from others.

    Attributes:
        module: Where its function is.
        function: Its name.
        tables: Files of the study that the function takes.
        when: Whether a study has it.
        of_all_arms: Whether it is about every arm, and not about those that are compared: a study may let the best of
            some stand for them (`select`).
    """

    module: str
    function: str
    tables: tuple[str, ...]
    when: Callable = lambda study: True
    of_all_arms: bool = False


def _has_comparisons(study) -> bool:
    return study.baseline is not None and len(study.compared_names()) > 1


def _has_validation(study) -> bool:
    """Whether runs have a validation score: those that are trained here do, a table's where it says so."""
    runs = getattr(study, "runs", None)
    return runs is None or any(task.validation or (task.curve and runs.curves) for task in runs.tasks.values())


def _has_many_tasks(study) -> bool:
    return len(study.tasks) > 1


RUNS, CURVES, PREDICTIONS = "runs.csv", "curves.csv", "predictions.parquet"
STATISTICS = {
    # each task and arm
    "summary": Statistic("describe", "summarise", (RUNS,)),
    "candidates": Statistic("candidates", "candidates", (RUNS,), lambda study: study.selections, of_all_arms=True),
    "expected": Statistic("selection", "expected_performance", (RUNS,), _has_validation),
    "stopping": Statistic("early_stopping", "start_many", (RUNS, CURVES)),
    "variance": Statistic("variance", "decompose", (RUNS,), lambda study: study.is_crossed),
    "sources": Statistic("sources", "sources", (RUNS,), lambda study: study.crosses_sources),
    "instability": Statistic("agreement", "instability", (PREDICTIONS, RUNS)),
    "noise": Statistic("real_or_noise", "noise", (PREDICTIONS, RUNS)),
    # each arm against the baseline
    "decisions": Statistic("rule", "decide", (RUNS,), _has_comparisons),
    "comparisons": Statistic("compare", "compare", (RUNS,), _has_comparisons),
    "dominance": Statistic("stochastic_order", "stochastic_order", (RUNS,), _has_comparisons),
    "churn": Statistic("agreement", "churn", (PREDICTIONS, RUNS), _has_comparisons),
    "resampled": Statistic("aggregate", "compare_on_resamples", (PREDICTIONS, RUNS), _has_comparisons),
    "generalisation": Statistic("real_or_noise", "generalisation", (PREDICTIONS, RUNS), _has_comparisons),
    "seeds_needed": Statistic("planning", "seeds_needed", ("summary.csv",), _has_comparisons),
    # all tasks together
    "aggregate": Statistic("aggregate", "aggregate", (RUNS,), _has_many_tasks),
    "profiles": Statistic("aggregate", "performance_profile", (RUNS,), _has_many_tasks),
    "improvement": Statistic(
        "aggregate", "improvement", (RUNS,), lambda study: _has_many_tasks(study) and _has_comparisons(study)
    ),
}

# Tables for people (see `report/printed.py`), and the statistics that each shows: the first, and where there are any
# the decisions, for its marks.
LAYOUTS = {"scores": ("summary", "decisions"), "comparisons": ("decisions",), "failures": ("summary", "decisions")}
JUDGING = ("decisions", "seeds_needed")  # take the smallest difference that would matter
