"""Settings that make a result repeatable, and so belong to what decides it."""

from __future__ import annotations

import os

import torch


def make_deterministic(threads: int) -> None:
    """Makes results repeatable bit for bit on one machine: fixed kernels, a fixed thread count."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # nothing reads what it has not written
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.set_num_threads(threads)
