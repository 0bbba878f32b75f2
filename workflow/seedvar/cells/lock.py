"""The lock of a cell that trains, on the file that says what its fingerprint is made of.

The kernel lets go of the lock when the process ends, however it ends. On a cluster this needs a file system that
shares locks between nodes (NFS, GPFS, Lustre with `flock`); on others a cell that runs elsewhere counts as waiting.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sys
import time
from pathlib import Path
from typing import TextIO

from seedvar.cells.places import RESULT
from seedvar.files import no_link

PARTS = "fingerprint.json"
POLL_S = 0.5


@contextlib.contextmanager
def running(folder: Path, parts: dict):
    """Writes what a cell's fingerprint is made of into its folder, and marks the cell as running.

    While another process trains the cell this one waits; it may find the result in the store then. What a process
    that was killed has left half-written in the folder is deleted.
    """
    file, is_mine = _locked(folder)
    with file:
        for path in folder.glob(".writing-*") if is_mine else ():
            path.unlink(missing_ok=True)
        file.truncate(0)
        file.write(json.dumps(parts, indent=1, sort_keys=True) + "\n")
        file.flush()
        try:
            yield
        except BaseException:  # a cell that was not trained leaves nothing, but for what its next start goes on from
            if not (folder / RESULT).exists():
                (folder / PARTS).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                folder.rmdir()
            raise


def _locked(folder: Path) -> tuple[TextIO, bool]:
    """Opens the file that says what a cell's fingerprint is made of, and waits until nobody else has the lock on it.

    Returns:
        The open file, and whether it is locked: on a file system without locks it is not.
    """
    told = False
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        file = open(folder / PARTS, "a+", encoding="utf-8", opener=no_link)  # noqa: SIM115 (the caller closes it)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            if not told:
                print("another process trains this cell: waiting for it", file=sys.stderr, flush=True)
            told = True
            time.sleep(POLL_S)
            continue
        except OSError:
            return file, False
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), os.stat(folder / PARTS)):
                return file, True
        file.close()  # whoever had it has deleted it meanwhile


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
