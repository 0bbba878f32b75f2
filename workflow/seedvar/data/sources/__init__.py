"""Where data come from: one module a kind of source, and this list.

Adding one is a module here and a line in `SOURCES`. A module has

    KEY                                 the key of a declaration's `source` that it is known by
    Source                              the model of `source`, with a method `there(made)` that lists which of train,
                                        validation, test it has; `made`: those that shares of the training data make
    located(source, splits, glue_dir)   the source as a plain JSON dict, for one that the site may hold a copy of; it
                                        looks at no file
    files(source)                       the files that a located source is made of, [] if they are not on this machine
    at_hand(source)                     whether it can be read while a study is planned, without a network
    content(source)                     what its content is known by while a study is planned
    load(source, columns, labels)       {split: [formats.Piece]} with these columns, text first and the label last;
                                        `labels` are the declared names of classes, or None
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

SOURCES = {
    "files": "seedvar.data.sources.files",
    "hub": "seedvar.data.sources.hub",
    "synthetic": "seedvar.data.sources.synthetic",
}


def load_source(kind: str) -> ModuleType:
    """Imports the module of a kind of source."""
    return importlib.import_module(SOURCES[kind])


def kind_of(source) -> str:
    """Returns the kind of a source that a user wrote.

    Raises:
        ValueError: It is none; the text says what is accepted.
    """
    keys = {load_source(kind).KEY: kind for kind in SOURCES}
    found = [kind for key, kind in keys.items() if isinstance(source, dict) and key in source]
    if len(found) != 1:
        raise ValueError(f"accepted: one of {', '.join(f'{{{key}: …}}' for key in keys)}")
    return found[0]


def located(declaration, glue_dir: Path | str | None = None) -> dict:
    """Returns where a declared task's data are, for this site: what `seedvar data` is given.

    Args:
        declaration: A `declaration.Declaration`.
        glue_dir: The site's folder with GLUE in the hub's Parquet layout, if it has one.

    Returns:
        A dict of JSON's types. No file is looked at.
    """
    kind = kind_of(declaration.source.model_dump())
    place = load_source(kind).located(declaration.source, declaration.splits(), glue_dir)
    return {"kind": kind, **place}


def source_files(source: dict) -> list[Path]:
    """Lists the files of a located source; [] if they are not on this machine, or it has none.

    Raises:
        UserError: A file is not there.
    """
    return load_source(source["kind"]).files(source)


def at_hand(source: dict) -> bool:
    """Says whether a located source can be read while a study is planned, without a network."""
    return load_source(source["kind"]).at_hand(source)


def content(source: dict) -> str:
    """Returns what the content of a located source is known by: a digest of its files, or where and which it is.

    Raises:
        UserError: A file is not there.
    """
    return load_source(source["kind"]).content(source)
