"""The digest of a source file by what it says, and not by how it is written or where it stands."""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
OWN = PACKAGE.name


def code_digest(path: Path | str) -> str:
    """Returns the SHA-256 (hexadecimal) of a Python file's syntax tree.

    Left out are comments, docstrings, formatting, and imports of this package: what they reach counts by itself.
    So a file may be moved, re-formatted and commented without a change of its digest. Imports of other libraries
    count.
    """
    return _digest(Path(path).read_text(encoding="utf-8"))


@cache  # forks of a process that knows the code of training do not parse it again
def _digest(text: str) -> str:
    return hashlib.sha256(_form(ast.parse(text)).encode()).hexdigest()


# Says nothing that the rest does not, or only how something is written.
LEFT_OUT = {"ctx", "kind", "type_comment"}


def _form(node) -> str:
    """Writes a syntax tree as text. Empty fields are left out, so that no version of Python adds any."""
    if isinstance(node, ast.AST):
        told = [type(node).__name__]
        for name in node._fields:
            value = getattr(node, name, None)
            if name == "body" and isinstance(value, list) and value and _is_docstring(node, value[0]):
                value = value[1:]
            if value is not None and value != [] and name not in LEFT_OUT:
                told.append(f"{name}={_form(value)}")
        return f"({' '.join(told)})"
    if isinstance(node, list):
        return f"[{' '.join(_form(each) for each in node if not _is_own_import(each))}]"
    return repr(node)


def _is_docstring(owner, first) -> bool:
    has_one = isinstance(owner, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    return has_one and isinstance(first, ast.Expr) and isinstance(getattr(first.value, "value", None), str)


def _is_own_import(node) -> bool:
    if isinstance(node, ast.If):  # imports for type checkers alone
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    names = []
    if isinstance(node, ast.ImportFrom):
        names = [node.module or OWN] if not node.level else [OWN]
    elif isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    return any(name.split(".")[0] == OWN for name in names)
