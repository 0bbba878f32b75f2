"""A data set of the hub: from there, from the hub's cache on this machine, or from a site's copy of GLUE."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator, model_validator

from seedvar.data.formats import Piece, read_file
from seedvar.data.labels import listing
from seedvar.errors import UserError, first_line
from seedvar.files import files_digest
from seedvar.strict import Strict

KEY = "hub"
GLUE = "nyu-mll/glue"
DEFAULT_SPLITS = {"train": "train", "validation": "validation"}


class Splits(Strict):
    """What the hub calls the splits."""

    train: str = Field("train", min_length=1, description="Name of the training split.")
    validation: str | None = Field(
        None,
        min_length=1,
        description="Name of the validation split; without it, validation, unless `split` makes one.",
    )
    test: str | None = Field(
        None, min_length=1, description="Name of a test split with labels, which many data sets do not have."
    )

    @model_validator(mode="after")
    def _no_split_twice(self):
        names = [self.train, self.validation or "validation", *([self.test] if self.test else [])]
        if len(set(names)) < len(names):
            raise ValueError("two of them are one split of the hub; accepted: a split of its own for each")
        return self


class Source(Strict):
    """A data set of the hub; no code of it is ever run."""

    hub: str = Field(description="Its id, owner/name.")
    config: str | None = Field(None, min_length=1, description="Its configuration, where it has several.")
    revision: str | None = Field(None, min_length=1, description="A commit, branch or tag; without it, the newest.")
    splits: Splits = Field(Splits(), description="Names of its splits.")

    @field_validator("hub")
    @classmethod
    def _id(cls, value: str) -> str:
        import re

        if not re.fullmatch(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", value) or ".." in value:
            raise ValueError("accepted: the id of a data set on the hub, owner/name")
        return value

    def there(self, made: set[str]) -> list[str]:
        """Lists the splits that the source has."""
        there = ["train"]
        if self.splits.validation or "validation" not in made:
            there.append("validation")
        return [*there, "test"] if self.splits.test else there


def located(source: Source, splits: list[str], glue_dir: Path | str | None = None) -> dict:
    """See the package; a site's copy of GLUE takes the place of the hub's."""
    names = {split: getattr(source.splits, split) or split for split in splits}
    place = {"hub": source.hub, "config": source.config, "revision": source.revision, "splits": names}
    if source.hub == GLUE and glue_dir:
        place["folder"] = str(Path(glue_dir).expanduser())
    return place


def files(source: dict) -> list[Path]:
    """See the package."""
    return [path for paths in local_files(source).values() for path in paths] if "folder" in source else []


def at_hand(source: dict) -> bool:
    """Only a site's copy is."""
    return "folder" in source


def content(source: dict) -> str:
    """Returns a digest of the site's copy, or else the id, the configuration and the revision."""
    if "folder" in source:
        return files_digest(files(source), Path(source["folder"]))
    config, revision = source["config"] or "default", source["revision"]
    return f"hub: {source['hub']}, {config}{f', {revision}' if revision else ''}"


def local_files(source: dict) -> dict[str, list[Path]]:
    """Finds the Parquet files of a site's copy: split to files.

    Raises:
        UserError: The folder or a split is not there.
    """
    folder = Path(source["folder"])
    if not folder.is_dir():
        raise UserError(f"config.yaml: glue_dir: there is no folder {folder}; a folder in the hub's layout is accepted")
    inside = folder / (source["config"] or "")
    there = sorted(inside.iterdir()) if inside.is_dir() else []  # listed, not globbed: a path may have a * in it
    found = {}
    for split, name in source["splits"].items():
        found[split] = [path for path in there if path.name.startswith(f"{name}-") and path.suffix == ".parquet"]
        if not found[split]:
            raise UserError(
                f"config.yaml: glue_dir: task '{source['config']}' has no {inside}/{name}-*.parquet; "
                f"accepted: the layout of {source['hub']} on the hub"
            )
    return found


def load(source: dict, columns: list[str], labels: list[str] | None) -> dict[str, list[Piece]]:
    """See the package.

    Raises:
        UserError: The hub cannot be reached and has left nothing in its cache, or the data set has no such
            configuration, split or column.
    """
    if "folder" in source:
        return {split: [read_file(path, columns) for path in paths] for split, paths in local_files(source).items()}
    data = _load_dataset(source)
    pieces = {}
    for split, name in source["splits"].items():
        where = f"{source['hub']} ({name})"
        if name not in data:
            raise UserError(f"{source['hub']}: there is no split '{name}'; accepted: {listing(data)}")
        for column in columns:
            if column not in data[name].column_names:
                raise UserError(f"{where}: there is no column '{column}'; accepted: {listing(data[name].column_names)}")
        table = data[name].select_columns(columns).with_format(None)
        values = {column: list(table[column]) for column in columns}
        # The hub may know names for class numbers; they are used if the declaration speaks of them.
        names = getattr(table.features[columns[-1]], "names", None)
        if labels is not None and names and set(labels) <= set(names):
            values[columns[-1]] = [
                names[label] if label is not None and label >= 0 else None for label in values[columns[-1]]
            ]
        pieces[split] = [Piece(where, values)]
    return pieces


def _load_dataset(source: dict):
    """Loads all splits of a configuration.

    Offline, `datasets` looks at what itself has prepared alone, and not at what the hub's client has
    downloaded; so this is looked for first.
    """
    from datasets import disable_progress_bars, load_dataset, packaged_modules
    from huggingface_hub import constants

    disable_progress_bars()
    name, config, revision = source["hub"], source["config"], source["revision"]
    if Path(name).exists() or (Path(packaged_modules.__file__).parent / name).exists():
        raise UserError(
            f"source.hub: '{name}' would be read from this folder and not from the hub; accepted: owner/name of a data "
            "set on the hub, or {train: …, validation: …} of files"
        )
    try:
        snapshot = _snapshot(name, revision) if constants.is_offline_mode() else None
        if snapshot is None:
            return load_dataset(name, config, revision=revision)
        if config and not _has_config(snapshot, config) and (snapshot / config).is_dir():
            return load_dataset(str(snapshot), data_dir=config)
        return load_dataset(str(snapshot), config)
    except Exception as error:  # the hub's client raises many kinds, from OSError to its own
        key = "config.yaml: glue_dir: is not set, and the hub" if name == GLUE else "the hub"
        accepted = "a connection to the hub" + (", or a folder in its Parquet layout" if name == GLUE else "")
        raise UserError(
            f"{key} did not give {name}{f'/{config}' if config else ''}{f' at {revision}' if revision else ''} "
            f"({first_line(error)}); accepted: {accepted}, or a data set in its cache"
        ) from None


def _snapshot(name: str, revision: str | None) -> Path | None:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, repo_type="dataset", revision=revision, local_files_only=True))
    except OSError:  # nothing of it is in the cache
        return None


def _has_config(snapshot: Path, config: str) -> bool:
    from datasets import get_dataset_config_names

    return config in get_dataset_config_names(str(snapshot))
