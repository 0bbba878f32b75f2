"""A mistake anywhere in what a user writes is named by its key, with what is accepted there."""

import copy
import re

import pytest

from seedvar.data.declaration import Declaration
from seedvar.errors import UserError
from seedvar.study.site import SiteConfig
from seedvar.study.study import Study
from seedvar.study.table_study import TableStudy
from seedvar.study.validation import validate

RUN = {"arm": "a", "seed": 0}
STUDY = {
    "model": "bert",
    "tasks": {"mine": {"source": {"train": "a.csv", "validation": "b.csv"}, "text": "body"}},
    "seeds": 3,
    "recipe": {"by_task": {"mine": {}}, "by_model": {"bert": {}}},
    "arms": {"a": {"by_model": {"bert": {}}, "by_task": {"mine": {}}}, "int": {}, "Arm": {}},
    "probes": {"surface": {"task": "mine", "first": RUN, "second": RUN}, "forgetting": {}},
}
TABLE = {
    "runs": {
        "file": "runs.csv",
        "columns": {"arm": "arm"},
        "tasks": {"rte": {"metric": "accuracy", "score": "acc", "majority": 0.5}},
        "curves": {"file": "curves.csv", "update": "step"},
    }
}
SITE = {"models": {"mine": "somewhere"}}
TASK = STUDY["tasks"]["mine"]


def refused(model, values, **changes):
    """The sentence about values in which some places, such as `arms.a.epochs`, hold something else."""
    values = copy.deepcopy(values)
    for place, value in changes.items():
        *way, last = place.split(".")
        inner = values
        for key in way:
            inner = inner[key]
        inner[last] = value
    with pytest.raises(UserError) as caught:
        validate(model, values, "mine.yaml")
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix("mine.yaml: ")


def test_what_is_in_order_passes():
    for model, values in ((Study, STUDY), (TableStudy, TABLE), (SiteConfig, SITE), (Declaration, TASK)):
        assert validate(model, values, "mine.yaml")


RECIPE = "accepted: optimizer, reinit_layers, .*, intermediate_task, .*"


OF_A_STUDY = (
    "description, model, tasks, seeds, recipe, arms, grid, baseline, smallest_difference, loss_slack, select, score, "
    "probes"
)


