"""A vocabulary without the words that a cell never sees.

The embedding of a word that occurs in none of a cell's examples gets no gradient: it need not be multiplied, clipped,
or have moments. In a model with 30,000 words that is most of the memory traffic of an update, with 250,000 words most
of the weights. The words that are left out come back when training is done, as ordinary training would have left
them: untouched, or shrunk by weight decay.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from seedvar.cells.recipe import Recipe
from seedvar.data.tokens import Tokens
from seedvar.models.families import family_of
from seedvar.training.batches import Examples

FIRST_TOKENS = 1000  # special tokens stand among them and keep their numbers, which some models read


def compact(model: nn.Module, examples: Examples, recipe: Recipe) -> tuple[Examples, Callable]:
    """Takes the words that no example of a cell uses out of a model, in place.

    Args:
        model: The network that is to be trained.
        examples: What it will see.
        recipe: Where it measures the embeddings themselves (`diagnostics_every`) they are left whole.

    Returns:
        The examples with the numbers that their tokens have now, and a function that puts the words back; it takes the
        product of (1 - learning rate · weight decay) over all updates.
    """
    whole = model.get_input_embeddings()
    owners = sum(p is whole.weight for module in model.modules() for p in module.parameters(recurse=False))
    pad = examples.pad_token_id
    reads_numbers = pad >= FIRST_TOKENS or family_of(model.config.model_type).read_out  # such as that of a last token
    if recipe.diagnostics_every or not whole.weight.requires_grad or owners > 1 or reads_numbers:
        return examples, lambda shrunk: None
    seen = [examples.source(name).input_ids[_places(examples, name)] for name in examples.parts]
    used = np.unique(np.concatenate([*seen, np.arange(pad + 1, dtype=np.int32)]))
    number = np.zeros(whole.num_embeddings, np.int32)  # of the others no example has one
    number[used] = np.arange(len(used))
    small = nn.Embedding(len(used), whole.embedding_dim, padding_idx=whole.padding_idx, device="meta")
    chosen = torch.from_numpy(used).long()
    small.weight = nn.Parameter(whole.weight.detach()[chosen])
    model.set_input_embeddings(small)

    @torch.no_grad()
    def put_back(shrunk: float) -> None:
        if shrunk != 1:
            whole.weight.mul_(shrunk)
        whole.to(small.weight.device).weight[chosen.to(small.weight.device)] = small.weight
        model.set_input_embeddings(whole)

    tokens = {name: dataclasses.replace(t, input_ids=number[t.input_ids]) for name, t in examples.tokens.items()}
    return dataclasses.replace(examples, tokens=tokens), put_back


def shrunk_by(weight_decay: float, learning_rates: list[float]) -> float:
    """Returns the factor by which decoupled weight decay alone shrinks a weight over some updates."""
    return math.prod(1 - rate * weight_decay for rate in learning_rates)


def _places(examples: Examples, name: str) -> np.ndarray:
    """Returns where the tokens of a part's examples stand in its source split."""
    source: Tokens = examples.source(name)
    rows = examples.rows(name)
    is_used = np.zeros(len(source), bool)
    is_used[rows] = True
    return np.repeat(is_used, source.lengths())
