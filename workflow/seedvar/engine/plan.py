"""Everything that the workflow has to know before it starts: settings, study, cells, checked.

`Snakefile` builds one `Plan`; the rules only look things up in it. Nothing here imports PyTorch.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from seedvar.cells import store
from seedvar.cells.cell import Cell
from seedvar.cells.fingerprint import DATA_SOURCES, PACKAGE, sources
from seedvar.data import glue
from seedvar.data.tasks import TASKS
from seedvar.engine.code import source_list, source_path, sources_name
from seedvar.engine.digests import _Digests
from seedvar.errors import UserError
from seedvar.figures import FIGURES
from seedvar.files import file_digest, read_json, write_text
from seedvar.models import checkpoints as models
from seedvar.stats import STATISTICS
from seedvar.study.checks import _check_model, _check_sizes
from seedvar.study.grid import expand, forgetting_runs, surface_runs
from seedvar.study.reading import read_study, study_path
from seedvar.study.site import SiteConfig, read_site_config
from seedvar.study.study import Study
from seedvar.study.table_study import TableStudy, find_table


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
        intermediates: The same for the cells whose encoders others start from.
        kept: Folders of the cells whose weights a probe or another cell needs.
        model_content: Digest of the model's files, or its hub id.
        data_content: For each task, digest of its source files, or their hub id.
        results: The results folder.
    """

    site: SiteConfig
    study: Study | TableStudy
    study_file: str
    name: str
    model: models.ModelSource
    cells: dict[str, Cell]
    intermediates: dict[str, Cell]
    kept: set[str]
    model_content: str
    data_content: dict[str, str]
    results: Path = Path("results")

    @property
    def glue_dir(self) -> Path | None:
        """The folder with GLUE; None for the hub, or where the study has other data."""
        is_local = self.study.data == "glue" and self.site.glue_dir
        return Path(self.site.glue_dir).expanduser() if is_local else None

    @property
    def warm(self) -> bool:
        """Whether jobs start warm; never inside a SLURM job, which must contain all its processes."""
        return self.site.warm_start and "SLURM_JOB_ID" not in os.environ

    @property
    def statistics(self) -> list[str]:
        """Names of the tables of statistics that the study gets."""
        return _possible(STATISTICS, self.study, self._gathered())

    @property
    def figures(self) -> list[str]:
        """Names of the figures that the study gets."""
        return _possible(FIGURES, self.study, self._gathered() | {f"{name}.csv" for name in self.statistics})

    @property
    def runs_in_words(self) -> str:
        """Says for captions which runs there are."""
        if self.is_table:
            return f"Runs: {self.study.runs.file}, trained elsewhere."
        n = len(self.study.seed_pairs())
        count = f"at most {n}" if self.study.adds_seeds else f"{n}"
        return f"{count} runs of each task and arm, which differ in their random seeds alone."

    @property
    def is_table(self) -> bool:
        """Whether the study takes its runs from a table."""
        return isinstance(self.study, TableStudy)

    @property
    def table_files(self) -> list[Path]:
        """The user's files that a study of a table of runs reads."""
        about = self.study.runs
        names = [about.file, *([about.curves.file] if about.curves else [])]
        return [find_table(name, self.site.runs_dir) for name in names]

    def _gathered(self) -> set[str]:
        """Names of the tables that are gathered from cells or from a user's table."""
        tables = self.study.tables if self.is_table else CELL_TABLES
        if self.site.from_tables:
            return {name for name in tables if (self.results / self.name / name).is_file()}
        return tables

    @property
    def adds_seeds(self) -> bool:
        """Whether the study adds seeds until its intervals are narrow enough."""
        return not self.is_table and not self.site.from_tables and self.study.adds_seeds

    def first_seeds(self, n: int) -> list[str]:
        """Lists the folders of the cells with the first n seeds."""
        return [folder for folder, cell in self.cells.items() if cell.init_seed < n]

    def prepare_results(self) -> None:
        """Lets results/store lead to the store that config.yaml names.

        Raises:
            UserError: The results folder cannot be written to, or has a store of its own.
        """
        if self.results.exists() and not os.access(self.results, os.W_OK):
            raise UserError(f"{self.results}: cannot be written to; accepted: a results folder that can")
        if self.site.store:
            target = Path(self.site.store).expanduser()
            store.link(self.results / "store", target)
            if not os.access(target, os.W_OK):
                raise UserError(f"config.yaml: store: {target} cannot be written to; accepted: a folder that can")

    def cell(self, folder: str) -> Cell | None:
        """Returns the cell of a folder, be it the study's or one that comes before."""
        return self.cells.get(folder) or self.intermediates.get(folder)

    def write_source_lists(self) -> None:
        """Writes the digests of the source files that decide data and cells, one list for each set of files.

        A list is the one input that stands for all its files, and is written only when one of them has another
        content: an input costs Snakemake time for each of thousands of cells, and a fresh clone, whose files are
        all new, makes nothing invalid.

        Raises:
            UserError: The results folder cannot be written to.
        """
        lists = {"data": DATA_SOURCES} if self.cells else {}
        for cell in {cell.recipe: cell for cell in (*self.cells.values(), *self.intermediates.values())}.values():
            lists[sources_name(cell)] = sources(cell.recipe.changes())
        for name, files in lists.items():
            path = Path(source_list(name, self.results))
            text = "".join(f"{file_digest(PACKAGE / file)}  {source_path(file)}\n" for file in files)
            try:
                if not path.is_file() or path.read_text() != text:
                    write_text(path, text)
            except OSError as error:
                raise UserError(
                    f"{path}: cannot be written ({error.strerror}); accepted: a results folder that can"
                ) from None

    def weights_message(self) -> str | None:
        """Says how much room kept weights take; None if none are kept."""
        if not self.kept:
            return None
        text = f"{len(self.kept)} cells leave their weights for probes or for other cells"
        if self.model.folder:
            size = sum(path.stat().st_size for path in models.weight_files(self.model.folder))
            text += f", about {size / 1e6:,.0f} MB each, {len(self.kept) * size / 1e6:,.0f} MB in all at most"
        lasting = len(self.kept & set(self.intermediates))
        return f"{text}; those for probes are deleted after them, {lasting} for other cells stay in the store"


