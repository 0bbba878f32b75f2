"""Mixout (Lee, Cho and Kang, 2020): dropout towards the pre-trained weights instead of towards zero.

For a Linear layer with weights W, weights at the start of fine-tuning U and probability p, a mask
n ~ Bernoulli(1 − p) is drawn for every *input feature*, shared by all rows (the outgoing weights of
a dropped neuron), and the layer computes with

    W' = [(1 − n) U + n W − p U] / (1 − p)

so that E[W'] = W: dropped columns become U, kept ones (W − p U) / (1 − p). Biases are not mixed, and
evaluation uses W. As in the code of Zhang et al. (2021), Mixout takes the place of all dropout and
every Linear layer is mixed, the classifier towards its random start.

The true derivative of W' with respect to W is n / (1 − p). The official code returns n, without the
factor; `gradient="official"` does the same, for comparison with published numbers.
"""

from __future__ import annotations

import torch
from torch import nn


class MixLinear(nn.Module):
    """A Linear layer under Mixout.

    Args:
        linear: The layer; its weight and bias become this module's, its weights U are remembered.
        p: Probability of a column to be dropped, 0 <= p < 1.
        gradient: `true` or `official`, see above.
    """

    def __init__(self, linear: nn.Linear, p: float, gradient: str = "true"):
        super().__init__()
        self.weight, self.bias, self.p, self.gradient = linear.weight, linear.bias, p, gradient
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.register_buffer("start", linear.weight.detach().clone(), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps x of shape (..., in) to (..., out)."""
        return nn.functional.linear(x, self.mixed_weight() if self.training else self.weight, self.bias)

    def mixed_weight(self) -> torch.Tensor:
        """Draws W' of shape (out, in); the mask comes from the global stream, as dropout's does."""
        kept = torch.empty(self.in_features, device=self.weight.device).bernoulli_(1 - self.p)
        mixed = self.start + kept * (self.weight - self.start) / (1 - self.p)
        if self.gradient == "true":
            return mixed
        passed = kept * self.weight
        return passed + (mixed - passed).detach()  # the value of W', the derivative n


def change_model(model: nn.Module, recipe, init_seed: int) -> None:
    """Puts a model under Mixout as the recipe says."""
    if recipe.mixout:
        apply_mixout(model, recipe.mixout, recipe.mixout_gradient)


def apply_mixout(model: nn.Module, p: float, gradient: str) -> None:
    """Switches dropout off and puts every Linear layer of a model under Mixout, in place."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        for name, value in vars(module).items():  # of dropout without a module, as in BART
            if "dropout" in name and isinstance(value, float):
                setattr(module, name, 0.0)
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear):
                setattr(parent, name, MixLinear(child, p, gradient))
