"""A study of runs that somebody else trained: which columns of a table mean what."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from seedvar.errors import UserError
from seedvar.strict import Strict
from seedvar.study.probes import Probes


class Columns(Strict):
    """What the table calls our columns."""

    task: str | None = Field(None, description="Column of the task; without it, all rows are of the one task listed.")
    arm: str = Field(description="Column of the arm.")
    seed: str | None = Field(None, description="Column of the seed; without it, rows of an arm are numbered.")
    init_seed: str | None = Field(None, description="Column of the initialisation seed, with order_seed.")
    order_seed: str | None = Field(None, description="Column of the data order's seed, with init_seed.")


class TaskColumns(Strict):
    """A task of the table: where its scores are and what they mean."""

    value: str | None = Field(None, description="What the task's column says; without it, the task's name here.")
    metric: str = Field(description="Name of the metric, such as accuracy, f1, matthews, spearman.")
    score: str = Field(description="Column of the score at the end of training.")
    majority: float = Field(description="Score of the trivial predictor, in the table's unit.")
    failed_by: str | None = Field(None, description="Column that decides whether a run failed; without it, score.")
    failed_at: float | None = Field(
        None, description="Its largest value of a failed run; without it, majority. NaN has failed."
    )
    validation: str | None = Field(None, description="Column of the validation score at the end of training.")
    train_loss: str | None = Field(None, description="Column of the final training loss.")
    constant_loss: float | None = Field(None, description="Training loss of the best constant prediction.")
    curve: str | None = Field(None, description="Column of the validation score in `curves`.")


class CurveTable(Strict):
    """A second table with one row an evaluation."""

    file: str = Field(description="CSV, TSV or Parquet, with the same columns for task, arm and seed.")
    update: str = Field(description="Column of the update.")
    train_loss: str | None = Field(None, description="Column of the training loss since the last row.")


class RunsTable(Strict):
    """A table of runs and how to read it."""

    file: str = Field(
        description="CSV, TSV or Parquet; a relative path is looked for here, then in runs_dir of config.yaml."
    )
    columns: Columns
    tasks: dict[str, TaskColumns] = Field(min_length=1, description="The tasks, by the names that they get here.")
    arms: dict[str, str] | None = Field(
        None, description="Names of the arms here, each with what the table calls it; without it, all as they are."
    )
    split: str = Field("test", pattern="^(test|validation)$", description="Split of the scores: test or validation.")
    scale: float = Field(1.0, gt=0, description="Scores are divided by it: 100 where they are percentages.")
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
    """Checks what the types cannot say."""
    columns = study.runs.columns
    if (columns.init_seed is None) != (columns.order_seed is None) or (columns.seed and columns.init_seed):
        raise UserError(f"{path}: runs.columns: give seed, or init_seed and order_seed together, or none of them")
    if columns.task is None and len(study.tasks) > 1:
        raise UserError(f"{path}: runs.columns.task: is missing; accepted: a column that tells the tasks apart")
    if study.runs.arms and study.baseline is not None and study.baseline not in study.runs.arms:
        raise UserError(f"{path}: baseline: unknown arm '{study.baseline}'; accepted: {', '.join(study.runs.arms)}")
    if study.runs.arms and study.baseline is None and len(study.runs.arms) > 1:
        raise UserError(f"{path}: baseline: is missing; accepted: {', '.join(study.runs.arms)}")


def find_table(name: str, folder: str | None) -> Path:
    """Finds a table that a study names.

    Args:
        name: As in the study file.
        folder: `runs_dir` of config.yaml.

    Raises:
        UserError: It is in neither place.
    """
    places = [Path(name).expanduser(), *([Path(folder).expanduser() / name] if folder else [])]
    for place in places:
        if place.is_file():
            return place
    raise UserError(
        f"runs.file: there is no {' or '.join(map(str, places))}; accepted: a CSV, TSV or Parquet file, "
        "relative to this folder or to runs_dir of config.yaml (or the environment variable SEEDVAR_RUNS_DIR)"
    )
