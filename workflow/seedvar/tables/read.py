"""Reads the tables of a study."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from seedvar.errors import UserError
from seedvar.words import KEYS

# Columns that the statistics and the figures need; a table from elsewhere must have them.
NEEDED = [*KEYS, "metric", "split", "score", "majority", "degenerate"]


def read_runs(path: Path) -> pd.DataFrame:
    """Reads a runs table.

    Raises:
        UserError: There is no such file, or a column that statistics need is missing.
    """
    runs = read_table(path)
    if missing := [column for column in NEEDED if column not in runs.columns]:
        raise UserError(f"{path}: column '{missing[0]}' is missing; accepted: a table with {', '.join(NEEDED)}")
    return runs


def read_table(path: Path) -> pd.DataFrame:
    """Reads a table of a study, CSV or Parquet; a task or an arm may be called `2` or `None`."""
    if path.suffix == ".parquet":
        table = read_file(opened(pd.read_parquet), path)
        return table.astype({name: str for name in table.columns if table[name].dtype == "category"})
    return read_file(opened(pd.read_csv, dtype={"task": str, "arm": str}, keep_default_na=False, na_values=[""]), path)


def opened(reader, **options):
    """Has a reader of pandas read this very file, and no address or pattern that its path may look like."""

    def read(path: Path) -> pd.DataFrame:
        with open(path, "rb") as file:
            return reader(file, **options)

    return read


def read_file(reader, path: Path):
    """Reads a file with a function of pandas or the like.

    Raises:
        UserError: It cannot be read.
    """
    try:
        return reader(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({str(error).splitlines()[0]})") from None
