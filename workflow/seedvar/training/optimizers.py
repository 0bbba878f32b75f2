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

from seedvar.methods import methods_with
from seedvar.recipe import Recipe


class TransformersAdamW(torch.optim.Optimizer):
    """AdamW as Transformers had it, with or without bias correction.

    Unlike PyTorch's, ε is added before the correction and the decay comes after the step.

    Args:
        params: Parameters, or groups with their own `lr` and `weight_decay`.
        lr: Learning rate η.
        beta1: Decay of the first moment.
        beta2: Decay of the second moment.
        eps: ε.
        weight_decay: λ, decoupled.
        correct_bias: False leaves out the factor √(1−β₂ᵗ)/(1−β₁ᵗ), which makes the first
            updates up to 6.6 times as large (Zhang et al. 2021, Fig. 1).
    """

    def __init__(self, params, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0, correct_bias=True):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})
        self.beta1, self.beta2, self.eps, self.correct_bias = beta1, beta2, eps, correct_bias
        self.t = 0

    @torch.no_grad()
    def step(self, closure=None):
        """Does one update; a parameter without a gradient counts as one whose gradient is 0.

        The parameters of a group are updated as one long vector: a network has hundreds of
        tensors, and on a CPU a small operation on each costs more than the arithmetic.
        """
        self.t += 1
        for group in self.param_groups:
            thetas = group["params"]
            g = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in thetas])
            if "m" not in group:
                group["m"], group["v"] = torch.zeros_like(g), torch.zeros_like(g)
            m, v = group["m"], group["v"]
            m.lerp_(g, 1 - self.beta1)
            v.mul_(self.beta2).addcmul_(g, g, value=1 - self.beta2)
            size = group["lr"]
            if self.correct_bias:
                size *= (1 - self.beta2**self.t) ** 0.5 / (1 - self.beta1**self.t)
            change = (m / v.sqrt().add_(self.eps)).mul_(-size)
            for theta, part in zip(thetas, change.split([theta.numel() for theta in thetas]), strict=True):
                theta.add_(part.view_as(theta))
                if group["weight_decay"]:
                    theta.mul_(1 - group["lr"] * group["weight_decay"])


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


def schedule(update: int, total: int, warmup: int) -> float:
    """Returns the share of the peak learning rate at an update counted from 0.

    Linear warm-up, then linear decay: `get_linear_schedule_with_warmup` of Transformers. The
    first update has rate 0 if there is a warm-up, and the rate would be 0 again at `total`.
    """
    if update < warmup:
        return update / max(1, warmup)
    return max(0.0, (total - update) / max(1, total - warmup))
