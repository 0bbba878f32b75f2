"""What was found out about large or many files, remembered until they change."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path

from seedvar.cells.syntax import code_digest
from seedvar.files import file_digest, read_json, write_json

MEMORY = ".digests.json"  # below the results folder


class Remembered:
    """Remembers values by the path, size and time of change of the files that they come from.

    Args:
        path: A JSON file that is read now and written by `save`; without it, nothing outlives this process.
    """

    def __init__(self, path: Path | None = None):
        self.path, self.known = path, {}
        if path is not None:
            with contextlib.suppress(OSError, ValueError, TypeError):
                self.known = dict(read_json(path))
        self.changed = False

    def of(self, files: Iterable[Path], compute: Callable, about: str = ""):
        """Returns what `compute` gives for these files, and calls it only if one of them has changed.

        Args:
            files: The files.
            compute: Gives a JSON value.
            about: Tells several values of the same files apart.

        Raises:
            OSError: There is no such file.
        """
        stats = [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in sorted(files)]
        key = f"{about}{stats!r}"
        if key not in self.known:
            self.known[key] = compute()
            self.changed = True
        return self.known[key]

    def code(self, path: Path) -> str:
        """Returns the digest of a source file of the package, of Python by what it says."""
        compute = code_digest if path.suffix == ".py" else file_digest
        return self.of([path], lambda: compute(path), "code ")

    def save(self) -> None:
        """Writes what is known, if there is anything new."""
        if self.changed and self.path is not None:
            with contextlib.suppress(OSError):  # who only looks may have no right to write
                write_json(self.path, self.known)
                self.changed = False
