"""Nothing is written outside the results folder, and what a user names is read and nothing that Snakemake makes of it.

No symbolic link on the way to what a study writes leads out of the results. That folder may be a link itself, and
`results/store` is one where config.yaml names a store.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from seedvar.errors import UserError


def check_path(path: Path, key: str) -> None:
    """Refuses a path that Snakemake would take for another: it reads {task} and <results> as what stands for those.

    Args:
        path: A file of a user's that a rule takes as input.
        key: What names it, for the message.

    Raises:
        UserError: It holds such characters.
    """
    if re.search("[<>{}]", str(path)) or not str(path).isprintable():
        raise UserError(f"{key}: {path}: holds braces, < or >, or control characters; accepted: a path without them")


def check_folders(results: Path, folders: Iterable[str]) -> None:
    """Refuses links out of the results folder on the way to folders below it, which need not be there yet.

    Args:
        results: The results folder.
        folders: Their paths below it.

    Raises:
        UserError: There is such a link.
    """
    inside, seen = results.resolve(), set()
    for folder in folders:
        parts = Path(folder).parts
        for place in (results.joinpath(*parts[: n + 1]) for n in range(len(parts))):
            if place not in seen:
                seen.add(place)
                if place.is_symlink():
                    _check(place, results, inside)


def check_tree(results: Path, folder: str, files: bool) -> None:
    """Refuses links out of the results folder anywhere in a folder below it.

    Args:
        results: The results folder.
        folder: Its path below it.
        files: Whether links to files are refused too: all but logs are replaced whole, and a link with them.

    Raises:
        UserError: There is such a link.
    """
    inside = results.resolve()
    for place, folders, names in os.walk(results / folder):
        for name in [*folders, *(names if files else ())]:
            if (path := Path(place, name)).is_symlink():
                _check(path, results, inside)


def _check(link: Path, results: Path, inside: Path) -> None:
    target = link.resolve()
    if not target.is_relative_to(inside):
        raise UserError(
            f"{link}: is a symbolic link that leads out of {results}, to {target}; accepted: a folder or file of its "
            f"own (to keep results elsewhere, make {results} itself a link)"
        )
