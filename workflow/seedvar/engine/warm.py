"""Starts cells in forks of a process that has already imported PyTorch, Transformers and the code of training.

These imports take longer than a small cell takes to train. The first `seedvar train` on a machine, or
in a job of a cluster, starts a server that does the imports once and then waits on a socket; every
`seedvar train` sends it the command, and a fork of the server runs it. The server has computed nothing
that a result depends on, so a fork computes what a fresh process computes, to the bit (a test compares them),
and a server whose code has been edited since is left to end. It ends by itself when it has been idle for
`IDLE_S` seconds.

A fork belongs to the command that asked for it: its output goes to the command's log, its exit
code is the command's, and when the command is killed the fork ends too.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import gc
import hashlib
import importlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

from seedvar.errors import Stopped
from seedvar.files import own_folder
from seedvar.signals import ASKING_TO_END

IDLE_S = 20.0
STARTED = b"S"  # the first byte of an answer; the exit code follows
# Libraries read these when they are imported: another environment needs another server.
IMPORT_VARIABLES = ("CUDA", "HF_", "LD_", "MALLOC_", "MKL_", "OMP_", "OPENBLAS_", "PYTHON", "TRANSFORMERS_")
START_TIMEOUT_S = 120.0
GRACE_S = 60.0  # for a fork that is to end: an update and the writing of a large model's weights and moments
ANSWER_TIMEOUT_S = 60.0  # what has not begun to answer by then is no server of ours, or hangs
PACKAGE = Path(__file__).parents[1]
PRELOAD = [
    "matplotlib.backends.backend_pdf",  # with what it takes fonts apart by
    "matplotlib.pyplot",
    "numpy",
    "pandas",
    "pyarrow.pandas_compat",
    "pyarrow.parquet",
    "pydantic",
    "safetensors.numpy",
    "scipy.stats",
    "sklearn.metrics",
    "torch",
    "transformers.models.bert.modeling_bert",
    "seedvar.cli.main",
    "seedvar.cells.cell",
    "seedvar.cells.fingerprint",
    "seedvar.training.cell",
]
imported: str | None = None  # `code_state` of what a server, and so its forks, have imported


def run(command: list[str], entry: str) -> int | None:
    """Has a seedvar command run in a fork of the server, which is started if need be.

    Args:
        command: The arguments of `seedvar`, as in `sys.argv[1:]`.
        entry: The function that runs them, such as `package.module:main`.

    Returns:
        The exit code; None if there is no server to be had, so that the caller runs the
        command itself.
    """
    for _ in range(2):  # a server that is just going away may still accept, and not answer
        connection = _connect_or_start()
        if connection is None:
            return None
        try:
            answer = _ask(connection, command, entry)
        except OSError:
            answer = b""
        if not answer.startswith(STARTED):
            continue
        if len(answer) == 1:
            print("seedvar: the process that ran the command was killed", file=sys.stderr)
            return 1
        return answer[1]
    return None


def _ask(connection: socket.socket, command: list[str], entry: str) -> bytes:
    """Sends a command; returns `STARTED` and the exit code, or as much of it as came."""
    with connection:
        request = {"command": command, "entry": entry, "folder": os.getcwd(), "environment": dict(os.environ)}
        request = json.dumps(request).encode()
        sys.stdout.flush()
        sys.stderr.flush()
        streams = array.array("i", [1, 2])
        connection.sendmsg(
            [len(request).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams.tobytes())]
        )
        connection.sendall(request)
        answer = connection.recv(1)
        if answer != STARTED:
            return b""
        connection.settimeout(None)
        try:
            return answer + connection.recv(1)  # blocks until the fork is done
        except Stopped as stopped:  # so is the fork, which keeps what it has done and says how it ends
            connection.sendall(bytes([stopped.number]))
            return answer + connection.recv(1)


def _socket_path() -> Path:
    """One server for each user, interpreter, environment, checkout, state of its code, and job of a cluster."""
    variables = sorted(
        (k, v) for k, v in os.environ.items() if k.startswith(IMPORT_VARIABLES) and k != "PYTHONSAFEPATH"
    )
    job = [os.environ.get(name) for name in ("SLURM_JOB_ID", "SLURM_STEP_ID")]
    identity = f"{sys.executable}:{sys.prefix}:{code_state()}:{job}:{variables}"
    return own_folder("seedvar") / f"warm-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def code_state() -> str:
    """Returns a digest of where the package's files are, how large, and when they were written: milliseconds."""
    found = []
    for folder, _, names in os.walk(PACKAGE.resolve()):
        for name in names:
            if name.endswith(".py"):
                about = os.stat(os.path.join(folder, name))
                found.append((folder, name, about.st_size, about.st_mtime_ns))
    return hashlib.sha256(repr(sorted(found)).encode()).hexdigest()


