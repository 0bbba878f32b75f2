"""What is checked before any work starts, with real files."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from seedvar.engine.code import list_file
from seedvar.engine.jobs import declared
from seedvar.engine.plan import make_plan
from seedvar.errors import UserError
from seedvar.files import read_json, write_json
from seedvar.models import checkpoints
from seedvar.models.families import FAMILIES

REPOSITORY = Path(__file__).parents[2]
STUDY = """
model: {model}
tasks: [{task}]
seeds: 2
recipe: {{{recipe}}}
arms: {{a: {{}}, b: {{reinit_layers: {layers}, epochs: 4, reinit_pooler: false}}}}
baseline: a
"""


@pytest.fixture
def plan(tmp_path, monkeypatch, tiny_models):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEEDVAR_GLUE_DIR", raising=False)

    def make(task="rte", model=None, layers=1, recipe="", **site):
        (tmp_path / "s.yaml").write_text(
            STUDY.format(task=task, model=model or tiny_models("bert"), layers=layers, recipe=recipe)
        )
        return make_plan({"study": "s.yaml", **site})

    return make


@pytest.fixture
def glue_folder(tmp_path):
    """GLUE's layout with made-up sentences."""
    folder = tmp_path / "glue" / "rte"
    folder.mkdir(parents=True)
    frame = pd.DataFrame({"sentence1": ["a", "b"], "sentence2": ["c", "d"], "label": [0, 1], "idx": [0, 1]})
    frame.to_parquet(folder / "train-00000-of-00001.parquet")
    pd.concat([frame, frame]).to_parquet(folder / "validation-00000-of-00001.parquet")
    return folder


def test_content_counts_and_time_does_not(plan, glue_folder):
    first = plan(glue_dir=str(glue_folder.parent))
    assert len(first.cells) == 4
    path = glue_folder / "train-00000-of-00001.parquet"
    os.utime(path)
    assert plan(glue_dir=str(glue_folder.parent)).tasks["rte"].content == first.tasks["rte"].content
    frame = pd.read_parquet(path)
    frame.loc[0, "sentence1"] = "z"
    frame.to_parquet(path)
    assert plan(glue_dir=str(glue_folder.parent)).tasks["rte"].content != first.tasks["rte"].content


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        (
            "label",
            [0.0, float("nan")],
            "train-00000-of-00001.parquet: label: row 2 holds nothing; accepted: labels: 0, 1",
        ),
        ("label", [0, 2], "label: row 2 holds '2'; accepted: labels: 0, 1"),
        ("label", [-1, 0], "label: row 1 holds '-1'; accepted: labels: 0, 1"),
    ],
)
def test_labels_that_cannot_be_are_refused(plan, glue_folder, column, value, sentence):
    path = glue_folder / "train-00000-of-00001.parquet"
    pd.read_parquet(path).assign(**{column: value}).to_parquet(path)
    with pytest.raises(UserError, match=sentence):
        plan(glue_dir=str(glue_folder.parent))


def test_a_missing_column_is_refused(plan, glue_folder):
    path = glue_folder / "validation-00000-of-00001.parquet"
    pd.read_parquet(path).drop(columns="sentence2").to_parquet(path)
    with pytest.raises(UserError, match="validation-00000.*: there is no column 'sentence2'; accepted: sentence1"):
        plan(glue_dir=str(glue_folder.parent))


def test_a_file_that_is_not_parquet_is_refused(plan, glue_folder):
    (glue_folder / "train-00000-of-00001.parquet").write_text("no")
    with pytest.raises(UserError, match="train-00000.*: is not readable as Parquet .*; accepted: a Parquet file"):
        plan(glue_dir=str(glue_folder.parent))


def test_folders_and_files_that_are_not_there_are_named(plan, glue_folder):
    with pytest.raises(UserError, match="glue_dir: there is no folder nowhere"):
        plan(glue_dir="nowhere")
    with pytest.raises(UserError, match="task 'cola' has no .*/glue/cola/train-.*parquet"):
        plan(task="cola", glue_dir=str(glue_folder.parent))
    with pytest.raises(UserError, match="model: there is no folder"):
        plan(task="syn-rte", model="./gone")


def test_a_missing_text_is_refused(plan, glue_folder):
    path = glue_folder / "train-00000-of-00001.parquet"
    pd.read_parquet(path).assign(sentence1=["a", None]).to_parquet(path)
    with pytest.raises(UserError, match="train-00000.*: sentence1: row 2 has no text; accepted: text in every row"):
        plan(glue_dir=str(glue_folder.parent))


