"""Re-initialisation of the top layers (Re-init of Zhang et al. 2021, section 5).

As their code's `--reinit_layers` and `--reinit_pooler`: normal, not truncated normal, with the
standard deviation of the checkpoint's `initializer_range` (.02).
"""

from __future__ import annotations

import torch
from torch import nn

from seedvar.errors import UserError
from seedvar.models.layers import layers_of, pooler_of
from seedvar.streams import generator


def change_model(model: nn.Module, recipe, init_seed: int) -> None:
    """Re-initialises what the recipe says, with the standard deviation of the checkpoint."""
    reinit(model, recipe.reinit_layers, getattr(model.config, "initializer_range", 0.02), init_seed)


@torch.no_grad()
def reinit(model: nn.Module, n_layers: int, std: float, init_seed: int) -> None:
    """Re-initialises the pooler and the top `n_layers` blocks as BERT was initialised.

    In a block every Linear and Embedding weight is drawn from N(0, std²), every Linear bias is
    0, every LayerNorm is 1 and 0. Each block has a stream of its own, so the top block starts
    from the same weights whether one or six are re-initialised.

    Raises:
        UserError: The model has fewer layers, or no pooler where only that is asked for.
    """
    pooler = pooler_of(model)
    if pooler is not None:
        _reinit_module(pooler, std, generator(init_seed, "reinit pooler"))
    elif n_layers == 0:
        raise UserError(
            f"recipe: reinit_pooler: a {model.config.model_type} classifier has no pre-trained pooler; accepted: false"
        )
    layers = layers_of(model, "reinit_layers", "0") if n_layers else []
    if n_layers > len(layers):
        raise UserError(f"recipe: reinit_layers: {n_layers} is not accepted; the model accepts 0 to {len(layers)}")
    for number in range(len(layers) - n_layers, len(layers)):
        _reinit_module(layers[number], std, generator(init_seed, f"reinit layer {number}"))


def _reinit_module(block: nn.Module, std: float, stream: torch.Generator) -> None:
    for module in block.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            module.weight.normal_(0.0, std, generator=stream)
        if isinstance(module, nn.LayerNorm):
            module.weight.fill_(1.0)
        if isinstance(module, nn.Linear | nn.LayerNorm) and module.bias is not None:
            module.bias.zero_()
