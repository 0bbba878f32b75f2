"""What decides a cell's result, as one digest.

A cell's fingerprint covers its specification, what its task declares, the content of its data, its base weights, the
addresses of its model's family, which methods act in which order, and the meaning of exactly the code that decides a
result (`decides.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seedvar.cells.decides import PACKAGE, code_of
from seedvar.cells.places import data_folder, model_folder
from seedvar.cells.syntax import code_digest
from seedvar.files import digest, read_json
from seedvar.methods import names_of
from seedvar.models.families import family_of

if TYPE_CHECKING:  # a job that is served from the store waits for no library that recipes need
    from seedvar.cells.cell import Cell

DEFAULT_MAX_LENGTH = 128  # that of a recipe, which never changes


def fingerprint_of(cell: Cell, results: Path) -> str:
    """Returns the fingerprint of a cell whose data and model are prepared below `results`."""
    return digest(parts_of(cell, results))


def parts_of(cell: Cell, results: Path, read=read_json, digest_of=code_digest) -> dict:
    """Returns what the fingerprint of a cell is made of; its `digest` is the fingerprint.

    Args:
        cell: The cell.
        results: The results folder, with the prepared data and model.
        read: Reads a JSON file; who asks about thousands of cells gives a function that remembers.
        digest_of: The same for the digest of a source file.

    Raises:
        OSError: The data or the model are not prepared.
        UserError: The model is of a family that is not known any more.
    """
    first = cell.intermediate()
    return parts(
        cell.specification(),
        read(results / cell.data_folder() / "data.json"),
        read(model_folder(results, cell.model) / "model.json"),
        intermediate=digest(parts_of(first, results, read, digest_of)) if first else None,
        digest_of=digest_of,
    )


def quick_parts(specification: dict, results: Path, digest_of=code_digest) -> dict | None:
    """Does as `parts_of` by a specification, without the libraries that check recipes.

    They take longer to import than a cell takes to come out of the store.

    Args:
        specification: `Cell.specification()`. If a user has written it in another way, what comes of it is no
            cell's; it is then in no store, and whoever asked goes the long way by `parts_of`.
        results: The results folder, with the prepared data and model.
        digest_of: Gives the digest of a source file, by default by reading it.

    Returns:
        The parts, or None where they cannot be had in this way.
    """
    try:
        recipe = specification["recipe"]
        if "intermediate_task" in recipe:
            return None
        data, model, task = (specification[name] for name in ("data", "model", "task"))
        place = data_folder(data, model, task, recipe.get("max_length", DEFAULT_MAX_LENGTH))
        return parts(
            specification,
            read_json(results / place / "data.json"),
            read_json(model_folder(results, model) / "model.json"),
            digest_of=digest_of,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def parts(specification: dict, data: dict, model: dict, intermediate: str | None = None, digest_of=code_digest) -> dict:
    """Returns what the fingerprint of a cell is made of.

    Args:
        specification: `Cell.specification()`.
        data: `data.json` of the tokenised data: its `task` and `content`.
        model: `model.json` of the model: its `family` and `content`.
        intermediate: Fingerprint of the cell on the intermediate task, where the recipe has one.
        digest_of: Gives the digest of a source file, by default by reading it.
    """
    changes = specification["recipe"]
    family = family_of(model["family"]).row()
    files = code_of(changes, data["task"]["metric"], family)
    made_of = {
        "cell": specification,
        "task": data["task"],
        "data": data["content"],
        "model": model["content"],
        "family": family,
        "methods": names_of(changes),
        "code": {name: digest_of(PACKAGE / path) for name, path in files.items()},
    }
    return made_of if intermediate is None else made_of | {"intermediate": intermediate}
