"""A line now and then that says how many cells are done and how long the rest may take."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

INTERVAL_S = 15.0


def report_progress(planned: list[Path], n_valid: int, stream=sys.stderr, interval_s: float = INTERVAL_S):
    """Starts a thread that reports on the cells of a study.

    Args:
        planned: The result files that are to be made.
        n_valid: How many more cells the study has, whose results are valid.
        stream: Where the lines go.
        interval_s: Seconds between two looks; a line is printed when something has changed.

    Returns:
        A function that ends the thread, with a last line.
    """
    ended = threading.Event()
    start = time.time()

    def n_done() -> int:
        return sum(path.exists() and path.stat().st_mtime >= start for path in planned)

    def watch():
        shown = -1
        while True:
            last = ended.wait(interval_s)
            done = n_done()
            if done != shown:
                print(progress_line(done, len(planned), n_valid, time.time() - start), file=stream, flush=True)
                shown = done
            if last:
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()

    def end() -> None:
        ended.set()
        thread.join()

    return end


def progress_line(done: int, planned: int, n_valid: int, elapsed_s: float) -> str:
    """Says how far a study is; the time left supposes that the rest takes as long a cell as so far."""
    line = f"seedvar: {n_valid + done} of {n_valid + planned} cells done"
    if 0 < done < planned:
        line += f", about {_duration(elapsed_s / done * (planned - done))} left"
    return line


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(10, 10 * round(seconds / 10))} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
