"""The first page of a report: what was found, the one picture, and the scores."""

from __future__ import annotations

import base64
import textwrap
from pathlib import Path

from seedvar.figures import OVERVIEW
from seedvar.files import read_json
from seedvar.report.escape import as_rest


def first_page(study: Path) -> dict | None:
    """Gathers what the first page shows, as reStructuredText.

    Args:
        study: The study's folder, with all of its tables and figures.

    Returns:
        `findings`, each with its source; `picture`, as an address that holds the picture itself; `scores`, the rows
        of a table, the first its header, and `caption`, what they are. None for a study that has not been analysed.
    """
    if not all((study / name).is_file() for name in ("findings.json", "summary.csv", f"figures/{OVERVIEW}.png")):
        return None
    found = [
        {"sentence": as_rest(one["sentence"]), "source": as_rest(_source(one))}
        for one in read_json(study / "findings.json")
    ]
    picture = base64.b64encode((study / "figures" / f"{OVERVIEW}.png").read_bytes()).decode()
    lines = textwrap.wrap(picture, 100)  # docutils refuses long lines, and joins those of an address
    rows, caption = _scores(study)
    return {
        "findings": found,
        "picture": "\n   ".join(["data:image/png;base64,", *lines]),
        "scores": [[_cell(cell) for cell in row] for row in rows],
        "caption": as_rest(caption),
    }


def _source(finding: dict) -> str:
    row = ", ".join(f"{name} {value}" for name, value in finding["row"].items() if value != "")
    return f"{finding['table']}{', ' + row if row else ''}; n = {finding['n']}"


def _scores(study: Path) -> tuple[list[list[str]], str]:
    from seedvar.report.printed import layout_of
    from seedvar.tables.read import read_table

    decisions = study / "decisions.csv"
    known = read_table(decisions) if decisions.is_file() else None
    layout = layout_of(read_table(study / "summary.csv"), "scores", known)
    return [layout.header, *layout.rows], layout.caption


def _cell(text: str) -> str:
    from seedvar.report.printed import Bold

    written = as_rest(text)
    if not written:
        return ""
    return f"**{written}**" if isinstance(text, Bold) else written
