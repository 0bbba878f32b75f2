"""How far a study is, whether and why each of its cells is invalid, and what the store holds for no study.

A cell is

- done: its result is there, and its fingerprint is what it would be now;
- running: a process holds the lock on `fingerprint.json` in its folder, which `seedvar train` takes before it
  trains. The kernel lets go of the lock when the process ends, however it ends. On a cluster this needs a file
  system that shares locks between nodes (NFS, GPFS, Lustre with `flock`); on others a cell that runs elsewhere
  counts as waiting;
- waiting: there is no result;
- invalid: there is a result that does not count any more, with the reasons.

The reasons come from comparing what the fingerprint of a result was made of, recorded in `fingerprint.json` beside
it, with what it would be made of now. Nothing here imports PyTorch.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import platform
import shlex
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from seedvar import store as cell_store
from seedvar.data.tasks import TASKS
from seedvar.errors import UserError
from seedvar.files import digest, file_digest, read_json
from seedvar.fingerprint import DATA_SOURCES, PACKAGE, parts_of
from seedvar.grid import Cell, expand, model_folder
from seedvar.recipe import Recipe
from seedvar.record import RunRecord, read_record

if TYPE_CHECKING:
    from seedvar.plan import Plan
    from seedvar.study import SiteConfig

PARTS = "fingerprint.json"
SOURCE = "source.json"  # beside data.json: what the tokenised data were made from

ABANDONED_S = 24 * 3600  # a half-written entry of the store that is older than this is nobody's any more


# --------------------------------------------------------------------------- what training leaves for status


@contextlib.contextmanager
def running(folder: Path, parts: dict):
    """Writes what a cell's fingerprint is made of into its folder, and marks the cell as running.

    What a process that was killed has left half-written there is deleted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / PARTS, "a+", encoding="utf-8") as file:  # the file stays the same: the lock is on it
        mine = _lock(file)
        if mine is False:  # somebody trains the same cell, from the same parts: both may finish it
            yield
            return
        for path in folder.glob(".writing-*") if mine else ():
            path.unlink(missing_ok=True)
        file.truncate(0)
        file.write(json.dumps(parts, indent=1, sort_keys=True) + "\n")
        file.flush()
        try:
            yield
        except BaseException:  # a cell that was not trained leaves nothing
            (folder / PARTS).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                folder.rmdir()
            raise


