"""A user's files: CSV, TSV, JSON Lines or Parquet."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from seedvar.data.formats import READERS, Piece, read_file
from seedvar.errors import UserError
from seedvar.files import digest, file_digest
from seedvar.strict import Strict

KEY = "train"
SPLITS = ("train", "validation", "test")
ENDINGS = ", ".join(READERS)
LONGEST_NAME = 255  # bytes


class Source(Strict):
    """Files of examples, relative to the working directory."""

    train: str | list[str] = Field(description=f"A file, or a list of files, that ends in {ENDINGS}.")
    validation: str | list[str] | None = Field(None, description="The same for validation.")
    test: str | list[str] | None = Field(None, description="The same for test.")

    @field_validator("train", "validation", "test", mode="before")
    @classmethod
    def _paths(cls, value):
        paths = value if isinstance(value, list) else [value]
        if value is not None and not (paths and all(isinstance(path, str) and path.strip() for path in paths)):
            raise ValueError(f"accepted: a file, or a list of files, that ends in {ENDINGS}")
        for path in paths if value is not None else []:
            if not path.isprintable():
                raise ValueError(
                    f"a name with {ascii(path)} in it is not accepted; accepted: a name that can be printed"
                )
            if Path(path).suffix.lower() not in READERS:
                raise ValueError(f"the ending of '{path}' is not accepted; accepted: {ENDINGS}")
        if len(set(map(str, paths))) < len(paths):
            raise ValueError("a file is there twice; accepted: each file once")
        return value

    def there(self, made: set[str]) -> list[str]:
        """Lists the splits that the source has."""
        return [split for split in SPLITS if getattr(self, split) is not None]


def located(source: Source, splits: list[str], glue_dir=None) -> dict:
    """See the package."""
    lists = {split: getattr(source, split) for split in splits}
    return {split: [value] if isinstance(value, str) else value for split, value in lists.items()}


def files(source: dict) -> list[Path]:
    """See the package."""
    paths = [path for split in SPLITS for path in _paths(source, split)]
    for path in paths:
        if len(path.name.encode()) > LONGEST_NAME:
            raise UserError(f"{path}: is longer than a file's name may be; accepted: a file that ends in {ENDINGS}")
        if path.is_dir():
            raise UserError(f"{path}: is a folder; accepted: a file that ends in {ENDINGS}")
        if not path.is_file():
            raise UserError(f"{path}: there is no such file; accepted: a file that ends in {ENDINGS}")
    return paths


def at_hand(source: dict) -> bool:
    """Always: it is files."""
    return True


def content(source: dict) -> str:
    """Returns a digest of what stands in the files, wherever they lie and whatever they are called."""
    files(source)
    return digest(
        {
            split: [[path.suffix.lower(), file_digest(path)] for path in _paths(source, split)]
            for split in SPLITS
            if split in source
        }
    )


def load(source: dict, columns: list[str], labels: list[str] | None) -> dict[str, list[Piece]]:
    """See the package."""
    return {split: [read_file(path, columns) for path in _paths(source, split)] for split in SPLITS if split in source}


def _paths(source: dict, split: str) -> list[Path]:
    return [Path(path).expanduser() for path in source.get(split, [])]
