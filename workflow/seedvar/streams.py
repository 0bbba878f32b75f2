"""Independent random streams: one for each purpose, derived from a seed and the purpose's name.

So two arms with one seed share classifier init and data order although one of them
re-initialises layers, and a cell's result does not depend on what ran before it.
The initialisation seed feeds `classifier`, `reinit …`; the order seed feeds `order` and
`dropout`, as the two generators of Zhang et al. (2021), appendix B.
"""

from __future__ import annotations

import hashlib

import torch


def stream_seed(seed: int, purpose: str) -> int:
    """Returns a 63-bit seed for one purpose."""
    return int.from_bytes(hashlib.sha256(f"{purpose}/{seed}".encode()).digest()[:8], "big") >> 1


def generator(seed: int, purpose: str) -> torch.Generator:
    """Returns a CPU generator for one purpose; the CPU's, so that a GPU run draws the same numbers."""
    return torch.Generator().manual_seed(stream_seed(seed, purpose))