CELL_TABLES = {
    "runs.csv", "curves.csv", "predictions.parquet", "diagnostics.parquet", "forgetting.csv", "surface.csv",
}  # fmt: skip


def _possible(kinds: dict, study, tables: set[str]) -> list[str]:
    """Lists the statistics or figures of a study whose tables there are, in an order in which they can be made."""
    names, tables = [], set(tables)
    for name, kind in kinds.items():
        if kind.when(study) and tables.issuperset(kind.tables):
            names.append(name)
            tables.add(f"{name}.csv")
    return names


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
    if site.from_tables and not (results / path.stem / "runs.csv").is_file():
        raise UserError(
            f"--config from_tables=true: there is no {results / path.stem / 'runs.csv'}; "
            "accepted: a study that has been collected"
        )
    if site.from_tables or isinstance(study, TableStudy):  # neither model nor data need be there
        source = models.ModelSource(getattr(study, "model", "none"))
        plan = Plan(site, study, str(path), path.stem, source, {}, {}, set(), "", {}, results)
        if not site.from_tables:
            _ = plan.table_files  # are they there?
        return plan
    source = models.resolve(study.model, site.models, str(path))
    cells = {cell.folder(): cell for _, cell in expand(study, source.name)}
    first = [cell.intermediate() for cell in cells.values() if cell.recipe.intermediate_task]
    intermediates = {cell.folder(): cell for cell in first}
    probed = [*(cell for _, cell in forgetting_runs(study, source.name)), *surface_runs(study, source.name)]
    kept = {*intermediates, *(cell.folder() for cell in probed)}
    digests = _Digests(results / ".digests.json")
    if source.folder:
        _check_model(read_json(source.folder / "config.json"), source.name, study, path)
        model_content = digests.of([source.folder], lambda: models.whole_content(source.folder))
    else:
        model_content = f"hub: {source.hub_id}"
    data_content = {}
    for task in dict.fromkeys([*study.tasks, *(cell.task for cell in first)]):
        if study.data == "synthetic":
            data_content[task] = "made by the package"
        elif site.glue_dir:
            folder = Path(site.glue_dir).expanduser()
            files = [file for paths in glue.local_files(folder, TASKS[task]).values() for file in paths]
            data_content[task] = digests.of(files, lambda f=folder, t=task: glue.check_local(f, TASKS[t]))
        else:
            data_content[task] = f"hub: {glue.HUB_ID}"
    digests.save()
    _check_sizes(study, site, path)
    return Plan(
        site, study, str(path), path.stem, source, cells, intermediates, kept, model_content, data_content, results
    )
