"""Layer-wise learning-rate decay gives the published rates, in every family that has layers."""

import pytest
import torch
from helpers import known_task
from transformers import BertConfig, BertForSequenceClassification

from seedvar.cells.recipe import Recipe
from seedvar.errors import UserError
from seedvar.models.families import FAMILIES
from seedvar.training.network import build_model
from seedvar.training.parameter_groups import make_optimizer


def rates(model, **recipe):
    optimizer = make_optimizer(model, Recipe(**recipe))
    by_id = {id(p): group["peak_lr"] for group in optimizer.param_groups for p in group["params"]}
    return {name: by_id[id(parameter)] for name, parameter in model.named_parameters()}


def test_the_rates_of_a_model_with_24_layers_are_those_of_the_paper():
    config = BertConfig(
        vocab_size=10,
        hidden_size=4,
        num_hidden_layers=24,
        num_attention_heads=1,
        intermediate_size=4,
        max_position_embeddings=4,
    )
    found = rates(BertForSequenceClassification(config), layerwise_decay=0.95, learning_rate=2e-5)
    assert found["bert.encoder.layer.23.output.dense.weight"] == pytest.approx(1.900e-5, rel=1e-3)
    assert found["bert.encoder.layer.0.output.dense.bias"] == pytest.approx(5.840e-6, rel=1e-3)
    assert found["bert.embeddings.word_embeddings.weight"] == pytest.approx(5.548e-6, rel=1e-3)
    for name in ("classifier.weight", "bert.pooler.dense.weight"):
        assert found[name] == 2e-5


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_its_rates_or_says_why_not(tiny_models, family):
    model = build_model(tiny_models(family), known_task("rte"), Recipe(), 0)
    if family == "albert":
        with pytest.raises(UserError, match="layerwise_decay: all layers of albert share .*accepted: 1"):
            rates(model, layerwise_decay=0.5)
        return
    found = rates(model, layerwise_decay=0.5, learning_rate=1e-3)
    assert set(found.values()) == {1e-3, 1e-3 / 2, 1e-3 / 4, 1e-3 / 8}
    assert all(rate == 1e-3 / 8 for name, rate in found.items() if "embeddings" in name)


def test_without_it_all_rates_are_equal(tiny_models):
    model = build_model(tiny_models("bert"), known_task("rte"), Recipe(), 0)
    assert set(rates(model, learning_rate=1e-3).values()) == {1e-3}
    assert not any(torch.isnan(p).any() for p in model.parameters())
