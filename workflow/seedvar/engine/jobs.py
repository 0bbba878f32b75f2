"""What a job of the workflow does with a cell or its data: served from the store, run warm, or done here."""

from __future__ import annotations

import importlib
import json
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seedvar.cells import store
from seedvar.cells.decides import PACKAGE, code_of
from seedvar.cells.fingerprint import parts_of, quick_parts
from seedvar.cells.places import store_folder
from seedvar.cells.syntax import OWN, code_digest
from seedvar.engine import warm
from seedvar.engine.digests import MEMORY, Remembered
from seedvar.errors import UserError
from seedvar.files import digest, file_digest, read_json, write_json

if TYPE_CHECKING:
    from seedvar.cells.cell import Cell

SOURCE = "source.json"  # beside data.json: what the tokenised data were made from
TAKEN = "taken from the store, nothing trained"


@dataclass(frozen=True)
class Machine:
    """How a job may run.

    Attributes:
        device: `auto`, `cpu` or `cuda`.
        threads: Torch threads.
        cells_per_gpu: How many cells may share a CUDA device.
        run_warm: Runs the job in a fork that has the libraries loaded and returns its exit code; None if it is to run
            here.
    """

    device: str = "auto"
    threads: int = 1
    cells_per_gpu: int = 1
    run_warm: Callable[[], int | None] = lambda: None


def train(specification: dict, results: Path, machine: Machine, keep_weights: bool) -> int | None:
    """Trains a cell, or takes it from the store; returns the exit code of a fork that did it.

    Args:
        specification: `Cell.specification()`.
        results: The results folder, with the prepared data and model.
        machine: How it may run.
        keep_weights: Leave the weights in the store, for `hand_out_weights`.

    Raises:
        UserError: A value is not accepted, or the code has changed meanwhile.
    """
    kept = store_folder(results)
    digest_of = Remembered(results / MEMORY).code  # reading the code takes longer than all the rest of serving a cell
    parts = quick_parts(specification, results, digest_of)
    if is_quick := parts is not None:
        if store.serve(kept, digest(parts), results, specification):
            print(TAKEN, file=sys.stderr)
            return None
        if (code := machine.run_warm()) is not None:
            return code

    from seedvar.cells.cell import Cell

    cell = Cell.from_specification(specification)
    if not is_quick or cell.specification() != specification:
        parts = parts_of(cell, results, digest_of=digest_of)
        if store.restore(kept, digest(parts), results / cell.folder()):
            print(TAKEN, file=sys.stderr)
            return None
    if not is_quick and (code := machine.run_warm()) is not None:
        return code

    from seedvar.cells.lock import running

    with running(results / cell.folder(), parts):
        if store.restore(kept, digest(parts), results / cell.folder()):  # somebody trained it while this one waited
            print(TAKEN, file=sys.stderr)
            return None
        print(f"To repeat: {repeat_command(cell, results, machine)}", file=sys.stderr, flush=True)
        train_cell = training_code(cell, parts)
        where = (machine.device, machine.threads, keep_weights, machine.cells_per_gpu)
        record = train_cell(cell, digest(parts), results, *where)
    split = record.reported_split
    score = record.scores["last"][split][record.metric]
    line = f"{record.status}: {split} {record.metric} {'not defined' if score is None else f'{score:.4f}'}"
    print(f"{line}, majority {record.majority[split]:.4f}, {record.wall_time_s:.1f} s", file=sys.stderr)
    return None


def repeat_command(cell: Cell, results: Path, machine: Machine) -> str:
    """Returns the command that trains a cell in the same way."""
    words = ["seedvar", "train", "--cell", json.dumps(cell.specification()), "--results", str(results)]
    return shlex.join([*words, "--device", machine.device, "--threads", str(machine.threads)])


def training_code(cell: Cell, parts: dict) -> Callable:
    """Imports the code that decides a cell, all of it now; returns `training.cell.train_cell`.

    Args:
        cell: The cell.
        parts: What its fingerprint is made of.

    Raises:
        UserError: It is not the code that the fingerprint was made of: somebody has just edited it.
    """
    files = code_of(cell.recipe.changes(), parts["task"]["metric"], parts["family"])
    for path in files.values():
        importlib.import_module(f"{OWN}.{path.removesuffix('.py').removesuffix('/__init__').replace('/', '.')}")
    if not warm.is_current() or {name: code_digest(PACKAGE / path) for name, path in files.items()} != parts["code"]:
        raise UserError("the code of this cell changed while it was about to start; run again")
    return importlib.import_module(f"{OWN}.training.cell").train_cell


def hand_out_weights(specification: dict, results: Path, machine: Machine, keep: bool) -> int | None:
    """Puts the weights of a trained cell beside its result; trains it once more if they were not kept.

    Args:
        specification: `Cell.specification()`.
        results: The results folder.
        machine: How it may run.
        keep: Whether the store keeps them as well.

    Returns:
        The exit code of a fork that did it.
    """
    from seedvar.cells.cell import Cell

    cell, kept = Cell.from_specification(specification), store_folder(results)
    parts = parts_of(cell, results)
    key, target = digest(parts), results / cell.weights_file()
    if store.take_weights(kept, key, target, remove=not keep):
        return None
    if (code := machine.run_warm()) is not None:
        return code

    from seedvar.cells.lock import running

    with running(results / cell.folder(), parts):
        print("the weights of this cell were not kept: it is trained again", file=sys.stderr)
        training_code(cell, parts)(cell, key, results, machine.device, machine.threads, True, machine.cells_per_gpu)
    store.restore(kept, key, results / cell.folder())  # the files of the first time, wall time included
    store.take_weights(kept, key, target, remove=not keep)
    return None


def make_data(task: str, made_from: dict, content: str, model: Path, max_length: int, folder: Path) -> None:
    """Tokenises a task for a model, with a note beside it of what the data are made from.

    Args:
        task: Its name.
        made_from: Its `declaration`, as plain values, and `source`, where its data are (`data.sources.located`).
        content: What the plan knows their content by.
        model: The model's folder, with `model.json`.
        max_length: Longer inputs are cut to so many tokens.
        folder: Where to.

    Raises:
        UserError: The data or the tokenizer cannot be had, or are not in order.
    """
    from seedvar.data import sources
    from seedvar.data.declaration import Declaration
    from seedvar.data.prepare import prepare
    from seedvar.engine.code import Code, data_code

    declaration, source = Declaration.model_validate(made_from["declaration"]), made_from["source"]
    prepare(task, declaration, source, model, max_length, folder)
    origin = {
        "declaration": declared(declaration),
        "content": content,
        "files": {path.as_posix(): file_digest(path) for path in sources.source_files(source)},
        "model": read_json(model / "model.json")["whole_content"],
        "code": data_code(source["kind"], Code()),
    }
    write_json(folder / SOURCE, origin)


def declared(declaration) -> dict:
    """Returns what a task declares as plain values, without where its data are: a moved file changes nothing."""
    return declaration.model_dump(mode="json", exclude_unset=True, exclude={"source", "description"})
