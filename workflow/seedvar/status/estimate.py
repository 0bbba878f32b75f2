"""What a study costs before it is submitted, in words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seedvar.cells.cell import Cell
from seedvar.status.hours import CostModel, _seconds, _Sizes, calibrate, file_bytes, recorded_cells
from seedvar.status.work import Work, block_parameters, flops_of, work_of
from seedvar.study.grid import forgetting_runs
from seedvar.words import in_words, size_in_words

if TYPE_CHECKING:
    from seedvar.engine.plan import Plan
    from seedvar.status.state import StudyState


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
