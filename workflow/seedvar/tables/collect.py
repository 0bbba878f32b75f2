"""Gathers the cells of a study, and the probes on them, into tables (docs/statistics.md explains each)."""

from __future__ import annotations

import io
import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from seedvar.cells.cell import Cell
from seedvar.cells.places import RESULT, SURFACE_RUNS
from seedvar.cells.record import RunRecord
from seedvar.data.metrics import load_metric
from seedvar.data.scoring import better
from seedvar.errors import UserError
from seedvar.files import read_json, write_atomically, write_csv, write_json
from seedvar.study.grid import forgetting_file, forgetting_runs, surface_file, surface_runs
from seedvar.study.probes import FAILED
from seedvar.study.study import Score, Study
from seedvar.tables.checked import read_cells
from seedvar.tables.compared import select
from seedvar.tables.read import read_file
from seedvar.words import SPLITS


def collect(study: Study, name: str, results: Path) -> None:
    """Reads every cell of a study and writes the three tables into `results/<name>/`.

    Raises:
        UserError: A result is missing or damaged.
    """
    runs, keys, folders, seconds = [], [], [], []
    for arm, cell, record in read_cells(study, results):
        keys.append(_key(arm, cell))
        folders.append(results / cell.folder())
        runs.append(run_row(arm, cell, record, study.score, folders[-1]))
        seconds.append(record.wall_time_s)
    target = results / name
    curves, lengths = _read_curves([folder / "curve.csv" for folder in folders])
    write_csv(target / "curves.csv", _with_keys(curves, keys, lengths))
    predictions, lengths = _read_predictions([folder / "predictions.parquet" for folder in folders])
    table = _with_keys(predictions, keys, lengths)
    for column in ("task", "arm", "checkpoint", "split"):
        table[column] = table[column].astype("category")
    write_atomically(
        target / "predictions.parquet", lambda path: table.to_parquet(path, index=False, compression="zstd")
    )
    write_csv(target / "runs.csv", run_table(runs, study))
    print(f"{len(runs)} cells, {sum(seconds) / len(seconds):.1f} s a cell on average", file=sys.stderr)


def collect_diagnostics(study: Study, name: str, results: Path) -> None:
    """Gathers `diagnostics.csv` of the cells whose recipes ask for it into `diagnostics.parquet`.

    Raises:
        UserError: A file is missing or damaged.
    """
    tables = []
    for arm, cell, _ in read_cells(study, results):
        if cell.recipe.diagnostics_every:
            key = _key(arm, cell)
            tables.append(read_file(pd.read_csv, results / cell.folder() / "diagnostics.csv").assign(**key))
    table = _keys_first(pd.concat(tables, ignore_index=True), list(key))
    for column in ("task", "arm", "quantity", "block", "kind"):
        table[column] = table[column].astype("category")
    table["value"] = table["value"].astype("float32")
    target = results / name / "diagnostics.parquet"
    write_atomically(target, lambda path: table.to_parquet(path, index=False, compression="zstd"))


def collect_forgetting(study: Study, name: str, results: Path) -> None:
    """Gathers the forgetting probe's files into `forgetting.csv`, one row a run and number of replaced layers.

    Raises:
        UserError: A file is missing or damaged.
    """
    tables = []
    for arm, cell in forgetting_runs(study):
        key = _key(arm, cell)
        tables.append(read_file(pd.read_csv, results / name / forgetting_file(arm, cell)).assign(**key))
    write_csv(results / name / "forgetting.csv", _keys_first(pd.concat(tables, ignore_index=True), list(key)))


