"""How long cells take, from recorded ones."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from seedvar.cells.cell import Cell
from seedvar.cells.places import RESULT, model_folder
from seedvar.cells.record import RunRecord, read_record
from seedvar.engine.plan import Plan
from seedvar.errors import UserError
from seedvar.status.state import CellState
from seedvar.status.work import TRAINING_FACTOR, DataSize, Sizes, Work, block_parameters, work_of
from seedvar.study.grid import forgetting_runs, surface_runs

CALIBRATION_CELLS = 1000  # at most so many recorded cells are read from the study, and as many from the store
STORE_LOOKS = 5000  # entries of a large store to look at
# The time limit of a cell on a cluster, calibrated on so many recorded cells: so many times what it should take, and
# no fewer minutes than that.
LIMIT_CELLS, LIMIT_FACTOR, SHORTEST_LIMIT = 100, 3, 10
MANY_LAYERS = 24  # of a model whose configuration is not at hand


BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16"}  # what /proc/cpuinfo calls the instructions, x86's and ARM's


def has_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool | None:
    """Says whether this machine's processor has arithmetic for bfloat16; None where it cannot be told."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), None)
    return None if flags is None else bool(BFLOAT16 & set(flags.split()))


class Place(NamedTuple):
    """Where cells were trained.

    Attributes:
        unit: `CPU` or `GPU`.
        name: Of the processor or of the GPU.
        threads: Torch threads.
        cells_per_gpu: How many cells could share the GPU.
    """

    unit: str
    name: str
    threads: int
    cells_per_gpu: int = 1


def place_of(record: RunRecord) -> Place:
    """Returns where a cell was trained."""
    if record.device == "cpu":
        return Place("CPU", record.processor or "cpu", record.threads)
    return Place("GPU", record.device, record.threads, record.cells_per_gpu)


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
    """A line for each (place, model, precision) that cells were recorded with."""

    lines: dict[tuple[Place, str, str], Line]

    def places(self) -> list[Place]:
        """Lists the places that there are lines for, those with the most cells first."""
        counts: dict[Place, int] = defaultdict(int)
        for (place, _, _), line in self.lines.items():
            counts[place] += line.n
        return sorted(counts, key=lambda place: -counts[place])

    def line(self, cell: Cell, place: Place) -> Line | None:
        """Returns the line for a cell at a place; for another precision or model than recorded there is none."""
        return self.lines.get((place, cell.model, cell.recipe.precision))


def calibrate(records: Iterable[RunRecord], sizes: Callable[[Cell], DataSize | None]) -> CostModel:
    """Fits the cost model to recorded cells that trained to their end.

    Args:
        records: Results of cells.
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
            key = (place_of(record), cell.model, cell.recipe.precision)
            points[key].append((work_of(cell, size).passes, record.wall_time_s, (cell.task, record.slug)))
    return CostModel({key: _fit(found) for key, found in points.items()})


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
    """Results of cells, and the mean size in bytes of a cell's files."""

    records: list[RunRecord]
    bytes_each: float | None


def recorded_cells(plan: Plan, at_most: int = CALIBRATION_CELLS) -> Recorded:
    """Reads results of a study's cells, and of the store's cells with the same models, at most so many of each."""
    own = (plan.results / folder for folder in plan.all_cells)
    kept = (path for path in _entries(plan.store, STORE_LOOKS))
    records: dict[str, RunRecord] = {}
    sizes = []
    for folders, limit in ((own, at_most), (kept, 2 * at_most)):
        for folder in folders:
            if len(records) >= limit:
                break
            try:
                record = read_record(folder / RESULT)
                size = sum(file.stat().st_size for file in folder.iterdir() if file.suffix != ".safetensors")
            except (UserError, OSError):
                continue
            if record.cell.get("model") in plan.models and record.fingerprint not in records:
                records[record.fingerprint] = record
                sizes.append(size)
    return Recorded(list(records.values()), float(np.mean(sizes)) if sizes else None)


