"""Files of examples: CSV, TSV, JSON Lines, Parquet. Values come as they stand there; who reads them judges them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import NamedTuple

from seedvar.data.labels import listing
from seedvar.errors import UserError, first_line


class Piece(NamedTuple):
    """Examples that come from one place.

    Attributes:
        where: The place, for sentences about its rows: a file, or a split of a data set.
        columns: Column name to values, one a row.
    """

    where: str
    columns: dict[str, list]


def read_file(path: Path, columns: list[str]) -> Piece:
    """Reads some columns of a file by its ending.

    Raises:
        UserError: The file is not there, is not what its ending says, or lacks a column.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise UserError(f"{path}: the ending '{path.suffix}' is not accepted; accepted: {', '.join(READERS)}")
    if not path.is_file():
        raise UserError(f"{path}: there is no such file; accepted: a file that ends in {', '.join(READERS)}")
    try:
        return Piece(str(path), reader(path, columns))
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror or first_line(error)}); accepted: a readable file"
        ) from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not text in UTF-8; accepted: {KINDS[path.suffix.lower()]} in UTF-8") from None


def _check_columns(path: Path, there: list[str], wanted: list[str]) -> None:
    for name in wanted:
        if name not in there:
            raise UserError(f"{path}: there is no column '{name}'; accepted: {listing(there) or 'a file with columns'}")


def _read_separated(path: Path, columns: list[str], separator: str) -> dict[str, list]:
    csv.field_size_limit(2**31 - 1)  # a text may be longer than the 131,072 characters that are the default
    kind = KINDS[path.suffix.lower()]
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, delimiter=separator, strict=True)
        try:
            header = next(rows, [])
            if len(header) == 1 and header[0] not in columns and (other := _other_separator(header[0], separator)):
                raise UserError(f"{path}: its first line has {other} between the columns; accepted: {kind}")
            _check_columns(path, header, columns)
            for name in columns:
                if header.count(name) > 1:
                    raise UserError(f"{path}: column '{name}' is there {header.count(name)} times; accepted: once")
            places = [header.index(name) for name in columns]
            values = {name: [] for name in columns}
            for row in rows:
                if not row:
                    continue
                if len(row) != len(header):
                    raise UserError(
                        f"{path}: line {rows.line_num} has {len(row)} fields; accepted: {len(header)}, as in the first "
                        f"line ({listing(header)})"
                    )
                for name, place in zip(columns, places, strict=True):
                    values[name].append(row[place])
        except csv.Error as error:
            raise UserError(
                f"{path}: is not readable as {kind}: line {rows.line_num}: {first_line(error)}; accepted: {kind}, a "
                'text with quotation marks inside a pair of them and each doubled ("")'
            ) from None
    return values


def _other_separator(line: str, separator: str) -> str | None:
    names = {",": "commas", ";": "semicolons", "\t": "tabs"}
    return next((name for mark, name in names.items() if mark in line and mark != separator), None)


def _read_json_lines(path: Path, columns: list[str]) -> dict[str, list]:
    values = {name: [] for name in columns}
    with open(path, encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict):
                raise UserError(f"{path}: line {number} is no JSON object; accepted: JSON Lines, one object a line")
            for name in columns:
                if name not in row:
                    raise UserError(f"{path}: line {number} has no '{name}'; accepted: {listing(row)}")
                values[name].append(row[name])
    return values


def _read_parquet(path: Path, columns: list[str]) -> dict[str, list]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:  # of this very path: neither globs nor folder names are looked at
            _check_columns(path, file.schema_arrow.names, columns)
            table = file.read(columns=columns)
    except (pa.ArrowException, OSError) as error:  # a damaged page is an OSError
        raise UserError(f"{path}: is not readable as Parquet ({first_line(error)}); accepted: a Parquet file") from None
    return {name: table.column(name).to_pylist() for name in columns}


READERS = {
    ".csv": lambda path, columns: _read_separated(path, columns, ","),
    ".tsv": lambda path, columns: _read_separated(path, columns, "\t"),
    ".jsonl": _read_json_lines,
    ".json": _read_json_lines,
    ".parquet": _read_parquet,
}
KINDS = {".csv": "CSV", ".tsv": "TSV", ".jsonl": "JSON Lines", ".json": "JSON Lines", ".parquet": "Parquet"}
