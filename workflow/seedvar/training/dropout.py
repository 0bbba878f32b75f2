"""Dropout on a CPU, from the random bits that it needs and no more.

PyTorch draws 32 or 64 random bits for every value that it keeps or not. 16 do: the probability is then a multiple of
2⁻¹⁶, and what is kept is scaled by that one, so that the mean stays what it is without dropout. The bits come from
PyTorch's own generator. On a GPU dropout is part of fused kernels, and stays.
"""

from __future__ import annotations

from types import MethodType

import torch
from torch import nn

STEPS = 1 << 16  # numbers that 16 bits can show


def draw_kept(n: int, dropout: float) -> torch.Tensor:
    """Draws which of `n` values are kept.

    Args:
        n: Values.
        dropout: Probability of leaving one out.

    Returns:
        Shape (n,), bool.
    """
    words = torch.empty(-(-n // 4), dtype=torch.int64).random_(-(2**63), None)
    left_out = round(dropout * STEPS)
    if left_out == STEPS:
        return torch.zeros(n, dtype=torch.bool)
    return words.view(torch.int16)[:n] >= left_out - STEPS // 2


def scale_of_kept(dropout: float) -> float:
    """Returns the factor that makes up for what `draw_kept` leaves out; 0 where it keeps nothing."""
    kept = STEPS - round(dropout * STEPS)
    return STEPS / kept if kept else 0.0


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values, dropout):
        kept = draw_kept(values.numel(), dropout).view(values.shape)
        ctx.save_for_backward(kept)
        ctx.scale = scale_of_kept(dropout)
        return values.mul(kept).mul_(ctx.scale)

    @staticmethod
    def backward(ctx, grad):
        (kept,) = ctx.saved_tensors
        return torch.ops.aten.native_dropout_backward(grad, kept, ctx.scale), None


def use_few_bits(model: nn.Module) -> None:
    """Has all modules of dropout in a model draw in this way."""

    def forward(module, values):
        return _Dropout.apply(values, module.p) if module.training and module.p else values

    for module in model.modules():
        if type(module) is nn.Dropout and not module.inplace:
            module.forward = MethodType(forward, module)
