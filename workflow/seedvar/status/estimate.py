"""What a study costs before it is submitted, in words."""

from __future__ import annotations

from seedvar.cells.cell import Cell
from seedvar.cells.places import model_folder
from seedvar.engine.plan import Plan
from seedvar.status.check import settled_lines
from seedvar.status.hours import CostModel, calibrate, expected_seconds, file_bytes, has_bfloat16, recorded_cells
from seedvar.status.state import StudyState
from seedvar.status.work import Sizes, Work, block_parameters, flops_of, work_of
from seedvar.study.grid import forgetting_runs
from seedvar.words import in_words, size_in_words


def plan_lines(study: StudyState, plan: Plan) -> list[str]:
    """Writes what a study costs: cells, jobs, updates, FLOPs, hours, disk."""
    cells, sizes = [state.cell for state in study.cells], Sizes(plan)
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
    recorded = recorded_cells(plan)
    lines += _precision_lines(todo)
    lines += _hours_lines(todo, works, sizes, calibrate(recorded.records, sizes))
    each = recorded.bytes_each
    how = f"as {len(recorded.records):,} recorded cells" if each else "an estimate"
    n_bytes = 2 * sum(each or file_bytes(sizes(cell)) for cell in cells if each or cell in works)
    lines.append(f"Disk: {size_in_words(n_bytes)} for the files of all cells and their copies in the store ({how})")
    if message := plan.weights_message():
        lines.append(f"Weights: {message}")
    return [*lines, *settled_lines(plan)]


def job_counts(plan: Plan) -> dict[str, int]:
    """Counts the jobs of a study that compute, from nothing, by rule; not those behind its tables."""
    probes = plan.study.probes
    return {
        "model": len(plan.models),
        "data": len({cell.data_folder() for cell in plan.all_cells.values()}),
        "train": len(plan.all_cells),
        "weights": len(plan.kept),
        "forgetting": len(forgetting_runs(plan.study)),
        "surface": probes.surface.points if probes.surface else 0,
    }


def _shapes(plan: Plan) -> dict[str, tuple[float, int, bool]]:
    """Returns the `block_parameters` of every model of a study that they are known of."""
    shapes = {}
    for name, model in plan.models.items():
        copied = model_folder(plan.results, name)
        folder = model.checkpoint.folder or (copied if copied.is_dir() else None)
        if (shape := block_parameters(folder, name)) is not None:
            shapes[name] = shape
    return shapes


def _work_lines(cells: list[Cell], todo: list[Cell], works: dict[Cell, Work], sizes: Sizes, plan: Plan) -> list[str]:
    """Writes updates, tokens and FLOPs, of all cells and of those to be trained."""
    lines = []
    if unknown := sorted({cell.task for cell in cells if cell not in works}):
        lines.append(f"Not counted: cells on {', '.join(unknown)}, whose size is not known before `seedvar data`")
    if not works:
        return lines
    shapes = _shapes(plan)
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
    if unknown := [name for name in plan.models if name not in shapes]:
        return [*lines, f"FLOPs: not known; the size of {', '.join(unknown)} is not known before `seedvar model`"]
    flops = [
        sum(flops_of(works[c], *shapes[c.model][:2], c.recipe) for c in group if c in works) for group in (cells, todo)
    ]
    blocks = ", ".join(
        f"{parameters / 1e6:,.1f} M parameters in the blocks{' of ' + name if len(shapes) > 1 else ''}"
        f"{'' if is_known else ', by the name of the model'}"
        for name, (parameters, _, is_known) in shapes.items()
    )
    few = any(cell.recipe.biases_only or cell.recipe.lora_rank for cell in cells)
    per_token = "6 · parameters · tokens of training" + ", 4 where biases or LoRA alone are trained," * few
    lines.append(
        f"FLOPs: {flops[0]:.2e}, of them to do {flops[1]:.2e} ({per_token} + 2 of evaluation, without padding; "
        f"{blocks})"
    )
    return lines


def _precision_lines(todo: list[Cell]) -> list[str]:
    """Writes where another precision would be faster on this machine's processor."""
    asked = {cell.recipe.precision for cell in todo}
    has = has_bfloat16()
    if has is None:
        return []
    if "bfloat16" in asked and not has:
        return [
            "Precision: this processor has no arithmetic for bfloat16; on such, matrix products were 9 times slower "
            "than in float32 (docs/performance.md). On a GPU it is faster"
        ]
    if "float32" in asked and has:
        return [
            "Precision: this processor has arithmetic for bfloat16; with `precision: bfloat16`, another recipe, matrix "
            "products were 2.3 times as fast on such (docs/performance.md)"
        ]
    return []


def _hours_lines(todo: list[Cell], works: dict[Cell, Work], sizes: Sizes, model: CostModel) -> list[str]:
    """Writes the hours of the cells that are to be trained, for every place that cells were recorded at."""
    if not model.lines:
        return ["Hours: not known, no cell of these models is recorded; train one of each arm, then ask again"]
    lines = []
    for place in model.places():
        seconds = [expected_seconds(cell, sizes, model, place) for cell in todo if cell in works]
        known = [value for value in seconds if value is not None]
        total = sum(known) * (place.threads if place.unit == "CPU" else 1 / place.cells_per_gpu)
        parts = [line for (where, _, _), line in model.lines.items() if where == place]
        n = sum(line.n for line in parts)
        median, most = (max(line.errors[k] for line in parts) for k in (0, 1))
        text = f"{place.unit}-hours: {total / 3600:,.2f} on {place.name}, threads: {place.threads}"
        text += f", {place.cells_per_gpu} cells a GPU" if place.cells_per_gpu > 1 else ""
        if len(known) < len(seconds):
            unknown = len(seconds) - len(known)
            text += f", without {unknown:,} cells of a model or a precision that was not recorded there"
        lines.append(
            f"{text}. Calibrated on {n:,} cells; a line in tokens is off by {median:.0%} for half of them, by "
            f"{most:.0%} for one in ten"
        )
    return lines
