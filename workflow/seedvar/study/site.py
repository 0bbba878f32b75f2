"""config/config.yaml: what depends on the place where studies run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field

from seedvar.cells.places import store_folder
from seedvar.models.checkpoints import check_aliases
from seedvar.strict import Strict
from seedvar.study.validation import validate


class SiteConfig(Strict):
    """config/config.yaml: what depends on the place where studies run, not on the science."""

    model_config = ConfigDict(strict=False)  # the command line's `--config` gives text: from_tables=true

    study: str = Field(
        "quickstart", description="Name of a file in config/studies/, or the path of a study file elsewhere."
    )
    glue_dir: str | None = Field(
        None,
        description="Folder with GLUE in the hub's Parquet layout; without it the hub is asked. The environment "
        "variable SEEDVAR_GLUE_DIR wins.",
    )
    runs_dir: str | None = Field(
        None,
        description="Folder with tables of runs that studies name. The environment variable SEEDVAR_RUNS_DIR wins.",
    )
    models: dict[str, str] = Field(
        {},
        description="Short names for models: a hub id, a folder, or package:NAME/FOLDER for a folder inside an "
        "installed Python package.",
    )
    store: str | None = Field(
        None,
        description="Folder that keeps finished cells by fingerprint, such as one that a lab shares; without it, "
        "results/store.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: CUDA where there is one.")
    warm_start: bool = Field(
        True,
        description="Start local cells as forks of a process that has imported PyTorch already; saves seconds a cell.",
    )
    distribution: Literal["box", "violin", "points"] = Field(
        "box", description="What the figure of distributions draws behind the runs; points: nothing."
    )
    from_tables: bool = Field(False, description="Draw figures from existing tables; plan no training.")

    def store_below(self, results: Path) -> Path:
        """Returns where the cell store is; from the first run on, the results folder has a link that leads there."""
        return Path(self.store).expanduser() if self.store else store_folder(results)


def read_site_config(values: dict, path: Path | str = "config/config.yaml") -> SiteConfig:
    """Checks the merged settings of config.yaml and the command line's `--config`."""
    site = validate(SiteConfig, values, path)
    check_aliases(site.models, str(path))
    for field in ("glue_dir", "runs_dir"):
        if folder := os.environ.get(f"SEEDVAR_{field.upper()}"):
            site = site.model_copy(update={field: folder})
    return site
