"""Digests of large files, remembered."""

from __future__ import annotations

import contextlib
from pathlib import Path

from seedvar.files import read_json, write_json


class _Digests:
    """Remembers digests by path, size and time of change, so that big files are read once."""

    def __init__(self, path: Path):
        self.path = path
        try:
            self.known = read_json(path)
        except (OSError, ValueError):
            self.known = {}
        self.changed = False

    def of(self, paths: list[Path], compute) -> str:
        files = sorted(file for path in paths for file in ([path] if path.is_file() else path.iterdir()))
        stats = [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
        key = repr(stats)
        if key not in self.known:
            self.known[key] = compute()
            self.changed = True
        return self.known[key]

    def save(self) -> None:
        if self.changed:
            with contextlib.suppress(OSError):  # who only looks may have no right to write
                write_json(self.path, self.known)
