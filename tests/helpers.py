"""What tests say in one word: a task of the package, its data prepared for a model, a checkout to run."""

import os
import shutil
import sys
from pathlib import Path

from seedvar.data.known import package_declaration
from seedvar.data.prepare import prepare
from seedvar.data.resolve import resolve
from seedvar.data.sources import located
from seedvar.data.task import Task

REPOSITORY = Path(__file__).parents[1]


def copy_package(checkout: Path) -> None:
    """Gives a checkout a package of its own, to change; what Python has compiled comes along."""
    shutil.copytree(REPOSITORY / "workflow" / "seedvar", checkout / "workflow" / "seedvar")


def environment_of(checkout: Path) -> dict[str, str]:
    """Returns the environment for commands in a checkout: its own package or, where it has none, the repository's.

    With the repository's, all of them start from one warm process.
    """
    workflow = (checkout if (checkout / "workflow" / "seedvar").is_dir() else REPOSITORY) / "workflow"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": str(workflow)}


def known_task(name: str) -> Task:
    """Returns a task of the package."""
    return resolve(package_declaration(name), name)


def prepare_known(name: str, model: Path, max_length: int, folder: Path, glue_dir: Path | None = None) -> None:
    """Tokenises a task of the package for a model."""
    declaration = package_declaration(name)
    prepare(name, declaration, located(declaration, glue_dir), model, max_length, folder)
