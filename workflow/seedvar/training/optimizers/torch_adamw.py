"""PyTorch's AdamW."""

from __future__ import annotations

import torch


def make(groups: list[dict], recipe) -> torch.optim.AdamW:
    """Makes the optimizer of a recipe."""
    return torch.optim.AdamW(
        groups, lr=recipe.learning_rate, betas=(0.9, recipe.adam_beta2), eps=recipe.adam_epsilon, fused=True
    )
