"""The optimizers reproduce an independently computed test vector; the schedule is Transformers' own."""

import pytest
import torch
from torch import nn

from seedvar.cells.recipe import Recipe
from seedvar.training.optimizers.adamw import TransformersAdamW
from seedvar.training.parameter_groups import make_optimizer
from seedvar.training.schedule import schedule

GRADIENTS = [0.1, -0.2, 0.3]
# theta after each of three updates: theta = 1, eta = .01, eps = 1e-6, lambda = .01
VECTORS = {
    "bertadam": [0.9682903815, 0.9837477018, 0.9666612210],
    "adamw": [0.9899041610, 0.9934653220, 0.9899341980],
    "torch-adamw": [0.9899001000, 0.9934621221, 0.9899303810],
}


@pytest.mark.parametrize("name", VECTORS)
def test_each_optimizer_reproduces_the_published_semantics(name):
    model = nn.Linear(1, 1, bias=False).double()
    nn.init.ones_(model.weight)
    recipe = Recipe(optimizer=name, learning_rate=0.01, weight_decay=0.01, adam_epsilon=1e-6)
    optimizer = make_optimizer(model, recipe)
    for gradient, expected in zip(GRADIENTS, VECTORS[name], strict=True):
        model.weight.grad = torch.full_like(model.weight, gradient)
        optimizer.step()
        assert model.weight.item() == pytest.approx(expected, abs=1e-10)


def test_the_uncorrected_first_steps_are_larger_by_the_bias_ratio():
    ratios = {}
    for correct_bias in (False, True):
        theta = nn.Parameter(torch.zeros(1, dtype=torch.float64))
        optimizer = TransformersAdamW([theta], lr=1.0, eps=1e-12, correct_bias=correct_bias)
        steps = []
        for _ in range(12):
            before = theta.item()
            theta.grad = torch.ones_like(theta)
            optimizer.step()
            steps.append(before - theta.item())
        ratios[correct_bias] = steps
    ratio = [ratios[False][t] / ratios[True][t] for t in (0, 1, 4, 9, 11)]
    assert ratio == pytest.approx([3.162, 4.250, 5.797, 6.528, 6.5685], abs=1e-3)


@pytest.mark.parametrize("correct_bias", [False, True])
def test_the_update_is_the_one_of_pytorchs_class_with_another_rate_epsilon_and_decay(correct_bias):
    lr, eps, decay, beta1, beta2 = 0.01, 1e-6, 0.1, 0.9, 0.999
    start = torch.randn(7, 33)
    ours, theirs, untouched = (nn.Parameter(start.clone()) for _ in range(3))
    optimizer = TransformersAdamW([ours, untouched], lr, beta2, eps, decay, correct_bias)
    reference = torch.optim.AdamW([theirs], fused=True)
    for t in range(1, 6):
        correction1, correction2 = 1 - beta1**t, (1 - beta2**t) ** 0.5
        size = lr * (1 - lr * decay) * (1.0 if correct_bias else correction1 / correction2)
        reference.param_groups[0].update(lr=size, eps=eps / correction2, weight_decay=lr * decay / size)
        ours.grad = torch.randn_like(start)
        theirs.grad = ours.grad.clone()
        optimizer.step()
        reference.step()
        if t == 3:  # a run that is taken up has its moments and its t from a file
            kept = optimizer.state_dict()
            optimizer = TransformersAdamW([ours, untouched], 1.0, correct_bias=correct_bias)
            optimizer.load_state_dict(kept)
        assert torch.equal(ours, theirs)
    assert torch.equal(untouched, start)


def test_biases_and_layer_norms_are_not_decayed():
    model = nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2), nn.Embedding(3, 2))
    optimizer = make_optimizer(model, Recipe(weight_decay=0.5))
    decayed = {id(p) for group in optimizer.param_groups if group["weight_decay"] for p in group["params"]}
    assert decayed == {id(model[0].weight), id(model[2].weight)}
    assert sum(len(group["params"]) for group in optimizer.param_groups) == 5


@pytest.mark.parametrize(("total", "warmup"), [(234, 23), (10, 0), (1, 0)])
def test_the_schedule_is_that_of_transformers(total, warmup):
    from transformers import get_linear_schedule_with_warmup

    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    reference = get_linear_schedule_with_warmup(optimizer, warmup, total)
    for update in range(total):
        assert schedule(update, total, warmup) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-12)
        optimizer.step()
        reference.step()
