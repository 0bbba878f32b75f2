"""A cell's network: pre-trained weights kept, head drawn from the seed, dropout as asked."""

import shutil

import pytest
import torch
from helpers import dropouts, known_task
from safetensors.torch import load_file, save_file

from seedvar.cells.recipe import Recipe
from seedvar.errors import UserError
from seedvar.files import read_json, write_json
from seedvar.models.families import FAMILIES
from seedvar.training.network import build_model


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_keeps_its_encoder_and_gets_a_fresh_head(tiny_models, family):
    from transformers import AutoModel

    folder = tiny_models(family)
    torch.manual_seed(123)  # the head must not depend on the global stream
    first = build_model(folder, known_task("rte"), Recipe(), 4)
    torch.manual_seed(321)
    second = build_model(folder, known_task("rte"), Recipe(), 4)
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name]), name
    pretrained = AutoModel.from_pretrained(folder).state_dict()
    encoder = first.base_model.state_dict()
    assert all(torch.equal(encoder[name], pretrained[name]) for name in encoder)


@pytest.mark.parametrize("n_labels", [2, 3])
def test_a_classifier_that_a_checkpoint_brings_is_drawn_anew(tiny_models, tmp_path, n_labels):
    from transformers import AutoModelForSequenceClassification

    fine_tuned = AutoModelForSequenceClassification.from_pretrained(tiny_models("bert"), num_labels=n_labels)
    fine_tuned.save_pretrained(tmp_path)
    first, second = (build_model(tmp_path, known_task("rte"), Recipe(), seed).classifier.weight for seed in (0, 1))
    assert first.shape == (2, 16)
    assert not torch.equal(first, second)
    assert torch.equal(first, build_model(tiny_models("bert"), known_task("rte"), Recipe(), 0).classifier.weight)


@pytest.fixture
def changed(tiny_models, tmp_path):
    """Copies the tiny checkpoint of a family with other weights, past every check of a plan."""

    def copy(family, change):
        shutil.copytree(tiny_models(family), tmp_path / "copy")
        path = tmp_path / "copy" / "model.safetensors"
        save_file(change(load_file(path)), path, metadata={"format": "pt"})
        return tmp_path / "copy"

    return copy


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda all: {f"backbone.{name}": w for name, w in all.items()},
            "it lacks 37 weights of the encoder, such as bert",
        ),
        (lambda all: {n: w for n, w in all.items() if "layer.1.output" not in n}, "it lacks 4 weights of the encoder"),
        (
            lambda all: all | {"embeddings.LayerNorm.bias": torch.zeros(8)},
            "it has in another shape 1 weights of the encoder, such as bert.embeddings.LayerNorm.bias",
        ),
        (
            lambda all: all | {"encoder.layer.2.output.dense.bias": torch.zeros(16)},
            "it has no place for 1 weights of the encoder, such as encoder.layer.2.output.dense.bias",
        ),
    ],
)
def test_an_encoder_that_is_not_filled_is_never_trained(changed, change, sentence):
    with pytest.raises(UserError, match=f"is not loaded as it is: {sentence}") as caught:
        build_model(changed("bert", change), known_task("rte"), Recipe(), 0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("family", ["bert", "albert"])
def test_a_pooler_that_is_not_there_is_drawn_anew_and_said(changed, capsys, family):
    folder = changed(family, lambda all: {name: w for name, w in all.items() if not name.startswith("pooler")})
    first, again, other = (build_model(folder, known_task("rte"), Recipe(), seed) for seed in (0, 0, 1))
    pooler = FAMILIES[family].pooler
    weights = [model.get_submodule(pooler).weight for model in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    said = f"drawn anew: {pooler}.bias, {pooler}.weight, classifier.bias, classifier.weight\n"
    assert capsys.readouterr().err == said * 3


def test_heads_of_pretraining_and_a_pooler_that_no_classifier_has_are_left_out(changed):
    more = {f"roberta.pooler.dense.{part}": torch.zeros(16) for part in ("bias", "weight")}
    more |= {"lm_head.bias": torch.zeros(3), "roberta.embeddings.position_ids": torch.arange(64)}
    build_model(changed("roberta", lambda all: all | more), known_task("rte"), Recipe(), 0)


def test_code_that_a_checkpoint_brings_is_not_run(changed, tmp_path):
    folder = changed("bert", dict)
    (folder / "theirs.py").write_text(f"open({str(tmp_path / 'run')!r}, 'w')\n")
    about = read_json(folder / "config.json")
    theirs = {name: "theirs.Model" for name in ("AutoConfig", "AutoModel", "AutoModelForSequenceClassification")}
    write_json(folder / "config.json", about | {"auto_map": theirs})
    assert type(build_model(folder, known_task("rte"), Recipe(), 0)).__name__ == "BertForSequenceClassification"
    assert not (tmp_path / "run").exists()


def test_regression_has_one_output(tiny_models):
    assert build_model(tiny_models("bert"), known_task("stsb"), Recipe(), 0).classifier.out_features == 1
    assert build_model(tiny_models("bert"), known_task("mnli"), Recipe(), 0).classifier.out_features == 3


@pytest.mark.parametrize("family", FAMILIES)
def test_dropout_reaches_every_dropout_module(tiny_models, family):
    assert dropouts(build_model(tiny_models(family), known_task("rte"), Recipe(dropout=0.25), 0)) == {0.25}


def test_a_checkpoint_of_another_family_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "gptj"}')
    with pytest.raises(UserError, match="family 'gptj' is not supported; accepted: bert, roberta"):
        build_model(tmp_path, known_task("rte"), Recipe(), 0)


def test_a_folder_without_a_model_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(UserError, match=f"{tmp_path}: holds no model that Transformers can load") as caught:
        build_model(tmp_path, known_task("rte"), Recipe(), 0)
    assert "\n" not in str(caught.value)