def _entries(store: Path, limit: int) -> Iterable[Path]:
    """Yields entries of the store; fingerprints are random, so that the first of them are a fair sample."""
    return itertools.islice((path for path in store.glob("??/*") if not path.name.startswith(".")), limit)


def file_bytes(size: DataSize) -> float:
    """Estimates the size of a cell's files where none is recorded: mostly its predictions."""
    return 12_000 + 2 * size.examples.get("validation", 0) * (4 + 4 * size.n_classes)


def seconds_left(states: Iterable[CellState], plan: Plan) -> float | None:
    """Returns how long the cells that are neither done nor in the store take one after the other; None: not known.

    Calibrated on the cells that are done, at the place where most of them ran.
    """
    sizes = Sizes(plan)
    model = calibrate((state.record for state in states if state.state == "done"), sizes)
    left = [state.cell for state in states if state.state != "done" and not state.is_stored]
    seconds = [expected_seconds(cell, sizes, model, place) for place in model.places()[:1] for cell in left]
    return None if None in seconds or (left and not seconds) else sum(seconds)


def expected_seconds(cell: Cell, sizes: Sizes, model: CostModel, place: Place) -> float | None:
    """Returns how long a cell should take at a place; None: not known."""
    size, line = sizes(cell), model.line(cell, place)
    return None if size is None or line is None else line.seconds(cell, work_of(cell, size))


def time_limits(plan: Plan) -> tuple[dict[tuple[str, str, str], int], dict[str, int]]:
    """Returns how many minutes a cell and a job of a probe may take on a cluster: three times what it should take.

    Calibrated on a sample of recorded cells; empty while nothing is recorded. Where cells were recorded at several
    places that the study may get, the slowest counts: a limit that is too long costs a wait, one that is too short
    the training. Where more cells share a GPU than did when they were recorded, each may take so many times as long.

    Returns:
        The minutes of a cell by model, task and slug; those of a job by probe.
    """
    recorded = recorded_cells(plan, LIMIT_CELLS) if plan.cells else Recorded([], None)
    if not recorded.records:
        return {}, {}
    sizes = Sizes(plan)
    model = calibrate(recorded.records, sizes)
    wanted = {"cpu": ["CPU"], "cuda": ["GPU"]}.get(plan.site.device, ["CPU", "GPU"])
    places = [place for place in model.places() if place.unit in wanted]

    def minutes(seconds_at: Callable[[Place], float | None]) -> int | None:
        seconds = [
            s * (max(1, plan.site.cells_per_gpu / place.cells_per_gpu) if place.unit == "GPU" else 1)
            for place in places
            if (s := seconds_at(place)) is not None
        ]
        return max(SHORTEST_LIMIT, math.ceil(LIMIT_FACTOR * max(seconds) / 60)) if seconds else None

    cells = {}
    for cell in {(c.model, c.task, c.recipe): c for c in plan.all_cells.values()}.values():
        if found := minutes(partial(expected_seconds, cell, sizes, model)):
            cells[cell.model, cell.task, cell.recipe.slug()] = found
    probes = {}
    for name, cell, passes in probe_passes(plan, sizes):
        lines = {place: model.line(cell, place) for place in places}
        seconds = {place: line.start_s + line.pass_s * passes for place, line in lines.items() if line}
        if found := minutes(seconds.get):
            probes[name] = max(found, probes.get(name, 0))
    return cells, probes


def probe_passes(plan: Plan, sizes: Sizes) -> Iterator[tuple[str, Cell, float]]:
    """Yields the probes of a study, a cell whose weights they measure, and the tokens of a job's forward passes."""
    probes = plan.study.probes
    for _, cell in forgetting_runs(plan.study):
        shape = block_parameters(model_folder(plan.results, cell.model), cell.model)
        layers = shape[1] if shape else MANY_LAYERS
        yield "forgetting", cell, probes.forgetting.paragraphs * cell.recipe.max_length * (layers + 1)
    for cell in surface_runs(plan.study)[:1]:
        if (size := sizes(cell)) is not None:
            grid = probes.surface
            yield "surface", cell, TRAINING_FACTOR * grid.points * grid.examples * size.tokens_each["train"]
