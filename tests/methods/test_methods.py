"""A method is one field, one line and one module, and is told what happens."""

import sys
import types

import pytest
import torch
from helpers import known_task

from seedvar.cells.recipe import Recipe
from seedvar.methods import METHODS
from seedvar.methods.hooks import Watcher, methods_with
from seedvar.training.network import build_model
from seedvar.training.parameter_groups import make_optimizer


class MyRecipe(Recipe):
    my_field: float = 0.0


@pytest.fixture(autouse=True)
def _my_method(monkeypatch):
    mine = types.ModuleType("seedvar.methods.mine")
    mine.change_model = lambda model, recipe, init_seed: model.classifier.bias.data.fill_(recipe.my_field)
    mine.learning_rate_factors = lambda model, recipe: {id(model.classifier.weight): 0.5}
    mine.watch = lambda model, optimizer, recipe: Watcher()
    monkeypatch.setitem(sys.modules, "seedvar.methods.mine", mine)
    monkeypatch.setitem(METHODS, "my_field", "mine")


def test_a_new_method_acts_where_it_is_used_and_nowhere_else(tiny_models):
    for recipe, bias, rates in ((MyRecipe(my_field=2.0), 2.0, {1.0, 0.5}), (MyRecipe(), 0.0, {1.0})):
        model = build_model(tiny_models("bert"), known_task("rte"), recipe, 0)
        assert torch.equal(model.classifier.bias, torch.full((2,), bias))
        optimizer = make_optimizer(model, recipe)
        assert {group["peak_lr"] / recipe.learning_rate for group in optimizer.param_groups} == rates
        assert len(methods_with("watch", recipe)) == (bias > 0)


def test_a_misspelt_hook_is_no_hook_and_is_said_so():
    with pytest.raises(TypeError, match="wach is no hook of methods; there are load_encoder, change_model"):
        methods_with("wach", MyRecipe())


def test_a_method_without_any_hook_is_an_error_where_it_is_used(monkeypatch):
    idle = types.ModuleType("seedvar.methods.mine")
    idle.wach = lambda model, optimizer, recipe: Watcher()
    monkeypatch.setitem(sys.modules, "seedvar.methods.mine", idle)
    assert methods_with("watch", MyRecipe()) == []
    with pytest.raises(TypeError, match="methods/mine.py has none of load_encoder, change_model"):
        methods_with("watch", MyRecipe(my_field=2.0))
