"""Freezing: the embeddings and the lowest layers keep their pre-trained weights."""

from __future__ import annotations

from torch import nn

from seedvar.errors import UserError
from seedvar.models.layers import embeddings_of, layers_of


def change_model(model: nn.Module, recipe, init_seed: int) -> None:
    """Freezes as many layers as the recipe says."""
    freeze(model, recipe.frozen_layers)


def freeze(model: nn.Module, n_layers: int) -> None:
    """Takes the embeddings and the lowest `n_layers` blocks out of training, in place.

    Raises:
        UserError: The model has fewer layers, or they share their parameters.
    """
    layers = layers_of(model, "frozen_layers", "0")
    if n_layers > len(layers):
        raise UserError(f"recipe: frozen_layers: {n_layers} is not accepted; the model accepts 0 to {len(layers)}")
    for parameter in [*embeddings_of(model), *(each for layer in layers[:n_layers] for each in layer.parameters())]:
        parameter.requires_grad_(False)
