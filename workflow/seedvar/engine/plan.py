"""Everything that the workflow has to know before it starts: settings, study, cells, checked.

`Snakefile` builds one `Plan`; the rules only look things up in it. Nothing here imports PyTorch.
"""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from seedvar.cells import store
from seedvar.cells.cell import Cell
from seedvar.cells.places import model_folder, store_folder
from seedvar.data import sources
from seedvar.data.declaration import Declaration
from seedvar.data.examples import content_of, read_examples, refuse_the_same
from seedvar.data.resolve import metric_of
from seedvar.data.splits import split
from seedvar.data.task import Task
from seedvar.engine import bounds
from seedvar.engine import code as code_lists
from seedvar.engine.code import Code
from seedvar.engine.digests import MEMORY, Remembered
from seedvar.errors import UserError
from seedvar.figures import FIGURES
from seedvar.files import read_json, write_json
from seedvar.models import checkpoints
from seedvar.models.families import family_of
from seedvar.stats import STATISTICS
from seedvar.strict import read_yaml
from seedvar.study.feasible import check_models, check_sizes
from seedvar.study.grid import expand, forgetting_runs, surface_runs
from seedvar.study.reading import read_study, study_path
from seedvar.study.site import CONFIG, SiteConfig, read_site_config
from seedvar.study.study import Study
from seedvar.study.table_study import TableStudy, find_table
from seedvar.tables.finished import published_folder


@dataclass(frozen=True)
class PlannedModel:
    """A model of a study.

    Attributes:
        checkpoint: Where it comes from.
        content: Digest of its files, or its hub id.
        about: What its configuration and its weights say.
    """

    checkpoint: checkpoints.Checkpoint
    content: str
    about: checkpoints.About


@dataclass(frozen=True)
class PlannedTask:
    """A task of a study, or an intermediate task.

    Attributes:
        declaration: What it declares.
        source: Where its data are on this machine, see `data.sources.located`.
        content: Digest of its files, or its hub id.
        counts: Examples of each split by class, of a regression in one number; None where the data are not at hand.
        n_bytes: Bytes of the texts of each split; None as above.
        task: What it comes to; None as above.
    """

    declaration: Declaration
    source: dict
    content: str
    counts: dict[str, list[int]] | None = None
    n_bytes: dict[str, int] | None = None
    task: Task | None = None

    @property
    def metric(self) -> str:
        """Name of its metric."""
        return metric_of(self.declaration)


