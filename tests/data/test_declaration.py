"""What may be declared about a task, and the sentences for what may not."""

import pytest
from pydantic import ValidationError

from seedvar.data.declaration import Declaration, is_name
from seedvar.data.known import package_declaration, package_tasks
from seedvar.data.resolve import resolve
from seedvar.data.sources import at_hand, content, located, source_files
from seedvar.data.task import Shares, Task
from seedvar.errors import UserError

FILES = {"train": "a.csv", "validation": "b.csv"}


def declare(**changes):
    return Declaration.model_validate({"source": FILES, "text": "review", **changes})


@pytest.mark.parametrize(
    ("changes", "place", "sentence"),
    [
        ({"source": {"train": "a.xlsx"}}, "source.train", "'a.xlsx' is not accepted; accepted: .csv, .tsv, .jsonl"),
        ({"source": {"train": []}}, "source.train", "accepted: a file, or a list of files"),
        ({"source": {"train": ["a.csv", "a.csv"]}}, "source.train", "a file is there twice"),
        ({"source": {"train": 5}}, "source.train", "accepted: a file"),
        ({"source": {"train": "a.csv", "tset": "b.csv"}}, "source.tset", "Extra inputs are not permitted"),
        ({"source": {"file": "a.csv"}}, "source", "accepted: one of {train: …}, {hub: …}, {synthetic: …}"),
        ({"source": {"train": "a.csv", "hub": "o/n"}}, "source", "accepted: one of {train: …}"),
        ({"source": "a.csv"}, "source", "accepted: one of {train: …}"),
        ({"source": {"hub": "o/n/m"}}, "source.hub", "accepted: the id of a data set on the hub, owner/name"),
        ({"source": {"hub": "../n"}}, "source.hub", "accepted: the id"),
        ({"source": {"hub": "o/n", "splits": {"dev": "x"}}}, "source.splits.dev", "Extra inputs"),
        ({"source": {"synthetic": "syn-x"}}, "source.synthetic", "accepted: syn-rte, syn-mrpc, syn-cola, syn-stsb"),
        ({"text": ["a", "b", "c"]}, "text", "accepted: the name of the text column, or a list of two"),
        ({"text": ["a", "a"]}, "text", "accepted: the name of the text column, or a list of two"),
        ({"text": 5}, "text", "accepted: the name of the text column"),
        ({"label": "review"}, "label", "is a text column too"),
        ({"labels": ["a"]}, "labels", "accepted: a list of at least 2 classes, or number"),
        ({"labels": "numbers"}, "labels", "accepted: a list of at least 2 classes, or number"),
        ({"labels": [1, "1.0"]}, "labels", "the class '1' is there twice"),
        ({"labels": ["a", None]}, "labels", "a class is nothing; accepted: text, numbers"),
        ({"labels": list(range(1001))}, "labels", "1,001 classes look like numbers"),
        ({"metric": "bleu"}, "metric", "accepted: accuracy, f1, macro_f1, matthews, spearman, pearson, mse"),
        ({"metric": "spearman"}, "metric", "the labels are classes, unless labels is number; accepted: accuracy, f1"),
        ({"labels": "number", "metric": "f1"}, "metric", "the labels are numbers; accepted: spearman, pearson, mse"),
        ({"metric": "f1", "labels": ["a", "b", "c"], "positive": "d"}, "positive", "accepted: a, b, c"),
        ({"positive": "a"}, "positive", "is for the score of one class; accepted: leave it out, or metric: f1"),
        ({"split": "half"}, "split", "accepted: halves, held_out, or shares such as {validation: 0.1, test: 0.1}"),
        ({"split": {}}, "split", "accepted: halves, held_out, or shares"),
        ({"split": {"validation": 0.1}}, "split", "validation: the source has a validation split"),
        ({"source": {"train": "a.csv"}, "split": {"test": 1.5}}, "split.test", "less than 1"),
        ({"source": {"train": "a.csv"}, "split": {"test": True}}, "split.test", "valid number"),
        ({"source": {"train": "a.csv"}, "split": {"validation": 0.5, "test": 0.5}}, "split", "leave nothing to train"),
        ({"source": {"train": "a.csv"}}, "split", "the source has no validation split; accepted: split: {validation"),
        ({"source": {"train": "a.csv"}, "split": {"test": 0.1}}, "split", "the source has no validation split"),
        ({"source": {"train": "a.csv"}, "split": "halves"}, "split", "needs a validation split"),
        (
            {"source": {**FILES, "test": "c.csv"}, "split": "halves"},
            "split",
            "makes a test set, and the source has one",
        ),
        ({"data": "../x"}, "data", "accepted: letters, digits"),
        ({"labls": [1, 2]}, "labls", "Extra inputs are not permitted"),
    ],
)
def test_a_mistake_is_one_sentence_at_its_key(changes, place, sentence):
    with pytest.raises(ValidationError) as caught:
        declare(**changes)
    problems = caught.value.errors()
    assert len(problems) == 1
    assert ".".join(map(str, problems[0]["loc"])) == place
    assert sentence in problems[0]["msg"]
    assert "\n" not in problems[0]["msg"]


@pytest.mark.parametrize("name", ["reviews", "sst-2", "a.b_c+d", "7"])
def test_names_stand_in_paths(name):
    assert is_name(name)
    assert declare(data=name).data == name


@pytest.mark.parametrize("name", ["", "..", ".a", "-a", "a/b", "a b", "ä", "a\n", "x" * 101])
def test_what_could_leave_its_folder_is_no_name(name):
    assert not is_name(name)


