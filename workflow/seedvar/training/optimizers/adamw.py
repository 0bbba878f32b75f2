"""AdamW as Transformers had it."""

from __future__ import annotations

import torch


class TransformersAdamW(torch.optim.Optimizer):
    """AdamW as Transformers had it, with or without bias correction.

    Unlike in PyTorch's, ε is added before the correction, and the decay comes after the step and shrinks it too. Both
    are PyTorch's update with another rate, ε and λ, so that its fused kernel does the work: one pass over weights,
    gradients and moments, and no memory beyond them. The kernel is called directly: what `torch.optim.AdamW` does
    around it takes longer than the update of a small network.

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
        super().__init__(params, {"lr": lr, "betas": (0.9, beta2), "eps": eps, "weight_decay": weight_decay, "t": 0})
        self.correct_bias = correct_bias

    @torch.no_grad()
    def step(self, closure=None):
        """Does one update; a parameter without a gradient stays as it is."""
        for group in self.param_groups:
            t = group["t"] = group["t"] + 1
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            if not parameters:
                continue
            states = [self.state[parameter] for parameter in parameters]
            for parameter, state in zip(parameters, states, strict=True):
                if not state:
                    state.update(exp_avg=torch.zeros_like(parameter), exp_avg_sq=torch.zeros_like(parameter))
            (beta1, beta2), lr, decay = group["betas"], group["lr"], group["weight_decay"]
            correction1, correction2 = 1 - beta1**t, (1 - beta2**t) ** 0.5
            size = lr * (1 - lr * decay) * (1.0 if self.correct_bias else correction1 / correction2)
            torch._fused_adamw_(
                parameters,
                [parameter.grad for parameter in parameters],
                [state["exp_avg"] for state in states],
                [state["exp_avg_sq"] for state in states],
                [],
                [torch.full((), t, dtype=torch.float32, device=parameters[0].device)] * len(parameters),
                lr=size,
                beta1=beta1,
                beta2=beta2,
                weight_decay=lr * decay / size if size else 0.0,
                eps=group["eps"] / correction2,
                amsgrad=False,
                maximize=False,
            )


def make(groups: list[dict], recipe, correct_bias: bool = True) -> TransformersAdamW:
    """Makes the optimizer of a recipe."""
    return TransformersAdamW(
        groups,
        lr=recipe.learning_rate,
        beta2=recipe.adam_beta2,
        eps=recipe.adam_epsilon,
        correct_bias=correct_bias,
    )
