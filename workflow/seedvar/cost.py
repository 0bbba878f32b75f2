"""What a study costs before it is submitted: updates, tokens, FLOPs, hours, disk.

Counts come from the study and from its tokenised data. FLOPs are 6 a parameter and token for training and 2
for evaluation, as in Kaplan et al. (2020), section 2.1; like theirs, the parameters are those of the encoder's
blocks, since embeddings are looked up and not multiplied. Hours come from recorded cells of the same model, as
a straight line in the tokens that they processed. Nothing here imports PyTorch.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seedvar.data.splits import VALIDATION_SIZE
from seedvar.data.tasks import TASKS, Task
from seedvar.errors import UserError
from seedvar.files import read_json
from seedvar.grid import Cell, forgetting_runs
from seedvar.record import RunRecord, read_record

if TYPE_CHECKING:
    from seedvar.plan import Plan
    from seedvar.status import CellState, StudyState

# Examples of GLUE's published training and development sets, and tokens an example of an uncased BERT tokenizer,
# rounded: for tasks of the hub that have not been tokenised yet.
GLUE_SIZES = {
    "rte": (2490, 277, 70), "mrpc": (3668, 408, 53), "cola": (8551, 1043, 11), "stsb": (5749, 1500, 31),
    "sst2": (67349, 872, 13), "qnli": (104743, 5463, 50), "qqp": (363846, 40430, 31), "mnli": (392702, 9815, 39),
}  # fmt: skip
BYTES_A_TOKEN = 4.5  # English text: a word piece and the space behind it, for data that have not been tokenised yet
# Blocks, hidden size and size of the feed-forward layer, by what the name of a model on the hub holds.
SHAPES = {
    "distil": (6, 768, 3072), "xxlarge": (12, 4096, 16384), "xlarge": (24, 2048, 8192), "large": (24, 1024, 4096),
    "base": (12, 768, 3072),
}  # fmt: skip
CALIBRATION_CELLS = 1000  # at most so many recorded cells are read from the study, and as many from the store
STORE_LOOKS = 5000  # entries of a large store to look at
# The time limit of a cell on a cluster, calibrated on so many recorded cells: so many times what it should take, and
# no fewer minutes than that.
LIMIT_CELLS, LIMIT_FACTOR, SHORTEST_LIMIT = 100, 3, 10
TRAINING_FACTOR = 3  # a backward pass costs two forward passes


@dataclass(frozen=True)
class DataSize:
    """How large a task is.

    Attributes:
        examples: Examples of the source splits `train` and `validation`.
        tokens_each: Mean tokens of an example of each, without padding.
        known: Whether the data have been tokenised; otherwise the tokens are an estimate.
    """

    examples: dict[str, int]
    tokens_each: dict[str, float]
    known: bool


@dataclass(frozen=True)
class Work:
    """What one cell has to do: updates, and tokens that are trained and evaluated on, without padding."""

    updates: int
    train_tokens: float
    evaluation_tokens: float

    @property
    def passes(self) -> float:
        """Tokens in units of a forward pass."""
        return TRAINING_FACTOR * self.train_tokens + self.evaluation_tokens


# --------------------------------------------------------------------------- counts


def data_size(cell: Cell, results: Path, glue_dir: Path | None = None) -> DataSize | None:
    """Returns the size of a cell's data, estimated where they are not tokenised; None where nothing is known."""
    try:
        about = read_json(results / cell.data_folder() / "data.json")
        examples = about["examples"]
        return DataSize(examples, {split: about["tokens"][split] / n for split, n in examples.items()}, True)
    except (OSError, ValueError, KeyError):
        estimate = _estimated_size(TASKS[cell.task], glue_dir)
    if estimate is None:
        return None
    cut = {split: min(tokens, cell.recipe.max_length) for split, tokens in estimate.tokens_each.items()}
    return DataSize(estimate.examples, cut, False)


@cache
def _estimated_size(task: Task, glue_dir: Path | None) -> DataSize | None:
    special = len(task.columns) + 1  # [CLS] and a [SEP] behind every text
    if task.data == "synthetic":
        from seedvar.data.synthetic import SIZES, make_examples

        texts = {
            split: [" ".join(row[column] for column in task.columns) for row in make_examples(task.name, split)]
            for split in SIZES
        }
        tokens = {
            split: special + float(np.mean([len(text.split()) for text in rows])) for split, rows in texts.items()
        }
        return DataSize({split: len(rows) for split, rows in texts.items()}, tokens, False)
    if glue_dir:
        try:
            return _size_of_files(task, glue_dir, special)
        except (OSError, ValueError, UserError):
            return None
    if task.name not in GLUE_SIZES:
        return None
    *examples, tokens = GLUE_SIZES[task.name]
    splits = ("train", "validation")
    return DataSize(dict(zip(splits, examples, strict=True)), dict.fromkeys(splits, tokens), False)


