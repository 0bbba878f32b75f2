"""Frozen layers do not move; the others do."""

import pytest
import torch
from helpers import known_task

from seedvar.cells.recipe import Recipe
from seedvar.errors import UserError
from seedvar.training.network import build_model
from seedvar.training.parameter_groups import make_optimizer


@pytest.mark.parametrize("family", ["bert", "roberta", "electra", "distilbert"])
def test_embeddings_and_the_lowest_layers_are_frozen(tiny_models, family):
    recipe = Recipe(frozen_layers=1, learning_rate=0.1)
    model = build_model(tiny_models(family), known_task("rte"), recipe, 0)
    start = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = make_optimizer(model, recipe)
    model(input_ids=torch.tensor([[2, 7, 3]])).logits.sum().backward()
    optimizer.step()
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, start[name])}
    assert moved
    assert not [name for name in moved if "embeddings" in name or "layer.0." in name]
    assert [name for name in moved if "layer.1." in name]


def test_a_model_without_so_many_layers_or_single_layers_is_refused(tiny_models):
    with pytest.raises(UserError, match="frozen_layers: 3 is not accepted; the model accepts 0 to 2"):
        build_model(tiny_models("bert"), known_task("rte"), Recipe(frozen_layers=3), 0)
    with pytest.raises(UserError, match="frozen_layers: all layers of albert share"):
        build_model(tiny_models("albert"), known_task("rte"), Recipe(frozen_layers=1), 0)
