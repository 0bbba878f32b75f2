"""A study of runs that somebody else trained: which columns of a table mean what."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from seedvar.data import shown
from seedvar.data.metrics import METRICS
from seedvar.data.shown import chance, higher_is_better, perfect
from seedvar.errors import UserError
from seedvar.strict import NAME_IN_WORDS, Difference, Strict, differ_by_case, is_name
from seedvar.study.probes import Probes
from seedvar.study.selecting import Selecting, Selections, check_selections
from seedvar.study.study import SLACK_HELP
from seedvar.study.validation import check_matters, did_you_mean

Column = Annotated[str, Field(min_length=1)]
# Words in the name of a metric that the package does not know and of which lower is better.
ERRORS = ("loss", "error", "perplexity", "mae", "rmse", "wer", "cer")
Names = Annotated[list[Column], Field(min_length=1)]
Value = Column | int | float
NO_PREDICTOR = "none"
DOWN = f" {shown.DOWN}"  # what the name of a metric ends in that the package does not know and of which lower is better
AS_PERCENTAGES = 10  # a scale from here on says that a table's scores are percentages or the like


class Columns(Strict):
    """What the table calls our columns."""

    task: Column | Names | None = Field(
        None,
        description="Column of the task, or several whose values are joined by +; without it, all rows are of the one "
        "task listed, or of each of several that have a score column of their own.",
    )
    arm: Column | Names | None = Field(
        None, description="Column of the arm, or several whose values are joined by +; without it, give runs.arm."
    )
    seed: Column | None = Field(None, description="Column of the seed; without it, rows are numbered, and none pair.")
    init_seed: Column | None = Field(None, description="Column of the initialisation seed, with order_seed.")
    order_seed: Column | None = Field(None, description="Column of the data order's seed, with init_seed.")


class TaskColumns(Strict):
    """A task of the table: where its scores are and what they mean."""

    value: Column | None = Field(None, description="What the task's column says; without it, the task's name here.")
    metric: Column = Field(description="Name of the metric, such as accuracy, f1, matthews, spearman.")
    better: Literal["higher", "lower"] | None = Field(
        None, description="Which way is better, of a metric that the package does not know; without it, higher."
    )
    lowest: float | None = Field(None, description="The lowest score that there can be, in the table's unit.")
    highest: float | None = Field(None, description="The highest score that there can be, in the table's unit.")
    score: Column = Field(description="Column of the score at the end of training.")
    majority: float | Literal["none"] = Field(
        description="Score of the trivial predictor, in the table's unit; none: there is no such predictor."
    )
    failed_by: Column | None = Field(None, description="Column that decides whether a run failed; without it, score.")
    failed_at: float | None = Field(
        None, description="A run whose value there is no better has failed, and one without; without it, majority."
    )
    validation: Column | None = Field(None, description="Column of the validation score at the end of training.")
    train_loss: Column | None = Field(None, description="Column of the final training loss.")
    constant_loss: float | None = Field(None, ge=0, description="Training loss of the best constant prediction.")
    curve: Column | None = Field(None, description="Column of the validation score in `curves`.")

    @property
    def shown_metric(self) -> str:
        """The metric's name in our tables; it says which way is better where nothing else does."""
        return self.metric + DOWN if self.better == "lower" and self.metric not in METRICS else self.metric

    @property
    def trivial(self) -> float:
        """The trivial predictor's score in the table's unit, NaN if there is none."""
        return math.nan if self.majority == NO_PREDICTOR else self.majority

    @property
    def limit(self) -> float:
        """What a run has to be better than, in the unit of the column that decides; NaN: nothing."""
        return self.trivial if self.failed_at is None else self.failed_at


class CurveTable(Strict):
    """A second table with one row an evaluation."""

    file: Column = Field(description="CSV, TSV, JSON Lines or Parquet, with the same columns for task, arm and seed.")
    update: Column = Field(description="Column of the update.")
    train_loss: Column | None = Field(None, description="Column of the training loss since the last row.")


class RunsTable(Strict):
    """A table of runs and how to read it."""

    file: Column = Field(
        description="CSV, TSV, JSON Lines or Parquet, the first three also with .gz; a relative path is looked for "
        "here, then in runs_dir of config.yaml."
    )
    columns: Columns
    where: dict[str, Value | Annotated[list[Value], Field(min_length=1)]] | None = Field(
        None, min_length=1, description="Columns, each with the value or the list of values of the rows that are read."
    )
    arm: Column | None = Field(None, description="Name of the one arm, where no column says the arm.")
    tasks: dict[str, TaskColumns] = Field(min_length=1, description="The tasks, by the names that they get here.")
    arms: dict[str, Column] | None = Field(
        None,
        min_length=1,
        description="Names of the arms here, each with what the table calls it; without it, all as they are.",
    )
    split: Literal["test", "validation"] = Field("test", description="Split of the scores: test or validation.")
    scale: float = Field(1.0, gt=0, le=1e6, description="Scores are divided by it: 100 where they are percentages.")
    comparable_seeds: bool = Field(
        False,
        description="Whether equal seeds of two arms mean equal initialisation and data order; only then are their "
        "runs paired.",
    )
    curves: CurveTable | None = None


