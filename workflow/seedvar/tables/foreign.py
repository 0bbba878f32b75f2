"""Any table of scores, one row a run, becomes a runs table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from seedvar.data.shown import higher_is_better
from seedvar.errors import UserError, first_line
from seedvar.study.table_study import TableStudy, TaskColumns, find_table
from seedvar.words import KEYS, SEEDS


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
        with open(path, "rb") as file:  # this very file, and no address that its path may look like
            return readers[path.suffix](file)
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
    for name in SEEDS:
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
        degenerate=decides.isna() | score.isna() | ~_better(decides, limit, about),
    )
    runs["validation_last"] = _numbers(rows, about.validation, path) / scale if about.validation else float("nan")
    runs["test_last"] = float("nan")
    runs[f"{study.runs.split}_last"] = score
    runs["train_loss"] = _numbers(rows, about.train_loss, path) if about.train_loss else float("nan")
    runs["constant_loss"] = float("nan") if about.constant_loss is None else about.constant_loss
    return runs


def _better(values: pd.Series, limit: float, about: TaskColumns) -> pd.Series:
    """Says which values are better than a limit; what another column says counts as better where it is higher."""
    is_error = about.failed_by in (None, about.score) and not higher_is_better(about.metric)
    return values < limit if is_error else values > limit


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
