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
