"""The package's own data, made from a grammar."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from seedvar.data.formats import Piece
from seedvar.data.synthetic import MAKERS, SIZES, make_examples
from seedvar.strict import Strict

KEY = "synthetic"


class Source(Strict):
    """One of the package's synthetic data sets."""

    synthetic: str = Field(description=f"Its name: {', '.join(MAKERS)}.")

    @field_validator("synthetic")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in MAKERS:
            raise ValueError(f"accepted: {', '.join(MAKERS)}")
        return value

    def there(self, made: set[str]) -> list[str]:
        """Lists the splits that the source has."""
        return list(SIZES)


def located(source: Source, splits: list[str], glue_dir=None) -> dict:
    """See the package."""
    return {"synthetic": source.synthetic}


def files(source: dict) -> list[Path]:
    """Lists the code that makes the data."""
    return [Path(__file__).parents[1] / name for name in ("grammar.py", "synthetic.py")]


def at_hand(source: dict) -> bool:
    """Always: the code makes the data."""
    return True


def content(source: dict) -> str:
    """Says that the code, which counts for itself, makes the data."""
    return f"made by the package: {source['synthetic']}"


def load(source: dict, columns: list[str], labels: list[str] | None) -> dict[str, list[Piece]]:
    """See the package."""
    pieces = {}
    for split in SIZES:
        rows = make_examples(source["synthetic"], split)
        values = {column: [row[column] for row in rows] for column in columns}
        pieces[split] = [Piece(f"{source['synthetic']} ({split})", values)]
    return pieces
