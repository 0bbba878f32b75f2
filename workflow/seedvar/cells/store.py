"""The cell store: finished cells by fingerprint, outside Snakemake's outputs.

Snakemake deletes the outputs of a job before it runs the job again, and runs it again whenever
its records are lost: after a fresh clone, a failed group, a deleted `.snakemake`. A job whose
fingerprint is in the store is served from it without importing PyTorch, so none of that costs
training. Snakemake's own between-workflow cache does not do here: its key has the recorded
code and all inputs, and a job that it serves counts as run for everything downstream.

An entry has the cell's files and their checksums. An entry that does not agree with its checksums is
thrown away rather than served; a cell's own files that do not agree with them are replaced.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from seedvar.cells.places import WEIGHTS, cell_folder, store_folder
from seedvar.errors import UserError
from seedvar.files import file_digest, permit, read_json, write_atomically, write_json

# A cell's files; result.json, whose presence says that all are there, is the last to be copied.
NEEDED = ["curve.csv", "predictions.parquet"]
IF_ASKED_FOR = ["diagnostics.csv", "fingerprint.json"]  # the latter says what the fingerprint is made of
LAST = ["result.json"]
CHECKSUMS = "checksums.json"
WRITING = ".writing-"  # how the names of begun and of dying entries begin


def _files(folder: Path) -> list[str]:
    return [*NEEDED, *(name for name in IF_ASKED_FOR if (folder / name).is_file()), *LAST]


SHELF, FINGERPRINT = re.compile("[0-9a-f]{2}"), re.compile("[0-9a-f]{64}")


def is_own(path: Path) -> bool:
    """Says whether a path has the shape of an entry, and no link stands in its place: nothing else is ever deleted."""
    name, shelf = path.name, path.parent
    is_entry = FINGERPRINT.fullmatch(name) is not None and name.startswith(shelf.name)
    is_shaped = SHELF.fullmatch(shelf.name) is not None and (is_entry or name.startswith(WRITING))
    return is_shaped and not shelf.is_symlink() and path.is_dir() and not path.is_symlink()


def shelved(store: Path) -> list[Path]:
    """Lists what the store holds, begun entries too; what is not its own is not looked at."""
    shelves = sorted(store.iterdir()) if store.is_dir() else []
    return [path for shelf in shelves if SHELF.fullmatch(shelf.name) for path in _inside(shelf) if is_own(path)]


def _inside(shelf: Path) -> list[Path]:
    return sorted(shelf.iterdir()) if shelf.is_dir() and not shelf.is_symlink() else []


def check_place(store: Path, results: Path) -> None:
    """Refuses a folder for the store that is in use for something else.

    Args:
        store: The folder that config.yaml names.
        results: The results folder.

    Raises:
        UserError: Entries would lie among other files.
    """
    place, here, own = store.resolve(), Path.cwd().resolve(), results.resolve()
    where = f"config.yaml: store: {store}"
    if place == here or place in here.parents:
        raise UserError(f"{where} holds this project; accepted: a folder for the store alone")
    if (place == own or place.is_relative_to(own)) and place != store_folder(own):
        raise UserError(f"{where} is a part of the results; accepted: a folder outside of {results}, or leave it out")
    if not store.is_dir():
        return
    try:
        names = [path.name for path in store.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise UserError(f"{where} cannot be read ({error.strerror}); accepted: a folder that can") from None
    if names and not any(SHELF.fullmatch(name) for name in names):
        raise UserError(
            f"{where} holds other files, such as {sorted(names)[0]}; accepted: a new or empty folder, or a store"
        )


def entry(store: Path, fingerprint: str) -> Path:
    """Returns the folder of a fingerprint."""
    return store / fingerprint[:2] / fingerprint


def restore(store: Path, fingerprint: str, folder: Path) -> bool:
    """Copies a stored cell into `folder`; returns whether there was one that is whole."""
    stored = entry(store, fingerprint)
    if not (stored / "result.json").is_file():
        return False
    if damaged := _damage(store, fingerprint):
        print(f"{stored / damaged}: is damaged; the entry is thrown away", file=sys.stderr)
        discard(stored)
        return False
    for name in _files(stored):
        write_atomically(folder / name, lambda path, name=name: shutil.copyfile(stored / name, path))
    return True


def _damage(store: Path, fingerprint: str) -> str | None:
    """Returns the first file of an entry that is not as it was written."""
    stored = entry(store, fingerprint)
    if not (stored / CHECKSUMS).is_file():
        return CHECKSUMS
    return next(iter(differing(store, fingerprint, stored)), None)


def discard(stored: Path) -> None:
    """Deletes an entry whole: it is renamed first, so that nobody is served half of it. What is none stays.

    Raises:
        UserError: It belongs to somebody who shares the store, but not the right to delete.
    """
    if not is_own(stored):
        return
    try:
        shutil.rmtree(stored.rename(stored.with_name(f"{WRITING}deleted-{os.getpid()}-{stored.name}")))
    except FileNotFoundError:  # somebody was faster
        pass
    except OSError as error:
        raise UserError(f"{stored}: cannot be deleted ({error.strerror}); accepted: that its owner does it") from None


def serve(store: Path, fingerprint: str, results: Path, specification: dict) -> bool:
    """Does as `restore`, into the folder of the cell; of that, the slug is taken from what is stored.

    Args:
        store: The store, which others may write to.
        fingerprint: Of the cell.
        results: The results folder.
        specification: The cell; another one that is stored under its fingerprint is not served.
    """
    try:
        record = read_json(entry(store, fingerprint) / "result.json")
        cell, seed = record["cell"], record["cell"]["seed"]
        if cell != specification:
            return False
        place = cell_folder(cell["data"], cell["model"], cell["task"], record["slug"], seed["init"], seed["order"])
    except (OSError, ValueError, KeyError, TypeError, UserError):
        return False
    return restore(store, fingerprint, results / place)


def differing(store: Path, fingerprint: str, folder: Path) -> list[str]:
    """Lists the files of a cell that are missing or are not what was stored; none if nothing was stored."""
    try:
        checksums = read_json(entry(store, fingerprint) / CHECKSUMS)
    except FileNotFoundError:
        return []
    except (OSError, ValueError):
        return [CHECKSUMS]
    return [
        name
        for name, digest in checksums.items()
        if not (folder / name).is_file() or file_digest(folder / name) != digest
    ]


def link(place: Path, target: Path) -> None:
    """Makes `place`, the store of this results folder, a link to a store elsewhere, such as a lab's.

    Raises:
        UserError: There is a store of its own at `place` already, or `target` cannot be made.
    """
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"config.yaml: store: {target} cannot be made ({error.strerror}); accepted: a folder") from None
    if place.exists() and place.resolve() == target.resolve():
        return
    if place.is_symlink():
        place.unlink()
    if place.is_dir():
        if any(place.iterdir()):
            raise UserError(
                f"config.yaml: store: {place} holds cells already; accepted: leave store out, or move what is in "
                f"{place} to {target} first"
            )
        place.rmdir()
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target.resolve(), target_is_directory=True)


def keep_weights(store: Path, fingerprint: str, write) -> None:
    """Puts the weights of a stored cell beside its files; `write` is called with the path of a file to fill."""
    write_atomically(entry(store, fingerprint) / WEIGHTS, write)


def take_weights(store: Path, fingerprint: str, target: Path, remove: bool) -> bool:
    """Copies the weights of a stored cell to `target`; returns whether there were any.

    Args:
        store: The store.
        fingerprint: Of the cell.
        target: The file to make.
        remove: Whether the store gives them away for good.
    """
    source = entry(store, fingerprint) / WEIGHTS
    if not source.is_file():
        return False
    write_atomically(target, lambda path: shutil.copyfile(source, path))
    if remove:
        source.unlink()
    return True


def keep(store: Path, fingerprint: str, folder: Path) -> None:
    """Copies a finished cell into the store, whole or not at all; a whole cell that is there stays as it is.

    A cell that cannot be kept is no less finished: that is said, and no error.
    """
    try:
        _keep(store, fingerprint, folder)
    except (OSError, UserError) as error:
        print(f"{entry(store, fingerprint)}: not kept in the store ({error})", file=sys.stderr)


def _keep(store: Path, fingerprint: str, folder: Path) -> None:
    target = entry(store, fingerprint)
    if target.is_symlink() or target.parent.is_symlink():
        raise UserError("a link stands in its place")
    if target.is_dir():
        if not _damage(store, fingerprint):
            return
        discard(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=WRITING))
    try:
        permit(temporary, 0o777)
        for name in _files(folder):
            shutil.copyfile(folder / name, temporary / name)
        write_json(temporary / CHECKSUMS, {name: file_digest(temporary / name) for name in _files(temporary)})
        os.rename(temporary, target)
    except OSError:
        if not target.is_dir():  # else somebody was faster with the same cell
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
