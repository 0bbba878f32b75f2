"""What a notebook shows as the last value of a block: findings, a table, a picture. All of a study's words are text."""

from __future__ import annotations

import io
import math

import pandas as pd
from matplotlib.figure import Figure

from seedvar.report.escape import as_html
from seedvar.report.findings import lines, source

INCH = 96  # pixels of a page; a picture has twice as many, for screens that show them
MISSING, ENDLESS = "–", "∞"


class Findings:
    """The findings of a study as a list, each with where it comes from.

    Args:
        found: What findings.json holds.
    """

    def __init__(self, found: list[dict]):
        self.found = found

    def __repr__(self) -> str:
        return "\n".join(lines(self.found))

    def _repr_html_(self) -> str:
        items = [f"<li>{as_html(one['sentence'])} <small>({as_html(source(one))})</small></li>" for one in self.found]
        return "\n".join(["<ol>", *items, "</ol>"])


class Table:
    """A table for people: no more decimals than a column needs, `–` for what is not defined, `∞` for infinity.

    Args:
        table: The table; its index is shown too.
        decimals: How many at most.
    """

    def __init__(self, table: pd.DataFrame, decimals: int = 2):
        self.written = table.apply(written, decimals=decimals)

    def __repr__(self) -> str:
        return self.written.to_string()

    def _repr_html_(self) -> str:
        with pd.option_context("display.max_colwidth", None):
            return self.written.to_html(border=0)


class Picture:
    """A figure, as a PNG whatever Matplotlib's backend.

    Args:
        figure: The figure.
        alternative: What it shows, for those who do not see it.
    """

    def __init__(self, figure: Figure, alternative: str):
        self.figure, self.alternative = figure, alternative

    def __repr__(self) -> str:
        return self.alternative

    def _repr_png_(self) -> tuple[bytes, dict]:
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=2 * INCH, metadata={"Software": None})
        return buffer.getvalue(), {"alt": self.alternative, "width": round(self.figure.get_figwidth() * INCH)}


def written(column: pd.Series, decimals: int) -> pd.Series:
    """Writes the values of a column as texts, its numbers with so many decimals as any of them needs."""
    if not pd.api.types.is_float_dtype(column):
        return column.map(lambda value: MISSING if pd.isna(value) else str(value)).astype(object)
    numbers = [value for value in column if math.isfinite(value)]
    enough = (n for n in range(decimals) if all(round(each, n) == round(each, decimals) for each in numbers))
    n = next(enough, decimals)

    def text(value: float) -> str:
        if math.isnan(value):
            return MISSING
        return f"{value:,.{n}f}" if math.isfinite(value) else ENDLESS if value > 0 else f"-{ENDLESS}"

    return column.map(text).astype(object)
