"""Any table of scores, one row a run, becomes a runs table."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pandas as pd

from seedvar.data.labels import listing, shortened
from seedvar.data.metrics import METRICS
from seedvar.data.shown import higher_is_better
from seedvar.errors import UserError
from seedvar.strict import NAME_IN_WORDS, is_name
from seedvar.study.table_study import (
    AS_PERCENTAGES,
    Columns,
    TableStudy,
    TaskColumns,
    find_table,
    in_list,
    in_unit,
    limits_of,
)
from seedvar.tables.compared import select
from seedvar.tables.rows import ROW, chosen, names, numbers, read_any, whole_numbers
from seedvar.words import KEYS, SEEDS

ROUNDED_TO = 3  # decimals of a fraction from which on a limit may be the rounded score of a collapsed run


def import_runs(
    study: TableStudy, folder: str | None = None, tell: Callable[[str], None] = lambda line: None
) -> dict[str, pd.DataFrame]:
    """Makes our tables out of a user's.

    Args:
        study: Says what is where.
        folder: `runs_dir` of config.yaml.
        tell: Is given lines on what was read, what was left out and why, and what looks odd.

    Returns:
        `runs`, with the columns that statistics and figures use, and `curves` where there are any.
        A score that is not defined gets the trivial predictor's in its stead, `score_defined` False,
        and has failed, as in `collect.py`.

    Raises:
        UserError: A column or a task is missing, a run is there twice, or a score is no number.
    """
    path, tasks = find_table(study.runs.file, folder), study.runs.tasks.values()
    wanted = [[task.score, task.failed_by, task.validation, task.train_loss] for task in tasks]
    rows = _keyed(read_any(path, [*_key_columns(study), *_named(wanted)]), study, path, tell)
    curves = None
    if study.runs.curves:
        about = study.runs.curves
        curve_path = find_table(about.file, folder, "runs.curves.file")
        wanted = [[about.update, about.train_loss], [task.curve for task in tasks]]
        table = read_any(curve_path, [*_key_columns(study, of_runs=False), *_named(wanted)])
        curves = _curves(_keyed(table, study, curve_path, of_runs=False), study, curve_path)
    tables = [_runs_of(rows[task], task, study, path, tell) for task in study.tasks]
    runs = pd.concat(tables, ignore_index=True).assign(comparable_seeds=study.runs.comparable_seeds)
    if (repeated := runs[runs.duplicated(KEYS)]).size:
        task, arm, seed = repeated.iloc[0][["task", "arm", "init_seed"]]
        raise UserError(f"{path}: the run of task {task}, arm {arm}, seed {seed} is there twice; once is accepted")
    if study.baseline is not None and study.baseline not in {*runs["arm"], *study.selections}:
        raise UserError(f"{path}: no run has the arm '{study.baseline}'; accepted: {', '.join(runs['arm'].unique())}")
    if study.baseline is not None and runs["arm"].nunique() == 1:
        raise UserError(f"{path}: baseline: '{study.baseline}' is the only arm; accepted: leave baseline out")
    runs = runs if curves is None else _with_curves(runs, curves)
    if study.selections:
        _check_candidates(study, runs, path)
        runs = select(runs, study.selections, "last")
    return {"runs": runs} if curves is None else {"runs": runs, "curves": curves}


def _check_candidates(study: TableStudy, runs: pd.DataFrame, path: Path) -> None:
    """Refuses to choose among arms of which some have no run, or no validation score, on a task."""
    scored = runs[runs["validation_last"].notna()].groupby(["task", "arm"]).size()
    for name, by_task in study.selections.items():
        for task, arms in by_task.items():
            if missing := [arm for arm in arms if (task, arm) not in scored]:
                raise UserError(
                    f"{path}: select.{name}: no run of task '{task}' and arm '{missing[0]}' has a validation score; "
                    "accepted: arms that have some on every task, or for each task its arms"
                )


def _named(lists) -> list[str]:
    return [name for names in lists for name in names if name]


def _key_columns(study: TableStudy, of_runs: bool = True) -> list[str]:
    """Lists the columns that say what a row is of; `where` is about the runs alone."""
    columns = study.runs.columns
    keys = [name for key in Columns.model_fields for name in in_list(getattr(columns, key))]
    return [*keys, *(study.runs.where or {})] if of_runs else keys


def _keyed(
    table: pd.DataFrame,
    study: TableStudy,
    path: Path,
    tell: Callable[[str], None] = lambda line: None,
    of_runs: bool = True,
) -> dict[str, pd.DataFrame]:
    """Returns the rows of each task with our key columns; those of other tasks and arms are left out.

    Raises:
        UserError: A task or an arm that the study names is not there, which would vanish without a word.
    """
    runs, columns, read = study.runs, study.runs.columns, len(table)
    left_out = []
    if runs.where and of_runs:
        table = chosen(table, runs.where, path)
        left_out.append((read - len(table), f"by where ({', '.join(runs.where)})"))
    tasks = names(table, in_list(columns.task), path) if columns.task else None
    theirs = names(table, in_list(columns.arm), path) if columns.arm else pd.Series(runs.arm, table.index)
    arms = theirs.map({theirs: ours for ours, theirs in runs.arms.items()}) if runs.arms else theirs
    if of_runs:
        _check_named(tasks, theirs, study, path)
    by_value = {task.value or name: name for name, task in runs.tasks.items()}
    ours = pd.Series(True, table.index) if tasks is None else tasks.isin(by_value)
    if tasks is not None:
        left_out.append(((~ours).sum(), f"of other tasks ({listing(sorted(set(tasks[~ours])))})"))
    others = ours & arms.isna()
    left_out.append((others.sum(), f"of other arms ({listing(sorted(set(theirs[others])))})"))
    table = table.assign(arm=arms)[ours & arms.notna()]
    parts = [f"{number:,} left out {why}" for number, why in left_out if number]
    tell(f"{path}: {read:,} rows{', of which ' if parts else ''}{', '.join(parts)}")
    if runs.arms:  # the study file's order
        table = table.sort_values("arm", key=lambda arm: arm.map(list(runs.arms).index), kind="stable")
    else:
        for name in table["arm"].unique():
            if not is_name(name):
                raise UserError(
                    f"{path}: the arm {shortened(name)} is not a name; accepted: {NAME_IN_WORDS}, or a name for it "
                    "under runs.arms"
                )
    by_task = {}
    for name, task in runs.tasks.items():
        rows = table if tasks is None else table[tasks[table.index] == (task.value or name)]
        for key in SEEDS:
            column = getattr(columns, key) or columns.seed
            # Where there are no seeds, no two rows of a task get one number, so that nothing pairs them.
            seeds = whole_numbers(rows, column, path) if column else range(len(rows))
            rows = rows.assign(**{key: seeds})
        by_task[name] = rows.assign(task=name)
    return by_task


def _check_named(tasks: pd.Series | None, arms: pd.Series, study: TableStudy, path: Path) -> None:
    """Refuses a misspelt task or arm."""
    there = sorted(set(arms))
    for ours, theirs in (study.runs.arms or {}).items():
        if theirs not in there:
            raise UserError(f"{path}: no row has the arm '{theirs}'; accepted as runs.arms.{ours}: {listing(there)}")
    for name, task in study.runs.tasks.items() if tasks is not None else ():
        value = task.value or name
        of_task = arms[tasks == value]
        if of_task.empty:
            found = listing(sorted(set(tasks)))
            raise UserError(f"{path}: no row is of task '{name}'; accepted as runs.tasks.{name}.value: {found}")
        if study.runs.arms and not of_task.isin(study.runs.arms.values()).any():
            raise UserError(
                f"{path}: no row of task '{name}' has an arm of runs.arms; accepted there: "
                f"{listing(sorted(set(of_task)))}"
            )


def _runs_of(rows: pd.DataFrame, task: str, study: TableStudy, path: Path, tell: Callable[[str], None]) -> pd.DataFrame:
    about, scale = study.runs.tasks[task], study.runs.scale
    score = _scores(rows, about, scale, path)
    if score.isna().all():
        raise UserError(f"{path}: {about.score}: no run of task '{task}' has a score; accepted: numbers")
    decides = numbers(rows, about.failed_by or about.score, path)
    _check_limit(decides, task, about, scale, path, tell)
    trivial = about.trivial / scale
    failed = decides.isna() | score.isna()
    if not math.isnan(about.limit):
        failed |= ~_better(decides, about.limit, about)
    runs = rows[KEYS].assign(
        metric=about.shown_metric,
        split=study.runs.split,
        score=score.fillna(trivial),
        score_defined=score.notna(),
        majority=trivial,
        degenerate=failed,
    )
    runs["validation_last"] = float("nan")
    if about.validation:
        runs["validation_last"] = _scores(rows, about, scale, path, about.validation)
    runs["test_last"] = float("nan")
    runs[f"{study.runs.split}_last"] = score
    runs["train_loss"] = numbers(rows, about.train_loss, path) if about.train_loss else float("nan")
    runs["constant_loss"] = float("nan") if about.constant_loss is None else about.constant_loss
    return runs


def _scores(rows: pd.DataFrame, about: TaskColumns, scale: float, path: Path, name: str | None = None) -> pd.Series:
    """Returns a column of scores, divided by the scale; refuses what no score can be."""
    name = name or about.score
    scores = numbers(rows, name, path)
    low, high = limits_of(about, scale)
    wrong = scores[(scores > high + 1e-9 * scale) | (scores < low)]
    if len(wrong):
        held = rows[name][wrong.index[0]]
        hint = ""
        if in_unit(about.metric):
            hint = ", or " + ("scale: 100 for percentages" if scale == 1 else "another scale")
        raise UserError(
            f"{path}: {name}: row {rows[ROW][wrong.index[0]]} holds {held}, which with scale: {scale:g} "
            f"is no {about.metric}; accepted: {low:g} to {high:g}{hint}"
        )
    if in_unit(about.metric) and scale >= AS_PERCENTAGES and low == 0 and 0 < scores.max() <= 1:
        raise UserError(
            f"{path}: {name}: no score of {about.metric} is above 1, and scale: {scale:g} says that scores are "
            "percentages or the like; accepted: scale: 1, or such scores"
        )
    return scores / scale


def _better(values: pd.Series, limit: float, about: TaskColumns) -> pd.Series:
    """Says which values are better than a limit; what another column says counts as better where it is higher."""
    is_error = about.failed_by in (None, about.score) and not higher_is_better(about.shown_metric)
    return values < limit if is_error else values > limit


def _check_limit(
    decides: pd.Series, task: str, about: TaskColumns, scale: float, path: Path, tell: Callable[[str], None]
) -> None:
    """Refuses a limit to which the equal scores of several runs were rounded, so that none of them has failed.

    Collapsed runs all score the same, and what a table or a paper calls the majority score is rounded: .50917 for
    111 / 218. Where the study gives `failed_at` it is meant, and a line says what it lets pass.
    """
    limit = about.limit
    if math.isnan(limit):
        return
    decimals = -Decimal(repr(float(limit))).as_tuple().exponent
    unit = 1 if about.failed_by not in (None, about.score) and abs(limit) <= 1 else scale
    if decimals + math.log10(unit) < ROUNDED_TO - 1e-9:
        return
    near = decides[_better(decides, limit, about) & ((decides - limit).abs() < 10.0**-decimals)]
    counts = near.value_counts()
    if counts.empty or counts.iloc[0] < 2:
        return
    value, n = counts.index[0], counts.iloc[0]
    sentence = f"{n} of {len(decides)} runs have {value:g}, a hair better than {limit:g}, as collapsed runs do"
    if about.failed_at is not None:
        tell(f"  warning: {task}: {sentence}; they do not count as failed")
        return
    # Rounded away from the better side, so that the runs are no better.
    up = higher_is_better(about.shown_metric) or about.failed_by not in (None, about.score)
    step = 10.0 ** -(decimals + 1)
    meant = (math.ceil(value / step) if up else math.floor(value / step)) * step
    raise UserError(
        f"{path}: runs.tasks.{task}.majority: {sentence} where it is rounded; accepted: majority: "
        f"{meant:.{decimals + 1}f}, or failed_at: {limit:g} beside it if they have not failed"
    )


def _curves(by_task: dict[str, pd.DataFrame], study: TableStudy, path: Path) -> pd.DataFrame:
    about, tables = study.runs.curves, []
    for task, columns in study.runs.tasks.items():
        rows = by_task[task]
        curves = rows[KEYS].assign(update=whole_numbers(rows, about.update, path))
        if (twice := curves[curves.duplicated([*KEYS, "update"])]).size:
            task, arm, seed, update = twice.iloc[0][["task", "arm", "init_seed", "update"]]
            raise UserError(
                f"{path}: update {update} of task {task}, arm {arm}, seed {seed} is there twice; once is accepted"
            )
        curves["train_loss"] = numbers(rows, about.train_loss, path) if about.train_loss else float("nan")
        if columns.curve:
            curves[f"val_{columns.shown_metric}"] = _scores(rows, columns, study.runs.scale, path, columns.curve)
        tables.append(curves)
    return pd.concat(tables).sort_values([*KEYS, "update"], kind="stable", ignore_index=True)


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


def odd_lines(study: TableStudy, runs: pd.DataFrame) -> list[str]:
    """Says what looks odd in a table of runs that could be read."""
    scale, lines = study.runs.scale, []
    for name, task in study.runs.tasks.items():
        scores = runs[(runs["task"] == name) & runs["score_defined"]]["score"]
        if task.metric not in METRICS:
            way, best = ("lower", 0) if task.better == "lower" else ("higher", 1)
            lines.append(f"{name}: {task.metric} is no metric of seedvar; the {way} the better, and {best} is perfect")
            if best == 1 and scores.max() > 1:
                lines.append(
                    f"{name}: scores up to {scores.max() * scale:g} with scale: {scale:g}; a scale that makes the "
                    "highest possible score 1, such as 100, keeps points and normalised scores in order"
                )
        if math.isnan(task.limit):
            lines.append(f"{name}: there is no trivial predictor; only a run without a score counts as failed")
        if (runs["task"] == name).any() and runs[runs["task"] == name]["degenerate"].all():
            lines.append(f"{name}: every run has failed")
    for (task, arm), defined in runs.groupby(["task", "arm"], sort=False)["score_defined"].any().items():
        if not defined:
            lines.append(f"{task}, {arm}: no run has a score; each counts as the trivial predictor's")
    return lines
