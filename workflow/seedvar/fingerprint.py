"""What decides a cell's result, as one digest.

A cell's fingerprint covers its specification, the content of its data, its base weights, and the
source of exactly the code that decides a result: the training core for every cell, a method's
module only for the cells that use the method. A test walks the imports of the training code and
fails if a module that they reach is in none of the lists below.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from seedvar.data.tasks import TASKS
from seedvar.files import digest, file_digest, read_json
from seedvar.grid import Cell, model_folder
from seedvar.methods import names_of

PACKAGE = Path(__file__).parent

# Decides the result of every cell.
TRAINING_CORE = [
    "data/metrics.py",
    "data/splits.py",
    "data/tokens.py",
    "models/build.py",
    "models/families.py",
    "training/cell.py",
    "training/loop.py",
    "training/optimizers.py",
    "training/streams.py",
]

# Reached by training, but without influence on a result: they read, write, check or name things.
# The defaults of a recipe (study.py) are fixed by a test instead.
WITHOUT_INFLUENCE = [
    "errors.py",
    "files.py",
    "fingerprint.py",
    "grid.py",
    "record.py",
    "store.py",
    "probes/__init__.py",
    "recipe.py",
    "runs_table.py",
    "study.py",
    "methods/__init__.py",
    "data/tasks.py",  # the fingerprint has the cell's own task, so that another task changes nothing
    "models/sources.py",
    "training/device.py",
]


def fingerprint_of(cell: Cell, results: Path) -> str:
    """Returns the fingerprint of a cell whose data and model are prepared below `results`."""
    first = cell.intermediate()
    return fingerprint(
        cell.specification(),
        data_content=read_json(results / cell.data_folder() / "data.json")["content"],
        model_content=read_json(model_folder(results, cell.model) / "model.json")["content"],
        intermediate=fingerprint_of(first, results) if first else None,
    )


def sources(changed_fields) -> list[str]:
    """Lists the source files, relative to the package, that decide a cell with these recipe fields set."""
    return [*TRAINING_CORE, *(f"methods/{name}.py" for name in names_of(changed_fields))]


def fingerprint(specification: dict, data_content: str, model_content: str, intermediate: str | None = None) -> str:
    """Returns the fingerprint of a cell.

    Args:
        specification: `Cell.specification()`.
        data_content: `content` of the tokenised data's `data.json`.
        model_content: `content` of the model's `model.json`.
        intermediate: Fingerprint of the cell on the intermediate task, where the recipe has one.
    """
    code = {path: file_digest(PACKAGE / path) for path in sources(specification["recipe"])}
    task = asdict(TASKS[specification["task"]])
    parts = {"cell": specification, "task": task, "data": data_content, "model": model_content, "code": code}
    return digest(parts if intermediate is None else parts | {"intermediate": intermediate})
