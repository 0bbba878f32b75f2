"""What the store holds for no study."""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from seedvar.cells import store as cell_store
from seedvar.cells.cell import Cell
from seedvar.cells.fingerprint import parts_of
from seedvar.cells.places import RESULT, UNFINISHED, WEIGHTS, store_folder
from seedvar.cells.record import read_record
from seedvar.cells.syntax import code_digest
from seedvar.errors import UserError
from seedvar.files import digest, read_json
from seedvar.study.grid import expand
from seedvar.study.reading import read_study
from seedvar.study.table_study import TableStudy
from seedvar.words import n_cells, size_in_words

ABANDONED_S = 24 * 3600  # a half-written entry of the store that is older than this is nobody's any more


@dataclass
class Garbage:
    """What the store holds for no study.

    Attributes:
        unnamed: Entries of cells that no study has, with their size in bytes.
        outdated: Entries of cells that a study has, but of other code, data or weights than now.
        abandoned: Half-written entries of processes that are gone.
        unreadable: Entries whose result cannot be read; they are left alone.
        unfinished: What cells that no study names were to go on from, with its size.
        weights: Weights in entries, with their size.
        kept: Number of entries that a study names.
    """

    unnamed: dict[Path, int] = field(default_factory=dict)
    outdated: dict[Path, int] = field(default_factory=dict)
    abandoned: dict[Path, int] = field(default_factory=dict)
    unfinished: dict[Path, int] = field(default_factory=dict)
    unreadable: list[Path] = field(default_factory=list)
    weights: dict[Path, int] = field(default_factory=dict)
    about: dict[Path, str] = field(default_factory=dict)
    kept: int = 0


def named_cells(files: Iterable[Path]) -> dict[str, Cell]:
    """Returns folder and cell of everything that studies train.

    Args:
        files: The study files.

    Raises:
        UserError: A study cannot be read, so that its cells are not known.
    """
    cells = {}
    for path in files:
        try:
            study = read_study(path)
            if isinstance(study, TableStudy):
                continue
            for _, cell in expand(study):
                cells[cell.folder()] = cell
                if first := cell.intermediate():
                    cells[first.folder()] = first
        except UserError as error:
            raise UserError(f"nothing is deleted while a study cannot be read: {error}") from None
    return cells


def find_garbage(store: Path, cells: dict[str, Cell], results: Path) -> Garbage:
    """Looks through the store for entries that no study names.

    Args:
        store: The store.
        cells: The cells of all studies, by folder.
        results: The results folder, with the prepared data and models.

    Raises:
        UserError: The store is in a folder that is in use for something else.
    """
    if store != store_folder(results):
        cell_store.check_place(store, results)
    read, digest_of = cache(read_json), cache(code_digest)
    garbage = Garbage()
    for path in cell_store.shelved(store):
        if path.name.startswith(cell_store.WRITING):
            with contextlib.suppress(FileNotFoundError):  # it has just been finished
                if time.time() - path.stat().st_mtime > ABANDONED_S:
                    garbage.abandoned[path] = _bytes(path)
            continue
        weights = path / WEIGHTS
        if weights.is_file():
            garbage.weights[weights] = weights.stat().st_size
        try:
            cell = Cell.from_specification(read_record(path / RESULT).cell)
        except (UserError, ValueError, KeyError, TypeError):
            garbage.unreadable.append(path)
            continue
        garbage.about[path] = f"{cell.data}, {cell.model}, {cell.task}, {cell.recipe.slug()}"
        if cells.get(cell.folder()) != cell:
            garbage.unnamed[path] = _bytes(path)
            continue
        try:
            is_present = digest(parts_of(cell, results, read, digest_of)) == path.name
        except (OSError, ValueError, KeyError, UserError):  # not prepared here: nothing is known of it
            is_present = True
        if is_present:
            garbage.kept += 1
        else:
            garbage.outdated[path] = _bytes(path)
    for place, _, names in os.walk(results / "cells"):
        if UNFINISHED in names and Path(place).relative_to(results).as_posix() not in cells:
            garbage.unfinished[Path(place, UNFINISHED)] = Path(place, UNFINISHED).lstat().st_size
    return garbage


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def garbage_lines(garbage: Garbage, outdated: bool) -> list[str]:
    """Writes what the store holds for no study; one line a recipe."""
    lines = [f"{garbage.kept:,} entries are of cells that a study names"]

    def section(title: str, entries: dict[Path, int]) -> None:
        if entries:
            lines.append(f"{len(entries):,} {title}, {size_in_words(sum(entries.values()))}:")
            counts, sizes = Counter(), Counter()
            for path, size in entries.items():
                counts[garbage.about.get(path, "half-written")] += 1
                sizes[garbage.about.get(path, "half-written")] += size
            lines.extend(f"  {about}: {n_cells(n)}, {size_in_words(sizes[about])}" for about, n in counts.items())

    section("entries are of cells that no study names", garbage.unnamed)
    note = "" if outdated else ", kept without --outdated"
    section(f"entries are of a study's cells with other code, data or weights than now{note}", garbage.outdated)
    section("entries were begun a day ago or more and never finished", garbage.abandoned)
    if garbage.unfinished:
        size = size_in_words(sum(garbage.unfinished.values()))
        lines.append(
            f"{len(garbage.unfinished):,} files are what stopped cells that no study names would go on from, {size}"
        )
    if garbage.weights:
        size = size_in_words(sum(garbage.weights.values()))
        lines.append(f"{len(garbage.weights):,} entries have weights with them, {size}; they go with their entries")
    if garbage.unreadable:
        lines.append(f"{len(garbage.unreadable):,} entries cannot be read and are left alone:")
        lines += [f"  {path}" for path in garbage.unreadable[:10]]
    return lines


def delete(paths: Iterable[Path]) -> None:
    """Deletes what stopped cells have left, and entries of the store, each whole: nobody is served half of it."""
    for path in paths:
        if path.name == UNFINISHED:
            path.unlink(missing_ok=True)
        else:
            cell_store.discard(path)
