"""The state of a study in words."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from seedvar.cells.record import RunRecord
from seedvar.status.state import CellState, StudyState
from seedvar.words import hours, n_cells


def installed_versions(names: Iterable[str]) -> dict[str, str]:
    """Returns the versions of libraries that are installed here, without importing them."""
    found = {}
    for name in names:
        try:
            found[name] = platform.python_version() if name == "python" else version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def version_lines(records: Iterable[RunRecord]) -> list[str]:
    """Says with which other versions of libraries than the installed ones cells were trained."""
    counts = Counter(pair for record in records for pair in record.versions.items())
    here = installed_versions({name for name, _ in counts})
    return [
        f"{n_cells(n)} trained with {name} {trained}, installed is {here[name]}"
        for (name, trained), n in sorted(counts.items())
        if trained != here[name]
    ]


def status_lines(study: StudyState, seconds_left: float | None, at_a_time: int) -> list[str]:
    """Writes the state of a study, one line a reason and never one a cell.

    Args:
        study: The state.
        seconds_left: Time that the cells that are not done will take one after the other; None: not known.
        at_a_time: Cells side by side, for the time left.
    """
    done, waiting, invalid = study.of("done"), study.of("waiting"), study.of("invalid")
    notes = [
        f"{'at most ' if study.adds_seeds else ''}{n_cells(len(study.cells))}",
        *([f"{study.intermediates} of them on intermediate tasks"] if study.intermediates else []),
    ]
    records = [state.record for state in done]
    about = [f"{sum(r.degenerate for r in records)} degenerate"]
    about += [f"{n} {kind}" for kind in ("diverged", "stopped") if (n := sum(r.status == kind for r in records))]
    lines = [f"{study.name}: {', '.join(notes)}"]
    lines.append(f"  done     {len(done):>6,}" + (f"  ({', '.join(about)})" if done else ""))
    lines.append(f"  running  {len(study.of('running')):>6,}")
    lines.append(f"  waiting  {len(waiting):>6,}" + _stored(waiting))
    lines.append(f"  invalid  {len(invalid):>6,}" + _stored(invalid))
    lines += _counted("Invalid, because", (reason for state in invalid for reason in state.reasons))
    lines += _counted("Begun and not finished", (reason for state in waiting for reason in state.reasons))
    if changed := version_lines(records):
        lines += ["Libraries, which invalidate nothing:", *(f"  {line}" for line in changed)]
    if records:
        places = Counter()
        for record in records:
            unit = "on a GPU" if record.device != "cpu" else "on the CPU"
            places[unit] += record.wall_time_s
        lines.append("Time spent: " + ", ".join(f"{hours(seconds)} {place}" for place, seconds in places.items()))
    left = sum(not state.is_stored for state in study.cells if state.state != "done")
    if left and seconds_left is None:
        lines.append(f"Time left: not known for {n_cells(left)}; none like them is recorded")
    elif left:
        lines.append(
            f"Time left: {hours(seconds_left)} for {n_cells(left)}, about {hours(seconds_left / at_a_time)} with "
            f"{at_a_time} at a time"
        )
    return lines


def _stored(states: list[CellState]) -> str:
    n = sum(state.is_stored for state in states)
    return f"  ({n:,} in the store)" if n else ""


def _counted(title: str, reasons: Iterable[str]) -> list[str]:
    counts = Counter(reasons)
    return [f"{title}:", *(f"  {n_cells(n)}: {reason}" for reason, n in counts.most_common())] if counts else []


def cell_lines(study: StudyState) -> list[str]:
    """Writes one line a cell: state, folder, reasons."""
    return [
        f"{state.state:<8} {state.cell.folder()}" + (f"  {'; '.join(state.reasons)}" if state.reasons else "")
        for state in study.cells
    ]