def collect_surface(study: Study, name: str, results: Path) -> None:
    """Gathers the rows of the surface probe into `surface.csv`.

    Raises:
        UserError: A file is missing or damaged.
    """
    rows = range(study.probes.surface.points)
    tables = [read_file(pd.read_csv, results / name / surface_file(row)) for row in rows]
    probe, about = study.probes.surface, {"task": study.probes.surface.task}
    chosen = read_json(results / name / SURFACE_RUNS) if probe.late_arms else None
    cells = surface_runs(study, chosen)
    for (key, run), cell in zip((("first", probe.first), ("second", probe.second)), cells, strict=True):
        init_seed, order_seed = cell.init_seed, cell.order_seed
        about |= {f"{key}_arm": run.arm, f"{key}_init_seed": init_seed, f"{key}_order_seed": order_seed}
    table = pd.concat(tables, ignore_index=True).assign(**about)
    write_csv(results / name / "surface.csv", _keys_first(table, list(about)))


def choose_surface_runs(study: Study, name: str, results: Path) -> None:
    """Writes which runs the surface probe measures, where it takes an arm's first run that failed, or that did not.

    Raises:
        UserError: There is no such run; or a result is missing or damaged.
    """
    probe, chosen = study.probes.surface, {}
    records = [one for one in read_cells(study, results) if one[1].task == probe.task]
    for key, run in (("first", probe.first), ("second", probe.second)):
        if not run.is_late:
            chosen[key] = list(run.seed_pair)
            continue
        rows = [run_row(arm, cell, record, study.score, results / cell.folder()) for arm, cell, record in records]
        rows = [row for row in rows if row["arm"] == run.arm]
        found = [row for row in rows if row["degenerate"] == (run.seed == FAILED)]
        if not found:
            how = "failed" if run.seed == FAILED else "was successful"
            raise UserError(
                f"{name}: probes.surface.{key}: none of the {len(rows)} runs of {run.arm} on {probe.task} {how}; "
                "accepted: another arm, more seeds, or a seed"
            )
        chosen[key] = [found[0]["init_seed"], found[0]["order_seed"]]
    write_json(results / name / SURFACE_RUNS, chosen)


def _key(arm: str, cell: Cell) -> dict:
    return {"task": cell.task, "arm": arm, "init_seed": cell.init_seed, "order_seed": cell.order_seed}


def run_row(arm: str, cell: Cell, record: RunRecord, judged: Score, folder: Path) -> dict:
    """Makes the row of runs.csv for one cell: what is judged, and all that was measured.

    `score` is that of the checkpoint and split that the study judges (without a split, test where there is one, else
    validation). Where it is not defined, for a diverged run or the correlation with a constant, the trivial
    predictor's score stands in, `score_defined` is False and the run counts as degenerate. Whether a run is
    degenerate is decided at the end of training, whichever checkpoint is judged.

    Args:
        arm: Name of its arm.
        cell: The cell.
        record: Its result.
        judged: What the study judges.
        folder: Where the cell's files are.

    Raises:
        UserError: The split was not measured.
    """
    split, metric = judged.split or record.reported_split, record.metric
    if split not in record.majority:
        raise UserError(
            f"{folder / RESULT}: has no {split} scores; accepted as score.split: {', '.join(record.majority)}"
        )
    score = record.scores[judged.checkpoint].get(split, {}).get(metric)
    row = {
        **_key(arm, cell),
        "data": cell.data,
        "model": cell.model,
        "slug": record.slug,
        **cell.recipe.model_dump(),
        "status": record.status,
        "degenerate": score is None or _is_degenerate(record, split, folder),
        "metric": metric,
        "positive": record.positive,
        "checkpoint": judged.checkpoint,
        "split": split,
        "score": record.majority[split] if score is None else score,
        "score_defined": score is not None,
        "majority": record.majority[split],
    }
    for checkpoint, by_split in record.scores.items():
        for name in SPLITS:
            value = by_split.get(name, {}).get(metric)
            row[f"{name}_{checkpoint}"] = math.nan if value is None else value
    row |= {f"majority_{name}": record.majority.get(name, math.nan) for name in SPLITS}
    return row | {
        "train_loss": math.nan if record.train_loss is None else record.train_loss,
        "constant_loss": record.constant_loss,
        "updates": record.updates,
        "best_update": record.best_update,
        "fingerprint": record.fingerprint,
    }


