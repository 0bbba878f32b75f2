"""The splits are those of the two papers, and never depend on a run's seed."""

import numpy as np
import pytest

from seedvar.data.known import package_declaration, package_tasks
from seedvar.data.resolve import resolve
from seedvar.data.splits import split
from seedvar.data.task import Shares, Task
from seedvar.errors import UserError

TASKS = {name: resolve(package_declaration(name), name) for name in package_tasks()}


def labels(train, validation):
    return {"train": np.array(train, np.float32), "validation": np.array(validation, np.float32)}


def test_halves_splits_every_label_in_two():
    parts = split(TASKS["rte"], labels([0, 1] * 10, [0] * 7 + [1] * 4), "halves")
    validation, test = parts["validation"].rows, parts["test"].rows
    assert sorted([*validation, *test]) == list(range(11))
    assert ((validation < 7).sum(), (validation >= 7).sum()) == (3, 2)
    assert ((test < 7).sum(), (test >= 7).sum()) == (4, 2)
    assert list(parts["train"].rows) == list(range(20))


def test_halves_of_real_rte_are_those_of_the_official_code(glue_dir):
    import pandas as pd

    frames = {s: pd.read_parquet(glue_dir / "rte" / f"{s}-00000-of-00001.parquet") for s in ("train", "validation")}
    by_split = {name: frame["label"].to_numpy(np.float32) for name, frame in frames.items()}
    parts = split(TASKS["rte"], by_split, "halves")
    dev = by_split["validation"]
    counted = [(len(part.rows), int((dev[part.rows] == 0).sum())) for part in (parts["validation"], parts["test"])]
    assert counted == [(138, 73), (139, 73)]  # (examples, of these entailment)


@pytest.mark.parametrize(("task", "sizes"), [("mrpc", (203, 205)), ("cola", (521, 522)), ("stsb", (722, 778))])
def test_halves_of_the_other_small_tasks_have_the_official_sizes(glue_dir, task, sizes):
    import pandas as pd

    frames = {s: pd.read_parquet(glue_dir / task / f"{s}-00000-of-00001.parquet") for s in ("train", "validation")}
    parts = split(TASKS[task], {n: f["label"].to_numpy(np.float32) for n, f in frames.items()}, "halves")
    assert (len(parts["validation"].rows), len(parts["test"].rows)) == sizes


def test_dev_takes_the_development_set_as_it_is():
    parts = split(TASKS["rte"], labels([0, 1] * 10, [0, 1, 1]), "dev")
    assert list(parts["validation"].rows) == [0, 1, 2]
    assert parts["validation"].source == "validation"
    assert "test" not in parts


def test_few_sample_training_sets_are_balanced_and_fixed():
    data = labels([0] * 900 + [1] * 300, [0, 1] * 5)
    rows = split(TASKS["rte"], data, "halves", n_train=200)["train"].rows
    assert (data["train"][rows] == 1).sum() == 100
    assert len(set(rows)) == 200
    assert np.array_equal(rows, split(TASKS["rte"], data, "halves", n_train=200)["train"].rows)


def test_a_large_task_takes_validation_off_its_training_set():
    data = labels([0, 1, 2] * 1000, [0, 1, 2] * 3)
    parts = split(TASKS["mnli"], data, "halves", n_train=1000)
    assert len(parts["train"].rows) == len(parts["validation"].rows) == 999
    assert not set(parts["train"].rows) & set(parts["validation"].rows)
    assert (parts["validation"].source, parts["test"].source) == ("train", "validation")
    whole = split(TASKS["mnli"], data, "halves")
    assert len(whole["train"].rows) == 3000 - 999


def test_too_large_a_few_sample_set_is_refused():
    with pytest.raises(UserError, match="n_train: 30 of rte is not accepted; accepted: 2 to 20"):
        split(TASKS["rte"], labels([0, 1] * 10, [0, 1] * 5), "halves", n_train=30)


def own(split=None, classes=("a", "b")):
    return Task("mine", "mine", ("t",), classes, "accuracy" if classes else "mse", split=split)


def test_splits_that_the_source_has_are_taken_as_they_are():
    data = labels([0, 1] * 5, [0, 1]) | {"test": np.array([1.0, 0.0, 1.0], np.float32)}
    parts = split(own(), data, "halves")
    assert {name: (part.source, len(part.rows)) for name, part in parts.items()} == {
        "train": ("train", 10),
        "validation": ("validation", 2),
        "test": ("test", 3),
    }
    assert list(split(own(), data, "dev")) == ["train", "validation"]
    del data["test"]
    assert list(split(own(), data, "halves")) == ["train", "validation"]