def is_current() -> bool:
    """Says whether this process, if it is a fork, has imported the code that the files hold now."""
    return imported is None or imported == code_state()


def _connect(path: Path) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(ANSWER_TIMEOUT_S)
    try:
        connection.connect(str(path))
        if not _is_own(connection):
            raise PermissionError(f"{path}: another user's process answers")
    except OSError:
        connection.close()
        return None
    return connection


def _is_own(connection: socket.socket) -> bool:
    """Says whether the process at the other end is this user's, where the system can tell."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    _, user, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return user == os.getuid()


def _connect_or_start() -> socket.socket | None:
    try:
        path = _socket_path()
        if connection := _connect(path):
            return connection
        with open(path.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # of several commands that start together, one starts the server
            if connection := _connect(path):
                return connection
            server = subprocess.Popen(
                [sys.executable, "-P", "-m", "seedvar.engine.warm", str(path)],  # -P: imports nothing from here
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # At a terminal Ctrl-C is for the command; in a job all processes must stay where SLURM finds them.
                start_new_session="SLURM_JOB_ID" not in os.environ,
            )
            deadline = time.monotonic() + START_TIMEOUT_S
            while server.poll() is None and time.monotonic() < deadline:
                if connection := _connect(path):
                    return connection
                time.sleep(0.05)
    except OSError:
        pass
    return None


def serve(path: Path) -> None:
    """Imports, then forks for every request until none has come for a while."""
    state = code_state()
    gc.disable()  # it would look through half a million objects again and again, for a fifth of the time
    preload()
    gc.freeze()  # nor do forks have to
    gc.enable()
    if code_state() != state:  # edited meanwhile: whoever waits does the work itself
        return
    # As a module this file is another one than the script that runs
    importlib.import_module("seedvar.engine.warm").imported = state
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(64)
    listener.settimeout(IDLE_S)
    children: set[int] = set()
    while True:
        children = {child for child in children if os.waitpid(child, os.WNOHANG)[0] == 0}
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            if not children:
                path.unlink(missing_ok=True)
                return
            continue
        with connection:
            if not _is_own(connection):
                continue
            if child := os.fork():
                children.add(child)
                continue
            listener.close()
            os._exit(_child(connection))


def preload() -> None:
    """Imports, and does what every cell would do again and no result depends on: reads code, loads a checkpoint."""
    for name in PRELOAD:
        importlib.import_module(name)
    import torch
    from transformers import AutoModelForSequenceClassification
    from transformers.utils import logging

    from seedvar.cells.decides import EVERY_CELL
    from seedvar.cells.syntax import code_digest
    from seedvar.models.checkpoints import EMBEDDED

    for path in EVERY_CELL.values():
        code_digest(PACKAGE / path)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with torch.random.fork_rng(devices=[]):  # draws a classifier
        AutoModelForSequenceClassification.from_pretrained(EMBEDDED["syn-bert"])


def _child(connection: socket.socket) -> int:
    """Runs one command in a fork and answers with its exit code."""
    size, streams, _, _ = socket.recv_fds(connection, 8, 2)
    length = int.from_bytes(size, "big")
    message = b""
    while len(message) < length:
        if not (part := connection.recv(length - len(message))):
            return 1
        message += part
    connection.sendall(STARTED)
    request = json.loads(message)
    for stream, number in zip(streams, (1, 2), strict=True):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    for number in ASKING_TO_END:  # whatever the command ignored that started the server, such as one under `nohup`
        signal.signal(number, signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(connection,), daemon=True).start()

    module, _, name = request["entry"].partition(":")
    try:
        code = getattr(importlib.import_module(module), name)(request["command"])
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    with contextlib.suppress(OSError):  # the command is gone
        connection.sendall(bytes([code or 0]))
    return 0


def _end_with(connection: socket.socket) -> None:
    """Ends this process when the command that it works for is asked to end, or is gone."""
    asked = b""
    with contextlib.suppress(OSError):
        asked = connection.recv(1)
    os.kill(os.getpid(), asked[0] if asked else signal.SIGTERM)
    time.sleep(GRACE_S)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
