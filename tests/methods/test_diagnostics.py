"""Diagnostics measure what they say, in every family, and change nothing."""

import pytest
import torch
from helpers import known_task

from seedvar.cells.recipe import Recipe
from seedvar.methods.diagnostics import Diagnostics, blocks_of
from seedvar.models.families import FAMILIES
from seedvar.training.network import build_model
from seedvar.training.parameter_groups import make_optimizer

BLOCKS = {
    "bert": ["embeddings", "layer 1", "layer 2", "pooler", "classifier"],
    "roberta": ["embeddings", "layer 1", "layer 2", "classifier"],
    "electra": ["embeddings", "layer 1", "layer 2", "classifier"],
    "distilbert": ["embeddings", "layer 1", "layer 2", "classifier"],
    "albert": ["embeddings", "layers", "pooler", "classifier"],
    "modernbert": ["embeddings", "layer 1", "layer 2", "final norm", "pooler", "classifier"],
    **dict.fromkeys(
        ["gpt2", "llama", "qwen2", "qwen3"], ["embeddings", "layer 1", "layer 2", "final norm", "classifier"]
    ),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_parameter_is_in_one_block(tiny_models, family):
    model = build_model(tiny_models(family), known_task("rte"), Recipe(), 0)
    blocks = blocks_of(model)
    assert list(blocks) == BLOCKS.get(family, BLOCKS["roberta"])
    listed = [id(p) for kinds in blocks.values() for parameters in kinds.values() for p in parameters]
    assert sorted(listed) == sorted(id(p) for p in model.parameters())


def test_gradient_norms_updates_and_distances_are_what_they_say(tiny_models):
    model = build_model(tiny_models("bert"), known_task("rte"), Recipe(), 0)
    optimizer = make_optimizer(model, Recipe())
    diagnostics = Diagnostics(model, optimizer, every=2)
    for group in optimizer.param_groups:
        group["lr"] = 0.0  # this test moves the weights itself
    weight, bias = model.classifier.weight, model.classifier.bias
    with torch.no_grad():
        weight.fill_(1.0)  # 2 x 16 ones: a norm of the square root of 32
    for update in (1, 2, 3):
        weight.grad, bias.grad = torch.full_like(weight, 3.0), torch.full_like(bias, 0.0)
        diagnostics.before_update(update)
        with torch.no_grad():
            weight.add_(0.5)
        optimizer.step()
        diagnostics.after_update(update)
    found = {(r["update"], r["quantity"]): r["value"] for r in diagnostics.rows if r["block"] == "classifier"}
    assert {update for update, _ in found} == {1, 3}
    assert found[1, "gradient_norm"] == pytest.approx(3 * 32**0.5)
    assert found[1, "update_ratio"] == pytest.approx(0.5)
    assert found[3, "update_ratio"] == pytest.approx(0.5 / 2.0)
    start = diagnostics.start["classifier"][0]
    assert found[3, "distance"] == pytest.approx((2.5 - start).norm().item())
    still = [r["value"] for r in diagnostics.rows if r["quantity"] == "distance" and r["block"] == "layer 1"]
    assert still == [0.0, 0.0]


def trained(tiny_models, family, updates=3, **recipe):
    """Trains a tiny model on random tokens; returns the rows of its diagnostics."""
    recipe = Recipe(**{"learning_rate": 1e-3, "diagnostics_every": 1} | recipe)
    model = build_model(tiny_models(family), known_task("rte"), recipe, 0).train()
    optimizer = make_optimizer(model, recipe)
    diagnostics = Diagnostics(model, optimizer, every=1)
    ids = torch.randint(5, 60, (4, 8), generator=torch.Generator().manual_seed(0))
    for update in range(1, updates + 1):
        torch.nn.functional.cross_entropy(model(input_ids=ids).logits, torch.tensor([0, 1, 0, 1])).backward()
        diagnostics.before_update(update)
        optimizer.step()
        diagnostics.after_update(update)
        optimizer.zero_grad()
    return model, diagnostics, ids


@pytest.mark.parametrize(("optimizer", "correct"), [("bertadam", False), ("adamw", True), ("torch-adamw", True)])
def test_the_measured_step_multiple_is_what_theory_says(tiny_models, optimizer, correct):
    """Zhang et al. 2021, Fig. 1: 3.162 at the first update, 4.250 at the second, without correction."""
    _, diagnostics, _ = trained(tiny_models, "bert", optimizer=optimizer, adam_epsilon=1e-20)
    rows = [r for r in diagnostics.rows if r["quantity"] == "step_multiple"]
    expected = [1.0, 1.0] if correct else [3.1623, 4.2496]
    for kind in ("analytic", "measured"):
        values = [r["value"] for r in rows if r["kind"] == kind]
        assert values[:2] == pytest.approx(expected, rel=2e-3), kind


def test_a_learning_rate_of_zero_has_no_step_multiple(tiny_models):
    model = build_model(tiny_models("bert"), known_task("rte"), Recipe(), 0)
    optimizer = make_optimizer(model, Recipe())
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    diagnostics = Diagnostics(model, optimizer, every=1)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    diagnostics.before_update(1)
    optimizer.step()
    diagnostics.after_update(1)
    assert not [r for r in diagnostics.rows if r["quantity"] == "step_multiple"]


@pytest.mark.parametrize(
    ("family", "has_tanh"), [("bert", True), ("roberta", True), ("albert", True), ("electra", False)]
)
def test_saturation_is_measured_where_there_is_a_tanh_and_before_dropout(tiny_models, family, has_tanh):
    model, diagnostics, ids = trained(tiny_models, family, updates=1, learning_rate=1e-30)
    rows = {r["kind"]: r["value"] for r in diagnostics.rows if r["quantity"] == "saturation"}
    assert bool(rows) == has_tanh
    if family == "bert":
        activations = diagnostics.activations
        assert activations.abs().max() <= 1  # behind dropout some would be larger
        assert rows["0.85"] == pytest.approx((activations.abs() > 0.85).float().mean().item())


def test_entropy_is_that_of_the_predictions_in_nats(tiny_models):
    _, diagnostics, _ = trained(tiny_models, "bert", updates=1)
    probabilities = torch.softmax(diagnostics.logits, dim=1)
    by_hand = -(probabilities * probabilities.log()).sum(dim=1).mean().item()
    found = [r["value"] for r in diagnostics.rows if r["quantity"] == "entropy"]
    assert found == pytest.approx([by_hand])
