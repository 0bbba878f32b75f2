"""Reads the cells of a study, each checked: none that is outdated, cut off or edited is averaged."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

from seedvar.cells import store
from seedvar.cells.cell import Cell
from seedvar.cells.fingerprint import parts_of
from seedvar.cells.places import RESULT, store_folder
from seedvar.cells.record import RunRecord, read_record
from seedvar.cells.syntax import code_digest
from seedvar.errors import UserError
from seedvar.files import digest, read_json
from seedvar.study.grid import expand
from seedvar.study.study import Study


def present_fingerprints(results: Path) -> Callable[[Cell], str | None]:
    """Returns a function that gives a cell's fingerprint as it is now; None where its data or model are not here."""
    read, digest_of = cache(read_json), cache(code_digest)

    def of(cell: Cell) -> str | None:
        try:
            return digest(parts_of(cell, results, read, digest_of))
        except OSError:
            return None

    return of


def read_cells(study: Study, results: Path) -> list[tuple[str, Cell, RunRecord]]:
    """Reads the results of a study, each checked; returns arm, cell and result of each.

    Raises:
        UserError: Some are missing or not in order; all of the latter have been set aside.
    """
    present, cells, refused = present_fingerprints(results), [], []
    for arm, cell in expand(study):
        try:
            cells.append((arm, cell, read_checked(cell, results, present(cell))))
        except UserError as error:
            refused.append(str(error))
    if refused:
        more = f" ({len(refused) - 1} more cells are not in order either)" if len(refused) > 1 else ""
        raise UserError(refused[0] + more)
    return cells


def read_checked(cell: Cell, results: Path, present: str | None) -> RunRecord:
    """Reads a cell's result after a look at its files: none that is outdated, cut off or edited is ever averaged.

    Its files are replaced by what the store has. Where that has nothing, the result is set aside, so that
    the next run trains the cell again.

    Args:
        cell: The cell.
        results: The results folder.
        present: Its fingerprint as it is now, if known.

    Raises:
        UserError: The result is missing, or it is not in order and not in the store.
    """
    folder, kept = results / cell.folder(), store_folder(results)
    path = folder / RESULT
    try:
        key = read_record(path).fingerprint
        damaged = store.differing(kept, key, folder)
    except UserError:
        if not path.is_file():
            raise
        key, damaged = present, [path.name]
    outdated = present is not None and key != present
    if not (damaged or outdated):
        return read_record(path)
    file, what = (path, "of other code, data or weights") if outdated else (folder / damaged[0], "damaged or edited")
    wanted = present or key
    if wanted and store.restore(kept, wanted, folder):
        print(f"{file}: was {what}; replaced by what the store has", file=sys.stderr)
        return read_record(path)
    path.rename(path.with_suffix(".outdated" if outdated else ".damaged"))
    raise UserError(f"{file}: is {what}, and the store has no other; run again to train the cell again")