def _lock(file) -> bool | None:
    """Locks an open file; returns whether nobody else has, or None on a file system without locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def is_running(folder: Path) -> bool:
    """Returns whether a process trains the cell of this folder."""
    try:
        with open(folder / PARTS) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def data_origin(cell_task: str, model: Path, glue_dir: Path | None, files: bool = True) -> dict:
    """Returns what the tokenised data of a task are made from: source files, code, tokenizer.

    Args:
        cell_task: Name of the task.
        model: The model's folder, with `model.json`.
        glue_dir: Folder with GLUE, or None.
        files: Whether to read the files of the task, which may be large.
    """
    from seedvar.data.glue import local_files

    origin = {
        "code": {name: file_digest(PACKAGE / name) for name in DATA_SOURCES},
        "model": read_json(model / "model.json")["whole_content"],
    }
    task = TASKS[cell_task]
    if files and glue_dir and task.data == "glue":
        paths = [path for found in local_files(glue_dir, task).values() for path in found]
        origin["files"] = {path.relative_to(glue_dir).as_posix(): file_digest(path) for path in paths}
    return origin


# --------------------------------------------------------------------------- the state of every cell


@dataclass(frozen=True)
class CellState:
    """A cell and how it stands: `done`, `running`, `waiting` or `invalid`.

    Attributes:
        cell: The cell.
        state: One of the four.
        reasons: Why it is invalid; for a waiting cell that was begun and not finished, its log's last line.
        record: Its result, where there is a readable one.
        fingerprint: What its fingerprint would be now; None where data or model are not prepared.
        is_stored: Whether the store has it, so that it costs no training.
    """

    cell: Cell
    state: str
    reasons: tuple[str, ...] = ()
    record: RunRecord | None = None
    fingerprint: str | None = None
    is_stored: bool = False


class Checker:
    """Tells the state of the cells of a study; reads each file that cells share once."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self.results = plan.results
        self.store = store_of(plan.site, plan.results)
        self._read, self._digest_of = cache(read_json), cache(file_digest)
        self._source_changes = cache(self._compare_sources)

    def parts(self, cell: Cell) -> tuple[dict | None, tuple[str, ...]]:
        """Returns what a cell's fingerprint is made of now; or None, and the file that is missing for it."""
        try:
            return parts_of(cell, self.results, self._read, self._digest_of), ()
        except OSError as error:
            return None, (f"{error.filename} is missing",)
        except (ValueError, KeyError):
            return None, (f"data.json or model.json of {cell.task} is damaged",)

    def state(self, cell: Cell) -> CellState:
        """Returns how a cell stands."""
        folder = self.results / cell.folder()
        parts, missing = self.parts(cell)
        key = digest(parts) if parts else None
        is_stored = key is not None and (cell_store.entry(self.store, key) / "result.json").is_file()
        if not (folder / "result.json").exists():
            if is_running(folder):
                return CellState(cell, "running", fingerprint=key)
            return CellState(cell, "waiting", self._failure(cell), fingerprint=key, is_stored=is_stored)
        try:
            record = read_record(folder / "result.json")
        except UserError:
            record, reasons = None, ("result.json is damaged",)
        else:
            reasons = missing or self._why_invalid(cell, folder, record, parts, key)
        if not reasons:
            return CellState(cell, "done", (), record, key, is_stored)
        return CellState(cell, "running" if is_running(folder) else "invalid", reasons, record, key, is_stored)

    def _why_invalid(self, cell: Cell, folder: Path, record: RunRecord, parts: dict, key: str) -> tuple[str, ...]:
        if record.fingerprint != key:
            recorded = self.recorded_parts(folder, record)
            if recorded is not None:
                return tuple(differences(recorded, parts))
            changed = _changed_fields(record.cell, parts["cell"])
            return tuple(changed) or ("code, data or model changed; which was not recorded when it was trained",)
        reasons = [f"{name} is missing" for name in cell_store.NEEDED if not (folder / name).is_file()]
        if not reasons and not _is_whole_parquet(folder / "predictions.parquet"):
            reasons.append("predictions.parquet is damaged")
        first = cell.intermediate()
        for each in [cell, first] if first else [cell]:
            reasons += self._source_changes(each.task, each.data_folder(), cell.model)
        return tuple(dict.fromkeys(reasons))

    def recorded_parts(self, folder: Path, record: RunRecord) -> dict | None:
        """Returns what the fingerprint of a result was made of, if that was recorded."""
        for path in (folder / PARTS, cell_store.entry(self.store, record.fingerprint) / PARTS):
            with contextlib.suppress(OSError, ValueError):
                if digest(parts := read_json(path)) == record.fingerprint:
                    return parts
        return None

    def _compare_sources(self, task: str, data_folder: str, model: str) -> list[str]:
        """Says what has changed since model and data were prepared, from which the workflow will prepare them anew."""
        copied, source = model_folder(self.results, model), self.plan.model
        if source.folder and self._read(copied / "model.json").get("whole_content") != self.plan.model_content:
            changed = [path.name for path in sorted(source.folder.iterdir()) if _differs(path, copied / path.name)]
            return [f"the model {model} changed since it was copied ({', '.join(changed) or 'a file is gone'})"]
        try:
            recorded = read_json(self.results / data_folder / SOURCE)
        except (OSError, ValueError):
            return []
        now = data_origin(task, copied, self.plan.glue_dir, files=False)
        reasons = [
            f"{name} changed, which makes the data of {task}"
            for name in _changed_keys(recorded.get("code", {}), now["code"])
        ]
        if recorded.get("model") != now["model"]:
            reasons.append(f"the tokenizer of {model} changed, which makes the data of {task}")
        files = recorded.get("files")
        if files is not None and digest(files) != self.plan.data_content.get(task):
            origin = data_origin(task, copied, self.plan.glue_dir)
            names = _changed_keys(files, origin.get("files", {}))
            reasons.append(f"the data of {task} changed ({', '.join(names) or 'another source'})")
        return reasons

    def log(self, cell: Cell) -> Path:
        """Returns where the log of a cell's training is."""
        return self.results / "logs" / "train" / f"{cell.folder().removeprefix('cells/')}.log"

    def _failure(self, cell: Cell) -> tuple[str, ...]:
        try:
            lines = self.log(cell).read_text(errors="replace").splitlines()
        except OSError:
            return ()
        last = lines[-1] if lines else ""
        if last.startswith(("finished:", "diverged:", "stopped:", "taken from the store")):
            return ()  # it was done once; its result has been deleted since
        return (
            last if last.startswith("seedvar: ") else "its log just ends: killed, or running where locks do not reach",
        )


