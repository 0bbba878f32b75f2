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


def draw_bits(n: int) -> torch.Tensor:
    """Draws the bits that decide which of `n` values are kept: shape (n,), int16."""
    return torch.empty(-(-n // 4), dtype=torch.int64).random_(-(2**63), None).view(torch.int16)[:n]


def kept_by(bits: torch.Tensor, dropout: float, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Says what is kept.

    Args:
        bits: Of `draw_bits`.
        dropout: Probability of leaving a value out.
        dtype: Of the answer; comparing straight into floats is four times as fast as into truth values.

    Returns:
        1 where a value is kept and 0 where not, in the shape of `bits`.
    """
    left_out = round(dropout * STEPS)
    if left_out == STEPS:
        return torch.zeros(bits.shape, dtype=dtype)
    return torch.ge(bits, left_out - STEPS // 2, out=torch.empty(bits.shape, dtype=dtype))


def scale_of_kept(dropout: float) -> float:
    """Returns the factor that makes up for what is left out; 0 where nothing is kept."""
    kept = STEPS - round(dropout * STEPS)
    return STEPS / kept if kept else 0.0


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values, dropout):
        kept = kept_by(draw_bits(values.numel()), dropout, values.dtype).view(values.shape)
        ctx.save_for_backward(kept)
        ctx.dropout = dropout
        return (values * kept).mul_(scale_of_kept(dropout))

    @staticmethod
    def backward(ctx, grad):
        (kept,) = ctx.saved_tensors
        return (grad * kept).mul_(scale_of_kept(ctx.dropout)), None


def use_few_bits(model: nn.Module) -> None:
    """Has all modules of dropout in a model draw in this way."""

    def forward(module, values):
        return _Dropout.apply(values, module.p) if module.training and module.p else values

    for module in model.modules():
        if type(module) is nn.Dropout and not module.inplace:
            module.forward = MethodType(forward, module)
