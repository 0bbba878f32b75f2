"""Which parameters learn at which rate, and the recipe's optimizer over them."""

from __future__ import annotations

import importlib

import torch
from torch import nn

from seedvar.cells.decides import OPTIMIZERS
from seedvar.cells.recipe import Recipe
from seedvar.methods.hooks import methods_with
from seedvar.models.layers import is_norm


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Makes the recipe's optimizer over all trainable parameters.

    Each of its groups remembers its `peak_lr` and whether its parameters are of the kind that `decays`.
    """
    module = importlib.import_module(f"seedvar.training.optimizers.{OPTIMIZERS[recipe.optimizer][0]}")
    optimizer = module.make(parameter_groups(model, recipe), recipe)
    for group in optimizer.param_groups:
        group["peak_lr"] = group["lr"]
    return optimizer


def parameter_groups(model: nn.Module, recipe: Recipe) -> list[dict]:
    """Groups all trainable parameters by learning rate and weight decay.

    Biases and the weights of LayerNorms and RMSNorms are not decayed, as in both papers' code.
    """
    factors = {}
    for learning_rate_factors in methods_with("learning_rate_factors", recipe):
        factors |= learning_rate_factors(model, recipe)
    members: dict[tuple[float, bool], list[nn.Parameter]] = {}
    seen = set()  # BART has one table of words in three places
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.requires_grad and id(parameter) not in seen:
                seen.add(id(parameter))
                decays = "bias" not in name and not is_norm(module)
                members.setdefault((factors.get(id(parameter), 1.0), decays), []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": factor * recipe.learning_rate,
            "weight_decay": recipe.weight_decay if decays else 0.0,
            "decays": decays,
        }
        for (factor, decays), parameters in members.items()
    ]
