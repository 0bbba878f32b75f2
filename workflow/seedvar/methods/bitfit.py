"""BitFit: of what is pre-trained, only the biases are trained (Ben Zaken et al. 2022).

What is drawn anew is trained whole: the classifier, and layers or a pooler that the recipe re-initialises.
"""

from __future__ import annotations

from torch import nn

from seedvar.models.layers import is_drawn, pretrained


def change_model(model: nn.Module, recipe, init_seed: int) -> None:
    """Takes everything else out of training."""
    for name, parameter in pretrained(model).items():
        if not name.endswith("bias") and not is_drawn(parameter):
            parameter.requires_grad_(False)
