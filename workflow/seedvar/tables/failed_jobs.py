"""Jobs that failed: when, and which log they had, so that a report can say what was started again."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

NAME = "failed_jobs.txt"  # below the folder of logs: a line a job, with the time and its log


def note_failed(results: Path, logs: list[str]) -> None:
    """Adds a line for each log of a job that has failed."""
    now = datetime.now().isoformat(timespec="seconds")
    path = results / "logs" / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        file.writelines(f"{now} {log}\n" for log in logs)


def failed_jobs(results: Path) -> dict[Path, list[float]]:
    """Returns the times, in seconds since 1970, at which jobs failed, by the log as the workflow names it."""
    path, found = results / "logs" / NAME, {}
    if path.is_file():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            when, _, log = line.partition(" ")
            try:
                found.setdefault(Path(log), []).append(datetime.fromisoformat(when).timestamp())
            except ValueError:  # a line that was cut off
                continue
    return found
