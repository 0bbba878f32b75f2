"""The tasks that the package knows, declared in `tasks/` as a user's own are in a study file."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from seedvar.data.declaration import Declaration
from seedvar.errors import UserError

FOLDER = Path(__file__).parent / "tasks"


@cache
def package_tasks() -> tuple[str, ...]:
    """Lists their names."""
    return tuple(sorted(path.stem for path in FOLDER.iterdir() if path.suffix == ".yaml"))


@cache
def package_declaration(name: str) -> Declaration:
    """Reads the declaration of one.

    Raises:
        UserError: There is none of that name.
    """
    if name not in package_tasks():
        raise UserError(f"there is no task '{name}'; accepted: {', '.join(package_tasks())}")
    return Declaration.model_validate(yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8")))