def test_shares_are_taken_class_by_class_and_depend_on_their_own_seed_alone():
    data = {"train": np.array([0] * 80 + [1] * 20, np.float32)}
    parts = split(own(Shares(0.1, 0.2)), data, "halves")
    rows = {name: part.rows for name, part in parts.items()}
    assert {name: [(data["train"][r] == c).sum() for c in (0, 1)] for name, r in rows.items()} == {
        "train": [56, 14],
        "validation": [8, 2],
        "test": [16, 4],
    }
    assert sorted(np.concatenate(list(rows.values()))) == list(range(100))
    again = split(own(Shares(0.1, 0.2)), data, "halves", n_train=20)
    assert np.array_equal(again["test"].rows, rows["test"])
    assert set(again["train"].rows) <= set(rows["train"])
    assert not np.array_equal(split(own(Shares(0.1, 0.2, seed=1)), data, "halves")["test"].rows, rows["test"])


def test_shares_make_only_what_the_source_does_not_have():
    data = labels([0, 1] * 20, [0, 1, 1])
    parts = split(own(Shares(test=0.25)), data, "halves")
    assert (parts["validation"].source, len(parts["validation"].rows)) == ("validation", 3)
    assert (parts["test"].source, len(parts["test"].rows)) == ("train", 10)
    assert len(split(own(Shares(test=0.25)), data, "dev")["train"].rows) == 40
    only = {"train": data["train"]}
    dev = split(own(Shares(0.1, 0.25)), only, "dev")
    assert np.array_equal(dev["validation"].rows, split(own(Shares(0.1, 0.25)), only, "halves")["validation"].rows)
    assert (list(dev), len(dev["train"].rows)) == (["train", "validation"], 36)


def test_a_class_with_few_examples_keeps_one_for_training():
    data = {"train": np.array([0] * 10 + [1], np.float32)}
    parts = split(own(Shares(0.6, 0.3)), data, "halves")
    assert 10 in parts["train"].rows
    assert (data["train"][parts["train"].rows] == 0).any()


def test_shares_of_numbers_have_no_classes_to_go_by():
    parts = split(own(Shares(0.1, 0.1), ()), {"train": np.linspace(0, 1, 50, dtype=np.float32)}, "halves")
    assert [len(parts[name].rows) for name in ("train", "validation", "test")] == [40, 5, 5]


def test_a_few_sample_set_may_be_taken_as_it_comes():
    data = labels([0] * 900 + [1] * 100, [0, 1] * 5)
    rows = split(TASKS["rte"], data, "halves", n_train=201, balanced=False)["train"].rows
    assert np.array_equal(rows, np.sort(np.random.RandomState(0).permutation(1000)[:201]))
    large = split(TASKS["sst2"], labels([0, 1] * 1000, [0, 1]), "halves", n_train=300, balanced=False)
    assert len(large["train"].rows) == 300
    assert not set(large["train"].rows) & set(large["validation"].rows)
    with pytest.raises(UserError, match="n_train: 1001 of rte is not accepted; accepted: 1 to 1000"):
        split(TASKS["rte"], data, "halves", n_train=1001, balanced=False)


def test_seeds_choose_other_few_examples_and_other_halves():
    data = labels([0, 1] * 100, [0, 1] * 50)
    usual = split(TASKS["rte"], data, "halves", n_train=20)
    other = split(TASKS["rte"], data, "halves", n_train=20, sample_seed=3)
    assert not np.array_equal(usual["train"].rows, other["train"].rows)
    assert np.array_equal(usual["test"].rows, other["test"].rows)
    assert np.array_equal(usual["train"].rows, split(TASKS["rte"], data, "halves", 20, sample_seed=0)["train"].rows)
    other = split(TASKS["rte"], data, "halves", n_train=20, split_seed=3)
    assert np.array_equal(usual["train"].rows, other["train"].rows)
    assert not np.array_equal(usual["test"].rows, other["test"].rows)
    assert sorted([*other["validation"].rows, *other["test"].rows]) == list(range(100))
    assert np.array_equal(usual["test"].rows, split(TASKS["rte"], data, "halves", split_seed=1)["test"].rows)


def test_a_seed_draws_other_shares_and_other_held_out_examples():
    few, many = (
        labels([0, 1] * 100, []),
        {"train": np.array([0, 1, 2] * 1000, np.float32), "validation": np.arange(3) * 1.0},
    )
    del few["validation"]
    declared = [split(own(Shares(0.1, 0.2)), few, "halves", split_seed=seed)["test"].rows for seed in (None, 0, 9)]
    assert np.array_equal(declared[0], declared[1])  # the seed that shares have by themselves
    assert not np.array_equal(declared[0], declared[2])
    held_out = [split(TASKS["mnli"], many, "halves", split_seed=seed)["validation"].rows for seed in (None, 0, 9)]
    assert np.array_equal(held_out[0], held_out[1])
    assert not np.array_equal(held_out[0], held_out[2])
