"""A line now and then that says how many cells are done and how long the rest may take."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

INTERVAL_S = 15.0


def report_progress(results: list[Path], stream=sys.stderr, interval_s: float = INTERVAL_S) -> threading.Event:
    """Starts a thread that reports on the cells of a study.

    Args:
        results: The result files of all cells.
        stream: Where the lines go.
        interval_s: Seconds between two looks; a line is printed when something has changed.

    Returns:
        An event that ends the thread, with a last line, when it is set.
    """
    ended = threading.Event()
    start = time.time()

    def watch():
        done_before = sum(path.exists() for path in results)
        shown = -1
        while True:
            last = ended.wait(interval_s)
            done = sum(path.exists() for path in results)
            if done != shown:
                print(progress_line(done, done_before, len(results), time.time() - start), file=stream, flush=True)
                shown = done
            if last:
                return

    threading.Thread(target=watch, daemon=True).start()
    return ended


def progress_line(done: int, done_before: int, total: int, elapsed_s: float) -> str:
    """Says how far a study is; the time left supposes that the rest takes as long a cell as so far."""
    line = f"seedvar: {done} of {total} cells done"
    if total > done > done_before:
        line += f", about {_duration(elapsed_s / (done - done_before) * (total - done))} left"
    return line


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(10, 10 * round(seconds / 10))} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