def test_a_training_set_that_is_too_small_is_refused(plan, glue_folder, tmp_path):
    for task, accepted in (("rte", "2 to 2"), ("syn-cola", "2 to ")):
        with pytest.raises(UserError, match=f"s.yaml: arm 'a': recipe: n_train: 900 of {task} is not.*{accepted}"):
            plan(task=task, glue_dir=str(glue_folder.parent), recipe="n_train: 900")


def test_what_a_family_cannot_do_is_refused(plan, tiny_models):
    with pytest.raises(UserError, match="arm 'b': reinit_layers: the layers of albert share one set of parameters"):
        plan(task="syn-rte", model=tiny_models("albert"))
    with pytest.raises(UserError, match="arm 'a': reinit_pooler: distilbert has no pre-trained pooler"):
        plan(task="syn-rte", model=tiny_models("distilbert"), layers=0, recipe="reinit_pooler: true")
    sentence = (
        "arm 'a': head: xlnet has the head of Transformers alone, and electra and roberta have another; accepted: "
    )
    with pytest.raises(UserError, match=sentence):
        plan(task="syn-rte", model=tiny_models("xlnet"), recipe="head: official")
    with pytest.raises(UserError, match="arm 'a': mixout: it mixes Linear layers, and the attention of gpt2 has none"):
        plan(task="syn-rte", model=tiny_models("gpt2"), recipe="mixout: 0.1")


@pytest.mark.parametrize("family", ["bart", "gpt2"])
def test_a_read_out_s_code_is_in_the_list_of_its_cells(plan, tiny_models, monkeypatch, family):
    monkeypatch.setattr("seedvar.engine.plan.NOTEBOOK", REPOSITORY / "notebooks" / "finished_study.py")
    planned = plan(task="syn-rte", model=tiny_models(family), layers=2)  # of BART's encoder and decoder together
    planned.write_source_lists()
    (name,) = {planned.list_of(cell) for cell in planned.cells.values() if not cell.recipe.reinit_layers}
    assert name.endswith(f"+read-{FAMILIES[family].read_out}")
    assert "  read-out\n" in Path(list_file(name)).read_text()
    with pytest.raises(UserError, match=f"reinit_layers: 3 is not accepted; {family} has 2 layers"):
        plan(task="syn-rte", model=tiny_models(family), layers=3)


def test_lora_without_its_package_is_one_sentence(plan, tiny_models, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="arm 'a': lora_rank: the package peft is not installed; accepted: pip install"):
        plan(task="syn-rte", recipe="lora_rank: 2")


def test_a_changed_tokenizer_counts(plan, tiny_models, tmp_path):
    shutil.copytree(tiny_models("bert"), tmp_path / "mine")
    first = plan(task="syn-rte", model="./mine").models["mine"].content
    (tmp_path / "mine" / "tokenizer_config.json").write_text("{}")
    assert plan(task="syn-rte", model="./mine").models["mine"].content != first


def test_more_layers_than_the_model_has_are_refused(plan):
    with pytest.raises(
        UserError, match="s.yaml: arm 'b': reinit_layers: 5 is not accepted; bert has 2 layers, so 0 to 2 is"
    ):
        plan(task="syn-rte", layers=5)


def test_figures_from_tables_need_the_tables(plan):
    with pytest.raises(UserError, match="from_tables=true: there is no results/s/runs.csv"):
        plan(task="syn-rte", from_tables=True)


def test_a_study_that_does_not_exist_is_answered_with_those_that_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config" / "studies").mkdir(parents=True)
    (tmp_path / "config" / "studies" / "mine.yaml").touch()
    with pytest.raises(
        UserError, match="study=yours: there is no config/studies/yours.yaml; accepted: mine, or a path"
    ):
        make_plan({"study": "yours"})


OWN = """
model: {model}
tasks:
  reviews:
    source: {{train: train.csv, validation: dev.csv}}
    text: body
    label: stars
  syn-rte:
seeds: 2
arms: {{a: {{}}, large: {{model: ./large, reinit_layers: 1}}}}
baseline: a
"""


