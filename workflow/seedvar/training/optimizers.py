"""The optimizers and the learning-rate schedule.

Notation: g gradient after clipping, m and v its moments, η the scheduled learning rate, λ weight
decay, t the update counted from 1, θ the weights.

| name          | update                                                                    |
|---------------|---------------------------------------------------------------------------|
| `bertadam`    | θ ← θ − η m / (√v + ε), then θ ← θ − η λ θ                                 |
| `adamw`       | θ ← θ − η √(1−β₂ᵗ)/(1−β₁ᵗ) m / (√v + ε), then θ ← θ − η λ θ                |
| `torch-adamw` | θ ← (1 − η λ) θ, then θ ← θ − η/(1−β₁ᵗ) m / (√v/√(1−β₂ᵗ) + ε)              |

`bertadam` is what both papers call BERTAdam: Adam without bias correction, as in
`AdamW(correct_bias=False)` of Transformers 2. `adamw` is the same class with its correction, and
`torch-adamw` is `torch.optim.AdamW`, the "debiased Adam" of Zhang et al. (2021), footnote 9.
"""

from __future__ import annotations

import torch
from torch import nn

from seedvar.cells.recipe import Recipe
from seedvar.methods.hooks import methods_with
from seedvar.training.adam import TransformersAdamW


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Makes the recipe's optimizer over all trainable parameters.

    Biases and LayerNorm weights are not decayed, as in both papers' code. Each group remembers its
    `peak_lr` and whether its parameters are of the kind that `decays`.
    """
    factors = {}
    for learning_rate_factors in methods_with("learning_rate_factors", recipe):
        factors |= learning_rate_factors(model, recipe)
    members: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.requires_grad:
                decays = name != "bias" and not isinstance(module, nn.LayerNorm)
                members.setdefault((factors.get(id(parameter), 1.0), decays), []).append(parameter)
    groups = [
        {
            "params": parameters,
            "lr": factor * recipe.learning_rate,
            "weight_decay": recipe.weight_decay if decays else 0.0,
            "decays": decays,
        }
        for (factor, decays), parameters in members.items()
    ]
    if recipe.optimizer == "torch-adamw":
        optimizer = torch.optim.AdamW(
            groups, lr=recipe.learning_rate, betas=(0.9, recipe.adam_beta2), eps=recipe.adam_epsilon, foreach=True
        )
    else:
        optimizer = TransformersAdamW(
            groups,
            lr=recipe.learning_rate,
            beta2=recipe.adam_beta2,
            eps=recipe.adam_epsilon,
            correct_bias=recipe.optimizer == "adamw",
        )
    for group in optimizer.param_groups:
        group["peak_lr"] = group["lr"]
    return optimizer
