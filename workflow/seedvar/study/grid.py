"""Expands a study into cells, and says what each is called and where its files are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedvar.cells.cell import Cell
from seedvar.cells.places import model_folder as model_folder  # for who asks about cells

if TYPE_CHECKING:  # a job that is served from the store needs no study, and waits for no library that studies need
    from seedvar.study.study import Study


def expand(study: Study, model_name: str) -> list[tuple[str, Cell]]:
    """Returns (arm, cell) for every cell of a study: tasks × arms × seeds, in the file's order."""
    return [
        (arm, Cell(study.data, model_name, task, recipe, init_seed, order_seed))
        for task in study.tasks
        for arm, recipe in study.named_recipes(task).items()
        for init_seed, order_seed in study.seed_pairs()
    ]


def forgetting_runs(study: Study, model_name: str) -> list[tuple[str, Cell]]:
    """Returns (arm, cell) of the runs that the study's forgetting probe measures."""
    probe = study.probes.forgetting
    if probe is None:
        return []
    seeds = study.seed_pairs()[: probe.runs]
    return [
        (arm, cell)
        for arm, cell in expand(study, model_name)
        if cell.task in (probe.tasks or study.tasks)
        and arm in (probe.arms or [arm])
        and (cell.init_seed, cell.order_seed) in seeds
    ]


def surface_runs(study: Study, model_name: str) -> tuple[Cell, ...]:
    """Returns the two cells of the study's surface probe, or none."""
    probe = study.probes.surface
    if probe is None:
        return ()
    recipes = study.named_recipes(probe.task)
    return tuple(
        Cell(study.data, model_name, probe.task, recipes[run.arm], *run.seed_pair)
        for run in (probe.first, probe.second)
    )


def forgetting_file(arm: str, cell: Cell) -> str:
    """Returns where the forgetting probe of a run is, below the study's folder."""
    return f"probes/forgetting/{cell.task}/{arm}/seed-{cell.seed_name}.csv"


def surface_file(row: int) -> str:
    """Returns where a row of the surface probe is, below the study's folder."""
    return f"probes/surface/{row}.csv"
