"""What tokenised data are made from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seedvar.cells.fingerprint import DATA_SOURCES, PACKAGE
from seedvar.data.tasks import TASKS
from seedvar.files import file_digest, read_json

if TYPE_CHECKING:
    pass


SOURCE = "source.json"  # beside data.json: what the tokenised data were made from


def data_origin(cell_task: str, model: Path, glue_dir: Path | None, files: bool = True) -> dict:
    """Returns what the tokenised data of a task are made from: source files, code, tokenizer.

    Args:
        cell_task: Name of the task.
        model: The model's folder, with `model.json`.
        glue_dir: Folder with GLUE, or None.
        files: Whether to read the files of the task, which may be large.
    """
    from seedvar.data.glue import local_files

    origin = {
        "code": {name: file_digest(PACKAGE / name) for name in DATA_SOURCES},
        "model": read_json(model / "model.json")["whole_content"],
    }
    task = TASKS[cell_task]
    if files and glue_dir and task.data == "glue":
        paths = [path for found in local_files(glue_dir, task).values() for path in found]
        origin["files"] = {path.relative_to(glue_dir).as_posix(): file_digest(path) for path in paths}
    return origin
