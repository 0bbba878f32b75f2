"""Intermediate task: start from an encoder that was fine-tuned on another task first.

STILTs of Phang et al. (2018), as in Zhang et al. (2021), section 7: the encoder, pooler included, comes
from the last checkpoint of another cell (`Cell.intermediate`), the classifier is drawn anew, and so are
the optimizer's moments and the learning-rate schedule. (The official code would load them from files
that lie beside the checkpoint, and so could train with a learning rate of 0.)
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from seedvar.models.layers import pretrained


@torch.no_grad()
def load_encoder(model: nn.Module, weights: Path) -> None:
    """Copies the encoder's weights out of a `weights.safetensors` into a model, in place.

    Raises:
        KeyError: The file comes from another architecture.
    """
    saved = load_file(weights)
    for name, parameter in pretrained(model).items():
        parameter.copy_(saved[name])