@dataclass(frozen=True)
class Plan:
    """A study on this machine.

    Attributes:
        site: Settings of this place.
        study: The study file's content.
        study_file: Its path.
        models: The models that it trains, by their folder names.
        tasks: Its tasks and intermediate tasks.
        cells: Cell folder (below `results/`) to cell, in the study's order.
        intermediates: The same for the cells whose encoders others start from.
        kept: Folders of the cells whose weights a probe or another cell needs.
        results: The results folder.
    """

    site: SiteConfig
    study: Study | TableStudy
    study_file: Path
    models: dict[str, PlannedModel] = field(default_factory=dict)
    tasks: dict[str, PlannedTask] = field(default_factory=dict)
    cells: dict[str, Cell] = field(default_factory=dict)
    intermediates: dict[str, Cell] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()
    results: Path = Path("results")

    @property
    def name(self) -> str:
        """The study's name, and that of its folder below the results folder."""
        return self.study_file.stem

    @property
    def store(self) -> Path:
        """The cell store."""
        return self.site.store_below(self.results)

    @cached_property
    def all_cells(self) -> dict[str, Cell]:
        """The study's cells and those that come before them."""
        return {**self.cells, **self.intermediates}

    @property
    def warm(self) -> bool:
        """Whether jobs start warm."""
        return self.site.warm_start

    @property
    def statistics(self) -> list[str]:
        """Names of the tables of statistics that the study gets."""
        return _possible(STATISTICS, self.study, self._gathered())

    @property
    def figures(self) -> list[str]:
        """Names of the figures that the study gets."""
        return _possible(FIGURES, self.study, self._gathered() | {f"{name}.csv" for name in self.statistics})

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics of its tasks."""
        if self.is_table:
            return sorted({task.metric for task in self.study.runs.tasks.values()})
        return sorted({metric_of(self.study.declaration(task)) for task in self.study.tasks})

    @property
    def runs_in_words(self) -> str:
        """Says for captions which runs there are."""
        if self.is_table:
            return " ".join([f"Runs: {self.study.runs.file}, trained elsewhere.", *self.study.selected_in_words])
        n = len(self.study.seed_pairs())
        count = f"at most {n}" if self.study.adds_seeds else f"{n}"
        seeds = f"{count} runs of each task and arm, which differ in their random seeds alone."
        return " ".join([seeds, self.study.score.in_words, *self.study.selected_in_words])

    @property
    def is_table(self) -> bool:
        """Whether the study takes its runs from a table."""
        return isinstance(self.study, TableStudy)

    @property
    def table_files(self) -> list[Path]:
        """The user's files that a study of a table of runs reads."""
        about = self.study.runs
        files = {"runs.file": about.file, **({"runs.curves.file": about.curves.file} if about.curves else {})}
        paths = {key: find_table(name, self.site.runs_dir, key) for key, name in files.items()}
        for key, path in paths.items():
            bounds.check_path(path, f"{self.study_file}: {key}")
        return list(paths.values())

    def _gathered(self) -> set[str]:
        """Names of the tables that are gathered from cells or from a user's table."""
        tables = self.study.tables if self.is_table else CELL_TABLES
        if self.site.from_tables:
            own = {name for name in tables if (self.results / self.name / name).is_file()}
            return own | set(self.published_tables)
        return tables

    @property
    def published_tables(self) -> list[str]:
        """Names of the published tables that take the place of the study's own, where it has no run of its own."""
        own, folder = self.results / self.name, published_folder(self.results, self.name)
        if not self.site.from_tables or not (folder / "runs.csv").is_file():
            return []
        if (own / "runs.csv").is_file() and (own / "runs.csv").read_bytes() != (folder / "runs.csv").read_bytes():
            return []  # a run of its own
        return sorted(name for name in CELL_TABLES if (folder / name).is_file() and not (own / name).is_file())

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
            store.link(store_folder(self.results), self.store)
            if not os.access(self.store, os.W_OK):
                raise UserError(f"config.yaml: store: {self.store} cannot be written to; accepted: a folder that can")
        if not self.site.from_tables:
            self._remember_settings()

    def _remember_settings(self) -> None:
        """Writes down what this run was given besides config.yaml, for `last_settings`."""
        in_file = SiteConfig(**read_yaml(CONFIG)) if CONFIG.is_file() else SiteConfig()
        kept = in_file.model_dump(exclude={"study", "from_tables"})
        given = {name: value for name, value in self.site.model_dump(include=set(kept)).items() if value != kept[name]}
        with contextlib.suppress(OSError):  # a run does not need it
            write_json(_settings_file(self.name, self.results), given)

    def list_of(self, cell: Cell) -> str:
        """Names the list of the code that decides a cell."""
        return code_lists.list_of_cell(cell, self.tasks[cell.task].metric, self._family_of(cell))

    def _family_of(self, cell: Cell) -> dict:
        return family_of(self.models[cell.model].about.config["model_type"]).row()

    def check_bounds(self) -> None:
        """Refuses symbolic links in the results folder through which a job would write elsewhere.

        Raises:
            UserError: There is one.
        """
        cells = self.all_cells
        logs = (f"logs/{rule}/{folder.removeprefix('cells/')}" for rule in ("train", "weights") for folder in cells)
        others = {data for cell in cells.values() for data in (cell.data_folder(), f"models/{cell.model}")}
        bounds.check_folders(self.results, [".sources", MEMORY, "logs", self.name, *others, *cells, *logs])
        bounds.check_tree(self.results, self.name, files=False)
        for path in sorted((self.results / "logs").glob("*")):
            bounds.check_folders(self.results, [f"logs/{path.name}"])
            if path.name not in ("train", "weights"):
                bounds.check_tree(self.results, f"logs/{path.name}", files=True)

    def write_source_lists(self) -> None:
        """Writes what jobs depend on beside their data: lists of code, and the addresses of families.

        Raises:
            UserError: The results folder cannot be written to, or leads elsewhere.
        """
        self.check_bounds()
        remembered = Remembered(self.results / MEMORY)
        code = Code(remembered)
        lists = {}
        for task in self.tasks.values():
            kind = task.source["kind"]
            lists[code_lists.list_of_data(kind)] = code_lists.data_lines(kind, code)
        for cell in {(cell.recipe, cell.task, cell.model): cell for cell in self.all_cells.values()}.values():
            family = self._family_of(cell)
            lists[self.list_of(cell)] = code_lists.cell_lines(cell, self.tasks[cell.task].metric, family, code)
        made_by = {
            **code_lists.MADE_BY,
            **{f"figure-{name}": f"figures/{name.replace('-', '_')}.py" for name in self.figures},
        }
        modules = {name: [module] for name, module in made_by.items()}
        for name in self.statistics:
            modules[f"statistic-{name}"] = [f"stats/{STATISTICS[name].module}.py", "stats/compute.py"]
        for made, kinds in (("statistic", STATISTICS), ("figure", FIGURES)):
            for name, kind in kinds.items():
                if self.study.selections and f"{made}-{name}" in modules and not kind.of_all_arms:
                    modules[f"{made}-{name}"].append("tables/compared.py")
        modules["notebook"] = ["report/notebook.py", *code_lists.imports_of(NOTEBOOK)]
        for name, of_name in modules.items():
            files = code.behind(of_name, self.metrics)
            files += ["figures/seedvar.mplstyle"] if "figures/style.py" in files else []
            lists[name] = code_lists.lines_behind(files, code)
        remembered.save()
        for name, lines in lists.items():
            code_lists.write_list(name, lines, self.results)
        for name in self.models:
            checkpoints.refresh(model_folder(self.results, name))

    def weights_message(self) -> str | None:
        """Says how much room kept weights take; None if none are kept."""
        if not self.kept:
            return None
        text = f"{len(self.kept)} cells leave their weights for probes or for other cells"
        sizes = {name: _weight_bytes(model.checkpoint) for name, model in self.models.items()}
        if all(sizes.values()):
            total = sum(sizes[self.all_cells[folder].model] for folder in self.kept)
            text += f", about {max(sizes.values()) / 1e6:,.0f} MB each, {total / 1e6:,.0f} MB in all at most"
        lasting = len(self.kept & set(self.intermediates))
        return f"{text}; those for probes are deleted after them, {lasting} for other cells stay in the store"


