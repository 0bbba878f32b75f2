"""Commands that rules run: models, data, cells, probes."""

from __future__ import annotations

import argparse
import ast
import json
import shlex
import sys
from pathlib import Path

from seedvar.errors import UserError


def _add_warm(sub: argparse.ArgumentParser) -> None:
    text = "run in a fork of a process that has PyTorch and Transformers loaded; changes no result"
    sub.add_argument("--warm", action="store_true", help=text)


def _run_warm(arguments) -> int | None:
    """Runs a command in a fork if it is asked to; None if it is still to be run."""
    from seedvar.engine import warm

    if not arguments.warm:
        return None
    command = [word for word in arguments.argv if word != "--warm"]
    if "--log" in command:  # the fork inherits the log as its output
        position = command.index("--log")
        del command[position : position + 2]
    return warm.run(command)


def _specification(text: str) -> dict:
    """Reads a cell's specification: JSON, or the Python literal that Snakemake makes of a dict."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return ast.literal_eval(text)


def _model(arguments) -> None:
    from seedvar.models.checkpoints import ModelSource, prepare

    prepare(ModelSource(arguments.name, arguments.folder, arguments.hub_id), arguments.out)


def _data(arguments) -> int | None:
    if (code := _run_warm(arguments)) is not None:
        return code
    from seedvar.data.prepare import prepare
    from seedvar.data.tasks import TASKS
    from seedvar.engine.data import SOURCE, data_origin
    from seedvar.files import write_json

    prepare(TASKS[arguments.task], arguments.model, arguments.max_length, arguments.out, arguments.glue_dir)
    write_json(arguments.out / SOURCE, data_origin(arguments.task, arguments.model, arguments.glue_dir))
    return None


def _train(arguments) -> int | None:
    from seedvar.cells import store
    from seedvar.cells.fingerprint import parts_of, quick_fingerprint

    results, said = arguments.results, "taken from the store, nothing trained"
    key = quick_fingerprint(arguments.cell, results)
    if key and store.serve(results / "store", key, results):
        print(said, file=sys.stderr)
        return None

    from seedvar.cells.cell import Cell
    from seedvar.files import digest

    cell = Cell.from_specification(arguments.cell)
    parts = parts_of(cell, results)
    key = digest(parts)
    if store.restore(results / "store", key, results / cell.folder()):
        print(said, file=sys.stderr)
        return None
    if (code := _run_warm(arguments)) is not None:
        return code
    command = ["train", "--cell", json.dumps(arguments.cell), "--results", str(results), "--device", arguments.device]
    command += ["--threads", str(arguments.threads)]
    print("To repeat: seedvar " + shlex.join(command), file=sys.stderr, flush=True)

    from seedvar.cells.lock import running

    with running(results / cell.folder(), parts):
        train_cell = _training_code(cell, key, results)
        record = train_cell(cell, key, results, arguments.device, arguments.threads, arguments.keep_weights)
    split = record.reported_split
    score = record.scores["last"][split][record.metric]
    line = f"{record.status}: {split} {record.metric} {'not defined' if score is None else f'{score:.4f}'}"
    print(f"{line}, majority {record.majority[split]:.4f}, {record.wall_time_s:.1f} s", file=sys.stderr)
    return None


def _training_code(cell, key: str, results: Path):
    """Imports the code that decides a cell, all of it now; returns `train_cell`.

    Raises:
        UserError: It is not the code that the fingerprint was made of: somebody has just edited it.
    """
    import importlib

    from seedvar.cells.fingerprint import fingerprint_of, sources

    for name in sources(cell.recipe.changes()):
        importlib.import_module("seedvar." + name.removesuffix(".py").replace("/", "."))
    if fingerprint_of(cell, results) != key:
        raise UserError("the code or the data of this cell changed while it was about to start; run again")
    from seedvar.training.cell import train_cell

    return train_cell


def _weights(arguments) -> int | None:
    from seedvar.cells import store
    from seedvar.cells.cell import Cell
    from seedvar.cells.fingerprint import fingerprint_of

    cell, results = Cell.from_specification(arguments.cell), arguments.results
    key, target = fingerprint_of(cell, results), results / cell.weights_file()
    take = lambda: store.take_weights(results / "store", key, target, remove=not arguments.keep)  # noqa: E731
    if take():
        return None
    if (code := _run_warm(arguments)) is not None:
        return code
    print("the weights of this cell were not kept: it is trained again", file=sys.stderr)
    train_cell = _training_code(cell, key, results)
    train_cell(cell, key, results, arguments.device, arguments.threads, keep_weights=True)
    store.restore(results / "store", key, results / cell.folder())  # the files of the first time, wall time included
    take()
    return None


def _forgetting(arguments) -> int | None:
    if (code := _run_warm(arguments)) is not None:
        return code
    import pandas as pd

    from seedvar.cells.cell import Cell
    from seedvar.files import write_csv
    from seedvar.probes.forgetting import load_paragraphs, perplexities
    from seedvar.study.grid import model_folder

    cell = Cell.from_specification(arguments.cell)
    paragraphs = load_paragraphs(cell.data, arguments.text, arguments.paragraphs)
    weights = arguments.results / cell.weights_file()
    rows = perplexities(model_folder(arguments.results, cell.model), weights, paragraphs, cell.recipe.max_length)
    write_csv(arguments.out, pd.DataFrame(rows))
    return None


def _surface(arguments) -> int | None:
    if (code := _run_warm(arguments)) is not None:
        return code
    import pandas as pd

    from seedvar.cells.cell import Cell
    from seedvar.files import write_csv
    from seedvar.probes.surface import axis, surface_row

    cells = [Cell.from_specification(arguments.first), Cell.from_specification(arguments.second)]
    values = axis(arguments.points, arguments.low, arguments.high)
    weights = tuple(arguments.results / cell.weights_file() for cell in cells)
    rows = surface_row(*cells, weights, arguments.results, values[arguments.row], values, arguments.examples)
    write_csv(arguments.out, pd.DataFrame(rows))
    return None


def _pretrain(arguments) -> None:
    from seedvar.models.pretrain import Pretraining, pretrain

    pretrain(arguments.out, Pretraining())