class TableStudy(Selecting):
    """A study file that takes its runs from a table."""

    description: str = Field("", description="The question that the study answers, and its source.")
    runs: RunsTable
    baseline: str | None = Field(None, description="The arm that the others are compared with.")
    smallest_difference: Difference | Annotated[dict[str, Difference], Field(min_length=1)] | None = Field(
        None,
        description="The smallest difference of mean scores that would matter, in the table's unit, for all tasks or "
        "by task: only then may two arms be called the same.",
    )
    loss_slack: float = Field(0.0, ge=0, lt=1, description=SLACK_HELP)

    select: Selections | None = None

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks."""
        return list(self.runs.tasks)

    @property
    def is_crossed(self) -> bool:
        """Whether initialisation and order have seeds of their own."""
        return self.runs.columns.init_seed is not None

    crosses_sources = is_crossed

    @property
    def probes(self) -> Probes:
        """None: there are no weights."""
        return Probes()

    @property
    def tables(self) -> set[str]:
        """Files that are made from the user's."""
        return {"runs.csv", "curves.csv"} if self.runs.curves else {"runs.csv"}

    looks: ClassVar[int] = 1  # at its comparisons

    def what_matters(self) -> dict[str, float] | float | None:
        """Returns the smallest difference of means that would matter, in the unit of our tables."""
        matters, scale = self.smallest_difference, self.runs.scale
        if isinstance(matters, dict):
            return {task: value / scale for task, value in matters.items()}
        return None if matters is None else matters / scale

    def arm_names(self) -> list[str]:
        """Names of the arms as far as the study file says them; with a baseline there are at least two."""
        if self.runs.arm:
            return [self.runs.arm]
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
    _check_keys(study, path)
    used: dict[str, str] = {}
    given = [(key, column) for key in Columns.model_fields for column in in_list(getattr(columns, key))]
    for key, column in given:
        if column in used:
            raise UserError(
                f"{path}: runs.columns.{key}: '{column}' is {used[column]} too; accepted: a column of its own"
            )
        used[column] = key
    for key, names in (("tasks", study.tasks), ("arms", runs.arms or {}), ("arm", in_list(runs.arm))):
        for name in names:
            if not is_name(name):
                raise UserError(f"{path}: runs.{key}: '{name}' is not a name; accepted: {NAME_IN_WORDS}")
        for one, other in differ_by_case(names):
            raise UserError(
                f"{path}: runs.{key}: '{one}' and '{other}' differ by capitals alone; accepted: another name for one"
            )
    if runs.comparable_seeds and columns.seed is None and columns.init_seed is None:
        raise UserError(f"{path}: runs.comparable_seeds: there are no seeds; accepted: a column runs.columns.seed")
    check_matters(study, path)
    values = {name: task.value or name for name, task in runs.tasks.items()}
    _check_meant_twice(values, "tasks", path)
    _check_meant_twice(runs.arms or {}, "arms", path)
    for name, task in runs.tasks.items():
        _check_metric(study, name, task, path)
    if study.selections:
        _check_select(study, path)
    if runs.arms and study.baseline is not None and study.baseline not in study.compared_names():
        accepted = ", ".join(study.compared_names())
        raise UserError(f"{path}: baseline: unknown arm '{study.baseline}'; accepted: {accepted}")
    if runs.arms and study.baseline is None and len(runs.arms) > 1:
        raise UserError(f"{path}: baseline: is missing; accepted: {', '.join(runs.arms)}")


def _check_select(study: TableStudy, path: Path | str) -> None:
    """Refuses to choose among arms that the file does not name, or by scores that there are none of or are judged."""
    if not study.runs.arms:
        raise UserError(f"{path}: select: the arms have no names here; accepted: runs.arms with each of them")
    check_selections(study, list(study.runs.arms), path)
    if study.runs.split == "validation":
        raise UserError(
            f"{path}: select: chooses by validation scores, and runs.split says that those are judged; accepted: "
            "runs.split: test, or no select"
        )
    for name, task in study.runs.tasks.items():
        if not (task.validation or task.curve):
            raise UserError(
                f"{path}: runs.tasks.{name}.validation: is missing, and select chooses by it; accepted: the column of "
                "the validation score, or curve"
            )