def test_defaults_are_those_of_the_design():
    task = resolve(declare(), "reviews", ["5", "1", "10", "5"])
    assert task == Task("reviews", "reviews", ("review",), ("1", "5", "10"), "accuracy")
    assert resolve(declare(labels="number"), "r") == Task("r", "r", ("review",), (), "spearman")
    assert resolve(declare(), "r", ["b", "a", "10"]).classes == ("10", "a", "b")


def test_the_positive_class_is_the_second_of_two_or_named():
    assert resolve(declare(metric="f1"), "r", ["ham", "spam"]).positive == 1
    assert resolve(declare(metric="f1", positive="ham"), "r", ["ham", "spam"]).positive == 0
    assert resolve(declare(metric="f1", positive=3, labels=[1, 2, 3.0]), "r").positive == 2
    with pytest.raises(
        ValueError, match="positive: is missing, and f1 is the score of one class; accepted: a, b, c, or"
    ):
        resolve(declare(metric="f1"), "r", ["a", "b", "c"])
    with pytest.raises(ValueError, match="positive: 'x' is not accepted; accepted: a, b"):
        resolve(declare(metric="f1", positive="x"), "r", ["a", "b"])


@pytest.mark.parametrize(
    "task",
    [
        Task("rte", "glue", ("sentence1", "sentence2"), ("0", "1"), "accuracy", split="halves"),
        Task("r", "r", ("t",), (), "mse", label="score"),
        Task("r", "r", ("t",), ("a", "b", "c"), "f1", positive=2, split=Shares(0.1, 0.2, 3)),
        Task("r", "r", ("t",), ("a", "b"), "f1", positive=0, split=Shares(validation=0.1)),
    ],
)
def test_a_task_comes_back_from_its_json(task):
    import json

    assert Task.from_dict(json.loads(json.dumps(task.as_dict()))) == task


def test_a_task_says_only_what_is_not_the_default_so_that_a_new_field_changes_no_cell():
    assert resolve(package_declaration("rte"), "rte").as_dict() == {
        "name": "rte",
        "data": "glue",
        "columns": ["sentence1", "sentence2"],
        "classes": ["0", "1"],
        "metric": "accuracy",
        "split": "halves",
    }
    assert Task("r", "r", ("t",), ("a", "b"), "f1", split=Shares(test=0.1)).as_dict()["split"] == {"test": 0.1}


def test_the_packages_tasks_are_declared_as_a_users_are():
    assert package_tasks() == (
        *("cola", "mnli", "mrpc", "qnli", "qqp", "rte", "sst2", "stsb"),
        *("syn-cola", "syn-mrpc", "syn-rte", "syn-stsb"),
    )
    tasks = {name: resolve(package_declaration(name), name) for name in package_tasks()}
    assert {name for name, task in tasks.items() if task.split == "held_out"} == {"mnli", "qnli", "qqp", "sst2"}
    assert {name for name, task in tasks.items() if task.is_regression} == {"stsb", "syn-stsb"}
    assert tasks["mnli"].n_classes == 3
    assert {task.data for task in tasks.values()} == {"glue", "synthetic"}
    with pytest.raises(UserError, match="there is no task 'rta'; accepted: cola, mnli"):
        package_declaration("rta")


def test_a_sites_copy_takes_the_place_of_glue_and_of_nothing_else():
    at_site = located(package_declaration("mnli"), "/data/glue")
    assert at_site == {
        "kind": "hub",
        "hub": "nyu-mll/glue",
        "config": "mnli",
        "revision": None,
        "splits": {"train": "train", "validation": "validation_matched"},
        "folder": "/data/glue",
    }
    assert "folder" not in located(package_declaration("mnli"))
    assert "folder" not in located(declare(source={"hub": "other/glue"}), "/data/glue")
    assert located(declare(), "/data/glue") == {"kind": "files", "train": ["a.csv"], "validation": ["b.csv"]}
    assert located(package_declaration("syn-rte")) == {"kind": "synthetic", "synthetic": "syn-rte"}
    assert at_hand(at_site)


def test_the_hubs_validation_split_is_not_looked_for_where_shares_make_one():
    hub = {"hub": "own/stars", "splits": {"test": "eval"}}
    assert located(declare(source=hub))["splits"] == {"train": "train", "validation": "validation", "test": "eval"}
    shares = declare(source=hub, split={"validation": 0.1})
    assert located(shares)["splits"] == {"train": "train", "test": "eval"}
    with pytest.raises(ValidationError, match="validation: the source has a validation split"):
        declare(source={"hub": "own/stars", "splits": {"validation": "dev"}}, split={"validation": 0.1})


def test_content_is_known_by_the_files_and_not_by_their_place(tmp_path):
    def made(folder, text):
        folder.mkdir()
        for name in ("a.csv", "b.csv"):
            (folder / name).write_text(f"review,label\n{text},1\n")
        paths = {"train": str(folder / "a.csv"), "validation": str(folder / "b.csv")}
        return located(declare(source=paths))

    first, moved, edited = (made(tmp_path / name, text) for name, text in (("x", "a"), ("[y]*", "a"), ("z", "b")))
    assert content(first) == content(moved) != content(edited)
    assert [path.name for path in source_files(moved)] == ["a.csv", "b.csv"]
    with pytest.raises(UserError, match=r"nothing.csv: there is no such file; accepted: a file that ends in \.csv"):
        content({"kind": "files", "train": ["nothing.csv"]})


def test_content_of_the_hub_is_its_id_configuration_and_revision():
    source = located(declare(source={"hub": "own/stars", "config": "small", "revision": "v1"}))
    assert content(source) == "hub: own/stars, small, v1"
    assert (source_files(source), at_hand(source)) == ([], False)
    assert content(located(package_declaration("syn-rte"))) == "made by the package: syn-rte"
