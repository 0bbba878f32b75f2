"""A study of runs that somebody else trained: which columns of a table mean what."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from seedvar.data.metrics import METRICS
from seedvar.data.shown import chance, higher_is_better, perfect
from seedvar.errors import UserError
from seedvar.strict import NAME_IN_WORDS, Strict, differ_by_case, is_name
from seedvar.study.probes import Probes
from seedvar.study.validation import did_you_mean

Column = Annotated[str, Field(min_length=1)]
# Words in the name of a metric that the package does not know and of which lower is better.
ERRORS = ("loss", "error", "perplexity", "mae", "rmse", "wer", "cer")
AS_PERCENTAGES = 10  # a scale from here on says that a table's scores are percentages or the like


class Columns(Strict):
    """What the table calls our columns."""

    task: Column | None = Field(
        None, description="Column of the task; without it, all rows are of the one task listed."
    )
    arm: Column = Field(description="Column of the arm.")
    seed: Column | None = Field(None, description="Column of the seed; without it, rows of an arm are numbered.")
    init_seed: Column | None = Field(None, description="Column of the initialisation seed, with order_seed.")
    order_seed: Column | None = Field(None, description="Column of the data order's seed, with init_seed.")


class TaskColumns(Strict):
    """A task of the table: where its scores are and what they mean."""

    value: Column | None = Field(None, description="What the task's column says; without it, the task's name here.")
    metric: Column = Field(description="Name of the metric, such as accuracy, f1, matthews, spearman.")
    score: Column = Field(description="Column of the score at the end of training.")
    majority: float = Field(description="Score of the trivial predictor, in the table's unit.")
    failed_by: Column | None = Field(None, description="Column that decides whether a run failed; without it, score.")
    failed_at: float | None = Field(
        None, description="Its largest value of a failed run; without it, majority. NaN has failed."
    )
    validation: Column | None = Field(None, description="Column of the validation score at the end of training.")
    train_loss: Column | None = Field(None, description="Column of the final training loss.")
    constant_loss: float | None = Field(None, ge=0, description="Training loss of the best constant prediction.")
    curve: Column | None = Field(None, description="Column of the validation score in `curves`.")


class CurveTable(Strict):
    """A second table with one row an evaluation."""

    file: Column = Field(description="CSV, TSV, JSON Lines or Parquet, with the same columns for task, arm and seed.")
    update: Column = Field(description="Column of the update.")
    train_loss: Column | None = Field(None, description="Column of the training loss since the last row.")


class RunsTable(Strict):
    """A table of runs and how to read it."""

    file: Column = Field(
        description="CSV, TSV, JSON Lines or Parquet; a relative path is looked for here, then in runs_dir of "
        "config.yaml."
    )
    columns: Columns
    tasks: dict[str, TaskColumns] = Field(min_length=1, description="The tasks, by the names that they get here.")
    arms: dict[str, Column] | None = Field(
        None,
        min_length=1,
        description="Names of the arms here, each with what the table calls it; without it, all as they are.",
    )
    split: Literal["test", "validation"] = Field("test", description="Split of the scores: test or validation.")
    scale: float = Field(1.0, gt=0, le=1e6, description="Scores are divided by it: 100 where they are percentages.")
    curves: CurveTable | None = None


class TableStudy(Strict):
    """A study file that takes its runs from a table."""

    description: str = Field("", description="The question that the study answers, and its source.")
    runs: RunsTable
    baseline: str | None = Field(None, description="The arm that the others are compared with.")

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks."""
        return list(self.runs.tasks)

    @property
    def is_crossed(self) -> bool:
        """Whether initialisation and order have seeds of their own."""
        return self.runs.columns.init_seed is not None

    @property
    def probes(self) -> Probes:
        """None: there are no weights."""
        return Probes()

    @property
    def tables(self) -> set[str]:
        """Files that are made from the user's."""
        return {"runs.csv", "curves.csv"} if self.runs.curves else {"runs.csv"}

    def arm_names(self) -> list[str]:
        """Names of the arms as far as the study file says them; with a baseline there are at least two."""
        return list(self.runs.arms) if self.runs.arms else ([self.baseline, ""] if self.baseline else [])

    def recipes(self) -> list:
        """None: what was trained is not known."""
        return []

    def arms_on(self, task: str) -> dict:
        """None, as above."""
        return {}