def last_settings(study: str, results: Path = Path("results")) -> dict:
    """Returns what the last run of a study was given besides config.yaml; {} where nothing is known."""
    try:
        return dict(read_json(_settings_file(study, results)))
    except (OSError, ValueError, TypeError):
        return {}


def _settings_file(study: str, results: Path) -> Path:
    return results / ".settings" / f"{study}.json"


NOTEBOOK = Path("notebooks/finished_study.py")
CELL_TABLES = {
    "runs.csv", "curves.csv", "predictions.parquet", "diagnostics.parquet", "forgetting.csv", "surface.csv",
}  # fmt: skip


def _weight_bytes(checkpoint: checkpoints.Checkpoint) -> int:
    files = checkpoints.weight_files(checkpoint.folder) if checkpoint.folder else []
    return sum(path.stat().st_size for path in files)


def _possible(kinds: dict, study, tables: set[str]) -> list[str]:
    """Lists the statistics or figures of a study whose tables there are, in an order in which they can be made."""
    names, tables = [], set(tables)
    for name, kind in kinds.items():
        if kind.when(study) and tables.issuperset(kind.tables):
            names.append(name)
            tables.add(f"{name}.csv")
    return names


def put_commands_on_path() -> None:
    """Lets jobs find the `seedvar` and `snakemake` of the environment that this process runs in.

    A Python that they start, such as Snakemake's in a SLURM job, takes no file of the working directory for a library.
    """
    os.environ["PYTHONSAFEPATH"] = "1"
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
    if site.store:
        store.check_place(site.store_below(results), results)
    path = study_path(site.study)
    bounds.check_path(path, "--config study")
    study = read_study(path)
    places = (results / path.stem, published_folder(results, path.stem))
    if site.from_tables and not any((place / "runs.csv").is_file() for place in places):
        raise UserError(
            f"--config from_tables=true: there is no {results / path.stem / 'runs.csv'}; "
            "accepted: a study that has been collected"
        )
    if site.from_tables or isinstance(study, TableStudy):  # neither model nor data need be there
        plan = Plan(site, study, path, results=results)
        if not site.from_tables:
            remembered = Remembered(results / MEMORY)
            try:
                files = plan.table_files
                remembered.of(files, lambda: _read_table(study, site), f"table {study.model_dump_json()} ")
            except UserError as error:
                is_key = str(error).startswith(("runs.file: ", "runs.curves.file: "))
                raise UserError(f"{path}: {error}" if is_key else f"{error} (runs of {path})") from None
            remembered.save()
        return plan
    remembered = Remembered(results / MEMORY)
    models = {}
    for name in study.models():
        checkpoint = checkpoints.resolve(name, site.models, str(path))
        models[checkpoint.name] = _planned_model(checkpoint, model_folder(results, checkpoint.name), remembered)
    check_models(study, {name: model.about for name, model in models.items()}, path)
    cells = {cell.folder(): cell for _, cell in expand(study)}
    first = [cell.intermediate() for cell in cells.values() if cell.recipe.intermediate_task]
    intermediates = {cell.folder(): cell for cell in first}
    # What a probe chooses late is trained once more for its weights: nothing is kept of all that it might choose.
    planes = () if study.probes.surface and study.probes.surface.late_arms else surface_runs(study)
    probed = [*(cell for _, cell in forgetting_runs(study)), *planes]
    names = dict.fromkeys([*study.tasks, *(cell.task for cell in first)])
    tasks = {}
    for name in names:
        try:
            tasks[name] = _planned_task(name, study.declaration(name), site, remembered)
        except UserError as error:
            is_key = str(error).startswith("tasks.")
            raise UserError(f"{path}: {error}" if is_key else f"{error} (task '{name}' of {path})") from None
    remembered.save()
    check_sizes(study, {name: (task.task, task.counts) for name, task in tasks.items() if task.task}, path)
    return Plan(
        site,
        study,
        path,
        models=models,
        tasks=tasks,
        cells=cells,
        intermediates=intermediates,
        kept=frozenset([*intermediates, *(cell.folder() for cell in probed)]),
        results=results,
    )


