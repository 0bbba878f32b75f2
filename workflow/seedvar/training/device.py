"""Chooses where a cell runs: the CPU, or a CUDA device that no other cell of this machine uses, or only so many do."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import platform
import subprocess
import time
from pathlib import Path

import torch

from seedvar.errors import UserError
from seedvar.files import own_folder


@contextlib.contextmanager
def claimed_device(wanted: str, cells_per_gpu: int = 1):
    """Yields a device; a CUDA one has as many places as it may have cells.

    Cells that start at the same time on a machine with several devices are spread over them;
    a cell more than there are places waits until one is free. The claim is a file lock,
    which the system releases however the process ends.

    Args:
        wanted: `auto` (CUDA where there is one), `cpu` or `cuda`.
        cells_per_gpu: How many cells may run on a CUDA device side by side. Each is a process of its own, with its own
            random streams, and computes what it computes alone.

    Raises:
        UserError: `cuda` is wanted and there is none.
    """
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UserError(
            "config.yaml: device: 'cuda' is not accepted, this machine has no CUDA device; accepted: auto, cpu"
        )
    if wanted == "cpu" or not torch.cuda.is_available():
        yield torch.device("cpu")
        return
    # The name of a device that all processes agree on, whatever CUDA_VISIBLE_DEVICES says.
    names = [str(torch.cuda.get_device_properties(i).uuid) for i in range(torch.cuda.device_count())]
    places = [name + (f"-{turn}" if turn else "") for turn in range(cells_per_gpu) for name in names]
    with first_free(places) as number:
        device = torch.device("cuda", number % len(names))
        torch.cuda.set_device(device)
        yield device


@contextlib.contextmanager
def first_free(names: list[str], poll_s: float = 0.5):
    """Locks the first name that nobody else on this machine holds and yields its position."""
    try:
        folder = own_folder("seedvar-devices")
    except OSError as error:
        raise UserError(f"{error}; accepted: a folder that is gone, or another one in TMPDIR") from None
    for number in itertools.cycle(range(len(names))):
        with open(folder / names[number], "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if number == len(names) - 1:
                    time.sleep(poll_s)
                continue
            yield number
            return


def keep_memory() -> None:
    """Asks glibc to keep freed memory instead of returning it to the system at every free.

    Page faults otherwise dominate dropout and GELU on a CPU. Elsewhere than on glibc it does nothing.
    """
    import ctypes

    trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(mmap_threshold, 1 << 30)
        mallopt(trim_threshold, (1 << 31) - 1)


def about_machine() -> dict[str, str | None]:
    """Returns the name of the `processor` and the `commit` of the code, None where they cannot be told."""
    processor, commit = platform.processor() or None, None
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), processor)
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        git = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
        commit = subprocess.run(git, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    return {"processor": processor, "commit": commit}
