"""The learning-rate schedule."""

from __future__ import annotations


def schedule(update: int, total: int, warmup: int) -> float:
    """Returns the share of the peak learning rate at an update counted from 0.

    Linear warm-up, then linear decay: `get_linear_schedule_with_warmup` of Transformers. The
    first update has rate 0 if there is a warm-up, and the rate would be 0 again at `total`.
    """
    if update < warmup:
        return update / max(1, warmup)
    return max(0.0, (total - update) / max(1, total - warmup))
