"""Cells: their names, their folders, their identity."""

from seedvar.cells.cell import Cell
from seedvar.cells.recipe import Recipe
from seedvar.study.grid import expand, forgetting_runs, surface_runs
from seedvar.study.probes import Forgetting, Probes, RunOf, Surface
from seedvar.study.study import Arm, Study

STUDY = Study(model="bert", tasks=["rte", "cola"], seeds=2, arms={"a": {}, "b": {"reinit_layers": 1}})


def test_a_study_is_tasks_times_arms_times_seeds():
    cells = expand(STUDY)
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


def test_an_intermediate_cell_has_the_recipe_of_the_arm_without_what_is_about_the_task_itself():
    recipe = Recipe(intermediate_task="mnli", learning_rate=1e-4, reinit_layers=2, n_train=100, mixout=0.1)
    first = Cell("glue", "bert", "rte", recipe, 3, 7).intermediate()
    assert first == Cell("glue", "bert", "mnli", Recipe(learning_rate=1e-4), 0, 0)
    assert first.intermediate() is None
    assert Cell("glue", "bert", "rte", recipe, 4, 8).intermediate() == first


def test_by_task_the_more_special_recipe_wins():
    study = Study(
        model="bert",
        tasks=["rte", "cola"],
        seeds=1,
        recipe={"epochs": 4, "by_task": {"cola": {"epochs": 5, "batch_size": 8}}},
        arms={"a": {"by_task": {"cola": {"epochs": 6}}}, "b": {"epochs": 7}},
    )
    assert [cell.recipe.slug() for _, cell in expand(study)] == [
        "adamw+epochs4",
        "adamw+epochs7",
        "adamw+epochs6+batch8",
        "adamw+epochs7+batch8",
    ]


def test_probes_name_runs_of_the_study():
    study = STUDY.model_copy(
        update={
            "probes": Probes(
                forgetting=Forgetting(tasks=["cola"], arms=["b"], runs=1),
                surface=Surface(task="rte", first=RunOf(arm="a", seed=0), second=RunOf(arm="b", seed=1)),
            )
        }
    )
    assert [(arm, cell.folder()) for arm, cell in forgetting_runs(study)] == [
        ("b", "cells/glue/bert/cola/adamw+reinit1/seed-0")
    ]
    assert [cell.folder() for cell in surface_runs(study)] == [
        "cells/glue/bert/rte/adamw/seed-0",
        "cells/glue/bert/rte/adamw+reinit1/seed-1",
    ]
    assert forgetting_runs(STUDY) == []
    assert surface_runs(STUDY) == ()


def test_a_copy_of_a_study_has_the_arms_that_it_says():
    assert STUDY.arm_names() == ["a", "b"]
    other = STUDY.model_copy(update={"arms": {"c": Arm(epochs=5)}})
    assert [cell.recipe.slug() for _, cell in expand(other)] == ["adamw+epochs5"] * 4
