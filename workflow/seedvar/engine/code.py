"""Which code a job depends on, as one input: a list of digests, written only when a digest changes.

One list stands for many files: an input costs Snakemake time for each of thousands of cells. And a fresh clone, whose
files are all new, makes nothing invalid; nor does a comment, see `cells.syntax`.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterable
from pathlib import Path

from seedvar.cells import decides
from seedvar.cells.cell import Cell
from seedvar.cells.decides import PACKAGE
from seedvar.cells.syntax import OWN
from seedvar.data import sources
from seedvar.data.metrics import METRICS
from seedvar.engine.digests import Remembered
from seedvar.errors import UserError
from seedvar.files import write_text
from seedvar.methods import names_of

# What tables, figures and pages do not depend on, though their modules reach it: how files are read and written, what
# a study is, lists of what there is.
WITHOUT_INFLUENCE = (
    "errors.py", "files.py", "strict.py", "study/", "cells/", "engine/",
    "models/checkpoints.py", "models/families.py",  # of a family its row counts: it stands in model.json
)  # fmt: skip
ALL_THE_SAME = ("cells/record.py",)

# The code behind everything that is made from cells, by the name of its list.
MADE_BY = {
    "collect": "tables/collect.py",
    "import": "tables/foreign.py",
    "look": "engine/seeds.py",
    "forgetting": "probes/forgetting.py",
    "surface": "probes/surface.py",
    "printed": "report/printed.py",
    "findings": "report/findings.py",
    "captions": "report/captions.py",
    "report": "report/page.py",
    "pretrain": "models/pretrain.py",
}


class Code:
    """The source files of the package: what each says and what it imports, remembered between runs.

    Args:
        remembered: Where that is kept; without it, it is read anew.
    """

    def __init__(self, remembered: Remembered | None = None):
        self.remembered = remembered or Remembered()
        self._digests: dict[str, str] = {}

    def digest(self, name: str) -> str:
        """Returns the digest of a file of the package, of code by its meaning."""
        if name not in self._digests:
            self._digests[name] = self.remembered.code(PACKAGE / name)
        return self._digests[name]

    def reached(self, name: str, through: Callable[[str], bool] = lambda file: True) -> list[str]:
        """Lists a file of the package and all that it reaches by imports, in a fixed order.

        Args:
            name: The file's path below the package.
            through: Says of a file whether what it imports is reached too.
        """
        found, waiting = set(), [name]
        while waiting:
            if (file := waiting.pop()) not in found:
                found.add(file)
                path = PACKAGE / file
                if through(file):
                    waiting += self.remembered.of([path], lambda path=path: imports_of(path), "imports ")
        return sorted(found)

    def behind(self, names: Iterable[str], metrics: Iterable[str] = ()) -> list[str]:
        """Lists the files that decide a table, figure or page, given the modules that make it.

        What is reached only by way of a file without influence has none either.

        Args:
            names: The modules' paths below the package.
            metrics: Metrics of the study: of those that there are, these count.
        """
        reached = {file for name in names for file in self.reached(name, _has_influence)}
        files = [file for file in reached if _has_influence(file) and not file.endswith("__init__.py")]
        if "data/metrics/__init__.py" in reached:
            files += [f"{decides.METRIC_FOLDER}/{metric}.py" for metric in metrics if metric in METRICS]
        return sorted(set(files))


def _has_influence(file: str) -> bool:
    return file in ALL_THE_SAME or not file.startswith(WITHOUT_INFLUENCE)


def imports_of(path: Path) -> list[str]:
    """Lists the files of the package that a Python file imports, wherever in it the import stands."""
    if path.suffix != ".py":
        return []
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == OWN:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.split(".")[0] == OWN]
        for module in names:
            path = module.removeprefix(OWN).removeprefix(".").replace(".", "/")
            found |= {file for file in (f"{path}.py", f"{path}/__init__.py") if path and (PACKAGE / file).is_file()}
    return sorted(found)


def list_file(name: str, results: Path | str = "results") -> str:
    """Returns the path of a list."""
    return f"{results}/.sources/{name}.sha256"


def list_of_cell(cell: Cell, metric: str, family: dict) -> str:
    """Names the list of the code that decides a cell, whose task has this metric and whose model this family."""
    read_out = [f"read-{family['read_out']}"] if family.get("read_out") else []
    return "+".join(["train", cell.recipe.optimizer, metric, *names_of(cell.recipe.changes()), *read_out])


def list_of_data(kind: str) -> str:
    """Names the list of the code that makes tokenised data from a kind of source."""
    return f"data+{kind}"


def cell_lines(cell: Cell, metric: str, family: dict, code: Code) -> list[str]:
    """Returns the list of a cell: digests of code, and the order of its methods."""
    changes = cell.recipe.changes()
    lines = [f"{code.digest(path)}  {name}" for name, path in decides.code_of(changes, metric, family).items()]
    return [*lines, f"methods: {json.dumps(names_of(changes))}"]


def data_lines(kind: str, code: Code) -> list[str]:
    """Returns the list of tokenised data."""
    return [f"{digest}  {name}" for name, digest in data_code(kind, code).items()]


def data_code(kind: str, code: Code) -> dict[str, str]:
    """Returns the digests of the code that makes tokenised data from a kind of source, by file."""
    source = sources.SOURCES[kind].removeprefix(f"{OWN}.").replace(".", "/")
    return {file: code.digest(file) for file in code.behind(["data/prepare.py", f"{source}.py"])}


def lines_behind(files: Iterable[str], code: Code) -> list[str]:
    """Returns the list of a table, figure or page."""
    return [f"{code.digest(file)}  {file}" for file in files]


def write_list(name: str, lines: list[str], results: Path) -> None:
    """Writes a list, if it says something new.

    Raises:
        UserError: The results folder cannot be written to.
    """
    path, text = Path(list_file(name, results)), "".join(f"{line}\n" for line in lines)
    try:
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            write_text(path, text)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); accepted: a results folder that can") from None
