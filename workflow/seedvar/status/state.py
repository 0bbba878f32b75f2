"""How far a study is, and whether and why each of its cells is invalid.

A cell is

- done: its result is there, and its fingerprint is what it would be now;
- running: a process holds the lock on `fingerprint.json` in its folder, see `cells.lock`;
- waiting: there is no result;
- invalid: there is a result that does not count any more, with the reasons.

The reasons come from comparing what the fingerprint of a result was made of, recorded in `fingerprint.json` beside
it, with what it would be made of now. Nothing here imports PyTorch.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from seedvar.cells import store as cell_store
from seedvar.cells.cell import Cell
from seedvar.cells.fingerprint import parts_of
from seedvar.cells.lock import PARTS, is_running
from seedvar.cells.places import RESULT, UNFINISHED, log_file, model_folder
from seedvar.cells.record import RunRecord, read_record
from seedvar.cells.syntax import code_digest
from seedvar.data import sources
from seedvar.engine.code import Code, data_code
from seedvar.engine.digests import MEMORY, Remembered
from seedvar.engine.jobs import SOURCE, TAKEN, declared
from seedvar.engine.plan import Plan
from seedvar.errors import UserError
from seedvar.files import digest, file_digest, read_json
from seedvar.models import checkpoints

JUST_NOW_S = 60.0  # a log that is younger may be of a cell that has not taken its lock yet


@dataclass(frozen=True)
class CellState:
    """A cell and how it stands: `done`, `running`, `waiting` or `invalid`.

    Attributes:
        cell: The cell.
        state: One of the four.
        reasons: Why it is invalid; for a waiting cell that was begun and not finished, its log's last line.
        record: Its result, where there is a readable one.
        fingerprint: What its fingerprint would be now; None where data or model are not prepared.
        is_stored: Whether the store has it, so that it costs no training; not known, and so False, of a cell whose
            model or data will be prepared anew.
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
        self.store = plan.store
        self._read, self._digest_of = cache(read_json), cache(code_digest)
        self._code = Code(Remembered(plan.results / MEMORY))
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
        remade = self._remade(cell) if parts else ()
        is_stored = parts is not None and not remade and (cell_store.entry(self.store, key) / RESULT).is_file()
        if not (folder / RESULT).exists():
            if is_running(folder):
                return CellState(cell, "running", fingerprint=key)
            return CellState(cell, "waiting", self._failure(cell), fingerprint=key, is_stored=is_stored)
        try:
            record = read_record(folder / RESULT)
        except UserError:
            record, reasons = None, ("result.json is damaged",)
        else:
            reasons = missing or self._why_invalid(cell, folder, record, parts, key, remade)
        if not reasons:
            return CellState(cell, "done", (), record, key, is_stored)
        return CellState(cell, "running" if is_running(folder) else "invalid", reasons, record, key, is_stored)

    def _remade(self, cell: Cell) -> tuple[str, ...]:
        """Says why the workflow will prepare a cell's model or data anew, so that its fingerprint may change."""
        first = cell.intermediate()
        each = [cell, first] if first else [cell]
        return tuple(reason for one in each for reason in self._source_changes(one.task, one.data_folder(), one.model))

    def _why_invalid(
        self, cell: Cell, folder: Path, record: RunRecord, parts: dict, key: str, remade: tuple[str, ...]
    ) -> tuple[str, ...]:
        if record.fingerprint != key:
            recorded = self.recorded_parts(folder, record)
            if recorded is not None:
                return tuple(differences(recorded, parts))
            changed = _changed_fields(record.cell, parts["cell"])
            return tuple(changed) or ("code, data or model changed; which was not recorded when it was trained",)
        reasons = [f"{name} is missing" for name in cell_store.NEEDED if not (folder / name).is_file()]
        if not reasons and not _is_whole_parquet(folder / "predictions.parquet"):
            reasons.append("predictions.parquet is damaged")
        return tuple(dict.fromkeys([*reasons, *remade]))

    def recorded_parts(self, folder: Path, record: RunRecord) -> dict | None:
        """Returns what the fingerprint of a result was made of, if that was recorded."""
        for path in (folder / PARTS, cell_store.entry(self.store, record.fingerprint) / PARTS):
            with contextlib.suppress(OSError, ValueError):
                if digest(parts := read_json(path)) == record.fingerprint:
                    return parts
        return None

    def _compare_sources(self, task: str, data_folder: str, model: str) -> list[str]:
        """Says what has changed since model and data were prepared, from which the workflow will prepare them anew."""
        if model not in self.plan.models or task not in self.plan.tasks:  # a cell of another study
            return []
        copied, planned = model_folder(self.results, model), self.plan.models[model]
        source = planned.checkpoint.folder
        if source and self._read(copied / "model.json").get("whole_content") != planned.content:
            wanted = checkpoints.wanted_files(source)
            changed = [path.name for path in wanted if _differs(path, copied / path.name)]
            return [f"the model {model} changed since it was copied ({', '.join(changed) or 'a file is gone'})"]
        try:
            recorded = self._read(self.results / data_folder / SOURCE)
        except (OSError, ValueError):
            return []
        now = self.plan.tasks[task]
        reasons = [
            f"{name} of {task} was {recorded['declaration'].get(name, 'not given')} and is "
            f"{declared(now.declaration).get(name, 'not given')}"
            for name in _changed_keys(recorded["declaration"], declared(now.declaration))
        ]
        code = data_code(now.source["kind"], self._code)
        reasons += [f"{name} changed, which makes the data of {task}" for name in _changed_keys(recorded["code"], code)]
        if recorded["model"] != self._read(copied / "model.json")["whole_content"]:
            reasons.append(f"the tokenizer of {model} changed, which makes the data of {task}")
        if recorded["content"] != now.content:
            present = {path.as_posix(): file_digest(path) for path in sources.source_files(now.source)}
            names = [name for name in _changed_keys(recorded["files"], present) if name in present]
            reasons.append(f"the data of {task} changed ({', '.join(names) or 'another source'})")
        return reasons

    def log(self, cell: Cell) -> Path:
        """Returns where the log of a cell's training is."""
        return log_file(self.results, "train", cell.folder())

    def _failure(self, cell: Cell) -> tuple[str, ...]:
        try:
            lines = self.log(cell).read_text(errors="replace").splitlines()
        except OSError:
            return ()
        last = lines[-1] if lines else ""
        if last.startswith(("finished:", "diverged:", "stopped:", TAKEN)):
            return ()  # it was done once; its result has been deleted since
        if last.startswith("seedvar: "):
            return (last,)
        if (self.results / cell.folder() / UNFINISHED).exists():
            return ("it was killed, or runs where locks do not reach; the next start goes on from what it left",)
        if time.time() - self.log(cell).stat().st_mtime < JUST_NOW_S:
            return ()  # it is about to start: the lock comes after the imports
        return ("its log just ends: killed, or running where locks do not reach",)


