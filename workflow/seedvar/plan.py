"""Everything that the workflow has to know before it starts: settings, study, cells, checked.

`Snakefile` builds one `Plan`; the rules only look things up in it. Nothing here imports PyTorch.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from seedvar.data import glue
from seedvar.data.tasks import TASKS
from seedvar.errors import UserError
from seedvar.files import read_json, write_json
from seedvar.fingerprint import sources
from seedvar.grid import Cell, expand
from seedvar.models import sources as models
from seedvar.study import SiteConfig, Study, read_site_config, read_study, study_path


@dataclass(frozen=True)
class Plan:
    """A study on this machine.

    Attributes:
        site: Settings of this place.
        study: The study file's content.
        study_file: Its path.
        name: Its name, and that of its folder below `results/`.
        model: Where its model comes from.
        cells: Cell folder (below `results/`) to cell, in the study's order.
        model_content: Digest of the model's files, or its hub id.
        data_content: For each task, digest of its source files, or their hub id.
    """

    site: SiteConfig
    study: Study
    study_file: str
    name: str
    model: models.ModelSource
    cells: dict[str, Cell]
    model_content: str
    data_content: dict[str, str]

    @property
    def warm(self) -> bool:
        """Whether jobs start warm; never inside a SLURM job, which must contain all its processes."""
        return self.site.warm_start and "SLURM_JOB_ID" not in os.environ

    def sources(self, folder: str) -> list[str]:
        """Lists the source files that decide the result of a cell."""
        return [source_path(name) for name in sources(self.cells[folder].recipe.changes())]


def source_path(name: str) -> str:
    """Returns the path of a source file of the package as an input of a rule."""
    return f"workflow/seedvar/{name}"


def put_commands_on_path() -> None:
    """Lets jobs find the `seedvar` and `snakemake` of the environment that this process runs in."""
    os.environ["PATH"] = str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"]


def make_plan(config: dict, results: Path = Path("results")) -> Plan:
    """Reads and checks everything that can be checked before any work starts.

    Args:
        config: config.yaml with the command line's `--config` on top.
        results: The results folder; remembers digests of large files there.

    Raises:
        UserError: One sentence with the file, the key and what is accepted.
    """
    site = read_site_config(config)
    path = study_path(site.study)
    study = read_study(path)
    source = models.resolve(study.model, site.models, str(path))
    cells = {cell.folder(): cell for _, cell in expand(study, source.name)}
    if site.from_tables:
        runs = results / path.stem / "runs.csv"
        if not runs.is_file():
            raise UserError(f"--config from_tables=true: there is no {runs}; accepted: a study that has been collected")
        return Plan(site, study, str(path), path.stem, source, cells, "", {})
    digests = _Digests(results / ".digests.json")
    if source.folder:
        _check_depth(source, study, path)
        model_content = digests.of([source.folder], lambda: models.content(source.folder))
    else:
        model_content = f"hub: {source.hub_id}"
    data_content = {}
    for task in study.tasks:
        if study.data == "synthetic":
            data_content[task] = "made by the package"
        elif site.glue_dir:
            folder = Path(site.glue_dir).expanduser()
            files = [file for paths in glue.local_files(folder, TASKS[task]).values() for file in paths]
            data_content[task] = digests.of(files, lambda f=folder, t=task: glue.check_local(f, TASKS[t]))
        else:
            data_content[task] = f"hub: {glue.HUB_ID}"
    digests.save()
    return Plan(site, study, str(path), path.stem, source, cells, model_content, data_content)


def _check_depth(source: models.ModelSource, study: Study, path: Path) -> None:
    """Refuses to re-initialise more layers than a local model has."""
    config = read_json(source.folder / "config.json")
    depth = config.get("num_hidden_layers") or config.get("n_layers") or 0
    for arm, recipe in study.named_recipes().items():
        if recipe.reinit_layers > depth:
            raise UserError(
                f"{path}: arm '{arm}': reinit_layers: {recipe.reinit_layers} is not accepted; "
                f"{source.name} has {depth} layers, so 0 to {depth} is"
            )


class _Digests:
    """Remembers digests by path, size and time of change, so that big files are read once."""

    def __init__(self, path: Path):
        self.path = path
        try:
            self.known = read_json(path)
        except (OSError, ValueError):
            self.known = {}
        self.changed = False

    def of(self, paths: list[Path], compute) -> str:
        files = sorted(file for path in paths for file in ([path] if path.is_file() else path.iterdir()))
        stats = [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
        key = repr(stats)
        if key not in self.known:
            self.known[key] = compute()
            self.changed = True
        return self.known[key]

    def save(self) -> None:
        if self.changed:
            write_json(self.path, self.known)
