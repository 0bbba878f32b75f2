"""Arms: their models, what differs for single models and tasks, grids over models; what is more special wins."""

import pytest

from seedvar.errors import UserError
from seedvar.study.checks import check_study
from seedvar.study.grid import expand, surface_runs
from seedvar.study.study import Study
from seedvar.study.validation import validate


def study(**values):
    made = validate(Study, {"tasks": ["rte"], "seeds": 1} | values, "mine.yaml")
    check_study(made, "mine.yaml")
    return made


def slugs(made, task="rte"):
    return {arm: f"{trained.model_name}: {trained.recipe.slug()}" for arm, trained in made.arms_on(task).items()}


def test_an_arm_trains_its_own_model_and_the_others_the_study_s():
    made = study(model="bert", arms={"small": {}, "large": {"model": "./models/bert-large"}}, baseline="small")
    assert slugs(made) == {"small": "bert: adamw", "large": "bert-large: adamw"}
    assert made.models() == ["bert", "./models/bert-large"]
    assert [cell.folder() for _, cell in expand(made)] == [
        "cells/glue/bert/rte/adamw/seed-0",
        "cells/glue/bert-large/rte/adamw/seed-0",
    ]


def test_a_study_needs_no_model_where_every_arm_names_one():
    made = study(arms={"a": {"model": "bert"}, "b": {"model": "roberta"}}, baseline="a")
    assert slugs(made) == {"a": "bert: adamw", "b": "roberta: adamw"}
    with pytest.raises(UserError, match="mine.yaml: model: is missing, and arm 'b' names none; accepted: a model"):
        study(arms={"a": {"model": "bert"}, "b": {"epochs": 4}}, baseline="a")


def test_one_recipe_for_two_models_is_two_arms_and_for_one_model_none():
    arms = {"a": {"model": "bert"}, "b": {"model": "roberta"}, "c": {"model": "bert"}}
    with pytest.raises(UserError, match="arms: 'c' is the same recipe as 'a'"):
        study(arms=arms, baseline="a")


def test_what_is_more_special_wins():
    """The common recipe, its by_model, its by_task, the arm, the arm's by_model, the arm's by_task."""
    made = study(
        tasks=["rte", "cola"],
        model="bert",
        recipe={
            "epochs": 4, "batch_size": 4, "max_length": 4, "evaluations": 4, "steps": 4, "n_train": 4,
            "by_model": {"bert": dict.fromkeys(["batch_size", "max_length", "evaluations", "steps", "n_train"], 5)},
            "by_task": {"rte": dict.fromkeys(["max_length", "evaluations", "steps", "n_train"], 6)},
        },
        arms={
            "a": {
                "evaluations": 7, "steps": 7, "n_train": 7,
                "by_model": {"bert": {"steps": 8, "n_train": 8}},
                "by_task": {"rte": {"n_train": 9}},
            },
            "b": {"model": "roberta"},
        },
        baseline="a",
    )  # fmt: skip
    assert slugs(made)["a"] == "bert: adamw+epochs4+batch5+len6+evals7+n9+steps8"
    assert slugs(made)["b"] == "roberta: adamw+epochs4+batch4+len6+evals6+n6+steps6"
    assert slugs(made, "cola")["b"] == "roberta: adamw+epochs4+batch4+len4+evals4+n4+steps4"


def test_by_model_names_models_as_the_study_writes_them():
    arms = {"a": {}, "b": {"model": "./models/large"}}
    made = study(model="bert", arms=arms, recipe={"by_model": {"./models/large": {"epochs": 5}}}, baseline="a")
    assert slugs(made) == {"a": "bert: adamw", "b": "large: adamw+epochs5"}
    for where in ("recipe", "arms.a"):
        other = {"by_model": {"large": {"epochs": 5}}}
        values = {"recipe": other} if where == "recipe" else {"arms": arms | {"a": other}}
        with pytest.raises(UserError, match=f"{where}.by_model: unknown model 'large'; accepted: bert, ./models/large"):
            study(**({"model": "bert", "arms": arms, "baseline": "a"} | values))


def test_a_grid_goes_over_models_too_and_names_them_in_its_arms():
    made = study(
        grid={"model": ["bert", "./models/large"], "epochs": [3, 5]},
        recipe={"by_model": {"bert": {"learning_rate": 1e-4}}},
        baseline="bert+adamw",
    )
    assert slugs(made) == {
        "bert+adamw": "bert: adamw+lr1e-4",
        "bert+adamw+epochs5": "bert: adamw+lr1e-4+epochs5",
        "large+adamw": "large: adamw",
        "large+adamw+epochs5": "large: adamw+epochs5",
    }
    assert list(slugs(study(grid={"model": ["bert", "roberta"]}, baseline="bert"))) == ["bert", "roberta"]


@pytest.mark.parametrize(
    "arms",
    [
        {"arms": {"a": {"model": "./here/bert"}, "b": {"model": "./there/bert"}}, "baseline": "a"},
        {"grid": {"model": ["./here/bert", "./there/bert"]}, "baseline": "bert"},
    ],
)
def test_two_models_that_would_have_one_name_are_refused(arms):
    sentence = "model: '(./there/bert)' and './here/bert' would both be called bert; accepted: short names for them"
    with pytest.raises(UserError, match=sentence):
        study(**arms)


def test_a_surface_is_between_two_runs_of_one_model():
    runs = {"first": {"arm": "a", "seed": 0}, "second": {"arm": "b", "seed": 0}}
    values = {"model": "bert", "baseline": "a", "probes": {"surface": {"task": "rte", **runs}}}
    made = study(**values, arms={"a": {}, "b": {"epochs": 5}})
    assert [cell.model for cell in surface_runs(made)] == ["bert", "bert"]
    with pytest.raises(UserError, match="probes.surface: the runs train bert and roberta; accepted: two runs of one"):
        study(**values, arms={"a": {}, "b": {"model": "roberta"}})
