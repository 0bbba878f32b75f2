"""What decides a cell's result, as one digest.

A cell's fingerprint covers its specification, the content of its data, its base weights, and the
source of exactly the code that decides a result: the training core for every cell, a method's
module only for the cells that use the method. A test walks the imports of the training code and
fails if a module that they reach is in none of the lists below.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from seedvar.cells.places import data_folder, model_folder
from seedvar.data.tasks import TASKS
from seedvar.files import digest, file_digest, read_json
from seedvar.methods import names_of

if TYPE_CHECKING:
    from seedvar.cells.cell import Cell

PACKAGE = Path(__file__).parent
DEFAULT_MAX_LENGTH = 128  # that of a recipe, which never changes

# Makes tokenised data, whose content is part of a fingerprint. The task's declaration in data/tasks.py belongs to it
# too, but not the other tasks'.
DATA_SOURCES = [f"data/{name}.py" for name in ("prepare", "tokens", "glue", "grammar", "synthetic")]

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
    "places.py",
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
    return digest(parts_of(cell, results))


def parts_of(cell: Cell, results: Path, read=read_json, digest_of=None) -> dict:
    """Returns what the fingerprint of a cell is made of; its `digest` is the fingerprint.

    Args:
        cell: The cell.
        results: The results folder, with the prepared data and model.
        read: Reads a JSON file; who asks about thousands of cells gives a function that remembers.
        digest_of: The same for the digest of a source file.

    Raises:
        OSError: The data or the model are not prepared.
    """
    first = cell.intermediate()
    return parts(
        cell.specification(),
        data_content=read(results / cell.data_folder() / "data.json")["content"],
        model_content=read(model_folder(results, cell.model) / "model.json")["content"],
        intermediate=digest(parts_of(first, results, read, digest_of)) if first else None,
        digest_of=digest_of,
    )


def quick_fingerprint(specification: dict, results: Path) -> str | None:
    """Returns the fingerprint of a cell by its specification, without the libraries that check recipes.

    They take longer to import than a cell takes to come out of the store.

    Args:
        specification: `Cell.specification()`. If a user has written it in another way, the fingerprint is no
            cell's; it is then in no store, and whoever asked goes the long way by `fingerprint_of`.
        results: The results folder, with the prepared data and model.

    Returns:
        The fingerprint, or None where it cannot be had in this way.
    """
    try:
        recipe = specification["recipe"]
        if "intermediate_task" in recipe:
            return None
        data, model, task = (specification[name] for name in ("data", "model", "task"))
        place = data_folder(data, model, task, recipe.get("max_length", DEFAULT_MAX_LENGTH))
        return fingerprint(
            specification,
            read_json(results / place / "data.json")["content"],
            read_json(model_folder(results, model) / "model.json")["content"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def sources(changed_fields) -> list[str]:
    """Lists the source files, relative to the package, that decide a cell with these recipe fields set."""
    return [*TRAINING_CORE, *(f"methods/{name}.py" for name in names_of(changed_fields))]


def fingerprint(specification: dict, data_content: str, model_content: str, intermediate: str | None = None) -> str:
    """Returns the fingerprint of a cell: the digest of its `parts`."""
    return digest(parts(specification, data_content, model_content, intermediate))


def parts(
    specification: dict, data_content: str, model_content: str, intermediate: str | None = None, digest_of=None
) -> dict:
    """Returns what the fingerprint of a cell is made of.

    Args:
        specification: `Cell.specification()`.
        data_content: `content` of the tokenised data's `data.json`.
        model_content: `content` of the model's `model.json`.
        intermediate: Fingerprint of the cell on the intermediate task, where the recipe has one.
        digest_of: Gives the digest of a source file, by default by reading it.
    """
    digest_of = digest_of or file_digest
    code = {path: digest_of(PACKAGE / path) for path in sources(specification["recipe"])}
    task = asdict(TASKS[specification["task"]])
    made_of = {"cell": specification, "task": task, "data": data_content, "model": model_content, "code": code}
    return made_of if intermediate is None else made_of | {"intermediate": intermediate}