@pytest.fixture
def own(tmp_path, monkeypatch, tiny_models):
    """A study of own data and of two models, with files in the working directory; returns a function to plan it."""
    monkeypatch.chdir(tmp_path)
    Path("notebooks").symlink_to(REPOSITORY / "notebooks")
    shutil.copytree(tiny_models("bert"), "large")
    pd.DataFrame({"body": ["good", "bad", "fine"], "stars": [5, 1, 4]}).to_csv("train.csv", index=False)
    pd.DataFrame({"body": ["bad", "so so"], "stars": [1, 4]}).to_csv("dev.csv", index=False)

    def make(*changes):
        text = OWN.format(model=tiny_models("bert"))
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        Path("s.yaml").write_text(text)
        return make_plan({"study": "s.yaml"})

    return make


def test_own_data_are_read_and_counted_while_planning(own):
    task = own().tasks["reviews"]
    assert task.task.classes == ("1", "4", "5")
    assert task.counts == {"train": [1, 1, 1], "validation": [1, 1, 0]}
    assert task.n_bytes == {"train": 11, "validation": 8}
    assert task.metric == "accuracy"


def test_a_task_that_names_no_metric_has_the_code_of_its_metric_in_the_lists(own):
    plan = own()
    assert plan.metrics == ["accuracy"]
    plan.write_source_lists()
    lists = [plan.list_of(cell) for cell in plan.cells.values()]
    assert set(lists) == {"train+adamw+accuracy", "train+adamw+accuracy+reinit"}
    assert "metric accuracy" in Path(list_file(lists[0])).read_text()
    assert own(("stars\n", "stars\n    labels: number\n")).metrics == ["accuracy", "spearman"]


def test_a_data_file_that_is_moved_is_the_same_data(own):
    first = own().tasks["reviews"]
    Path("train.csv").rename("renamed.csv")
    moved = own(("train.csv", "renamed.csv")).tasks["reviews"]
    assert (moved.content, declared(moved.declaration)) == (first.content, declared(first.declaration))
    other = own(("train.csv", "renamed.csv"), ("stars\n", "stars\n    labels: [1, 4, 5]\n")).tasks["reviews"]
    assert declared(other.declaration) != declared(first.declaration)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("train.csv", "gone.csv"), "gone.csv: there is no such file; accepted: a file that ends in .csv"),
        (("body", "text"), "train.csv: there is no column 'text'; accepted: body, stars"),
        (("stars\n", "stars\n    labels: [1, 4]\n"), "train.csv: stars: row 1 holds '5'; accepted: labels: 1, 4"),
        (("a: {}", "a: {n_train: 30}"), "s.yaml: arm 'a': recipe: n_train: 30 of reviews is not accepted"),
    ],
)
def test_a_mistake_in_own_data_is_refused_before_anything_is_made(own, change, sentence):
    with pytest.raises(UserError, match=sentence):
        own(change)
    assert not Path("results/data").exists()


def test_every_model_is_planned_by_its_own_name_and_checked_for_its_own_arms(own, tiny_models):
    plan = own()
    assert list(plan.models) == ["bert", "large"]
    assert [cell.model for cell in plan.cells.values()] == ["bert", "bert", "large", "large"] * 2
    shutil.rmtree("large")
    shutil.copytree(tiny_models("albert"), "large")
    with pytest.raises(UserError, match="s.yaml: arm 'large': reinit_layers: the layers of large share one set"):
        own()
    own((", reinit_layers: 1", ""))


def test_a_changed_row_of_a_family_gets_into_model_json_which_is_an_input_of_its_cells(own, monkeypatch):
    plan = own()
    path = Path("results/models/large/model.json")
    checkpoints.prepare(plan.models["large"].checkpoint, path.parent)
    before = read_json(path)
    for write in (plan.write_source_lists, plan.write_source_lists):
        os.utime(path, (0, 0))
        write()
        assert path.stat().st_mtime == 0  # the same row: nothing is written
    monkeypatch.setitem(FAMILIES, "roberta", replace(FAMILIES["roberta"], pooler="elsewhere"))
    plan.write_source_lists()
    assert path.stat().st_mtime == 0
    monkeypatch.setitem(FAMILIES, "bert", replace(FAMILIES["bert"], pooler="elsewhere"))
    plan.write_source_lists()
    assert read_json(path) == before | {"addresses": before["addresses"] | {"pooler": "elsewhere"}}


def test_a_model_json_of_an_unknown_family_or_of_none_is_left_alone(tmp_path):
    checkpoints.refresh(tmp_path / "gone")
    assert not (tmp_path / "gone").exists()
    write_json(tmp_path / "model.json", {"family": "their-own", "addresses": None})
    checkpoints.refresh(tmp_path)
    assert read_json(tmp_path / "model.json") == {"family": "their-own", "addresses": None}
