"""What is checked before any work starts, with real files."""

import os

import pandas as pd
import pytest

from seedvar.engine.plan import make_plan
from seedvar.errors import UserError

STUDY = """
data: {data}
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

    def make(data="glue", task="rte", model=None, layers=1, recipe="", **site):
        (tmp_path / "s.yaml").write_text(
            STUDY.format(data=data, task=task, model=model or tiny_models("bert"), layers=layers, recipe=recipe)
        )
        return make_plan({"study": "s.yaml", **site})

    return make


@pytest.fixture
def glue_folder(tmp_path):
    """GLUE's layout with made-up sentences."""
    folder = tmp_path / "glue" / "rte"
    folder.mkdir(parents=True)
    frame = pd.DataFrame({"sentence1": ["a", "b"], "sentence2": ["c", "d"], "label": [0, 1], "idx": [0, 1]})
    for split in ("train", "validation"):
        frame.to_parquet(folder / f"{split}-00000-of-00001.parquet")
    return folder


def test_content_counts_and_time_does_not(plan, glue_folder):
    first = plan(glue_dir=str(glue_folder.parent))
    assert len(first.cells) == 4
    path = glue_folder / "train-00000-of-00001.parquet"
    os.utime(path)
    assert plan(glue_dir=str(glue_folder.parent)).data_content == first.data_content
    frame = pd.read_parquet(path)
    frame.loc[0, "sentence1"] = "z"
    frame.to_parquet(path)
    assert plan(glue_dir=str(glue_folder.parent)).data_content != first.data_content


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        (
            "label",
            [0.0, float("nan")],
            "train-00000-of-00001.parquet: label: row 1 holds (nan|None); accepted: whole numbers from 0 to 1",
        ),
        ("label", [0, 2], "label: row 1 holds 2; accepted: whole numbers from 0 to 1"),
        ("label", [-1, 0], "label: row 0 holds -1"),
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
    with pytest.raises(UserError, match="column 'sentence2' is missing; accepted: sentence1, sentence2 and label"):
        plan(glue_dir=str(glue_folder.parent))


def test_a_file_that_is_not_parquet_is_refused(plan, glue_folder):
    (glue_folder / "train-00000-of-00001.parquet").write_text("no")
    with pytest.raises(UserError, match="is not a readable Parquet file"):
        plan(glue_dir=str(glue_folder.parent))


def test_folders_and_files_that_are_not_there_are_named(plan, glue_folder):
    with pytest.raises(UserError, match="glue_dir: there is no folder nowhere"):
        plan(glue_dir="nowhere")
    with pytest.raises(UserError, match="task 'cola' has no .*/glue/cola/train-.*parquet"):
        plan(task="cola", glue_dir=str(glue_folder.parent))
    with pytest.raises(UserError, match="model: there is no folder"):
        plan(data="synthetic", task="syn-rte", model="./gone")


def test_a_missing_text_is_refused(plan, glue_folder):
    path = glue_folder / "train-00000-of-00001.parquet"
    pd.read_parquet(path).assign(sentence1=["a", None]).to_parquet(path)
    with pytest.raises(UserError, match="sentence1: a text is missing"):
        plan(glue_dir=str(glue_folder.parent))


def test_a_training_set_that_is_too_small_is_refused(plan, glue_folder, tmp_path):
    for data, task, accepted in (("glue", "rte", "2 to 2"), ("synthetic", "syn-cola", "2 to ")):
        with pytest.raises(UserError, match=f"s.yaml: arm 'a': recipe: n_train: 900 of {task} is not.*{accepted}"):
            plan(data=data, task=task, glue_dir=str(glue_folder.parent), recipe="n_train: 900")


def test_what_a_family_cannot_do_is_refused(plan, tiny_models):
    with pytest.raises(UserError, match="arm 'b': reinit_layers: the layers of albert share one set of parameters"):
        plan(data="synthetic", task="syn-rte", model=tiny_models("albert"))
    with pytest.raises(UserError, match="arm 'a': reinit_pooler: distilbert has no pre-trained pooler"):
        plan(data="synthetic", task="syn-rte", model=tiny_models("distilbert"), layers=0, recipe="reinit_pooler: true")


def test_a_changed_tokenizer_counts(plan, tiny_models, tmp_path):
    import shutil

    shutil.copytree(tiny_models("bert"), tmp_path / "mine")
    first = plan(data="synthetic", task="syn-rte", model="./mine").model_content
    (tmp_path / "mine" / "tokenizer_config.json").write_text("{}")
    assert plan(data="synthetic", task="syn-rte", model="./mine").model_content != first


def test_more_layers_than_the_model_has_are_refused(plan):
    with pytest.raises(
        UserError, match="s.yaml: arm 'b': reinit_layers: 5 is not accepted; bert has 2 layers, so 0 to 2 is"
    ):
        plan(data="synthetic", task="syn-rte", layers=5)


def test_figures_from_tables_need_the_tables(plan):
    with pytest.raises(UserError, match="from_tables=true: there is no results/s/runs.csv"):
        plan(data="synthetic", task="syn-rte", from_tables=True)


def test_a_study_that_does_not_exist_is_answered_with_those_that_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config" / "studies").mkdir(parents=True)
    (tmp_path / "config" / "studies" / "mine.yaml").touch()
    with pytest.raises(
        UserError, match="study=yours: there is no config/studies/yours.yaml; accepted: mine, or a path"
    ):
        make_plan({"study": "yours"})
