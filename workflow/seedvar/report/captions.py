"""The captions of a study's figures, in reading order: figures/README.md."""

from __future__ import annotations

from seedvar.figures import FIGURES
from seedvar.report.escape import as_markdown


def captions(figures: list[str], study: str, about: str) -> str:
    """Writes a page that shows every figure above its caption.

    Args:
        figures: Names of the figures that the study has, in reading order.
        study: Its name.
        about: How many runs they show.
    """
    parts = [f"# Figures of {as_markdown(study)}\n\n{as_markdown(about)}\n"]
    for number, name in enumerate(figures, 1):
        kind = FIGURES[name]
        parts.append(f"## {number}. {kind.title}\n\n![{kind.title}]({name}.png)\n\n{kind.caption}\n")
    return "\n".join(parts)