def _size_of_files(task: Task, glue_dir: Path, special: int) -> DataSize:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from seedvar.data.glue import local_files

    examples, tokens = {}, {}
    for split, paths in local_files(glue_dir, task).items():
        tables = [pq.read_table(path, columns=list(task.columns)) for path in paths]
        examples[split] = sum(len(table) for table in tables)
        n_bytes = sum(pc.sum(pc.binary_length(table[column])).as_py() for table in tables for column in task.columns)
        tokens[split] = special + n_bytes / BYTES_A_TOKEN / max(1, examples[split])
    return DataSize(examples, tokens, False)


def work_of(cell: Cell, size: DataSize) -> Work:
    """Returns what a cell has to do if nothing ends its training early.

    The same arithmetic as in `data.splits` and `training.loop`, without the data.
    """
    task, recipe, n = TASKS[cell.task], cell.recipe, size.examples
    held_out = VALIDATION_SIZE // task.n_classes * task.n_classes if recipe.split == "halves" and task.large else 0
    n_full = n["train"] - held_out
    n_train = recipe.n_train // task.n_classes * task.n_classes if recipe.n_train else n_full
    if isinstance(recipe.steps, int):
        updates = recipe.steps
    else:
        updates = recipe.epochs * math.ceil((n_full if recipe.steps == "full" else n_train) / recipe.batch_size)
    epochs = updates / math.ceil(n_train / recipe.batch_size)
    n_evaluations = len({round(k * updates / recipe.evaluations) for k in range(1, recipe.evaluations + 1)} - {0})
    if recipe.split == "dev":
        validation, test = n["validation"] * size.tokens_each["validation"], 0.0
    elif task.large:
        validation = held_out * size.tokens_each["train"]
        test = n["validation"] * size.tokens_each["validation"]
    else:
        validation = test = n["validation"] / 2 * size.tokens_each["validation"]
    # The last and the best checkpoint are tested.
    return Work(updates, epochs * n_train * size.tokens_each["train"], n_evaluations * validation + 2 * test)


def block_parameters(folder: Path | None, name: str) -> tuple[float, int, bool] | None:
    """Returns the parameters of a model's blocks, the number of blocks, and whether its configuration was there.

    A block has four matrices of attention and two of its feed-forward layer; where blocks share one set of
    parameters, it counts once for every block, as it is multiplied with as often.

    Args:
        folder: A folder with `config.json`, or None.
        name: The model's name, which says as much for the usual models of the hub.
    """
    try:
        config = read_json(folder / "config.json") if folder else {}
    except (OSError, ValueError):
        config = {}
    first = lambda *keys: next((config[key] for key in keys if config.get(key)), None)  # noqa: E731
    shape = (
        first("num_hidden_layers", "n_layers"),
        first("hidden_size", "dim"),
        first("intermediate_size", "hidden_dim"),
    )
    known = all(shape)
    if not known:
        shape = next((shape for part, shape in SHAPES.items() if part in name), None)
        if shape is None:
            return None
    blocks, hidden, feed_forward = shape
    return blocks * (4 * hidden**2 + 2 * hidden * feed_forward), blocks, known


def flops_of(work: Work, parameters: float, blocks: int, frozen: int = 0) -> float:
    """Returns the floating-point operations of a cell: 6 · parameters · tokens of training, 2 of evaluation.

    Frozen layers have no backward pass.
    """
    share = frozen / blocks
    return parameters * ((6 - 4 * share) * work.train_tokens + 2 * work.evaluation_tokens)


# --------------------------------------------------------------------------- hours


@dataclass(frozen=True)
class Line:
    """Seconds of a cell as a straight line in its forward passes, from recorded cells on one device.

    Attributes:
        start_s: Seconds at no tokens.
        pass_s: Seconds a token and forward pass.
        n: Cells that it was fitted to.
        errors: Median and 90th percentile of |fitted / measured - 1| over these.
        means: Mean seconds of the recorded cells of a (task, slug): what such a cell is expected to take.
    """

    start_s: float
    pass_s: float
    n: int
    errors: tuple[float, float]
    means: dict[tuple[str, str], float]

    def seconds(self, cell: Cell, work: Work) -> float:
        """Returns how long a cell should take: as its like did, or else by the line."""
        like = self.means.get((cell.task, cell.recipe.slug()))
        return self.start_s + self.pass_s * work.passes if like is None else like


