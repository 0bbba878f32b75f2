"""Mixout against its definition: expectation, columns, and both derivatives."""

import pytest
import torch
from helpers import dropouts, known_task
from torch import nn

from seedvar.cells.recipe import Recipe
from seedvar.methods.mixout import MixLinear, apply_mixout
from seedvar.models.families import FAMILIES, LINEAR
from seedvar.training.network import build_model

P = 0.3


@pytest.fixture
def layer():
    torch.manual_seed(0)
    linear = nn.Linear(6, 4).double()
    mixed = MixLinear(linear, P)
    with torch.no_grad():
        mixed.weight.add_(torch.randn_like(mixed.weight))  # away from the start
    return mixed.train()


def test_columns_are_either_the_start_or_pushed_away_from_it(layer):
    mixed = layer.mixed_weight()
    pushed = (layer.weight - P * layer.start) / (1 - P)
    for column in range(6):
        is_start = torch.allclose(mixed[:, column], layer.start[:, column])
        assert is_start or torch.allclose(mixed[:, column], pushed[:, column])


def test_the_expectation_is_the_weight(layer):
    draws = torch.stack([layer.mixed_weight().detach() for _ in range(20_000)])
    error = (draws.mean(dim=0) - layer.weight).abs() / (draws.std(dim=0) / len(draws) ** 0.5)
    assert error.max() < 5  # standard errors


def loss_at(layer, weight, x, seed):
    torch.manual_seed(seed)
    with torch.no_grad():
        original = layer.weight.clone()
        layer.weight.copy_(weight)
        value = layer(x).pow(2).sum().item()
        layer.weight.copy_(original)
    return value


def gradient_of(layer, x, seed):
    torch.manual_seed(seed)
    layer.weight.grad = None
    layer(x).pow(2).sum().backward()
    return layer.weight.grad


def test_the_true_gradient_is_the_finite_difference(layer):
    x, step = torch.randn(3, 6, dtype=torch.float64), 1e-6
    gradient = gradient_of(layer, x, 5)
    for i, j in [(0, 0), (1, 3), (3, 5), (2, 2)]:
        shift = torch.zeros_like(layer.weight)
        shift[i, j] = step
        up, down = (loss_at(layer, layer.weight.detach() + sign * shift, x, 5) for sign in (1, -1))
        assert gradient[i, j].item() == pytest.approx((up - down) / (2 * step), rel=1e-5, abs=1e-6)


def test_the_official_gradient_lacks_one_factor(layer):
    x = torch.randn(3, 6, dtype=torch.float64)
    true = gradient_of(layer, x, 5)
    layer.gradient = "official"
    assert torch.allclose(gradient_of(layer, x, 5), true * (1 - P))


def test_evaluation_uses_the_weight_itself(layer):
    x = torch.randn(3, 6, dtype=torch.float64)
    assert torch.equal(layer.eval()(x), nn.functional.linear(x, layer.weight, layer.bias))


@pytest.mark.parametrize("family", [name for name, row in FAMILIES.items() if row.matrices == LINEAR])
def test_every_linear_layer_is_mixed_and_dropout_is_off(tiny_models, family):
    recipe = Recipe(mixout=0.5, reinit_layers=0 if family == "albert" else 1)
    model = build_model(tiny_models(family), known_task("rte"), recipe, 0)
    assert not [m for m in model.modules() if isinstance(m, nn.Linear)]
    assert dropouts(model) == {0.0}
    plain = build_model(tiny_models(family), known_task("rte"), recipe.model_copy(update={"mixout": 0.0}), 0)
    expected = plain.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in model.state_dict().items())


def test_only_linear_layers_are_replaced():
    model = nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2), nn.Embedding(3, 2))
    apply_mixout(model, 0.5, "true")
    assert [type(m).__name__ for m in model] == ["MixLinear", "LayerNorm", "Embedding"]
