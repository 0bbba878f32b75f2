"""AdamW as Transformers had it."""

from __future__ import annotations

import torch


class TransformersAdamW(torch.optim.AdamW):
    """AdamW as Transformers had it, with or without bias correction.

    Unlike in PyTorch's, ε is added before the correction, and the decay comes after the step and shrinks it too. Both
    are PyTorch's update with another rate, ε and λ, so that its fused kernel does the work: one pass over weights,
    gradients and moments, and no memory beyond them.

    Args:
        params: Parameters, or groups with their own `lr` and `weight_decay`.
        lr: Learning rate η.
        beta2: Decay of the second moment.
        eps: ε.
        weight_decay: λ, decoupled.
        correct_bias: False leaves out the factor √(1−β₂ᵗ)/(1−β₁ᵗ), which makes the first
            updates up to 6.6 times as large (Zhang et al. 2021, Fig. 1).
    """

    def __init__(self, params, lr, beta2=0.999, eps=1e-8, weight_decay=0.0, correct_bias=True):
        super().__init__(params, lr, (0.9, beta2), eps, weight_decay, fused=True)
        self.correct_bias = correct_bias

    @torch.no_grad()
    def step(self, closure=None):
        """Does one update; a parameter without a gradient stays as it is."""
        given = [(group["lr"], group["eps"], group["weight_decay"]) for group in self.param_groups]
        for group, (lr, eps, decay) in zip(self.param_groups, given, strict=True):
            t = group["t"] = group.get("t", 0) + 1
            beta1, beta2 = group["betas"]
            correction1, correction2 = 1 - beta1**t, (1 - beta2**t) ** 0.5
            size = lr * (1 - lr * decay) * (1.0 if self.correct_bias else correction1 / correction2)
            group.update(lr=size, eps=eps / correction2, weight_decay=lr * decay / size if size else 0.0)
        super().step()
        for group, (lr, eps, decay) in zip(self.param_groups, given, strict=True):
            group.update(lr=lr, eps=eps, weight_decay=decay)


def make(groups: list[dict], recipe, correct_bias: bool = True) -> TransformersAdamW:
    """Makes the optimizer of a recipe."""
    return TransformersAdamW(
        groups,
        lr=recipe.learning_rate,
        beta2=recipe.adam_beta2,
        eps=recipe.adam_epsilon,
        correct_bias=correct_bias,
    )
