"""Tasks by name: a user's own under config/tasks/, and those of the package."""

from __future__ import annotations

import glob
from functools import cache
from pathlib import Path

from seedvar.data.declaration import Declaration
from seedvar.data.known import package_declaration, package_tasks
from seedvar.errors import UserError
from seedvar.strict import read_yaml
from seedvar.study.validation import did_you_mean, validate
from seedvar.words import SYNTHETIC

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
    if name in own and len(files := sorted(FOLDER.glob(f"{glob.escape(name)}.y*ml"))) > 1:
        raise UserError(f"{files[0]}: {files[1]} is of the same name; accepted: one file a task")
    if name in own and name in package_tasks():
        raise UserError(f"{own[name]}: '{name}' is a task of the package; accepted: another name")
    if name in own:
        return _read(own[name], own[name].stat().st_mtime_ns)
    if name in package_tasks():
        return package_declaration(name)
    known = known_tasks()
    raise UserError(
        f"tasks: unknown task '{name}'{did_you_mean(name, known)}; accepted: {', '.join(known)}, or a declaration of "
        "your own"
    )


@cache
def _read(path: Path, changed: int) -> Declaration:
    declaration = validate(Declaration, read_yaml(path), path)
    check_own(path.stem, declaration, str(path))
    return declaration


def check_own(name: str, declaration: Declaration, where: str) -> None:
    """Refuses a user's task that would be taken for data of the package in tables, figures and paths.

    Args:
        name: Its name.
        declaration: What it declares.
        where: Where it is declared, for the message.

    Raises:
        UserError: It is named, or its data are called, like the package's.
    """
    if name.casefold().startswith(SYNTHETIC):
        raise UserError(f"{where}: names that begin with {SYNTHETIC} are of synthetic tasks; accepted: another name")
    taken = {package_declaration(task).data for task in package_tasks()}
    if (declaration.data or name).casefold() in taken:
        raise UserError(
            f"{where}: data: '{declaration.data}' is what the package's own data are called; accepted: another name"
        )
