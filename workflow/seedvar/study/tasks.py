"""Tasks by name: a user's own under config/tasks/, and those of the package."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from seedvar.data.declaration import Declaration
from seedvar.data.known import package_declaration, package_tasks
from seedvar.errors import UserError
from seedvar.strict import read_yaml
from seedvar.study.validation import validate

FOLDER = Path("config/tasks")


def own_tasks() -> dict[str, Path]:
    """Returns the files of a user's own tasks, by the name of the task."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.y*ml"))} if FOLDER.is_dir() else {}


def known_tasks() -> list[str]:
    """Lists the names of all tasks that a study may name without declaring them."""
    return [*package_tasks(), *own_tasks()]


def known_declaration(name: str) -> Declaration:
    """Returns what a task declares.

    Raises:
        UserError: There is no such task, or its file is not in order.
    """
    own = own_tasks()
    if name in own and name in package_tasks():
        raise UserError(f"{own[name]}: '{name}' is a task of the package; accepted: another name")
    if name in own:
        return _read(own[name], own[name].stat().st_mtime_ns)
    if name in package_tasks():
        return package_declaration(name)
    raise UserError(f"tasks: unknown task '{name}'; accepted: {', '.join(known_tasks())}, or a declaration of your own")


@cache
def _read(path: Path, changed: int) -> Declaration:
    return validate(Declaration, read_yaml(path), path)
