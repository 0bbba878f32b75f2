"""The lock of a cell that trains, on the file that says what its fingerprint is made of.

The kernel lets go of the lock when the process ends, however it ends. On a cluster this needs a file system that
shares locks between nodes (NFS, GPFS, Lustre with `flock`); on others a cell that runs elsewhere counts as waiting.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from pathlib import Path

from seedvar.errors import UserError

PARTS = "fingerprint.json"


@contextlib.contextmanager
def running(folder: Path, parts: dict):
    """Writes what a cell's fingerprint is made of into its folder, and marks the cell as running.

    What a process that was killed has left half-written there is deleted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # The file stays the same: the lock is on it.
    with open(folder / PARTS, "a+", encoding="utf-8", opener=_no_link) as file:
        mine = _lock(file)
        if mine is False:  # somebody trains the same cell, from the same parts: both may finish it
            yield
            return
        for path in folder.glob(".writing-*") if mine else ():
            path.unlink(missing_ok=True)
        file.truncate(0)
        file.write(json.dumps(parts, indent=1, sort_keys=True) + "\n")
        file.flush()
        try:
            yield
        except BaseException:  # a cell that was not trained leaves nothing
            (folder / PARTS).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                folder.rmdir()
            raise


def _no_link(path: str, flags: int) -> int:
    """Opens a file, and never what a link leads to: it is about to be written over."""
    if os.path.islink(path):
        raise UserError(f"{path}: is a symbolic link, which is not written through; accepted: that it is deleted")
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


def _lock(file) -> bool | None:
    """Locks an open file; returns whether nobody else has, or None on a file system without locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def is_running(folder: Path) -> bool:
    """Returns whether a process trains the cell of this folder."""
    try:
        with open(folder / PARTS) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False