@dataclass(frozen=True)
class CostModel:
    """A line for each (device, threads, precision) that cells were recorded on."""

    lines: dict[tuple[str, int, str], Line]

    def devices(self) -> list[tuple[str, int]]:
        """Lists the (device, threads) that there are lines for, those with the most cells first."""
        counts: dict[tuple[str, int], int] = defaultdict(int)
        for (device, threads, _), line in self.lines.items():
            counts[device, threads] += line.n
        return sorted(counts, key=lambda place: -counts[place])

    def line(self, cell: Cell, device: tuple[str, int]) -> Line | None:
        """Returns the line for a cell on a device; for another precision than recorded there is none."""
        return self.lines.get((*device, cell.recipe.precision))


def calibrate(records: Iterable[RunRecord], sizes: Callable[[Cell], DataSize | None]) -> CostModel:
    """Fits the cost model to recorded cells that trained to their end.

    Args:
        records: Results of cells of one model.
        sizes: Gives the size of a cell's data.
    """
    points = defaultdict(list)
    for record in records:
        try:
            cell = Cell.from_specification(record.cell)
            size = sizes(cell) if record.status == "finished" else None
        except (UserError, ValueError, KeyError, TypeError):  # of a task or a field that a colleague has, or had
            continue
        if size is not None and record.wall_time_s > 0:
            place = (record.device, record.threads, cell.recipe.precision)
            points[place].append((work_of(cell, size).passes, record.wall_time_s, (cell.task, record.slug)))
    return CostModel({place: _fit(found) for place, found in points.items()})


def _fit(points: list[tuple[float, float, tuple[str, str]]]) -> Line:
    """Fits seconds = a + b · passes by least squares of the relative error; where a or b is negative, without a."""
    passes, seconds = np.array([point[:2] for point in points], float).T
    scaled = np.stack([1 / seconds, passes / seconds], axis=1)
    start_s, pass_s = 0.0, float(scaled[:, 1].sum() / (scaled[:, 1] ** 2).sum())
    if np.ptp(passes) > 0:
        a, b = np.linalg.lstsq(scaled / scaled.max(axis=0), np.ones(len(points)), rcond=None)[0] / scaled.max(axis=0)
        if a >= 0 and b >= 0:
            start_s, pass_s = float(a), float(b)
    errors = np.abs((start_s + pass_s * passes) / seconds - 1)
    by_recipe = defaultdict(list)
    for _, measured, recipe in points:
        by_recipe[recipe].append(measured)
    means = {recipe: float(np.mean(measured)) for recipe, measured in by_recipe.items()}
    return Line(start_s, pass_s, len(points), tuple(float(q) for q in np.quantile(errors, [0.5, 0.9])), means)


@dataclass(frozen=True)
class Recorded:
    """Results of cells of one model, and the mean size in bytes of a cell's files."""

    records: list[RunRecord]
    bytes_each: float | None


def recorded_cells(
    cells: Iterable[Cell], model: str, results: Path, store: Path, at_most: int = CALIBRATION_CELLS
) -> Recorded:
    """Reads results of a study's cells, and of the store's cells with the same model, at most so many of each."""
    own = (results / cell.folder() for cell in cells)
    kept = (path for path in _entries(store, STORE_LOOKS))
    records: dict[str, RunRecord] = {}
    sizes = []
    for folders, limit in ((own, at_most), (kept, 2 * at_most)):
        for folder in folders:
            if len(records) >= limit:
                break
            try:
                record = read_record(folder / "result.json")
                size = sum(file.stat().st_size for file in folder.iterdir() if file.suffix != ".safetensors")
            except (UserError, OSError):
                continue
            if record.cell.get("model") == model and record.fingerprint not in records:
                records[record.fingerprint] = record
                sizes.append(size)
    return Recorded(list(records.values()), float(np.mean(sizes)) if sizes else None)


def _entries(store: Path, limit: int) -> Iterable[Path]:
    """Yields entries of the store; fingerprints are random, so that the first of them are a fair sample."""
    return itertools.islice((path for path in store.glob("??/*") if not path.name.startswith(".")), limit)


