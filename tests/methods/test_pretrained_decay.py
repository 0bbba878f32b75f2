"""Decay towards the pre-trained weights against its closed form."""

import pytest
import torch
from helpers import known_task

from seedvar.cells.recipe import Recipe
from seedvar.methods.pretrained_decay import PretrainedDecay
from seedvar.training.network import build_model
from seedvar.training.parameter_groups import make_optimizer

RATE, STRENGTH, PULLS = 0.1, 0.5, 7


def test_weights_return_geometrically_and_the_head_goes_to_zero(tiny_models):
    model = build_model(tiny_models("bert"), known_task("rte"), Recipe(), 0)
    optimizer = make_optimizer(model, Recipe(learning_rate=RATE))
    decay = PretrainedDecay(model, optimizer, STRENGTH)
    start = {name: p.detach().clone() for name, p in model.named_parameters()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    for _ in range(PULLS):
        decay.after_update(1)
    left = (1 - RATE * STRENGTH) ** PULLS
    for name, parameter in model.named_parameters():
        if name.endswith("bias") or "LayerNorm" in name:
            expected = start[name] + 1.0  # exempt
        elif name.startswith("classifier"):
            expected = (start[name] + 1.0) * left
        else:
            expected = start[name] + left
        assert torch.allclose(parameter, expected, atol=1e-5), name


def test_the_scheduled_rate_counts(tiny_models):
    model = build_model(tiny_models("bert"), known_task("rte"), Recipe(), 0)
    optimizer = make_optimizer(model, Recipe(learning_rate=RATE))
    decay = PretrainedDecay(model, optimizer, STRENGTH)
    with torch.no_grad():
        model.classifier.weight.fill_(1.0)
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    decay.after_update(1)
    assert model.classifier.weight.unique().tolist() == [1.0]
    for group in optimizer.param_groups:
        group["lr"] = 1.0
    decay.after_update(1)
    assert model.classifier.weight.unique().tolist() == pytest.approx([0.5])
