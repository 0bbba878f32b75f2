"""Who runs a study, so that the lock of a Snakemake that was killed can be told from that of one that works.

Snakemake's lock is files that outlive it and name nobody. Beside it each run keeps a file `results/.running-<study>`
with a lock that the kernel lets go of however the run ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import json
import os
import socket
import time
from pathlib import Path

from seedvar.files import no_link

PREFIX = ".running-"
_HELD = []  # open for as long as this process lives


def hold(results: Path, study: str) -> None:
    """Says in a file who runs a study, and locks it until this process ends."""
    file = open(results / f"{PREFIX}{study}", "a+", encoding="utf-8", opener=no_link)  # noqa: SIM115
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # a second run of the same study, or a file system without locks
        file.close()
        return
    who = {"study": study, "process": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%F %H:%M")}
    with contextlib.suppress(OSError, KeyError):  # a user without a name
        who["user"] = getpass.getuser()
    file.truncate(0)
    file.write(json.dumps(who) + "\n")
    file.flush()
    _HELD.append(file)


def let_go() -> None:
    """Says that this process does not run a study any more."""
    for file in _HELD:
        with contextlib.suppress(OSError):
            os.unlink(file.name)
        file.close()
    _HELD.clear()


def lock_message(results: Path, command: str) -> str | None:
    """Explains why Snakemake's lock is there; None if nothing is known of it.

    Args:
        results: The results folder.
        command: The words behind `snakemake` that name the study, for the advice.
    """
    gone = []
    for path in sorted(results.glob(f"{PREFIX}*")):
        with contextlib.suppress(OSError, ValueError, KeyError), open(path, encoding="utf-8") as file:
            who = json.loads(file.read())
            name = f"process {who['process']} of {who.get('user', 'somebody')} on {who['host']}"
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return (
                    f"study {who['study']} has been run by {name} since {who['since']}: wait for it, or stop it first"
                )
            gone.append(f"{name} held it since {who['since']} for study {who['study']}")
    if not gone:
        return None
    return (
        f"the lock of this folder was left behind: {', '.join(gone)} and was killed, nobody holds it any more; run "
        f"`snakemake --unlock {command}`, then start again: what is done is kept, and cells that still train are "
        "waited for"
    )


def explain_lock(results: Path, command: str) -> None:
    """Has Snakemake say who holds its lock, or that nobody does, where it would say that there is one.

    Args:
        results: The results folder.
        command: The words behind `snakemake` that name the study.
    """
    from snakemake.exceptions import CliException
    from snakemake.persistence import PersistenceBase

    original = PersistenceBase.lock

    @contextlib.contextmanager
    def lock(self):
        if self.locked and (message := lock_message(results, command)):
            raise CliException(f"seedvar: {message}")
        with original(self):
            yield

    PersistenceBase.lock = lock