def check_table_study(study: TableStudy, path: Path | str) -> None:
    """Checks what the types cannot say, before the table is looked at.

    Raises:
        UserError: One sentence with the file, the key and what is accepted.
    """
    runs, columns = study.runs, study.runs.columns
    if (columns.init_seed is None) != (columns.order_seed is None) or (columns.seed and columns.init_seed):
        raise UserError(f"{path}: runs.columns: give seed, or init_seed and order_seed together, or none of them")
    if columns.task is None and len(study.tasks) > 1:
        raise UserError(f"{path}: runs.columns.task: is missing; accepted: a column that tells the tasks apart")
    used: dict[str, str] = {}
    for key, column in columns.model_dump(exclude_none=True).items():
        if (other := used.setdefault(column, key)) != key:
            raise UserError(f"{path}: runs.columns.{key}: '{column}' is {other} too; accepted: a column of its own")
    for key, names in (("tasks", study.tasks), ("arms", runs.arms or {})):
        for name in names:
            if not is_name(name):
                raise UserError(f"{path}: runs.{key}: '{name}' is not a name; accepted: {NAME_IN_WORDS}")
        for one, other in differ_by_case(names):
            raise UserError(
                f"{path}: runs.{key}: '{one}' and '{other}' differ by capitals alone; accepted: another name for one"
            )
    values = {name: task.value or name for name, task in runs.tasks.items()}
    _check_meant_twice(values, "tasks", path)
    _check_meant_twice(runs.arms or {}, "arms", path)
    for name, task in runs.tasks.items():
        _check_metric(study, name, task, path)
    if runs.arms and study.baseline is not None and study.baseline not in runs.arms:
        raise UserError(f"{path}: baseline: unknown arm '{study.baseline}'; accepted: {', '.join(runs.arms)}")
    if runs.arms and study.baseline is None and len(runs.arms) > 1:
        raise UserError(f"{path}: baseline: is missing; accepted: {', '.join(runs.arms)}")


def _check_meant_twice(meant: dict[str, str], key: str, path: Path | str) -> None:
    """Refuses two names for one value of the table, of which one would get no run."""
    first: dict[str, str] = {}
    for name, value in meant.items():
        if (other := first.setdefault(value, name)) != name:
            raise UserError(f"{path}: runs.{key}.{name}: '{value}' is {other} already; accepted: each value once")


def _check_metric(study: TableStudy, name: str, task: TaskColumns, path: Path | str) -> None:
    where = f"{path}: runs.tasks.{name}"
    known = ", ".join(METRICS)
    if task.metric not in METRICS:
        hint = did_you_mean(task.metric.lower(), METRICS)
        if hint or not is_name(task.metric):
            raise UserError(f"{where}.metric: unknown metric '{task.metric}'{hint}; accepted: {known}, or another name")
        if any(word in task.metric.lower().replace("-", "_").split("_") for word in ERRORS):
            lower = ", ".join(name for name in METRICS if not higher_is_better(name))
            raise UserError(
                f"{where}.metric: '{task.metric}' is lower for a better run, which is known of {lower} alone; "
                f"accepted: {known}, or a metric that is higher for a better run"
            )
    scale = study.runs.scale
    if in_unit(task.metric) and abs(task.majority) > scale * perfect(task.metric):
        raise UserError(
            f"{where}.majority: {task.majority:g} is more than a perfect score with scale: {scale:g}; accepted: the "
            "trivial predictor's score in the table's unit, and scale: 100 for percentages"
        )
    if in_unit(task.metric) and scale >= AS_PERCENTAGES and 0 < abs(task.majority) <= 1:
        raise UserError(
            f"{where}.majority: {task.majority:g} is a fraction, and scale: {scale:g} says that scores are not; "
            f"accepted: the trivial predictor's score in the table's unit, such as {task.majority * scale:g}"
        )
    if task.majority / scale < lowest(task.metric):
        raise UserError(
            f"{where}.majority: {task.majority:g} is no {task.metric}; accepted: the trivial predictor's score"
        )
    if task.curve and study.runs.curves is None:
        raise UserError(f"{where}.curve: there is no table of curves; accepted: runs.curves, or leave it out")


def in_unit(metric: str) -> bool:
    """Says whether a metric of the package has 1 as its perfect score."""
    return metric in METRICS and perfect(metric) == 1


def lowest(metric: str) -> float:
    """Returns the lowest score of a metric: 0, or −1 where knowing nothing scores 0."""
    if metric not in METRICS:
        return -math.inf
    return 0 if chance(metric) is None else -1


def find_table(name: str, folder: str | None, key: str = "runs.file") -> Path:
    """Finds a table that a study names.

    Args:
        name: As in the study file.
        folder: `runs_dir` of config.yaml.
        key: Where the study file names it, for the message.

    Raises:
        UserError: It is in neither place.
    """
    places = [Path(name).expanduser(), *([Path(folder).expanduser() / name] if folder else [])]
    for place in places:
        if name.isprintable() and place.is_file():
            return place
    raise UserError(
        f"{key}: there is no {' or '.join(map(str, places))}; accepted: a CSV, TSV, JSON Lines or Parquet file, "
        "relative to this folder or to runs_dir of config.yaml (or the environment variable SEEDVAR_RUNS_DIR)"
    )