def file_bytes(cell: Cell, size: DataSize) -> float:
    """Estimates the size of a cell's files where none is recorded: mostly its predictions."""
    task = TASKS[cell.task]
    return 12_000 + 2 * size.examples["validation"] * (4 + 4 * task.n_classes)


# --------------------------------------------------------------------------- a study


class _Sizes:
    """The sizes of data, each looked up once."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self._known: dict[str, DataSize | None] = {}

    def __call__(self, cell: Cell) -> DataSize | None:
        folder = cell.data_folder()
        if folder not in self._known:
            self._known[folder] = data_size(cell, self.plan.results, self.plan.glue_dir)
        return self._known[folder]


def seconds_left(states: Iterable[CellState], plan: Plan) -> float | None:
    """Returns how long the cells that are neither done nor in the store take one after the other; None: not known.

    Calibrated on the cells that are done, on the device that most of them ran on.
    """
    sizes = _Sizes(plan)
    model = calibrate((state.record for state in states if state.state == "done"), sizes)
    left = [state.cell for state in states if state.state != "done" and not state.is_stored]
    seconds = [_seconds(cell, sizes, model, device) for device in model.devices()[:1] for cell in left]
    return None if None in seconds or (left and not seconds) else sum(seconds)


def _seconds(cell: Cell, sizes: _Sizes, model: CostModel, device: tuple[str, int]) -> float | None:
    size, line = sizes(cell), model.line(cell, device)
    return None if size is None or line is None else line.seconds(cell, work_of(cell, size))


def time_limits(plan: Plan) -> dict[tuple[str, str], int]:
    """Returns how many minutes a cell may take on a cluster, by task and slug: three times what it should take.

    Calibrated on a sample of recorded cells; empty while nothing is recorded. Where cells were recorded on several
    devices that the study may get, the slowest counts: a limit that is too long costs a wait, one that is too short
    the training.
    """
    from seedvar.status import store_of

    if not plan.cells:
        return {}
    store = store_of(plan.site, plan.results)
    recorded = recorded_cells(plan.cells.values(), plan.model.name, plan.results, store, LIMIT_CELLS)
    if not recorded.records:
        return {}
    sizes = _Sizes(plan)
    model = calibrate(recorded.records, sizes)
    on_cpu = {"cpu": [True], "cuda": [False]}.get(plan.site.device, [True, False])
    devices = [device for device in model.devices() if (device[0] == "cpu") in on_cpu]
    limits = {}
    for cell in {(c.task, c.recipe): c for c in (*plan.cells.values(), *plan.intermediates.values())}.values():
        seconds = [s for device in devices if (s := _seconds(cell, sizes, model, device)) is not None]
        if seconds:
            minutes = math.ceil(LIMIT_FACTOR * max(seconds) / 60)
            limits[cell.task, cell.recipe.slug()] = max(SHORTEST_LIMIT, minutes)
    return limits


def plan_lines(study: StudyState, plan: Plan, store: Path) -> list[str]:
    """Writes what a study costs: cells, jobs, updates, FLOPs, hours, disk."""
    cells, sizes = [state.cell for state in study.cells], _Sizes(plan)
    todo = [state.cell for state in study.cells if state.state != "done" and not state.is_stored]
    done = len(study.of("done"))
    stored = sum(state.is_stored for state in study.cells if state.state != "done")
    at_most = "at most " if study.adds_seeds else ""
    lines = [
        f"{plan.study_file}: {at_most}{len(cells):,} cells; {done:,} are done, {stored:,} more are in the store, "
        f"{len(todo):,} are to be trained"
    ]
    shown = [f"{n:,} {name}" for name, n in job_counts(plan).items() if n]
    lines.append(f"Jobs, from nothing: {', '.join(shown)}, and short ones for tables, figures and the report")
    works = {cell: work_of(cell, size) for cell in cells if (size := sizes(cell)) is not None}
    lines += _work_lines(cells, todo, works, sizes, plan)
    recorded = recorded_cells(cells, plan.model.name, plan.results, store)
    lines += _hours_lines(todo, works, sizes, calibrate(recorded.records, sizes))
    each = recorded.bytes_each
    how = f"as {len(recorded.records):,} recorded cells" if each else "an estimate"
    n_bytes = 2 * sum(each or file_bytes(cell, sizes(cell)) for cell in cells if each or cell in works)
    lines.append(f"Disk: {size_in_words(n_bytes)} for the files of all cells and their copies in the store ({how})")
    if message := plan.weights_message():
        lines.append(f"Weights: {message}")
    return lines


def job_counts(plan: Plan) -> dict[str, int]:
    """Counts the jobs of a study that compute, from nothing, by rule; not those behind its tables."""
    cells, probes = {**plan.cells, **plan.intermediates}, plan.study.probes
    return {
        "model": 1,
        "data": len({cell.data_folder() for cell in cells.values()}),
        "train": len(cells),
        "weights": len(plan.kept),
        "forgetting": len(forgetting_runs(plan.study, plan.model.name)),
        "surface": probes.surface.points if probes.surface else 0,
    }


def _work_lines(cells: list[Cell], todo: list[Cell], works: dict[Cell, Work], sizes: _Sizes, plan: Plan) -> list[str]:
    """Writes updates, tokens and FLOPs, of all cells and of those to be trained."""
    lines = []
    if unknown := sorted({cell.task for cell in cells if cell not in works}):
        lines.append(f"Not counted: cells on {', '.join(unknown)}, whose size is not known before `seedvar data`")
    if not works:
        return lines
    folder = plan.results / "models" / plan.model.name
    folder = plan.model.folder or (folder if folder.is_dir() else None)
    shape = block_parameters(folder, plan.model.name)
    known = [[works[cell] for cell in group if cell in works] for group in (cells, todo)]
    updates, trained, evaluated = (
        [sum(getattr(work, name) for work in group) for group in known]
        for name in ("updates", "train_tokens", "evaluation_tokens")
    )
    rough = sorted({cell.task for cell in works if not sizes(cell).known})
    about = f" (estimated for {', '.join(rough)}, not tokenised yet)" if rough else ""
    lines.append(f"Updates: {in_words(updates[0])}, of them to do {in_words(updates[1])}")
    lines.append(
        f"Tokens{about}: {in_words(trained[0])} trained and {in_words(evaluated[0])} evaluated on, of them to do "
        f"{in_words(trained[1])} and {in_words(evaluated[1])}"
    )
    if shape is None:
        return [*lines, f"FLOPs: not known; the size of {plan.model.name} is not known before `seedvar model`"]
    parameters, blocks, is_known = shape
    flops = [
        sum(flops_of(works[c], parameters, blocks, c.recipe.frozen_layers) for c in group if c in works)
        for group in (cells, todo)
    ]
    source = "" if is_known else ", by the model's name"
    lines.append(
        f"FLOPs: {flops[0]:.2e}, of them to do {flops[1]:.2e} (6 · parameters · tokens of training + 2 of evaluation, "
        f"without padding; {parameters / 1e6:,.1f} M parameters in the blocks{source})"
    )
    return lines


def _hours_lines(todo: list[Cell], works: dict[Cell, Work], sizes: _Sizes, model: CostModel) -> list[str]:
    """Writes the hours of the cells that are to be trained, for every device that cells were recorded on."""
    if not model.lines:
        return ["Hours: not known, no cell of this model is recorded; train one of each arm, then ask again"]
    lines = []
    for device, threads in model.devices():
        seconds = [_seconds(cell, sizes, model, (device, threads)) for cell in todo if cell in works]
        known = [value for value in seconds if value is not None]
        unit = "CPU" if device == "cpu" else "GPU"
        total = sum(known) * (threads if unit == "CPU" else 1)
        parts = [line for place, line in model.lines.items() if place[:2] == (device, threads)]
        n = sum(line.n for line in parts)
        median, most = (max(line.errors[k] for line in parts) for k in (0, 1))
        text = f"{unit}-hours: {total / 3600:,.2f} on {device}, threads: {threads}"
        if len(known) < len(seconds):
            text += f", without {len(seconds) - len(known):,} cells of a precision that was not recorded there"
        lines.append(
            f"{text}. Calibrated on {n:,} cells; a line in tokens is off by {median:.0%} for half of them, by "
            f"{most:.0%} for one in ten"
        )
    return lines


# --------------------------------------------------------------------------- words


def in_words(number: float) -> str:
    """Writes a large number: 12,345 or 1.2e+15."""
    return f"{number:,.0f}" if number < 1e9 else f"{number:.2e}"


def hours(seconds: float) -> str:
    """Writes a time in hours, or in minutes where it is short."""
    return f"{seconds / 3600:,.1f} hours" if seconds >= 5400 else f"{seconds / 60:.1f} minutes"


def size_in_words(n_bytes: float) -> str:
    """Writes a size in MB or GB."""
    return f"{n_bytes / 1e9:,.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:,.1f} MB"
