"""Text of a user as text, whatever a page is written in: no character of it is markup, none is a control character.

Imports nothing slow, for the rules of the workflow write a report's words with it.
"""

from __future__ import annotations

import re
from html import escape

TEX = str.maketrans(
    {
        **{character: f"\\{character}" for character in "&%$#_{}"},
        **{"|": r"\textbar{}", "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
        **{"×": r"$\times$", "ρ": r"$\rho$", "±": r"$\pm$", "∞": r"$\infty$", "<": "$<$", ">": "$>$", "≥": r"$\geq$"},
        **{"–": "--", "\N{MINUS SIGN}": "$-$", "†": r"$^\dagger$", "‡": r"$^\ddagger$", "…": r"\textellipsis{}"},
    }
)
# What acts in Markdown, or on a site that shows it, wherever it stands: code, emphasis, struck out, mathematics,
# columns. A link, an underscore, a tag and a character's name act by what is beside them.
ACTS_IN_MARKDOWN = re.compile(
    r"[\\`*~$|]|(?<![^\W_])_|_(?![^\W_])|\](?=[(\[:])|<(?=[^\s=\d])|&(?=#?\w+;)|(?<=:)/(?=/)|(?<=\b[wW]{3})\.|@"
)
ACTS_AT_THE_START = re.compile(r"^(>|#+(?= )|[+-](?= )|\d+(?=[.)] ))")


def one_line(text: str) -> str:
    """Returns a text as one line without control characters, such as escapes of terminals and changes of direction."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def as_html(text: str) -> str:
    """Returns a text for HTML."""
    return escape(one_line(text))


def as_markdown(text: str) -> str:
    """Returns a text for a paragraph, an item or a column of Markdown."""
    text = ACTS_IN_MARKDOWN.sub(r"\\\g<0>", one_line(text))
    return ACTS_AT_THE_START.sub(_escape_start, text)


def _escape_start(found: re.Match) -> str:
    return f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}"


def as_latex(text: str) -> str:
    """Returns a text for LaTeX."""
    return one_line(text).translate(TEX)
