"""Tasks: the package's, a study file's own, and those of config/tasks; one sentence for every mistake."""

from pathlib import Path

import pytest

from seedvar.errors import UserError
from seedvar.study.grid import expand
from seedvar.study.reading import read_study
from seedvar.study.tasks import known_tasks

OWN = "{source: {train: a.csv, validation: b.csv}, text: body}"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("config/tasks").mkdir(parents=True)


def study(tasks, more=""):
    Path("mine.yaml").write_text(f"model: bert\ntasks: {tasks}\nseeds: 1\narms: {{a: {{{more}}}}}\n")
    return read_study("mine.yaml")


def folders(made):
    return [cell.folder() for _, cell in expand(made)]


def test_a_study_may_declare_tasks_of_its_own_beside_those_that_are_known():
    made = study(f"{{rte: , reviews: {OWN}}}")
    assert list(made.tasks) == ["rte", "reviews"]
    assert made.declaration("reviews").columns == ["body"]
    assert made.declaration("rte").columns == ["sentence1", "sentence2"]
    assert folders(made) == ["cells/glue/bert/rte/adamw/seed-0", "cells/reviews/bert/reviews/adamw/seed-0"]


def test_a_task_says_itself_what_its_collection_is_called():
    made = study(f"{{reviews: {OWN[:-1]}, data: shops}}}}")
    assert folders(made) == ["cells/shops/bert/reviews/adamw/seed-0"]


def test_a_file_in_config_tasks_is_a_task_that_every_study_may_name():
    Path("config/tasks/reviews.yaml").write_text(OWN)
    assert known_tasks()[-1] == "reviews"
    assert folders(study("[reviews]")) == ["cells/reviews/bert/reviews/adamw/seed-0"]
    assert study("[rte]", "intermediate_task: reviews").declaration("reviews").columns == ["body"]
    Path("config/tasks/reviews.yaml").write_text(OWN.replace("body", "title"))
    assert study("[reviews]").declaration("reviews").columns == ["title"]


def test_a_name_that_is_taken_is_refused_wherever_it_is_declared():
    Path("config/tasks/reviews.yaml").write_text(OWN)
    for name in ("rte", "reviews"):
        with pytest.raises(UserError, match=f"mine.yaml: tasks.{name}: there is a task of this name already"):
            study(f"{{{name}: {OWN}}}")
    Path("config/tasks/rte.yaml").write_text(OWN)
    with pytest.raises(UserError, match="^config/tasks/rte.yaml: 'rte' is a task of the package; accepted: another na"):
        study("[rte]")


@pytest.mark.parametrize("tasks", ["[reviws]", "{reviws: }"])
def test_an_unknown_task_is_answered_with_those_that_there_are(tasks):
    Path("config/tasks/reviews.yaml").write_text(OWN)
    with pytest.raises(
        UserError,
        match="^mine.yaml: tasks: unknown task 'reviws' .did you mean 'reviews'.*; accepted: cola, .*, reviews",
    ):
        study(tasks)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("text: body", "texts: body", "texts: unknown key .did you mean 'text'[?].; accepted: source, text, label, "),
        (
            "validation",
            "validaton",
            "source.validaton: unknown key .did you mean 'validation'[?].; accepted: train, vali",
        ),
        (OWN, "[1]", "holds no keys; a mapping of keys to values is accepted"),
        ("text: body", "text: body, metric: acc", "metric: 'acc' is not accepted; accepted: accuracy, f1, "),
    ],
)
def test_a_mistake_in_a_task_s_file_names_that_file_and_the_key(old, new, sentence):
    Path("config/tasks/reviews.yaml").write_text(OWN.replace(old, new))
    with pytest.raises(UserError, match=f"^config/tasks/reviews.yaml: {sentence}"):
        study("[reviews]")


def test_a_mistake_in_the_file_of_an_intermediate_task_names_it_too():
    Path("config/tasks/reviews.yaml").write_text(OWN.replace("text", "texts"))
    with pytest.raises(UserError, match="^config/tasks/reviews.yaml: texts: unknown key"):
        study("[rte]", "intermediate_task: reviews")


@pytest.mark.parametrize("name", ["my task", "../up", "-x", "x" * 101])
def test_a_task_s_name_stands_in_paths(name):
    with pytest.raises(UserError, match=f"mine.yaml: tasks: '{name}' is not a name; accepted: letters, digits and"):
        study(f'{{"{name}": {OWN}}}')
