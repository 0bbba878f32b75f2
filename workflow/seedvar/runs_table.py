"""Studies of runs that somebody else trained: any table of scores, one row a run, becomes a runs table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from pydantic import Field

from seedvar.errors import UserError, first_line
from seedvar.probes import Probes
from seedvar.recipe import Strict

KEYS = ["task", "arm", "init_seed", "order_seed"]


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

    def named_recipes(self, task: str) -> dict:
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


def read_any(path: Path) -> pd.DataFrame:
    """Reads CSV, TSV or Parquet.

    Raises:
        UserError: It is none of these, or damaged.
    """
    readers = {
        ".csv": pd.read_csv,
        ".tsv": lambda file: pd.read_csv(file, sep="\t"),
        ".parquet": pd.read_parquet,
    }
    if path.suffix not in readers:
        raise UserError(f"{path}: '{path.suffix}' is not accepted; accepted: {', '.join(readers)}")
    try:
        return readers[path.suffix](path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({first_line(error)})") from None


def import_runs(study: TableStudy, folder: str | None = None) -> dict[str, pd.DataFrame]:
    """Makes our tables out of a user's.

    Args:
        study: Says what is where.
        folder: `runs_dir` of config.yaml.

    Returns:
        `runs`, with the columns that statistics and figures use, and `curves` where there are any.
        A score that is not defined gets the trivial predictor's in its stead, `score_defined` False,
        and has failed, as in `collect.py`.

    Raises:
        UserError: A column or a task is missing, a run is there twice, or a score is no number.
    """
    path = find_table(study.runs.file, folder)
    rows = _keyed(read_any(path), study, path)
    curves = None
    if study.runs.curves:
        curve_path = find_table(study.runs.curves.file, folder)
        curves = _curves(_keyed(read_any(curve_path), study, curve_path), study, curve_path)
    tables = [_runs_of(rows[rows["task"] == task], task, study, path) for task in study.tasks]
    runs = pd.concat(tables, ignore_index=True)
    if (repeated := runs[runs.duplicated(KEYS)]).size:
        task, arm, seed = repeated.iloc[0][["task", "arm", "init_seed"]]
        raise UserError(f"{path}: the run of task {task}, arm {arm}, seed {seed} is there twice; once is accepted")
    if study.baseline is not None and study.baseline not in set(runs["arm"]):
        raise UserError(f"{path}: no run has the arm '{study.baseline}'; accepted: {', '.join(runs['arm'].unique())}")
    if curves is None:
        return {"runs": runs}
    return {"runs": _with_curves(runs, curves), "curves": curves}


def _keyed(table: pd.DataFrame, study: TableStudy, path: Path) -> pd.DataFrame:
    """Adds our key columns and leaves out rows of other tasks and arms."""
    columns = study.runs.columns
    for name in filter(None, columns.model_dump().values()):
        _need(table, name, path)
    by_value = {task.value or name: name for name, task in study.runs.tasks.items()}
    tasks = table[columns.task].astype(str).map(by_value) if columns.task else study.tasks[0]
    arms = table[columns.arm].astype(str)
    if study.runs.arms:
        arms = arms.map({theirs: ours for ours, theirs in study.runs.arms.items()})
    keyed = table.assign(task=tasks, arm=arms)
    for name in ("init_seed", "order_seed"):
        theirs = getattr(columns, name) or columns.seed
        keyed[name] = table[theirs] if theirs else keyed.groupby(["task", "arm"]).cumcount()
    keyed = keyed[keyed["task"].notna() & keyed["arm"].notna()]
    for task in study.tasks:
        if task not in set(keyed["task"]):
            found = ", ".join(sorted(table[columns.task].astype(str).unique())) if columns.task else "none"
            raise UserError(f"{path}: no row is of task '{task}'; accepted as runs.tasks.{task}.value: {found}")
    if study.runs.arms:  # the study file's order
        return keyed.sort_values("arm", key=lambda arm: arm.map(list(study.runs.arms).index), kind="stable")
    return keyed


def _need(table: pd.DataFrame, name: str, path: Path) -> None:
    if name not in table.columns:
        raise UserError(f"{path}: there is no column '{name}'; accepted: {', '.join(map(str, table.columns))}")


def _numbers(table: pd.DataFrame, name: str, path: Path) -> pd.Series:
    _need(table, name, path)
    try:
        return pd.to_numeric(table[name]).astype(float)
    except (ValueError, TypeError) as error:
        raise UserError(f"{path}: column '{name}' holds what is no number ({first_line(error)})") from None


def _runs_of(rows: pd.DataFrame, task: str, study: TableStudy, path: Path) -> pd.DataFrame:
    about, scale = study.runs.tasks[task], study.runs.scale
    score = _numbers(rows, about.score, path) / scale
    decides = _numbers(rows, about.failed_by or about.score, path)
    limit = about.majority if about.failed_at is None else about.failed_at
    runs = rows[KEYS].assign(
        metric=about.metric,
        split=study.runs.split,
        score=score.fillna(about.majority / scale),
        score_defined=score.notna(),
        majority=about.majority / scale,
        degenerate=decides.isna() | score.isna() | (decides <= limit),
    )
    runs["validation_last"] = _numbers(rows, about.validation, path) / scale if about.validation else float("nan")
    runs["test_last"] = float("nan")
    runs[f"{study.runs.split}_last"] = score
    runs["train_loss"] = _numbers(rows, about.train_loss, path) if about.train_loss else float("nan")
    runs["constant_loss"] = float("nan") if about.constant_loss is None else about.constant_loss
    return runs


def _curves(rows: pd.DataFrame, study: TableStudy, path: Path) -> pd.DataFrame:
    about = study.runs.curves
    curves = rows[KEYS].assign(update=_numbers(rows, about.update, path).astype(int))
    curves["train_loss"] = _numbers(rows, about.train_loss, path) if about.train_loss else float("nan")
    for task, columns in study.runs.tasks.items():
        if columns.curve:
            scores = _numbers(rows, columns.curve, path)[rows["task"] == task] / study.runs.scale
            name = f"val_{columns.metric}"
            curves[name] = scores.combine_first(curves[name]) if name in curves else scores
    return curves.sort_values([*KEYS, "update"], kind="stable", ignore_index=True)


def _with_curves(runs: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Takes what the runs do not say, the validation score and the loss at the end, from their curves."""
    last = curves.groupby(KEYS, sort=False).tail(1).set_index(KEYS)
    place = pd.MultiIndex.from_frame(runs[KEYS])
    for metric in runs["metric"].unique():
        if f"val_{metric}" in last:
            at_end = pd.Series(last[f"val_{metric}"].reindex(place).to_numpy(), runs.index)
            runs["validation_last"] = runs["validation_last"].where(
                (runs["metric"] != metric) | runs["validation_last"].notna(), at_end
            )
    loss = pd.Series(last["train_loss"].reindex(place).to_numpy(), runs.index)
    return runs.assign(train_loss=runs["train_loss"].fillna(loss))