def differences(recorded: dict, now: dict) -> list[str]:
    """Says in words in what two lists of parts of a fingerprint differ."""
    task = now["cell"]["task"]
    reasons = _changed_fields(recorded["cell"], now["cell"])
    for name in _changed_keys(recorded["task"], now["task"]):
        was, value = recorded["task"].get(name), now["task"].get(name)
        if was != (list(value) if isinstance(value, tuple) else value):
            reasons.append(f"data/tasks.py: {name} of {task} was {was} and is {value}")
    if recorded["data"] != now["data"]:
        reasons.append(f"the data of {task} changed")
    if recorded["model"] != now["model"]:
        reasons.append(f"the weights or the configuration of {now['cell']['model']} changed")
    for name in _changed_keys(recorded["code"], now["code"]):
        if name not in recorded["code"]:
            reasons.append(f"{name} is new among the code that decides it")
        elif name not in now["code"]:
            reasons.append(f"{name} no longer decides it")
        else:
            reasons.append(f"{name} changed")
    if recorded.get("intermediate") != now.get("intermediate"):
        reasons.append(f"the cell on {now['cell']['recipe'].get('intermediate_task')} that it starts from changed")
    return reasons


def _changed_fields(recorded: dict, now: dict) -> list[str]:
    """Says which fields of two specifications differ."""
    was, values = _flat(recorded), _flat(now)
    say = lambda side, name: side.get(name, "the default")  # noqa: E731
    return [f"{name} was {say(was, name)} and is {say(values, name)}" for name in _changed_keys(was, values)]


def _flat(specification: dict) -> dict:
    fields = {name: value for name, value in specification.items() if not isinstance(value, dict)}
    for group in ("recipe", "seed"):
        fields |= {f"{group}.{name}": value for name, value in specification.get(group, {}).items()}
    return fields


def _changed_keys(first: dict, second: dict) -> list[str]:
    return [key for key in {**first, **second} if first.get(key) != second.get(key)]


def _differs(path: Path, copy: Path) -> bool:
    if not path.is_file() or path.name == "model.json" or path.name.startswith("."):
        return False
    return not copy.is_file() or file_digest(path) != file_digest(copy)


def _is_whole_parquet(path: Path) -> bool:
    """Returns whether a Parquet file has its beginning and its end; a file that was cut off has not."""
    with open(path, "rb") as file:
        start = file.read(4)
        file.seek(-min(4, path.stat().st_size), 2)
        return start == file.read() == b"PAR1"


# --------------------------------------------------------------------------- a study


@dataclass(frozen=True)
class StudyState:
    """How far a study is."""

    name: str
    cells: list[CellState]
    adds_seeds: bool = False
    intermediates: int = 0

    def of(self, state: str) -> list[CellState]:
        """Lists the cells in a state."""
        return [cell for cell in self.cells if cell.state == state]


def study_state(checker: Checker) -> StudyState:
    """Returns the state of every cell of a study, and of the cells that others start from."""
    plan = checker.plan
    if plan.is_table:
        raise UserError(f"{plan.study_file}: takes its runs from a table; accepted: a study that trains cells")
    cells = {**plan.cells, **plan.intermediates}
    extra = len(cells) - len(plan.cells)
    return StudyState(plan.name, [checker.state(cell) for cell in cells.values()], plan.adds_seeds, extra)


def installed_versions(names: Iterable[str]) -> dict[str, str]:
    """Returns the versions of libraries that are installed here, without importing them."""
    found = {}
    for name in names:
        try:
            found[name] = platform.python_version() if name == "python" else version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def version_lines(records: Iterable[RunRecord]) -> list[str]:
    """Says with which other versions of libraries than the installed ones cells were trained."""
    counts = Counter(pair for record in records for pair in record.versions.items())
    here = installed_versions({name for name, _ in counts})
    return [
        f"{_cells(n)} trained with {name} {trained}, installed is {here[name]}"
        for (name, trained), n in sorted(counts.items())
        if trained != here[name]
    ]


