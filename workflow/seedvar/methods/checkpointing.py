"""Gradient checkpointing: activations inside a block are computed once more in the backward pass instead of kept.

It takes about a third more time and, in deep models, a fraction of the memory. Dropout and Mixout draw the same numbers
both times, so that on a CPU results are equal to the bit. It is a field of the recipe all the same: on other machines
that is nobody's promise, and a cell's result depends on its specification alone.
"""

from __future__ import annotations

from torch import nn


def change_model(model: nn.Module, recipe, init_seed: int) -> None:
    """Lets a network keep no activations but those between its blocks."""
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
