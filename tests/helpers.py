"""What tests say in one word: a task of the package, its data prepared for a model."""

from pathlib import Path

from seedvar.data.known import package_declaration
from seedvar.data.prepare import prepare
from seedvar.data.resolve import resolve
from seedvar.data.sources import located
from seedvar.data.task import Task


def known_task(name: str) -> Task:
    """Returns a task of the package."""
    return resolve(package_declaration(name), name)


def prepare_known(name: str, model: Path, max_length: int, folder: Path, glue_dir: Path | None = None) -> None:
    """Tokenises a task of the package for a model."""
    declaration = package_declaration(name)
    prepare(name, declaration, located(declaration, glue_dir), model, max_length, folder)