def status_lines(study: StudyState, seconds_left: float | None, at_a_time: int) -> list[str]:
    """Writes the state of a study, one line a reason and never one a cell.

    Args:
        study: The state.
        seconds_left: Time that the cells that are not done will take one after the other; None: not known.
        at_a_time: Cells side by side, for the time left.
    """
    from seedvar.cost import hours

    done, waiting, invalid = study.of("done"), study.of("waiting"), study.of("invalid")
    notes = [
        f"{'at most ' if study.adds_seeds else ''}{_cells(len(study.cells))}",
        *([f"{study.intermediates} of them on intermediate tasks"] if study.intermediates else []),
    ]
    records = [state.record for state in done]
    about = [f"{sum(r.degenerate for r in records)} degenerate"]
    about += [f"{n} {kind}" for kind in ("diverged", "stopped") if (n := sum(r.status == kind for r in records))]
    lines = [f"{study.name}: {', '.join(notes)}"]
    lines.append(f"  done     {len(done):>6,}" + (f"  ({', '.join(about)})" if done else ""))
    lines.append(f"  running  {len(study.of('running')):>6,}")
    lines.append(f"  waiting  {len(waiting):>6,}" + _stored(waiting))
    lines.append(f"  invalid  {len(invalid):>6,}" + _stored(invalid))
    lines += _counted("Invalid, because", (reason for state in invalid for reason in state.reasons))
    lines += _counted("Begun and not finished", (reason for state in waiting for reason in state.reasons))
    if changed := version_lines(records):
        lines += ["Libraries, which invalidate nothing:", *(f"  {line}" for line in changed)]
    if records:
        places = Counter()
        for record in records:
            unit = "on a GPU" if record.device != "cpu" else "on the CPU"
            places[unit] += record.wall_time_s
        lines.append("Time spent: " + ", ".join(f"{hours(seconds)} {place}" for place, seconds in places.items()))
    left = sum(not state.is_stored for state in study.cells if state.state != "done")
    if left and seconds_left is None:
        lines.append(f"Time left: not known for {_cells(left)}; none like them is recorded")
    elif left:
        lines.append(
            f"Time left: {hours(seconds_left)} for {_cells(left)}, about {hours(seconds_left / at_a_time)} with "
            f"{at_a_time} at a time"
        )
    return lines


def _cells(n: int) -> str:
    return "1 cell" if n == 1 else f"{n:,} cells"


def _stored(states: list[CellState]) -> str:
    n = sum(state.is_stored for state in states)
    return f"  ({n:,} in the store)" if n else ""


def _counted(title: str, reasons: Iterable[str]) -> list[str]:
    counts = Counter(reasons)
    return [f"{title}:", *(f"  {_cells(n)}: {reason}" for reason, n in counts.most_common())] if counts else []


def cell_lines(study: StudyState) -> list[str]:
    """Writes one line a cell: state, folder, reasons."""
    return [
        f"{state.state:<8} {state.cell.folder()}" + (f"  {'; '.join(state.reasons)}" if state.reasons else "")
        for state in study.cells
    ]


# --------------------------------------------------------------------------- one cell


def find_cell(text: str, plan: Plan) -> Cell:
    """Finds the cell that a user means: its folder, its `result.json`, or `task/arm/seed` of the study.

    Raises:
        UserError: It is none of these.
    """
    path = Path(text)
    path = path.parent if path.name == "result.json" else path
    if (path / "result.json").is_file() or (path / PARTS).is_file():
        try:
            return Cell.from_specification(read_record(path / "result.json").cell)
        except UserError:
            with contextlib.suppress(OSError, ValueError, KeyError):
                return Cell.from_specification(read_json(path / PARTS)["cell"])
    by_folder = {**plan.cells, **plan.intermediates}
    tail = path.as_posix().rpartition("cells/")
    if cell := by_folder.get(f"cells/{tail[2]}" if tail[1] else path.as_posix()):
        return cell
    for arm, cell in expand(plan.study, plan.model.name):
        if text == f"{cell.task}/{arm}/{cell.seed_name}":
            return cell
    example = next((f"{c.task}/{arm}/{c.seed_name}" for arm, c in expand(plan.study, plan.model.name)), "")
    raise UserError(
        f"{text}: is no cell; accepted: a cell's folder, its result.json, or task/arm/seed of {plan.name}, "
        f"such as {example}"
    )


