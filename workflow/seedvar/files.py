"""Reading and writing files: they appear whole or not at all, and are known by their content."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from seedvar.errors import UserError


def write_atomically(path: Path | str, write: Callable[[Path], None]) -> None:
    """Calls `write` with a temporary name beside `path`, then renames it to `path`.

    Whatever goes wrong in between, `path` is either as it was before or complete.
    The temporary name keeps the ending, which some writers take the format from.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        permit(temporary, 0o666)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def no_link(path: str, flags: int) -> int:
    """An opener for `open` that never opens what a link leads to: the file is about to be written over.

    Raises:
        UserError: There is a link.
    """
    if os.path.islink(path):
        raise UserError(f"{path}: is a symbolic link, which is not written through; accepted: that it is deleted")
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


def permit(path: Path, mode: int) -> None:
    """Gives what `tempfile` made the permissions that it would have otherwise; its own lock colleagues out."""
    umask = os.umask(0)
    os.umask(umask)
    path.chmod(mode & ~umask)


def write_text(path: Path | str, text: str) -> None:
    """Writes text as UTF-8, whole or not at all."""
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_json(path: Path | str, value) -> None:
    """Writes indented JSON; NaN and infinities, which JSON does not have, are refused."""
    write_text(path, json.dumps(value, indent=1, sort_keys=False, allow_nan=False) + "\n")


def read_json(path: Path | str):
    """Reads a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def copy_files(files: Iterable[Path], target: Path, finish: Callable[[Path], None]) -> None:
    """Replaces the folder `target` by a copy of some files, whole or not at all.

    Args:
        files: Files of different names; links are followed.
        target: The folder.
        finish: Called with the copy before it takes its place; what it raises leaves the target as it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=".writing-"))
    try:
        copy = temporary / "copy"
        copy.mkdir()
        for file in files:
            shutil.copyfile(file, copy / file.name)
        finish(copy)
        if target.exists():
            os.replace(target, temporary / "old")
        os.replace(copy, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def digest(value) -> str:
    """Returns the SHA-256 (hexadecimal) of a JSON-like value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, allow_nan=False).encode()).hexdigest()


def own_folder(name: str) -> Path:
    """Returns a folder below the system's temporary one that no other user can look into or write to.

    Raises:
        PermissionError: Somebody else has made it, or what is there is no folder.
    """
    folder = Path(tempfile.gettempdir()) / f"{name}-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise PermissionError(f"{folder}: is not a folder of this user")
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)
    return folder


def file_digest(path: Path | str) -> str:
    """Returns the SHA-256 (hexadecimal) of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_digest(paths: Iterable[Path], root: Path) -> str:
    """Returns one SHA-256 for several files: their names below `root` and their content."""
    return digest({path.relative_to(root).as_posix(): file_digest(path) for path in sorted(paths)})


def write_csv(path: Path | str, table) -> None:
    """Writes a data frame as CSV, whole or not at all; an empty field stands for "not defined"."""
    write_atomically(path, lambda temporary: table.to_csv(temporary, index=False))
