"""Weight decay towards the pre-trained weights (Wiese et al. 2017, as in Zhang et al. 2021, section 7).

After every update, θ ← θ − η λ (θ − θ₀) for each weight matrix of the encoder, where θ₀ is its value
at the start of fine-tuning (after re-initialisation) and η its scheduled learning rate. The
classifier has no pre-trained value: its matrices decay towards 0, as by ordinary weight decay. The code
of Zhang et al. meant to exempt them, but by an off-by-one pulls them towards their random start.
Biases and LayerNorm weights are not decayed, as in ordinary weight decay.
"""

from __future__ import annotations

import torch
from torch import nn

from seedvar.methods.hooks import Watcher
from seedvar.models.layers import pretrained


def watch(model: nn.Module, optimizer: torch.optim.Optimizer, recipe) -> PretrainedDecay:
    """Starts the decay that the recipe says."""
    return PretrainedDecay(model, optimizer, recipe.pretrained_decay)


class PretrainedDecay(Watcher):
    """Remembers where the weights started and pulls them back.

    Args:
        model: The network at the start of fine-tuning.
        optimizer: Its groups say which parameters decay (`decays`) and at which rate they learn.
        strength: λ.
    """

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer, strength: float):
        super().__init__()
        encoder = {id(parameter) for parameter in pretrained(model).values()}
        self.strength, self.targets = strength, []
        for group in optimizer.param_groups:
            for parameter in group["params"] if group["decays"] else []:
                start = parameter.detach().clone() if id(parameter) in encoder else torch.zeros_like(parameter)
                self.targets.append((group, parameter, start))

    @torch.no_grad()
    def after_update(self, update: int) -> None:
        """Moves every decaying parameter the share η λ of its way back."""
        for group, parameter, start in self.targets:
            parameter.lerp_(start, group["lr"] * self.strength)
