"""The examples of a task: loaded, checked row by row, with their classes numbered."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from seedvar.data.formats import Piece
from seedvar.data.labels import label_number, label_text, listing, shortened
from seedvar.data.resolve import resolve
from seedvar.data.sources import load_source
from seedvar.data.task import Task
from seedvar.errors import UserError
from seedvar.files import digest


@dataclass(frozen=True)
class Examples:
    """The examples of a task.

    Attributes:
        task: The task.
        texts: Split to one list of texts a text column.
        labels: Split to the labels, shape (examples,), float32: class numbers, or values for regression.
    """

    task: Task
    texts: dict[str, list[list[str]]]
    labels: dict[str, np.ndarray]


def content_of(examples: Examples) -> str:
    """Returns the SHA-256 of what the examples say, whatever the form of the files that they come from."""
    labels = {split: values.tolist() for split, values in examples.labels.items()}
    return digest({"texts": examples.texts, "labels": labels, "classes": examples.task.classes})


def read_examples(name: str, declaration, source: dict) -> Examples:
    """Loads the labelled splits of a task and refuses what nobody can train on.

    Args:
        name: The task's name.
        declaration: A `declaration.Declaration`.
        source: Where its data are, see `sources.located`.

    Raises:
        UserError: The data cannot be had, or something in them is not as declared; one sentence with file, column
            and row. Rows count from 1, a header not.
    """
    columns, regression = declaration.columns, declaration.labels == "number"
    declared = None
    if declaration.labels is not None and not regression:
        declared = [label_text(value) for value in declaration.labels]
    splits = load_source(source["kind"]).load(source, [*columns, declaration.label], declared)
    empty_side = source["kind"] == "hub"
    texts = {part: _texts(pieces, columns, empty_side) for part, pieces in splits.items()}
    read = label_number if regression else label_text
    labels = {
        part: [label for piece in pieces for label in _labels(piece, declaration.label, read, regression, declared)]
        for part, pieces in splits.items()
    }
    where = {part: pieces[0].where for part, pieces in splits.items()}
    try:
        task = resolve(declaration, name, labels["train"])
    except ValueError as error:
        is_key = str(error).startswith(("positive:", "metric:"))  # of the declaration, and not a column
        raise UserError(f"{f'tasks.{name}.' if is_key else where['train'] + ': '}{error}") from None
    if regression:
        if len(set(labels["train"])) == 1:
            value = f"every training example has the label {labels['train'][0]:g}"
            raise UserError(f"{where['train']}: {declaration.label}: {value}; accepted: at least 2 different numbers")
        numbers = {part: np.array(values, np.float32) for part, values in labels.items()}
        return Examples(task, texts, numbers)
    there = set(labels["train"])
    if missing := [one for one in task.classes if one not in there]:
        raise UserError(
            f"{where['train']}: {declaration.label}: no training example has the class '{missing[0]}'; accepted: "
            f"classes of the training data ({listing(one for one in task.classes if one in there)})"
        )
    number = {one: place for place, one in enumerate(task.classes)}
    for part in splits:
        for piece, row, label in _places(splits[part], labels[part]):
            if label not in number:
                raise UserError(
                    f"{piece.where}: {declaration.label}: row {row} has the class {shortened(label)}, which no "
                    f"training example has; accepted: {listing(task.classes)}"
                )
    numbered = {part: np.array([number[one] for one in values], np.float32) for part, values in labels.items()}
    return Examples(task, texts, numbered)


def refuse_the_same(examples: Examples, source: dict) -> None:
    """Refuses a user's files of different splits that hold the same examples.

    Of data that others published, which their user cannot mend, `suspicious` says how many are the same.

    Raises:
        UserError: Two splits are equal.
    """
    for one, other in itertools.combinations(examples.texts, 2) if source["kind"] == "files" else ():
        for path in source[one]:
            if other_path := next((each for each in source[other] if _real(each) == _real(path)), None):
                raise UserError(
                    f"{path}: is of {one}, and {other_path} of {other} is the same file; accepted: a file of its own "
                    "for each"
                )
        same = examples.texts[one] == examples.texts[other]
        if same and np.array_equal(examples.labels[one], examples.labels[other]):
            raise UserError(
                f"{source[one][0]}: holds the same examples as {source[other][0]}; accepted: other examples for {one} "
                f"than for {other}"
            )


def _real(path: str) -> str:
    return os.path.realpath(os.path.expanduser(path))


def _texts(pieces: list[Piece], columns: list[str], empty_side: bool) -> list[list[str]]:
    """Joins the texts of a split.

    Args:
        pieces: The split.
        columns: Its text columns.
        empty_side: Whether one text of a pair may be empty: published data have such pairs (QQP), and nobody who uses
            them can mend that.
    """
    for piece in pieces:
        if not piece.columns[columns[0]]:
            raise UserError(f"{piece.where}: holds no row; accepted: at least one example")
        for column in columns:
            others = [piece.columns[other] for other in columns if other != column] if empty_side else []
            for row, text in enumerate(piece.columns[column]):
                if isinstance(text, str) and (text.strip() or any(str(other[row] or "").strip() for other in others)):
                    continue
                found = "no text" if text is None or text != text else None
                if isinstance(text, str):
                    found = "an empty text"
                elif found is None:
                    found = f"a {'list' if isinstance(text, list | tuple) else type(text).__name__} in place of text"
                raise UserError(f"{piece.where}: {column}: row {row + 1} has {found}; accepted: text in every row")
        for column in columns:
            _check_unicode(piece, column)
    return [[text for piece in pieces for text in piece.columns[column]] for column in columns]


def _check_unicode(piece: Piece, column: str) -> None:
    """Refuses halves of characters, which JSON can write and no tokenizer reads."""
    try:
        "".join(piece.columns[column]).encode()
    except UnicodeEncodeError:
        bad = next(row for row, text in enumerate(piece.columns[column], 1) if not _is_unicode(text))
        raise UserError(
            f"{piece.where}: {column}: row {bad} has half of a character (a surrogate); accepted: whole characters"
        ) from None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _labels(piece: Piece, column: str, read, regression: bool, declared: list[str] | None) -> Iterator[str | float]:
    accepted = "text or numbers"
    if regression:
        accepted = "finite numbers that float32 holds"
    elif declared:
        accepted = f"labels: {listing(declared)}"
    known = None if declared is None else set(declared)
    for row, value in enumerate(piece.columns[column], 1):
        try:
            label = read(value)
            if known is not None and label not in known:
                raise ValueError(shortened(label))
        except ValueError as error:
            raise UserError(f"{piece.where}: {column}: row {row} holds {error}; accepted: {accepted}") from None
        yield label


def _places(pieces: list[Piece], labels: list) -> Iterator[tuple[Piece, int, str]]:
    """Goes through labels with the piece and the row (from 1) that each comes from."""
    position = 0
    for piece in pieces:
        rows = len(next(iter(piece.columns.values())))
        for row in range(rows):
            yield piece, row + 1, labels[position + row]
        position += rows
