"""Any table of scores, one row a run, becomes a runs table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from seedvar.data.formats import READERS, read_file
from seedvar.data.labels import label_number, listing, shortened
from seedvar.data.shown import higher_is_better
from seedvar.errors import UserError
from seedvar.strict import NAME_IN_WORDS, is_name
from seedvar.study.table_study import AS_PERCENTAGES, TableStudy, TaskColumns, find_table, in_unit, lowest
from seedvar.words import KEYS, SEEDS

UNDEFINED = ("", "nan", "na", "n/a", "null", "none")


def read_any(path: Path, columns: list[str]) -> pd.DataFrame:
    """Reads columns of CSV, TSV, JSON Lines or Parquet as they stand there: what is a number is judged later.

    Raises:
        UserError: It is none of these, is damaged, or has no such column or no row.
    """
    if path.suffix.lower() not in READERS:
        raise UserError(f"{path}: '{path.suffix}' is not accepted; accepted: {', '.join(READERS)}")
    table = pd.DataFrame(read_file(path, list(dict.fromkeys(columns))).columns, dtype=object)
    if table.empty:
        raise UserError(f"{path}: holds no row; accepted: one row a run")
    return table


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
    path, tasks = find_table(study.runs.file, folder), study.runs.tasks.values()
    keys = [name for name in study.runs.columns.model_dump().values() if name]
    wanted = [[task.score, task.failed_by, task.validation, task.train_loss] for task in tasks]
    table = read_any(path, [*keys, *_named(wanted)])
    rows = _keyed(table, study, path)
    _check_values(table, rows, study, path)
    curves = None
    if study.runs.curves:
        about = study.runs.curves
        curve_path = find_table(about.file, folder, "runs.curves.file")
        wanted = [[about.update, about.train_loss], [task.curve for task in tasks]]
        curves = _curves(_keyed(read_any(curve_path, [*keys, *_named(wanted)]), study, curve_path), study, curve_path)
    tables = [_runs_of(rows[rows["task"] == task], task, study, path) for task in study.tasks]
    runs = pd.concat(tables, ignore_index=True)
    if (repeated := runs[runs.duplicated(KEYS)]).size:
        task, arm, seed = repeated.iloc[0][["task", "arm", "init_seed"]]
        raise UserError(f"{path}: the run of task {task}, arm {arm}, seed {seed} is there twice; once is accepted")
    if study.baseline is not None and study.baseline not in set(runs["arm"]):
        raise UserError(f"{path}: no run has the arm '{study.baseline}'; accepted: {', '.join(runs['arm'].unique())}")
    if study.baseline is not None and runs["arm"].nunique() == 1:
        raise UserError(f"{path}: baseline: '{study.baseline}' is the only arm; accepted: leave baseline out")
    if curves is None:
        return {"runs": runs}
    return {"runs": _with_curves(runs, curves), "curves": curves}


def _named(lists) -> list[str]:
    return [name for names in lists for name in names if name]


def _check_values(table: pd.DataFrame, keyed: pd.DataFrame, study: TableStudy, path: Path) -> None:
    """Refuses a misspelt task or arm, which would vanish without a word."""
    columns = study.runs.columns
    arms = sorted(set(_words(table, columns.arm, path)))
    for ours, theirs in (study.runs.arms or {}).items():
        if theirs not in arms:
            raise UserError(f"{path}: no row has the arm '{theirs}'; accepted as runs.arms.{ours}: {listing(arms)}")
    for task in study.tasks:
        if task not in set(keyed["task"]):
            found = listing(sorted(set(_words(table, columns.task, path)))) if columns.task else "none"
            raise UserError(f"{path}: no row is of task '{task}'; accepted as runs.tasks.{task}.value: {found}")


def _keyed(table: pd.DataFrame, study: TableStudy, path: Path) -> pd.DataFrame:
    """Adds our key columns and leaves out rows of other tasks and arms."""
    columns = study.runs.columns
    by_value = {task.value or name: name for name, task in study.runs.tasks.items()}
    their_tasks = _words(table, columns.task, path) if columns.task else None
    their_arms = _words(table, columns.arm, path)
    tasks = study.tasks[0] if their_tasks is None else their_tasks.map(by_value)
    arms = their_arms
    if study.runs.arms:
        arms = arms.map({theirs: ours for ours, theirs in study.runs.arms.items()})
    keyed = table.assign(task=tasks, arm=arms)
    keyed = keyed[keyed["task"].notna() & keyed["arm"].notna()]
    for name in SEEDS:
        theirs = getattr(columns, name) or columns.seed
        keyed[name] = _whole(keyed, theirs, path) if theirs else keyed.groupby(["task", "arm"]).cumcount()
    if study.runs.arms:  # the study file's order
        return keyed.sort_values("arm", key=lambda arm: arm.map(list(study.runs.arms).index), kind="stable")
    for name in keyed["arm"].unique():
        if not is_name(name):
            raise UserError(
                f"{path}: the arm {shortened(name)} is not a name; accepted: {NAME_IN_WORDS}, or a name for it under "
                "runs.arms"
            )
    return keyed


def _words(table: pd.DataFrame, name: str, path: Path) -> pd.Series:
    """Returns a column of names as text; an arm may be called `None` or `2`."""
    for row, value in enumerate(table[name], 1):
        if value is None or value != value or not str(value).strip():
            raise UserError(f"{path}: {name}: row {row} holds nothing; accepted: a name in every row")
    return table[name].map(lambda value: f"{value:.15g}" if isinstance(value, float) else str(value).strip())


def _numbers(table: pd.DataFrame, name: str, path: Path) -> pd.Series:
    """Returns a column of numbers; NaN where nothing, NaN or NA stands, and nothing else that is no finite number."""
    return pd.Series([_number(value, name, row, path) for row, value in table[name].items()], table.index, float)


def _number(value, name: str, row: int, path: Path) -> float:
    if value is None or value != value or (isinstance(value, str) and value.strip().lower() in UNDEFINED):
        return float("nan")
    try:
        return label_number(value)
    except ValueError as error:
        raise UserError(
            f"{path}: column '{name}' holds what is no number (row {row + 1}: {error}); accepted: numbers with a "
            "decimal point, and nothing or NaN where a score is not defined"
        ) from None


def _whole(table: pd.DataFrame, name: str, path: Path) -> pd.Series:
    """Returns a column of whole numbers from 0."""
    numbers = _numbers(table, name, path)
    for row, number in numbers.items():
        if not (number >= 0 and number == int(number)):
            raise UserError(
                f"{path}: {name}: row {row + 1} holds {shortened(str(table[name][row]))}; accepted: whole numbers "
                "from 0"
            )
    return numbers.astype("int64")


def _runs_of(rows: pd.DataFrame, task: str, study: TableStudy, path: Path) -> pd.DataFrame:
    about, scale = study.runs.tasks[task], study.runs.scale
    score = _scores(rows, about, scale, path)
    if score.isna().all():
        raise UserError(f"{path}: {about.score}: no run of task '{task}' has a score; accepted: numbers")
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
    runs["validation_last"] = float("nan")
    if about.validation:
        runs["validation_last"] = _scores(rows, about, scale, path, about.validation)
    runs["test_last"] = float("nan")
    runs[f"{study.runs.split}_last"] = score
    runs["train_loss"] = _numbers(rows, about.train_loss, path) if about.train_loss else float("nan")
    runs["constant_loss"] = float("nan") if about.constant_loss is None else about.constant_loss
    return runs


def _scores(rows: pd.DataFrame, about: TaskColumns, scale: float, path: Path, name: str | None = None) -> pd.Series:
    """Returns a column of scores, divided by the scale; refuses what no score can be."""
    name = name or about.score
    scores = _numbers(rows, name, path) / scale
    if not in_unit(about.metric):
        return scores
    least = lowest(about.metric)
    wrong = scores[(scores > 1 + 1e-9) | (scores < least)]
    if len(wrong):
        hint = "scale: 100 for percentages" if scale == 1 else "another scale"
        raise UserError(
            f"{path}: {name}: row {wrong.index[0] + 1} holds {rows[name][wrong.index[0]]}, which with scale: {scale:g} "
            f"is no {about.metric}; accepted: {least * scale:g} to {scale:g}, or {hint}"
        )
    if scale >= AS_PERCENTAGES and least == 0 and 0 < scores.max() * scale <= 1:
        raise UserError(
            f"{path}: {name}: no score of {about.metric} is above 1, and scale: {scale:g} says that scores are "
            "percentages or the like; accepted: scale: 1, or such scores"
        )
    return scores


def _better(values: pd.Series, limit: float, about: TaskColumns) -> pd.Series:
    """Says which values are better than a limit; what another column says counts as better where it is higher."""
    is_error = about.failed_by in (None, about.score) and not higher_is_better(about.metric)
    return values < limit if is_error else values > limit


def _curves(rows: pd.DataFrame, study: TableStudy, path: Path) -> pd.DataFrame:
    about = study.runs.curves
    curves = rows[KEYS].assign(update=_whole(rows, about.update, path))
    if (twice := curves[curves.duplicated([*KEYS, "update"])]).size:
        task, arm, seed, update = twice.iloc[0][["task", "arm", "init_seed", "update"]]
        raise UserError(
            f"{path}: update {update} of task {task}, arm {arm}, seed {seed} is there twice; once is accepted"
        )
    curves["train_loss"] = _numbers(rows, about.train_loss, path) if about.train_loss else float("nan")
    for task, columns in study.runs.tasks.items():
        if columns.curve:
            scores = _scores(rows[rows["task"] == task], columns, study.runs.scale, path, columns.curve)
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
