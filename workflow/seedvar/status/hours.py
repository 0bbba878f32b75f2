"""How long cells take, from recorded ones."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seedvar.cells.cell import Cell
from seedvar.cells.record import RunRecord, read_record
from seedvar.data.tasks import TASKS
from seedvar.errors import UserError
from seedvar.status.work import DataSize, Work, data_size, work_of

if TYPE_CHECKING:
    from seedvar.engine.plan import Plan
    from seedvar.status.state import CellState


CALIBRATION_CELLS = 1000  # at most so many recorded cells are read from the study, and as many from the store


STORE_LOOKS = 5000  # entries of a large store to look at


# The time limit of a cell on a cluster, calibrated on so many recorded cells: so many times what it should take, and
# no fewer minutes than that.
LIMIT_CELLS, LIMIT_FACTOR, SHORTEST_LIMIT = 100, 3, 10


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
    from seedvar.study.site import store_of

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
