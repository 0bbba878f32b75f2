"""Layer-wise learning-rate decay (LLRD; Howard and Ruder 2018, as in Zhang et al. 2021, section 7).

With N blocks and decay d, block n counted from the bottom learns at η d^(N − n + 1) and the
embeddings at η d^(N + 1); the pooler or final norm and the classifier learn at η. Warm-up and decay of the
schedule multiply all of them.
"""

from __future__ import annotations

from torch import nn

from seedvar.models.layers import embeddings_of, layers_of


def learning_rate_factors(model: nn.Module, recipe) -> dict[int, float]:
    """Returns the factor of each parameter's learning rate, by the parameter's `id`; 1 where it is not listed.

    Raises:
        UserError: The family's layers share their parameters.
    """
    decay = recipe.layerwise_decay
    layers = layers_of(model, "layerwise_decay", "1")
    factors = {}
    for number, layer in enumerate(layers, start=1):
        factors |= {id(parameter): decay ** (len(layers) - number + 1) for parameter in layer.parameters()}
    return factors | {id(parameter): decay ** (len(layers) + 1) for parameter in embeddings_of(model)}
