"""Re-initialisation of the top layers (Re-init of Zhang et al. 2021, section 5).

As their code's `--reinit_layers` and `--reinit_pooler`: normal, not truncated normal, with the
standard deviation of the checkpoint's `initializer_range` (.02). What stands above the blocks starts afresh with them:
the pooler, and in models whose blocks do not end in a norm of their own the one above the top block. XLNet's matrices
and biases of attention are single parameters, and all are drawn, as in that code; BART's top blocks are its decoder's.
The weights that GPT-2 and ModernBERT draw with a smaller deviation in deeper models are drawn like the others.
"""

from __future__ import annotations

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from seedvar.errors import UserError
from seedvar.models.layers import final_norm_of, init_std, is_norm, layers_of, mark_drawn, pooler_of
from seedvar.streams import generator


def change_model(model: nn.Module, recipe, init_seed: int) -> None:
    """Re-initialises what the recipe says, with the standard deviation of the checkpoint."""
    reinit(model, recipe.reinit_layers, init_std(model.config), init_seed)


@torch.no_grad()
def reinit(model: nn.Module, n_layers: int, std: float, init_seed: int) -> None:
    """Re-initialises the pooler and the top `n_layers` blocks as BERT was initialised.

    In a block every Linear and Embedding weight is drawn from N(0, std²), every Linear bias is
    0, every LayerNorm is 1 and 0; parameters that are in no such module are drawn like weights.
    Each block has a stream of its own, so the top block starts from the same weights whether one
    or six are re-initialised.

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
    if n_layers and (norm := final_norm_of(model)) is not None:
        _reinit_module(norm, std, generator(init_seed, "reinit final norm"))


def _reinit_module(block: nn.Module, std: float, stream: torch.Generator) -> None:
    for module in block.modules():
        own = dict(module.named_parameters(recurse=False))
        mark_drawn(own.values())
        if is_norm(module):
            module.weight.fill_(1.0)
        elif isinstance(module, nn.Linear | nn.Embedding | Conv1D):
            module.weight.normal_(0.0, std, generator=stream)
        else:
            for parameter in own.values():
                parameter.normal_(0.0, std, generator=stream)
            continue
        if own.get("bias") is not None:
            module.bias.zero_()
