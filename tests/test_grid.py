"""Cells: their names, their folders, their identity."""

from seedvar.grid import Cell, expand
from seedvar.study import Recipe, Study

STUDY = Study(
    data="glue", model="bert", tasks=["rte", "cola"], seeds=2, arms={"a": Recipe(), "b": Recipe(reinit_layers=1)}
)


def test_a_study_is_tasks_times_arms_times_seeds():
    cells = expand(STUDY, "bert")
    assert len(cells) == 8
    assert cells[0][1].folder() == "cells/glue/bert/rte/adamw/seed-0"
    assert cells[-1][1].folder() == "cells/glue/bert/cola/adamw+reinit1/seed-1"
    assert len({cell.folder() for _, cell in cells}) == 8


def test_crossed_seeds_name_both_and_agree_with_a_plain_seed_on_the_diagonal():
    names = [Cell("glue", "bert", "rte", Recipe(), init, order).seed_name for init, order in [(3, 7), (3, 3)]]
    assert names == ["i3-o7", "3"]


def test_a_specification_holds_plain_values_and_can_be_read_back():
    cell = Cell("glue", "bert", "rte", Recipe(learning_rate=1e-4), 1, 2)
    specification = cell.specification()
    assert specification["recipe"] == {"learning_rate": 1e-4}
    assert eval(repr(specification)) == specification  # noqa: S307, Snakemake compares reprs
    assert Cell.from_specification(specification) == cell


def test_a_field_given_its_default_makes_no_other_cell():
    first = Cell("glue", "bert", "rte", Recipe(), 0, 0)
    second = Cell("glue", "bert", "rte", Recipe(learning_rate=2e-5, optimizer="adamw"), 0, 0)
    assert first.specification() == second.specification()
    assert first.folder() == second.folder()
