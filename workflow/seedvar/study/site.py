"""config/config.yaml: what depends on the place where studies run."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BeforeValidator, Field

from seedvar.cells.places import store_folder
from seedvar.errors import UserError
from seedvar.models.checkpoints import check_aliases
from seedvar.strict import Strict, read_yaml
from seedvar.study.validation import validate

CONFIG = Path("config/config.yaml")
# The command line's `--config` gives `true` as text.
Truth = Annotated[
    bool,
    BeforeValidator(
        lambda value: {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value
    ),
]


class SiteConfig(Strict):
    """config/config.yaml: what depends on the place where studies run, not on the science."""

    study: str = Field(
        "quickstart", description="Name of a file in config/studies/, or the path of a study file elsewhere."
    )
    glue_dir: str | None = Field(
        None,
        min_length=1,
        description="Folder with GLUE in the hub's Parquet layout; without it the hub is asked. The environment "
        "variable SEEDVAR_GLUE_DIR wins.",
    )
    runs_dir: str | None = Field(
        None,
        min_length=1,
        description="Folder with tables of runs that studies name. The environment variable SEEDVAR_RUNS_DIR wins.",
    )
    models: dict[str, str] = Field(
        {},
        description="Short names for models: a hub id, a folder, or package:NAME/FOLDER for a folder inside an "
        "installed Python package.",
    )
    store: str | None = Field(
        None,
        min_length=1,
        description="Folder that keeps finished cells by fingerprint, such as one that a lab shares; without it, "
        "results/store.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: CUDA where there is one.")
    cells_per_gpu: int = Field(
        1,
        ge=1,
        le=64,
        description="How many cells may share a GPU of this machine, side by side; a GPU is faster at several small "
        "cells together. Changes no result.",
    )
    warm_start: Truth = Field(
        True,
        description="Start local cells as forks of a process that has imported PyTorch already; saves seconds a cell.",
    )
    distribution: Literal["box", "violin", "points"] = Field(
        "box", description="What the figure of distributions draws behind the runs; points: nothing."
    )
    from_tables: Truth = Field(False, description="Draw figures from existing tables; plan no training.")

    def store_below(self, results: Path) -> Path:
        """Returns where the cell store is; from the first run on, the results folder has a link that leads there."""
        return Path(self.store).expanduser() if self.store else store_folder(results)


def read_site_config(values: dict, path: Path | str = CONFIG) -> SiteConfig:
    """Checks the merged settings of config.yaml and the command line's `--config`."""
    site = validate(SiteConfig, values, path)
    check_aliases(site.models, str(path))
    for name, model in site.models.items():
        if not model.strip():
            raise UserError(f"{path}: models.{name}: holds nothing; accepted: a hub id, a folder, or an embedded model")
    if site.store and Path(site.store).expanduser().exists() and not Path(site.store).expanduser().is_dir():
        raise UserError(f"{path}: store: {site.store} is a file; accepted: a folder, which need not be there yet")
    for field in ("glue_dir", "runs_dir"):
        if folder := os.environ.get(f"SEEDVAR_{field.upper()}"):
            site = site.model_copy(update={field: folder})
    return site


def settings(given: dict | None = None, last: dict | None = None) -> dict:
    """Returns config.yaml, with what the last run was given on top, and on top of that what is given now.

    Args:
        given: What follows `--config`, see `key_values`.
        last: What the last run was given besides config.yaml.

    Raises:
        UserError: The file or what is given is not in order; the sentence says which of the two.
    """
    values = read_yaml(CONFIG) if CONFIG.exists() or not given else {}
    read_site_config(values)
    for more, where in ((last, "what the last run was given"), (given, "--config")):
        if more:
            values = _merged(values, more)
            read_site_config(values, where)
    return values


def key_values(pairs: Iterable[str]) -> dict:
    """Reads `key=value …` behind `--config` as Snakemake does: numbers, True and False, else YAML without types.

    Raises:
        UserError: Something is no `key=value`.
    """
    found: dict = {}
    for pair in pairs:
        key, sign, text = pair.partition("=")
        if not sign or not re.fullmatch(r"[a-zA-Z_][\w-]*\w", key):
            raise UserError(f"--config: '{pair}' is not accepted; accepted: KEY=VALUE, such as device=cpu")
        found = _merged(found, {key: _value(text.strip("'\""))})
    return found


def _value(text: str):
    if not text:
        return None
    if text in ("True", "False"):
        return text == "True"
    for read in (int, float, partial(yaml.load, Loader=yaml.BaseLoader)):
        with contextlib.suppress(ValueError, yaml.YAMLError, RecursionError):
            return read(text)
    return text


def _merged(values: dict, more: dict) -> dict:
    """Returns values with others on top; mappings are merged key by key."""
    both = {
        key: _merged(values[key], more[key])
        for key in values.keys() & more.keys()
        if isinstance(values[key], dict) and isinstance(more[key], dict)
    }
    return {**values, **more, **both}
