"""Diagnostics measure what they say, in every family, and change nothing."""

import pytest
import torch

from seedvar.data.tasks import TASKS
from seedvar.methods.diagnostics import Diagnostics, blocks_of
from seedvar.models.build import build_model
from seedvar.models.families import FAMILIES
from seedvar.study import Recipe

BLOCKS = {
    "bert": ["embeddings", "layer 1", "layer 2", "pooler", "classifier"],
    "roberta": ["embeddings", "layer 1", "layer 2", "classifier"],
    "electra": ["embeddings", "layer 1", "layer 2", "classifier"],
    "distilbert": ["embeddings", "layer 1", "layer 2", "classifier"],
    "albert": ["embeddings", "layers", "pooler", "classifier"],
}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_parameter_is_in_one_block(tiny_models, family):
    model = build_model(tiny_models(family), TASKS["rte"], Recipe(), 0)
    blocks = blocks_of(model)
    assert list(blocks) == BLOCKS[family]
    listed = [id(p) for kinds in blocks.values() for parameters in kinds.values() for p in parameters]
    assert sorted(listed) == sorted(id(p) for p in model.parameters())


def test_gradient_norms_updates_and_distances_are_what_they_say(tiny_models):
    model = build_model(tiny_models("bert"), TASKS["rte"], Recipe(), 0)
    diagnostics = Diagnostics(model, every=2)
    weight, bias = model.classifier.weight, model.classifier.bias
    with torch.no_grad():
        weight.fill_(1.0)  # 2 x 16 ones: a norm of the square root of 32
    for update in (1, 2, 3):
        weight.grad, bias.grad = torch.full_like(weight, 3.0), torch.full_like(bias, 0.0)
        diagnostics.before_update(update)
        with torch.no_grad():
            weight.add_(0.5)
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
