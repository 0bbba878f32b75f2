"""A training run that is stopped goes on where it was, to the bit.

A run that takes more than some minutes leaves a file now and then beside where its result will be, with its weights,
moments, random streams and all else that its next updates depend on. So does one that is asked to end, by Ctrl-C, by
a scheduler that needs the machine or at a time limit. The next start of the same cell on the same kind of machine
takes the file up and goes on. A short run leaves none: to train it again is as cheap as to read it.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import torch

from seedvar.errors import Stopped, first_line
from seedvar.files import write_atomically

LONG_S = 120.0  # a run that is expected to take less leaves nothing of its own accord
WORTH_S = 10.0  # training that is kept when the process is asked to end
# What a kill without warning loses is what was done since the last write. Two writes are this share of the expected
# time apart; or, where more than a tenth of the time would go into writing, up to that share.
SHARE, LARGEST_SHARE = 0.05, 0.1
COST, LARGEST_COST = 0.1, 0.25


class Unfinished:
    """The file that a run leaves before it has ended.

    Args:
        path: Where it is.
        of: What it must agree with to be taken up: the cell's fingerprint, device, threads and the like.
        log: Called with a line of text.
    """

    def __init__(self, path: Path, of: dict[str, str], log: Callable[[str], None]):
        self.path, self.of, self.log = path, of, log
        self.signal: int | None = None  # which one asked this process to end
        self.earlier_s = 0.0  # what training took before this start
        self.resumed_after: list[int] = []  # the updates after which the run was taken up
        self._first = self._kept = 0  # the updates behind which this start began, and the file was left
        self._written_in_s = 0.0
        self._start = self._last = time.monotonic()

    @property
    def seconds(self) -> float:
        """What the run has taken so far, over all its starts."""
        return self.earlier_s + time.monotonic() - self._start

    def load(self) -> dict | None:
        """Returns what an earlier start has left, None where there is nothing that can be taken up."""
        if not self.path.is_file():
            return None
        try:
            saved = torch.load(self.path, map_location="cpu", weights_only=True)
            others = [name for name, value in self.of.items() if saved["of"].get(name) != value]
        except Exception as error:  # cut off, or of an older form: whatever a damaged archive raises
            self.log(f"{self.path.name} cannot be read ({type(error).__name__}): training begins anew")
            return None
        if others:
            self.log(f"{self.path.name} is of another {' and '.join(others)}: training begins anew")
            return None
        self.earlier_s, self.resumed_after = saved["seconds"], [*saved["resumed_after"], saved["update"]]
        self._first = self._kept = saved["update"]
        self.log(f"goes on behind update {saved['update']}, where an earlier start was stopped")
        return saved

    def after_update(self, update: int, total: int, state: Callable[[], dict]) -> None:
        """Writes the file if it is time to.

        Args:
            update: The update that has just been made.
            total: How many there will be.
            state: Returns what the next updates depend on, see `load`: tensors and plain values.

        Raises:
            Stopped: The process has been asked to end.
        """
        now = time.monotonic()
        expected_s = (now - self._start) / max(1, update - self._first) * total
        if self.signal:
            is_due = now - self._start >= WORTH_S
        else:
            is_due = expected_s >= LONG_S and now - self._last >= self._interval(expected_s)
        if update < total and is_due:
            about = {"update": update, "of": self.of, "seconds": self.seconds, "resumed_after": self.resumed_after}
            try:
                write_atomically(self.path, lambda path: torch.save(state() | about, path))
                self._kept = update
                self.log(f"kept as it is after update {update}/{total}")
            except (OSError, RuntimeError) as error:  # PyTorch's of a full disk; the run does without
                self.log(f"not kept after update {update}/{total}: {first_line(error)}")
            self._last = time.monotonic()
            self._written_in_s = self._last - now
        if self.signal:
            how = f"goes on behind update {self._kept} of {total}" if self._kept else "begins anew, this one was short"
            raise Stopped(self.signal, f"the next start {how}")

    def _interval(self, expected_s: float) -> float:
        written_in_s = self._written_in_s
        rare = min(written_in_s / COST, LARGEST_SHARE * expected_s)
        return max(SHARE * expected_s, rare, written_in_s / LARGEST_COST)

    def remove(self) -> None:
        """Deletes the file: there is a result."""
        self.path.unlink(missing_ok=True)

    def hear(self, number: int) -> None:
        """Has a signal wait for the end of the update; a second Ctrl-C does not wait.

        Raises:
            Stopped: It is the second one.
        """
        if self.signal == number == signal.SIGINT:
            raise Stopped(number)
        self.signal = number
