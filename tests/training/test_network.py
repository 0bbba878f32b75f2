"""A cell's network: pre-trained weights kept, head drawn from the seed, dropout as asked."""

import pytest
import torch
from helpers import known_task

from seedvar.cells.recipe import Recipe
from seedvar.errors import UserError
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


def test_regression_has_one_output(tiny_models):
    assert build_model(tiny_models("bert"), known_task("stsb"), Recipe(), 0).classifier.out_features == 1
    assert build_model(tiny_models("bert"), known_task("mnli"), Recipe(), 0).classifier.out_features == 3


@pytest.mark.parametrize("family", FAMILIES)
def test_dropout_reaches_every_dropout_module(tiny_models, family):
    model = build_model(tiny_models(family), known_task("rte"), Recipe(dropout=0.25), 0)
    found = {module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)}
    assert found == {0.25}


def test_a_checkpoint_of_another_family_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(UserError, match="family 'gpt2' is not supported; accepted: bert, roberta"):
        build_model(tmp_path, known_task("rte"), Recipe(), 0)


def test_a_folder_without_a_model_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(UserError, match=f"{tmp_path}: holds no model that Transformers can load") as caught:
        build_model(tmp_path, known_task("rte"), Recipe(), 0)
    assert "\n" not in str(caught.value)