def run_table(rows: list[dict], study: Study) -> pd.DataFrame:
    """Makes the runs table of the rows of `run_row`, and says of the arms that a study selects from which it chose."""
    runs = pd.DataFrame(rows)
    return select(runs, study.selections, study.score.checkpoint) if study.selections else runs


def _is_degenerate(record: RunRecord, split: str, folder: Path) -> bool:
    """Judges the end of training on a split by the rule of the metric, as training did on the split that it reports."""
    if split == record.reported_split:
        return record.degenerate
    labels = _labels(folder / "predictions.parquet", split)
    name, limit = load_metric(record.metric).failure(labels, 1 if record.positive is None else record.positive)
    score = record.scores["last"][split].get(name)
    return score is None or not better(name, score, limit)


def _labels(path: Path, split: str) -> np.ndarray:
    """Reads the labels of a split, shape (examples,), out of a cell's predictions."""
    rows = read_file(lambda path: pq.ParquetFile(path).read(["checkpoint", "split", "label"], use_threads=False), path)
    wanted = [
        name == split and checkpoint == "last"
        for checkpoint, name in zip(*(rows[c].to_pylist() for c in ("checkpoint", "split")), strict=True)
    ]
    return rows["label"].to_numpy()[np.array(wanted)]


def _read_curves(paths: list[Path]) -> tuple[pd.DataFrame, list[int]]:
    """Reads many small CSV files in a few pieces, one for each header; returns the table and the rows of each file.

    A run that diverged before its first evaluation has no row, and no header either.
    """
    texts = [read_file(lambda path: path.read_text(encoding="utf-8"), path).strip("\n") for path in paths]
    lengths = [text.count("\n") for text in texts]
    by_header: dict[str, list[int]] = {}
    for place, text in enumerate(texts):
        by_header.setdefault(text.partition("\n")[0], []).append(place)
    tables = []
    for header, places in by_header.items():
        if header:
            rows = "\n".join(texts[place].partition("\n")[2] for place in places if lengths[place])
            try:
                table = pd.read_csv(io.StringIO(f"{header}\n{rows}"))
            except ValueError:
                table = None
            if table is None or len(table) != sum(lengths[place] for place in places):
                for place in places:
                    read_file(pd.read_csv, paths[place])  # which of them is it?
                raise UserError(f"{paths[places[0]].name}: one of {len(places)} files has an empty line")
            tables.append(table.set_index(np.repeat(places, [lengths[place] for place in places])))
    if not tables:
        return pd.DataFrame(), lengths
    return pd.concat(tables).sort_index(kind="stable").reset_index(drop=True), lengths


def _read_predictions(paths: list[Path]) -> tuple[pd.DataFrame, list[int]]:
    """Reads many small Parquet files into one table; returns it and the rows of each file."""
    read = lambda path: pq.ParquetFile(path, read_dictionary=["checkpoint", "split"]).read(use_threads=False)  # noqa: E731
    tables = [read_file(read, path).replace_schema_metadata() for path in paths]
    whole = pa.concat_tables(tables, promote_options="default").unify_dictionaries().to_pandas()
    for column in ("checkpoint", "split"):
        whole[column] = whole[column].cat.reorder_categories(sorted(whole[column].cat.categories))
    return whole, [len(table) for table in tables]


def _with_keys(table: pd.DataFrame, keys: list[dict], lengths: list[int]) -> pd.DataFrame:
    """Puts the key of its cell before every row of a table that has the rows of all cells one behind the other."""
    for column in reversed(keys[0]):
        values = [key[column] for key in keys]
        if isinstance(values[0], str):
            names = sorted(set(values))
            column_values = pd.Categorical.from_codes(
                np.repeat([names.index(value) for value in values], lengths), names
            )
        else:
            column_values = np.repeat(values, lengths)
        table.insert(0, column, column_values)
    return table


def _keys_first(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    return table[[*keys, *(column for column in table.columns if column not in keys)]]