def explain_lines(cell: Cell, checker: Checker) -> list[str]:
    """Writes everything about a cell: specification, fingerprint, validity, log, and how to repeat it."""
    state = checker.state(cell)
    task, recipe = TASKS[cell.task], cell.recipe
    seed = f"seed {cell.init_seed}"
    if cell.init_seed != cell.order_seed:
        seed = f"initialisation seed {cell.init_seed}, order seed {cell.order_seed}"
    synthetic = "synthetic task" if task.data == "synthetic" else "task"
    lines = [f"{cell.folder()}", f"  {cell.model} on the {synthetic} {task.name} ({task.metric}), {seed}"]
    for name, value in recipe.changes().items():
        about = Recipe.model_fields[name]
        lines.append(f"  {name}: {value} (default {about.default}). {about.description}")
    if not recipe.changes():
        lines.append("  every field of the recipe has its default")
    arms = [arm for arm, other in expand(checker.plan.study, checker.plan.model.name) if other == cell]
    if arms:
        lines.append(f"  arm {arms[0]} of {checker.plan.name}")
    lines.append(f"State: {state.state}{', and in the store' if state.is_stored else ''}")
    lines += [f"  {reason}" for reason in state.reasons]
    if state.record:
        lines += _result_lines(state.record)
    lines += _fingerprint_lines(cell, checker, state)
    log = checker.log(cell)
    lines.append(f"Log: {log}" + ("" if log.is_file() else " (not there)"))
    kept = f", once {cell_store.entry(checker.store, state.fingerprint)} is out of the way" if state.is_stored else ""
    lines += [f"To repeat{kept}:", "  " + repeat_command(cell, checker.results, state.record)]
    return lines


def _result_lines(record: RunRecord) -> list[str]:
    split = record.reported_split
    score = record.scores["last"][split][record.metric]
    versions = ", ".join(f"{name} {number}" for name, number in record.versions.items())
    lines = [
        f"Result: {record.status}, {split} {record.metric} {'not defined' if score is None else f'{score:.4f}'}, "
        f"majority {record.majority[split]:.4f}{', degenerate' if record.degenerate else ''}; "
        f"{record.updates} updates in {record.wall_time_s:.1f} s on {record.device}, threads: {record.threads}",
        f"  trained with {versions}",
    ]
    return lines + [f"  {line.removeprefix('1 cell ')}" for line in version_lines([record])]


def _fingerprint_lines(cell: Cell, checker: Checker, state: CellState) -> list[str]:
    """Lists what a fingerprint covers; a part that has changed shows both digests."""
    now, missing = checker.parts(cell)
    if now is None:
        return [f"Fingerprint: not known; {missing[0]}"]
    folder = checker.results / cell.folder()
    was = (checker.recorded_parts(folder, state.record) if state.record else None) or now
    rows = {
        "specification": "cell",
        f"data/tasks.py, {cell.task}": "task",
        f"{checker.results / cell.data_folder()}/data.json": "data",
        f"{model_folder(checker.results, cell.model)}/model.json": "model",
    }
    flat = lambda parts: {  # noqa: E731
        **{label: _short(parts[key]) for label, key in rows.items()},
        **{name: _short(value) for name, value in parts["code"].items()},
        **({"the cell before": _short(parts["intermediate"])} if "intermediate" in parts else {}),
    }
    old, new = flat(was), flat(now)
    lines = [f"Fingerprint: {state.fingerprint}"]
    if state.record and state.record.fingerprint != state.fingerprint:
        lines = [f"Fingerprint: {state.fingerprint}; the result has {state.record.fingerprint}"]
    for name in {**old, **new}:
        first, second = old.get(name, "not part of it"), new.get(name, "not part of it")
        lines.append(f"  {name}: {second}" + (f" (was {first})" if first != second else ""))
    return lines


def _short(value) -> str:
    return (value if isinstance(value, str) else digest(value))[:12]


def repeat_command(cell: Cell, results: Path, record: RunRecord | None) -> str:
    """Returns the command that trains a cell as it was trained; it takes the cell from the store if it is there."""
    words = ["seedvar", "train", "--cell", json.dumps(cell.specification()), "--results", str(results)]
    if record:
        words += ["--device", "cpu" if record.device == "cpu" else "cuda", "--threads", str(record.threads)]
    return shlex.join(words)


# --------------------------------------------------------------------------- the store


def store_of(site: SiteConfig, results: Path) -> Path:
    """Returns where the store is: what config.yaml names, to which results/store leads from the first run on."""
    return Path(site.store).expanduser() if site.store else results / "store"