def _check_keys(study: TableStudy, path: Path | str) -> None:
    """Refuses a table that does not say of each row which task, arm and seed it is of."""
    runs, columns = study.runs, study.runs.columns
    if columns.task is None and len(study.tasks) > 1:
        first: dict[str, str] = {}
        for name, task in runs.tasks.items():
            if task.value or first.setdefault(task.score, name) != name:
                raise UserError(
                    f"{path}: runs.columns.task: is missing, and nothing else tells {name} apart; accepted: the column "
                    "of the task, or for each task a score column of its own and no value"
                )
    elif columns.task is None and runs.tasks[study.tasks[0]].value:
        raise UserError(
            f"{path}: runs.columns.task: is missing; accepted: the column that says "
            f"'{runs.tasks[study.tasks[0]].value}', or no runs.tasks.{study.tasks[0]}.value"
        )
    if (columns.arm is None) == (runs.arm is None):
        which = "is missing" if runs.arm is None else "is given beside runs.arm"
        raise UserError(
            f"{path}: runs.columns.arm: {which}; accepted: the column of the arm, or runs.arm with the name "
            "of the only one"
        )
    if runs.arm and (runs.arms or study.baseline is not None):
        key = "runs.arms" if runs.arms else "baseline"
        raise UserError(f"{path}: {key}: runs.arm says that there is one arm; accepted: leave {key} out")
    if runs.curves and not (columns.seed or columns.init_seed):
        raise UserError(
            f"{path}: runs.columns.seed: is missing; accepted: a column that tells which rows of runs.curves are of "
            "one run"
        )


def in_list(value: str | list[str] | None) -> list[str]:
    """Returns one name, several or none as a list."""
    return [] if value is None else [value] if isinstance(value, str) else value


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
        words = task.metric.lower().replace("-", "_").split("_")
        if task.better is None and any(word in words for word in ERRORS):
            raise UserError(
                f"{where}.better: is missing, and '{task.metric}' sounds as if lower were better; accepted: lower or "
                "higher"
            )
    elif task.better and (task.better == "higher") != higher_is_better(task.metric):
        raise UserError(
            f"{where}.better: {task.better} is not so of {task.metric}; accepted: {_way(task.metric)}, or leave it out"
        )
    if task.lowest is not None and task.highest is not None and task.lowest >= task.highest:
        raise UserError(f"{where}.lowest: {task.lowest:g} is not below highest; accepted: a lower number")
    _check_limits(study, where, task)
    if task.curve and study.runs.curves is None:
        raise UserError(f"{where}.curve: there is no table of curves; accepted: runs.curves, or leave it out")


def _way(metric: str) -> str:
    return "higher" if higher_is_better(metric) else "lower"


def _check_limits(study: TableStudy, where: str, task: TaskColumns) -> None:
    """Refuses a trivial predictor's score, or a limit of failed runs, that is in another unit than the scores."""
    scale, limits = study.runs.scale, {"majority": task.trivial}
    if task.failed_at is not None and task.failed_by in (None, task.score):
        limits["failed_at"] = task.failed_at
    for key, limit in limits.items():
        if in_unit(task.metric) and abs(limit) > scale * perfect(task.metric):
            raise UserError(
                f"{where}.{key}: {limit:g} is more than a perfect score with scale: {scale:g}; accepted: a score in "
                "the table's unit, and scale: 100 for percentages"
            )
        known = task.metric in METRICS
        if scale >= AS_PERCENTAGES and 0 < abs(limit) <= 1 and (in_unit(task.metric) or not known):
            if not known and (task.failed_at is not None or task.better == "lower"):
                continue
            raise UserError(
                f"{where}.{key}: {limit:g} is a fraction, and scale: {scale:g} says that scores are not; accepted: a "
                f"score in the table's unit, such as {limit * scale:g}"
                + ("" if known else f", or failed_at: {limit:g} beside it if it is meant")
            )
        low, high = limits_of(task, scale)
        if not known and not (math.isnan(limit) or low <= limit <= high) or limit < low:
            raise UserError(f"{where}.{key}: {limit:g} is no {task.metric}; accepted: a score from {low:g} to {high:g}")


def limits_of(task: TaskColumns, scale: float) -> tuple[float, float]:
    """Returns the lowest and the highest score of a task in the table's unit, as far as they are known."""
    low, high = lowest(task.metric) * scale, (scale if in_unit(task.metric) else math.inf)
    low = low if task.lowest is None else max(low, task.lowest)
    return low, high if task.highest is None else min(high, task.highest)


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