def differences(recorded: dict, now: dict) -> list[str]:
    """Says in words in what two lists of parts of a fingerprint differ."""
    if "family" not in recorded:
        return ["an older seedvar trained it, which named the code that decides it in another way"]
    task = now["cell"]["task"]
    reasons = _changed_fields(recorded["cell"], now["cell"])
    for name in _changed_keys(recorded["task"], now["task"]):
        was, value = recorded["task"].get(name), now["task"].get(name)
        if was != (list(value) if isinstance(value, tuple) else value):
            reasons.append(f"{name} of {task} was {was} and is {value}")
    if recorded["data"] != now["data"]:
        reasons.append(f"the data of {task} changed")
    if recorded["model"] != now["model"]:
        reasons.append(f"the weights or the configuration of {now['cell']['model']} changed")
    if recorded["family"] != now["family"]:
        reasons.append(f"the addresses of the family of {now['cell']['model']} changed")
    if recorded["methods"] != now["methods"]:
        reasons.append("the order of its methods changed")
    same = recorded["cell"] == now["cell"] and recorded["task"] == now["task"]
    for name in _changed_keys(recorded["code"], now["code"]):
        if not same and not (name in recorded["code"] and name in now["code"]):
            continue  # other code decides another cell; that it is another one has been said
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
    return not copy.is_file() or file_digest(path) != file_digest(copy)


def _is_whole_parquet(path: Path) -> bool:
    """Returns whether a Parquet file has its beginning and its end; a file that was cut off has not."""
    with open(path, "rb") as file:
        start = file.read(4)
        file.seek(-min(4, path.stat().st_size), 2)
        return start == file.read() == b"PAR1"


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
    extra = len(plan.all_cells) - len(plan.cells)
    return StudyState(plan.name, [checker.state(cell) for cell in plan.all_cells.values()], plan.adds_seeds, extra)
