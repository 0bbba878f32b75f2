"""Adam without bias correction, as in BERT's original code."""

from __future__ import annotations

from seedvar.training.optimizers import adamw


def make(groups: list[dict], recipe) -> adamw.TransformersAdamW:
    """Makes the optimizer of a recipe."""
    return adamw.make(groups, recipe, correct_bias=False)
