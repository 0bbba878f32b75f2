"""The cell store: finished cells by fingerprint, outside Snakemake's outputs.

Snakemake deletes the outputs of a job before it runs the job again, and runs it again whenever
its records are lost: after a fresh clone, a failed group, a deleted `.snakemake`. A job whose
fingerprint is in the store is served from it without importing PyTorch, so none of that costs
training. Snakemake's own between-workflow cache does not do here: its key has the recorded
code and all inputs, and a job that it serves counts as run for everything downstream.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from seedvar.files import write_atomically

# A cell's files; result.json, whose presence says that all are there, is the last to be copied.
NEEDED = ["curve.csv", "predictions.parquet"]
IF_ASKED_FOR = ["diagnostics.csv"]
LAST = ["result.json"]


def _files(folder: Path) -> list[str]:
    return [*NEEDED, *(name for name in IF_ASKED_FOR if (folder / name).is_file()), *LAST]


def entry(store: Path, fingerprint: str) -> Path:
    """Returns the folder of a fingerprint."""
    return store / fingerprint[:2] / fingerprint


def restore(store: Path, fingerprint: str, folder: Path) -> bool:
    """Copies a stored cell into `folder`; returns whether there was one."""
    stored = entry(store, fingerprint)
    if not (stored / "result.json").is_file():
        return False
    for name in _files(stored):
        write_atomically(folder / name, lambda path, name=name: shutil.copyfile(stored / name, path))
    return True


def keep(store: Path, fingerprint: str, folder: Path) -> None:
    """Copies a finished cell into the store, whole or not at all; a cell that is there stays as it is."""
    target = entry(store, fingerprint)
    if target.is_dir():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=".writing-"))
    try:
        temporary.chmod(0o755)
        for name in _files(folder):
            shutil.copyfile(folder / name, temporary / name)
        os.rename(temporary, target)
    except OSError:
        if not target.is_dir():  # else somebody was faster with the same cell
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
