"""AdamW as Transformers had it."""

from __future__ import annotations

import torch


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
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "t": 0})
        self.beta1, self.beta2, self.eps, self.correct_bias = beta1, beta2, eps, correct_bias

    @torch.no_grad()
    def step(self, closure=None):
        """Does one update; a parameter without a gradient counts as one whose gradient is 0.

        The parameters of a group are updated as one long vector: a network has hundreds of
        tensors, and on a CPU a small operation on each costs more than the arithmetic.
        """
        for group in self.param_groups:
            group["t"] += 1
            thetas = group["params"]
            g = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in thetas])
            if "m" not in group:
                group["m"], group["v"] = torch.zeros_like(g), torch.zeros_like(g)
            m, v = group["m"], group["v"]
            m.lerp_(g, 1 - self.beta1)
            v.mul_(self.beta2).addcmul_(g, g, value=1 - self.beta2)
            size = group["lr"]
            if self.correct_bias:
                size *= (1 - self.beta2 ** group["t"]) ** 0.5 / (1 - self.beta1 ** group["t"])
            change = (m / v.sqrt().add_(self.eps)).mul_(-size)
            for theta, part in zip(thetas, change.split([theta.numel() for theta in thetas]), strict=True):
                theta.add_(part.view_as(theta))
                if group["weight_decay"]:
                    theta.mul_(1 - group["lr"] * group["weight_decay"])


def make(groups: list[dict], recipe, correct_bias: bool = True) -> TransformersAdamW:
    """Makes the optimizer of a recipe."""
    return TransformersAdamW(
        groups,
        lr=recipe.learning_rate,
        beta2=recipe.adam_beta2,
        eps=recipe.adam_epsilon,
        correct_bias=correct_bias,
    )
