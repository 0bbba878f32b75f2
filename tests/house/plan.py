"""The house: which room of the package may import which. `make house` prints it as it is.

A room is a folder of workflow/seedvar; the ground is what lies beside them. An import counts wherever it stands, in
functions and for type checkers too.
"""

import ast
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "workflow" / "seedvar"
GROUND = "ground"
SCIENCE = {GROUND, "data", "models", "methods", "cells"}
MAY_IMPORT = {
    GROUND: set(),
    "data": {GROUND},
    "models": {GROUND, "data"},
    "methods": {GROUND, "data", "models"},
    "cells": {GROUND, "data", "models", "methods"},
    "study": {GROUND, "data", "models", "cells"},
    "training": SCIENCE,
    "probes": SCIENCE | {"training"},
    "tables": SCIENCE | {"study"},
    "stats": {GROUND, "data"},
    "figures": {GROUND, "data"},
    "report": {GROUND, "data", "tables", "stats", "figures"},
    "engine": SCIENCE | {"study", "training", "probes", "tables", "stats", "figures", "report"},
    "status": SCIENCE | {"study", "tables", "stats", "figures", "report", "engine"},
    "cli": SCIENCE | {"study", "training", "probes", "tables", "stats", "figures", "report", "engine", "status"},
}
# Libraries that take seconds to import, in rooms whose modules every command reads. In functions they may stand.
SLOW = {"pandas", "torch", "transformers", "datasets", "matplotlib", "sklearn", "scipy", "pyarrow", "huggingface_hub"}
QUICK_ROOMS = {GROUND, "cells", "study", "engine", "status", "cli"}
SLOW_ON_PURPOSE = {"engine/seeds.py", "streams.py"}  # imported by what needs them alone


def modules() -> dict[str, Path]:
    """Returns the modules of the package: dotted name to file."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ["seedvar", *path.relative_to(PACKAGE).with_suffix("").parts]
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def room_of(module: str) -> str:
    """Returns the room of a module."""
    parts = module.split(".")
    if parts[-1] == "__main__":
        return "cli"
    is_room = len(parts) > 1 and (PACKAGE / parts[1]).is_dir()
    return parts[1] if is_room else GROUND


def imports() -> dict[str, set[str]]:
    """Returns which modules of the package each one imports."""
    known = modules()
    return {module: imports_of(path, set(known)) - {module} for module, path in known.items()}


def imports_of(path: Path, known: set[str]) -> set[str]:
    """Returns which of the known modules a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "seedvar":
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name for name in whole if name in known}
            if any(name not in known for name in whole):
                found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name in known}
    return found


def arrows_against_the_flow() -> list[str]:
    """Lists the imports that the house does not allow."""
    wrong = []
    for module, targets in imports().items():
        room = room_of(module)
        for target in sorted(targets):
            if room_of(target) != room and room_of(target) not in MAY_IMPORT[room]:
                wrong.append(f"{module} imports {target}: {room} may import {', '.join(sorted(MAY_IMPORT[room]))}")
    return wrong


def circles() -> list[str]:
    """Lists the groups of modules that reach one another by imports."""
    graph = imports()
    reached = {}
    for module in graph:
        found, waiting = set(), list(graph[module])
        while waiting:
            if (other := waiting.pop()) not in found:
                found.add(other)
                waiting += graph[other]
        reached[module] = found
    groups = {frozenset(o for o in reached[m] if m in reached[o]) for m in graph if m in reached[m]}
    return [", ".join(sorted(group)) for group in groups]


def slow_imports() -> list[str]:
    """Lists the modules of quick rooms that import a slow library when they are imported."""
    found = []
    for path in modules().values():
        name = path.relative_to(PACKAGE).as_posix()
        if (name.split("/")[0] if "/" in name else GROUND) not in QUICK_ROOMS or name in SLOW_ON_PURPOSE:
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [f"{name} imports {each}" for each in names if each.split(".")[0] in SLOW]
    return found


def picture() -> str:
    """Draws the rooms from the ground up: the modules of each, and the rooms that it imports."""
    graph, lines = imports(), []
    for room in MAY_IMPORT:
        inside = [module for module in graph if room_of(module) == room]
        below = sorted({room_of(target) for module in inside for target in graph[module]} - {room})
        names = [module.removeprefix("seedvar").removeprefix(f".{room}").removeprefix(".") for module in inside]
        lines.append(f"{room:9} <- {', '.join(below) or 'nothing of ours'}")
        lines.append(f"{'':12} {' '.join(sorted(name for name in names if name))}")
    return "\n".join(lines)


def main() -> int:
    """Prints the house and what is wrong with it."""
    print(picture())
    wrong = [*arrows_against_the_flow(), *(f"circle: {group}" for group in circles()), *slow_imports()]
    print("\n".join(["", *wrong]) if wrong else "\nNo circle, no arrow against the flow.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
