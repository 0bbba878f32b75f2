"""Expands a study into cells, and says which of them its probes measure."""

from __future__ import annotations

from seedvar.cells import places
from seedvar.cells.cell import Cell
from seedvar.study.study import Study, Trained


def expand(study: Study) -> list[tuple[str, Cell]]:
    """Returns (arm, cell) for every cell of a study: tasks × arms × seeds, in the file's order."""
    return [
        (arm, cell_of(study, task, trained, seeds))
        for task in study.tasks
        for arm, trained in study.arms_on(task).items()
        for seeds in study.seed_pairs()
    ]


def cell_of(study: Study, task: str, trained: Trained, seeds: tuple[int, int]) -> Cell:
    """Returns the cell of an arm on a task with (init seed, order seed)."""
    first = trained.recipe.intermediate_task
    return Cell(
        _collection(study, task),
        trained.model_name,
        task,
        trained.recipe,
        *seeds,
        intermediate_data=_collection(study, first) if first else None,
    )


def _collection(study: Study, task: str) -> str:
    """Returns what the collection of a task's data is called in paths: the task's own name unless it says another."""
    return study.declaration(task).data or task


def forgetting_runs(study: Study) -> list[tuple[str, Cell]]:
    """Returns (arm, cell) of the runs that the study's forgetting probe measures."""
    probe = study.probes.forgetting
    if probe is None:
        return []
    seeds = study.seed_pairs()[: probe.runs]
    return [
        (arm, cell)
        for arm, cell in expand(study)
        if cell.task in (probe.tasks or study.tasks)
        and arm in (probe.arms or [arm])
        and (cell.init_seed, cell.order_seed) in seeds
    ]


def surface_runs(study: Study, chosen: dict[str, list[int]] | None = None) -> tuple[Cell, ...]:
    """Returns the two cells of the study's surface probe, or none.

    Args:
        study: The study.
        chosen: Initialisation and order seed of `first` and `second`, where one is known late; until then the arm's
            first run stands in.
    """
    probe = study.probes.surface
    if probe is None:
        return ()
    arms, cells = study.arms_on(probe.task), []
    for name, run in (("first", probe.first), ("second", probe.second)):
        pair = (chosen[name] if chosen else study.seed_pairs()[0]) if run.is_late else run.seed_pair
        cells.append(cell_of(study, probe.task, arms[run.arm], tuple(pair)))
    return tuple(cells)


def forgetting_file(arm: str, cell: Cell) -> str:
    """Returns where the forgetting probe of a run is, below the study's folder."""
    return places.FORGETTING.format(task=cell.task, arm=arm, seed=cell.seed_name)


def surface_file(row: int) -> str:
    """Returns where a row of the surface probe is, below the study's folder."""
    return places.SURFACE.format(row=row)
