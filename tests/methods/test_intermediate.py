"""An intermediate task: its encoder arrives with a new head, and nothing else of it does."""

import pytest
import torch
from helpers import known_task
from safetensors.torch import save_file

from seedvar.cells.recipe import Recipe
from seedvar.models.families import FAMILIES
from seedvar.models.layers import pretrained
from seedvar.training.network import build_model


def test_the_encoder_arrives_bit_for_bit_and_the_head_is_that_of_a_plain_run(tiny_models, tmp_path):
    folder = tiny_models("bert")
    first = build_model(folder, known_task("mnli"), Recipe(), init_seed=5)  # three classes
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.add_(torch.randn(parameter.shape))
    weights = tmp_path / "weights.safetensors"
    save_file(first.state_dict(), weights)
    plain = build_model(folder, known_task("rte"), Recipe(), init_seed=3)
    model = build_model(folder, known_task("rte"), Recipe(intermediate_task="mnli"), 3, intermediate_weights=weights)
    for name, parameter in model.bert.named_parameters():
        assert torch.equal(parameter, first.bert.get_parameter(name)), name
    assert model.classifier.weight.shape == (2, 16)
    assert torch.equal(model.classifier.weight, plain.classifier.weight)
    assert torch.equal(model.classifier.bias, plain.classifier.bias)


def test_methods_start_from_the_intermediate_weights(tiny_models, tmp_path):
    """Re-initialised layers are drawn anew on top of it; Mixout mixes with it."""
    folder = tiny_models("bert")
    first = build_model(folder, known_task("mnli"), Recipe(), init_seed=5)
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.fill_(0.5)
    weights = tmp_path / "weights.safetensors"
    save_file(first.state_dict(), weights)
    recipe = Recipe(intermediate_task="mnli", reinit_layers=1, mixout=0.1)
    model = build_model(folder, known_task("rte"), recipe, 3, intermediate_weights=weights)
    below, top = model.bert.encoder.layer
    assert (below.intermediate.dense.start == 0.5).all()
    assert not (top.intermediate.dense.weight == 0.5).any()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_encoder_of_every_family_arrives(tiny_models, tmp_path, family):
    first = build_model(tiny_models(family), known_task("mnli"), Recipe(), init_seed=5)
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.add_(torch.randn(parameter.shape))
    save_file({name: p.detach().contiguous() for name, p in first.named_parameters()}, tmp_path / "w.safetensors")
    recipe, task = Recipe(intermediate_task="mnli"), known_task("rte")
    model = build_model(tiny_models(family), task, recipe, 3, intermediate_weights=tmp_path / "w.safetensors")
    plain = build_model(tiny_models(family), task, Recipe(), 3)
    encoder = pretrained(model)
    assert set(encoder) >= {name for name, _ in model.named_parameters() if name.startswith(FAMILIES[family].prefix)}
    for name, parameter in model.named_parameters():
        source = first if name in encoder else plain
        assert torch.equal(parameter, source.get_parameter(name)), name
