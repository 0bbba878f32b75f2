"""Which files of the package a module reaches by its imports: what its results depend on."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent


@cache
def imported(name: str) -> frozenset[str]:
    """Lists the files of the package, relative to it, that one of them imports, wherever in it the import stands."""
    found = set()
    for node in ast.walk(ast.parse((PACKAGE / name).read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("seedvar"):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.startswith("seedvar")]
        for module in names:
            path = module.removeprefix("seedvar").removeprefix(".").replace(".", "/")
            found |= {file for file in (f"{path}.py", f"{path}/__init__.py") if path and (PACKAGE / file).is_file()}
    return frozenset(found)


@cache
def reached(name: str) -> list[str]:
    """Lists a file of the package and all that it reaches, in a fixed order."""
    found, waiting = set(), [name]
    while waiting:
        if (file := waiting.pop()) not in found:
            found.add(file)
            waiting += imported(file)
    return sorted(found)


from pathlib import Path

from seedvar.cells.cell import Cell
from seedvar.cells.fingerprint import PACKAGE
from seedvar.engine.code import reached
from seedvar.methods import names_of


def sources_of(name: str) -> list[str]:
    """Lists the source files that decide a statistic or figure, given its module's path, as inputs of a rule.

    Reading and writing of files is not among them, nor are lists of what there is.
    """
    return [source_path(file) for file in reached(name) if not file.endswith(("__init__.py", "errors.py", "files.py"))]


def source_list(name: str, results: Path | str = "results") -> str:
    """Returns the path of a list of source files, see `Plan.write_source_lists`."""
    return f"{results}/.sources/{name}.sha256"


def sources_name(cell: Cell) -> str:
    """Names the list of the source files that decide the result of a cell."""
    return "+".join(["train", *names_of(cell.recipe.changes())])


def source_path(name: str) -> str:
    """Returns the path of a source file of the package as an input of a rule."""
    return f"workflow/seedvar/{name}"
