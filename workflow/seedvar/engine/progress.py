"""How far a run is: one live line at a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from seedvar.files import read_json
from seedvar.words import printable

INTERVAL_S = 1.0
LOG_SHARE, LOG_EVERY_S = 10, 600.0  # in a log: a line each tenth of the cells, or what has changed in ten minutes


@dataclass(frozen=True)
class Jobs:
    """What Snakemake is at.

    Attributes:
        running: Result files of the cells that it has started and not seen finished.
        crashed: The same of those that it has given up.
        steps: Jobs that are done, and all jobs.
        remote: Whether jobs are submitted, so that some of them may be waiting.
    """

    running: frozenset[str] = frozenset()
    crashed: frozenset[str] = frozenset()
    steps: tuple[int, int] = (0, 0)
    remote: bool = False


class Cells:
    """The cells of a study, as their result files tell.

    Args:
        planned: The result files that are to be made.
        valid: Those whose results are valid already.
    """

    def __init__(self, planned: list[Path], valid: list[Path]):
        self.start = time.time()
        self.planned, self.waiting = len(planned), list(planned)
        self.unread, self.all = list(valid), len(planned) + len(valid)
        self.valid, self.degenerate, self.device = len(valid), 0, None
        self.looked, self.took_s = 0.0, 0.0

    @property
    def done(self) -> int:
        """How many of the planned ones are done."""
        return self.planned - len(self.waiting)

    def look(self) -> None:
        """Looks which cells are done; on a slow file system not each time that it is asked to."""
        if time.monotonic() - self.looked < 20 * self.took_s:
            return
        begun = time.monotonic()
        found = [path for path in self.waiting if _is_younger(path, self.start)]
        made = set(found)
        self.waiting = [path for path in self.waiting if path not in made]
        for path in self.unread + found:
            self._read(path)
        self.unread = []
        self.looked = time.monotonic()
        self.took_s = self.looked - begun

    def _read(self, path: Path) -> None:
        try:
            result = read_json(path)
            self.degenerate += bool(result["degenerate"])
            self.device = result["device"]
        except (OSError, ValueError, KeyError, TypeError):  # status says what is wrong with it
            return


def _is_younger(path: Path, start: float) -> bool:
    try:
        return path.stat().st_mtime >= start
    except OSError:
        return False


def report_progress(
    planned: list[Path],
    valid: list[Path],
    jobs: Callable[[], Jobs] = Jobs,
    stream=None,
    at_most: bool = False,
    interval_s: float = INTERVAL_S,
):
    """Starts a thread that reports on the cells of a study.

    Args:
        planned: The result files that are to be made.
        valid: Those of the study's other cells.
        jobs: Says what Snakemake is at.
        stream: Where the lines go: a `terminal.LiveLine`, or any other, which gets whole lines now and then.
        at_most: Whether the study may need fewer cells than planned.
        interval_s: Seconds between two looks.

    Returns:
        A function that ends the thread, with a last line.
    """
    stream = stream or sys.stderr
    ended = threading.Event()
    cells = Cells(planned, valid)
    draw = getattr(stream, "draw", None)

    def watch():
        shown, shown_at, line, last = None, 0.0, "", False
        while not last:
            last = ended.wait(0 if shown is None else interval_s)
            if last:
                cells.took_s = 0.0
            cells.look()
            line = progress_line(cells, jobs(), time.time() - cells.start, at_most, last)
            if draw and not last:
                draw(line)
                shown = cells.done
            elif cells.all:
                grown = cells.done - (shown or 0)
                is_old = time.monotonic() - shown_at >= LOG_EVERY_S
                is_due = grown and (last or is_old or grown * LOG_SHARE >= cells.planned)
                if is_due or shown is None or (draw and last):
                    print(line, file=stream, flush=True)
                    shown, shown_at = cells.done, time.monotonic()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()

    def end() -> None:
        ended.set()
        thread.join()

    return end


def progress_line(cells: Cells, jobs: Jobs, elapsed_s: float, at_most: bool = False, last: bool = False) -> str:
    """Says how far a study is; the time left supposes that the rest takes as long a cell as so far.

    Args:
        cells: Its cells.
        jobs: What Snakemake is at.
        elapsed_s: Since the start.
        at_most: Whether the study may need fewer cells.
        last: Whether the run is over.
    """
    n_done, steps = cells.valid + cells.done, "step {} of {}".format(*jobs.steps)
    if not cells.all:
        return f"seedvar: {steps}"
    parts = [f"{n_done:,} of {'at most ' * at_most}{cells.all:,} cells done"]
    if cells.degenerate:
        parts.append(f"{cells.degenerate:,} degenerate")
    running = len(jobs.running & {str(path) for path in cells.waiting}) if jobs.running and not last else 0
    if running:
        parts.append(f"{running:,} {'submitted' if jobs.remote else 'running'}")
    if jobs.crashed:
        parts.append(f"{len(jobs.crashed):,} crashed")
    if 0 < cells.done < cells.planned and not last:
        parts.append(f"about {_duration(elapsed_s / cells.done * (cells.planned - cells.done))} left")
    if not cells.waiting and not last and jobs.steps[1]:
        parts.append(f"tables and figures: {steps}")
    if cells.device:
        parts.append("CPU" if cells.device == "cpu" else printable(str(cells.device)))
    return f"seedvar: {', '.join(parts)}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(10, 10 * round(seconds / 10))} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
