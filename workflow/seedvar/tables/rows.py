"""The rows of somebody's table as they stand there, and what counts in them as a name and as a number."""

from __future__ import annotations

import csv
import gzip
import re
import tempfile
import zlib
from pathlib import Path

import pandas as pd

from seedvar.data.formats import READERS, read_file
from seedvar.data.labels import label_number, label_text, listing, shortened
from seedvar.errors import UserError

UNDEFINED = ("", "nan", "na", "n/a", "null", "none")
PACKED = ".gz"
CAN_BE_PACKED = (".csv", ".tsv", ".jsonl", ".json")
MOST_BYTES = 2_000_000_000  # of an unpacked table
ROW = " row"  # the column of the number of each row in the file, from 1
JOIN = "+"  # between the values of several columns that make a name


def read_any(path: Path, columns: list[str]) -> pd.DataFrame:
    """Reads columns of CSV, TSV, JSON Lines or Parquet as they stand there: what is a number is judged later.

    The first three may be packed by gzip (`.gz`). A CSV file may have semicolons between the columns, and then commas
    in its numbers, as spreadsheets write it where the decimal comma is used.

    Returns:
        The columns, and `ROW`.

    Raises:
        UserError: It is none of these, is damaged, or has no such column or no row.
    """
    columns = list(dict.fromkeys(columns))
    packed = path.suffix.lower() == PACKED
    suffix = Path(path.stem).suffix.lower() if packed else path.suffix.lower()
    if suffix not in (CAN_BE_PACKED if packed else READERS):
        raise UserError(
            f"{path}: '{suffix + PACKED if packed else path.suffix}' is not accepted; accepted: {', '.join(READERS)}, "
            f"and {', '.join(each + PACKED for each in CAN_BE_PACKED)}"
        )
    with tempfile.TemporaryDirectory(prefix="seedvar-table-") as folder:
        plain = _unpacked(path, Path(folder) / f"unpacked{suffix}") if packed else path
        semicolons = suffix == ".csv" and _has_semicolons(plain)
        plain = _with_commas(plain, Path(folder) / f"commas{suffix}") if semicolons else plain
        try:
            table = pd.DataFrame(read_file(plain, columns).columns, columns=columns, dtype=object)
        except UserError as error:
            raise UserError(str(error).replace(str(plain), str(path))) from None
    if table.empty:
        raise UserError(f"{path}: holds no row; accepted: one row a run")
    return table.assign(**{ROW: range(1, len(table) + 1)})


def _unpacked(path: Path, target: Path) -> Path:
    try:
        with gzip.open(path, "rb") as packed, open(target, "wb") as file:
            n_bytes = 0
            while piece := packed.read(1 << 20):
                n_bytes += file.write(piece)
                if n_bytes > MOST_BYTES:
                    raise UserError(
                        f"{path}: is larger than {MOST_BYTES / 1e9:g} GB unpacked; accepted: a table of runs"
                    )
    except (OSError, EOFError, zlib.error):
        raise UserError(f"{path}: cannot be unpacked; accepted: a file packed by gzip") from None
    return target


def _has_semicolons(path: Path) -> bool:
    if not path.is_file():
        return False
    with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
        header = file.readline(1_000_000)
    return ";" in header and "," not in header


def _with_commas(path: Path, target: Path) -> Path:
    """Writes a table with semicolons as one with commas, and its decimal commas as points."""
    csv.field_size_limit(2**31 - 1)
    try:
        with (
            open(path, encoding="utf-8-sig", newline="") as file,
            open(target, "w", encoding="utf-8", newline="") as out,
        ):
            rows = csv.writer(out)
            for row in csv.reader(file, delimiter=";", strict=True):
                rows.writerow([re.sub(r"^(\s*[-+]?\d+),(\d+)", r"\1.\2", field) for field in row])
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not text in UTF-8; accepted: CSV in UTF-8") from None
    except csv.Error as error:
        raise UserError(f"{path}: is not readable as CSV ({error}); accepted: CSV") from None
    return target


def chosen(table: pd.DataFrame, where: dict, path: Path) -> pd.DataFrame:
    """Keeps the rows whose columns say what a study asks for.

    Args:
        table: Of `read_any`.
        where: Column name to the value, or the list of values, of the rows to keep; values compare as labels do.

    Raises:
        UserError: A value stands in no row, or no row has all of them.
    """
    kept = pd.Series(True, index=table.index)
    for column, wanted in where.items():
        there = table[column].map(_text)
        for value in wanted if isinstance(wanted, list) else [wanted]:
            if label_text(value) not in set(there):
                raise UserError(
                    f"{path}: no row has '{value}' in {column}; accepted as runs.where.{column}: "
                    f"{listing(sorted(set(there) - {''}))}"
                )
        kept &= there.isin([label_text(value) for value in (wanted if isinstance(wanted, list) else [wanted])])
    if not kept.any():
        raise UserError(f"{path}: no row has all that runs.where asks for; accepted: values that stand in one row")
    return table[kept]


def _text(value) -> str:
    try:
        return label_text(value)
    except ValueError:
        return ""


def names(table: pd.DataFrame, columns: list[str], path: Path) -> pd.Series:
    """Returns columns of names as text, several joined by `JOIN`; a name may be `None` or `2`.

    Raises:
        UserError: A row holds none, or two different rows come to one name.
    """
    parts = []
    for column in columns:
        for row, value in zip(table[ROW], table[column], strict=True):
            if value is None or value != value or not str(value).strip():
                raise UserError(f"{path}: {column}: row {row} holds nothing; accepted: a name in every row")
        parts.append(table[column].map(lambda v: f"{v:.15g}" if isinstance(v, float) else str(v).strip()))
    joined = parts[0]
    for part in parts[1:]:
        joined = joined + JOIN + part
    if len(parts) > 1:
        tuples = pd.concat(parts, axis=1).assign(joined=joined).drop_duplicates()
        if (twice := tuples[tuples["joined"].duplicated()]["joined"]).size:
            raise UserError(
                f"{path}: {', '.join(columns)}: different rows come to the name {shortened(twice.iloc[0])}; accepted: "
                f"values without {JOIN}"
            )
    return joined


def numbers(table: pd.DataFrame, name: str, path: Path) -> pd.Series:
    """Returns a column of numbers; NaN where nothing, NaN or NA stands, and nothing else that is no finite number."""
    values = [_number(value, name, row, path) for row, value in zip(table[ROW], table[name], strict=True)]
    return pd.Series(values, table.index, float)


def _number(value, name: str, row: int, path: Path) -> float:
    if value is None or value != value or (isinstance(value, str) and value.strip().lower() in UNDEFINED):
        return float("nan")
    try:
        return label_number(value)
    except ValueError as error:
        raise UserError(
            f"{path}: column '{name}' holds what is no number (row {row}: {error}); accepted: numbers with a "
            "decimal point, and nothing or NaN where a score is not defined"
        ) from None


def whole_numbers(table: pd.DataFrame, name: str, path: Path) -> pd.Series:
    """Returns a column of whole numbers from 0."""
    found = numbers(table, name, path)
    for row, number, value in zip(table[ROW], found, table[name], strict=True):
        if not (number >= 0 and number == int(number)):
            raise UserError(f"{path}: {name}: row {row} holds {shortened(str(value))}; accepted: whole numbers from 0")
    return found.astype("int64")