@pytest.mark.parametrize(
    ("model", "values", "place", "accepted"),
    [
        (Study, STUDY, "", f"accepted: {OF_A_STUDY}"),
        (Study, STUDY, "recipe", RECIPE + ", by_model, by_task"),
        (Study, STUDY, "recipe.by_task.mine", RECIPE),
        (Study, STUDY, "recipe.by_model.bert", RECIPE),
        (Study, STUDY, "arms.a", RECIPE + ", by_model, by_task, model"),
        (Study, STUDY, "arms.int", RECIPE + ", by_model, by_task, model"),
        (Study, STUDY, "arms.Arm", RECIPE + ", by_model, by_task, model"),
        (Study, STUDY, "arms.a.by_model.bert", RECIPE),
        (Study, STUDY, "arms.a.by_task.mine", RECIPE),
        (Study, STUDY, "tasks.mine", "accepted: source, text, label, labels, metric, positive, split, data, descrip"),
        (Study, STUDY, "tasks.mine.source", "accepted: train, validation, test"),
        (Study, STUDY, "probes", "accepted: forgetting, surface"),
        (Study, STUDY, "probes.forgetting", "accepted: tasks, arms, runs, text, paragraphs"),
        (Study, STUDY, "probes.surface", "accepted: task, first, second, points, low, high, examples"),
        (Study, STUDY, "probes.surface.first", "accepted: arm, seed"),
        (TableStudy, TABLE, "", "accepted: description, runs, baseline"),
        (TableStudy, TABLE, "runs", "accepted: file, columns, where, arm, .*comparable_seeds.*, curves"),
        (TableStudy, TABLE, "runs.columns", "accepted: task, arm, seed, init_seed, order_seed"),
        (TableStudy, TABLE, "runs.tasks.rte", "accepted: value, metric, better, .*, majority, failed_by, .*, curve"),
        (TableStudy, TABLE, "runs.curves", "accepted: file, update, train_loss"),
        (SiteConfig, SITE, "", "accepted: study, glue_dir, runs_dir, models, store, device, .*, from_tables"),
        (Declaration, TASK, "", "accepted: source, text, label, labels, metric, positive, split, data, description"),
        (Declaration, TASK, "source", "accepted: train, validation, test"),
    ],
)  # fmt: skip
def test_an_unknown_key_is_named_with_its_place_and_those_that_are_accepted_there(model, values, place, accepted):
    key = f"{place}.zzz".lstrip(".")
    assert re.fullmatch(re.escape(key) + ": unknown key; " + accepted + ".*", refused(model, values, **{key: 1}))


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"init": 2, "ordr": 2}, "seeds.ordr: unknown key (did you mean 'order'?); accepted: init, order"),
        ({"init": 2}, "seeds.order: is missing; accepted: seeds of data order and dropout"),
        ({"init": 0, "order": 1}, "seeds.init: 0 is not accepted; accepted: a whole number from 1"),
        ({"width": 0.1, "bach": 3}, "seeds.bach: unknown key (did you mean 'batch'?); accepted: width, statistic, bat"),
        ({"width": 0}, "seeds.width: 0 is not accepted; accepted: a number above 0"),
        (
            {"with": 0.1},
            "seeds: a mapping is not accepted; accepted: a count of at least 1, a list of numbers from 0, {init: …, ",
        ),
        ([0, -1], "seeds.1: -1 is not accepted; accepted: a whole number from 0"),
        ([], "seeds: a list is not accepted; accepted: a count of at least 1, a list"),
        (0, "seeds: 0 is not accepted; accepted: a count of at least 1, a list"),
        ("three", "seeds: 'three' is not accepted; accepted: a count of at least 1, a list"),
    ],
)
def test_of_seeds_the_kind_counts_that_the_user_means(value, sentence):
    assert refused(Study, STUDY, seeds=value).startswith(sentence)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (
            {"hub": "o/n", "confg": "x"},
            "source.confg: unknown key (did you mean 'config'?); accepted: hub, config, rev",
        ),
        (
            {"hub": "o/n", "splits": {"trian": "x"}},
            "source.splits.trian: unknown key (did you mean 'train'?); accepted",
        ),
        (
            {"trian": "a.csv"},
            "source: accepted: one of {train: …}, {hub: …}, {synthetic: …}",
        ),
        ("a.csv", "source: 'a.csv' is not accepted; accepted: one of {train: …}"),
        ({"train": "a.xlsx"}, "source.train: the ending of 'a.xlsx' is not accepted; accepted: .csv, .tsv, .jsonl"),
        ({"synthetic": "syn-x"}, "source.synthetic: 'syn-x' is not accepted; accepted: syn-rte, "),
    ],
)
def test_of_sources_too(value, sentence):
    assert refused(Declaration, TASK, source=value).startswith(sentence)
    assert refused(Study, STUDY, **{"tasks.mine.source": value}).startswith(f"tasks.mine.{sentence}")


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        ("tasks", "rte", "tasks: 'rte' is not accepted; accepted: a list of names, or names with declarations"),
        ("tasks", {}, "tasks: a mapping is not accepted; accepted: a list of names, or names with declarations"),
        ("tasks", ["rte", 1], 'tasks.1: 1 is not accepted; accepted: text, such as "1" in quotation marks'),
        ("tasks.mine", "rte", "tasks.mine: 'rte' is not accepted; accepted: a mapping of keys to values"),
        ("tasks.mine", {"text": "body"}, "tasks.mine.source: is missing; accepted: {train: …, validation: …, test: …}"),
        ("tasks.mine.split", {"tst": 0.1}, "tasks.mine.split.tst: unknown key (did you mean 'test'?); accepted: valid"),
        (
            "tasks.mine.split",
            {"test": 2},
            "tasks.mine.split.test: 2 is not accepted; accepted: a number above 0, below 1",
        ),
        ("arms.a", None, "arms.a: nothing is not accepted; accepted: a mapping of keys to values"),
        ("arms", ["a"], "arms: a list is not accepted; accepted: a mapping of keys to values"),
        ("arms.a.model", "", "arms.a.model: holds nothing; accepted: text"),
        ("recipe.steps", 0, "recipe.steps: 0 is not accepted; accepted: a whole number from 1 to 100,000,000, or full"),
        (
            "recipe.steps",
            "ful",
            "recipe.steps: 'ful' is not accepted; accepted: a whole number from 1 to 100,000,000, or full",
        ),
        (
            "grid",
            {"steps": ["ful"]},
            "grid.steps.0: 'ful' is not accepted; accepted: a whole number from 1 to 100,000,000, or",
        ),
        ("grid", {"epoch": [1]}, "grid.epoch: unknown key (did you mean 'epochs'?); accepted: model, optimizer, "),
        ("grid", {"epochs": 3}, "grid.epochs: 3 is not accepted; accepted: a list of whole number"),
        ("grid", {"epochs": []}, "grid.epochs: holds nothing; accepted: a list of"),
        ("grid", {"model": ["bert", ""]}, "grid.model.1: holds nothing; accepted: text"),
        ("probes.surface.first", {"arm": "a"}, "probes.surface.first.seed: is missing; accepted: its seed; [init"),
        (
            "probes.surface.first",
            {"arm": "a", "seed": "x"},
            "probes.surface.first.seed: 'x' is not accepted; accepted: a whole number from 0, below 2,147,483,648",
        ),
        (
            "probes.surface.first",
            {"arm": "a", "seed": [1, 2, 3]},
            "probes.surface.first.seed: a list is not accepted; accepted: a whole number from 0",
        ),
        (
            "probes.surface.first",
            "a",
            "probes.surface.first: 'a' is not accepted; accepted: a mapping of keys to values",
        ),
    ],
)
def test_a_value_that_is_not_accepted_is_named_with_its_place(place, value, sentence):
    assert refused(Study, STUDY, **{place: value}).startswith(sentence)


def test_a_misspelt_key_explains_a_missing_one():
    assert refused(Declaration, {"source": TASK["source"], "txt": "body"}).startswith("txt: unknown key (did you mean")
