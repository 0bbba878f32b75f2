"""Everything about one cell, in words."""

from __future__ import annotations

import contextlib
from pathlib import Path

from seedvar.cells import store as cell_store
from seedvar.cells.cell import Cell
from seedvar.cells.lock import PARTS
from seedvar.cells.places import RESULT, model_folder
from seedvar.cells.recipe import Recipe
from seedvar.cells.record import RunRecord, read_record
from seedvar.engine.jobs import Machine, repeat_command
from seedvar.engine.plan import Plan
from seedvar.errors import UserError
from seedvar.files import digest, read_json
from seedvar.status.lines import version_lines
from seedvar.status.state import CellState, Checker
from seedvar.study.grid import expand


def find_cell(text: str, plan: Plan) -> Cell:
    """Finds the cell that a user means: its folder, its `result.json`, or `task/arm/seed` of the study.

    Raises:
        UserError: It is none of these.
    """
    path = Path(text)
    path = path.parent if path.name == RESULT else path
    if (path / RESULT).is_file() or (path / PARTS).is_file():
        try:
            return Cell.from_specification(read_record(path / RESULT).cell)
        except UserError:
            with contextlib.suppress(OSError, ValueError, KeyError):
                return Cell.from_specification(read_json(path / PARTS)["cell"])
    by_folder = plan.all_cells
    tail = path.as_posix().rpartition("cells/")
    if cell := by_folder.get(f"cells/{tail[2]}" if tail[1] else path.as_posix()):
        return cell
    for arm, cell in expand(plan.study):
        if text == f"{cell.task}/{arm}/{cell.seed_name}":
            return cell
    example = next((f"{c.task}/{arm}/{c.seed_name}" for arm, c in expand(plan.study)), "")
    raise UserError(
        f"{text}: is no cell; accepted: a cell's folder, its result.json, or task/arm/seed of {plan.name}, "
        f"such as {example}"
    )


def explain_lines(cell: Cell, checker: Checker) -> list[str]:
    """Writes everything about a cell: specification, fingerprint, validity, log, and how to repeat it."""
    state = checker.state(cell)
    recipe, known = cell.recipe, checker.plan.tasks.get(cell.task)
    seed = f"seed {cell.init_seed}"
    if cell.init_seed != cell.order_seed:
        seed = f"initialisation seed {cell.init_seed}, order seed {cell.order_seed}"
    kind = "synthetic task" if cell.data == "synthetic" else "task"
    metric = f" ({known.metric})" if known else ""
    lines = [f"{cell.folder()}", f"  {cell.model} on the {kind} {cell.task}{metric}, {seed}"]
    for name, value in recipe.changes().items():
        about = Recipe.model_fields[name]
        lines.append(f"  {name}: {value} (default {about.default}). {about.description}")
    if not recipe.changes():
        lines.append("  every field of the recipe has its default")
    arms = [arm for arm, other in expand(checker.plan.study) if other == cell]
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
    machine = Machine()
    if record := state.record:
        machine = Machine("cpu" if record.device == "cpu" else "cuda", record.threads)
    lines += [f"To repeat{kept}:", "  " + repeat_command(cell, checker.results, machine)]
    return lines


def _result_lines(record: RunRecord) -> list[str]:
    split = record.reported_split
    score = record.scores["last"][split][record.metric]
    versions = ", ".join(f"{name} {number}" for name, number in record.versions.items())
    place = record.device if record.device != "cpu" else record.processor or "cpu"
    lines = [
        f"Result: {record.status}, {split} {record.metric} {'not defined' if score is None else f'{score:.4f}'}, "
        f"majority {record.majority[split]:.4f}{', degenerate' if record.degenerate else ''}; "
        f"{record.updates} updates in {record.wall_time_s:.1f} s on {place}, threads: {record.threads}",
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
        f"declaration of {cell.task}": "task",
        f"{checker.results / cell.data_folder()}/data.json": "data",
        f"{model_folder(checker.results, cell.model)}/model.json": "model",
        "addresses of the family": "family",
        "order of methods": "methods",
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