@dataclass
class Garbage:
    """What the store holds for no study.

    Attributes:
        unnamed: Entries of cells that no study has, with their size in bytes.
        outdated: Entries of cells that a study has, but of other code, data or weights than now.
        abandoned: Half-written entries of processes that are gone.
        unreadable: Entries whose result cannot be read; they are left alone.
        weights: Weights in entries, with their size.
        kept: Number of entries that a study names.
    """

    unnamed: dict[Path, int] = field(default_factory=dict)
    outdated: dict[Path, int] = field(default_factory=dict)
    abandoned: dict[Path, int] = field(default_factory=dict)
    unreadable: list[Path] = field(default_factory=list)
    weights: dict[Path, int] = field(default_factory=dict)
    about: dict[Path, str] = field(default_factory=dict)
    kept: int = 0


def named_cells(site: SiteConfig, files: Iterable[Path]) -> dict[str, Cell]:
    """Returns folder and cell of everything that studies train.

    Args:
        site: Settings of this place.
        files: The study files.

    Raises:
        UserError: A study cannot be read, so that its cells are not known.
    """
    from seedvar.models.sources import resolve
    from seedvar.runs_table import TableStudy
    from seedvar.study import read_study

    cells = {}
    for path in files:
        try:
            study = read_study(path)
            if isinstance(study, TableStudy):
                continue
            name = resolve(study.model, site.models, str(path)).name
            for _, cell in expand(study, name):
                cells[cell.folder()] = cell
                if first := cell.intermediate():
                    cells[first.folder()] = first
        except UserError as error:
            raise UserError(f"nothing is deleted while a study cannot be read: {error}") from None
    return cells


def find_garbage(store: Path, cells: dict[str, Cell], results: Path) -> Garbage:
    """Looks through the store for entries that no study names.

    Args:
        store: The store.
        cells: The cells of all studies, by folder.
        results: The results folder, with the prepared data and models.
    """
    read, digest_of = cache(read_json), cache(file_digest)
    garbage = Garbage()
    for path in sorted(store.glob("*/*")):
        if path.name.startswith(".writing-"):
            with contextlib.suppress(FileNotFoundError):  # it has just been finished
                if time.time() - path.stat().st_mtime > ABANDONED_S:
                    garbage.abandoned[path] = _bytes(path)
            continue
        if not path.is_dir():
            continue
        weights = path / cell_store.WEIGHTS
        if weights.is_file():
            garbage.weights[weights] = weights.stat().st_size
        try:
            cell = Cell.from_specification(read_record(path / "result.json").cell)
        except (UserError, ValueError, KeyError, TypeError):
            garbage.unreadable.append(path)
            continue
        garbage.about[path] = f"{cell.data}, {cell.model}, {cell.task}, {cell.recipe.slug()}"
        if cells.get(cell.folder()) != cell:
            garbage.unnamed[path] = _bytes(path)
            continue
        try:
            is_present = digest(parts_of(cell, results, read, digest_of)) == path.name
        except (OSError, ValueError, KeyError):  # not prepared here: nothing is known of it
            is_present = True
        if is_present:
            garbage.kept += 1
        else:
            garbage.outdated[path] = _bytes(path)
    return garbage


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def garbage_lines(garbage: Garbage, outdated: bool) -> list[str]:
    """Writes what the store holds for no study; one line a recipe."""
    from seedvar.cost import size_in_words

    lines = [f"{garbage.kept:,} entries are of cells that a study names"]

    def section(title: str, entries: dict[Path, int]) -> None:
        if entries:
            lines.append(f"{len(entries):,} {title}, {size_in_words(sum(entries.values()))}:")
            counts, sizes = Counter(), Counter()
            for path, size in entries.items():
                counts[garbage.about.get(path, "half-written")] += 1
                sizes[garbage.about.get(path, "half-written")] += size
            lines.extend(f"  {about}: {_cells(n)}, {size_in_words(sizes[about])}" for about, n in counts.items())

    section("entries are of cells that no study names", garbage.unnamed)
    note = "" if outdated else ", kept without --outdated"
    section(f"entries are of a study's cells with other code, data or weights than now{note}", garbage.outdated)
    section("entries were begun a day ago or more and never finished", garbage.abandoned)
    if garbage.weights:
        size = size_in_words(sum(garbage.weights.values()))
        lines.append(f"{len(garbage.weights):,} entries have weights with them, {size}; they go with their entries")
    if garbage.unreadable:
        lines.append(f"{len(garbage.unreadable):,} entries cannot be read and are left alone:")
        lines += [f"  {path}" for path in garbage.unreadable[:10]]
    return lines


def delete_entries(paths: Iterable[Path]) -> None:
    """Deletes entries of the store, each whole: it is renamed first, so that nobody is served half of it."""
    for path in paths:
        cell_store.discard(path)