def _read_table(study: TableStudy, site: SiteConfig) -> bool:
    """Reads a table of runs as `seedvar import` will."""
    from seedvar.tables.foreign import import_runs

    import_runs(study, site.runs_dir)
    return True


def _planned_model(checkpoint: checkpoints.Checkpoint, copied: Path, remembered: Remembered) -> PlannedModel:
    about = checkpoints.look(checkpoint, copied)
    content = f"hub: {checkpoint.hub_id}"
    if (folder := checkpoint.folder) is not None:
        content = remembered.of(
            checkpoints.wanted_files(folder), lambda: checkpoints.whole_content(folder), "wanted of model "
        )
    checkpoints.check_origin(checkpoint, content, copied)
    return PlannedModel(checkpoint, content, about)


def _planned_task(name: str, declaration: Declaration, site: SiteConfig, remembered: Remembered) -> PlannedTask:
    """Reads and checks the data of a task, where they are at hand, once for as long as their files do not change."""
    source = sources.located(declaration, site.glue_dir)
    files = sources.source_files(source)
    if not files:
        return PlannedTask(declaration, source, sources.content(source))

    def found() -> dict:
        examples = read_examples(name, declaration, source)
        refuse_the_same(examples, source)
        classes, labels = examples.task.n_classes, examples.labels
        split(examples.task, labels, "halves")  # is there something for each part?
        whole = examples.task.is_regression
        return {
            "content": content_of(examples),
            "counts": {
                part: [len(values)] if whole else np.bincount(values.astype(int), minlength=classes).tolist()
                for part, values in labels.items()
            },
            "n_bytes": {
                part: sum(len(text.encode()) for column in texts for text in column)
                for part, texts in examples.texts.items()
            },
            "task": examples.task.as_dict(),
        }

    about = remembered.of(files, found, f"data {name} {declaration.model_dump_json()} ")
    task = Task.from_dict(about["task"])
    return PlannedTask(declaration, source, about["content"], about["counts"], about["n_bytes"], task)
