"""Runs a notebook and makes one HTML page of it: `seedvar notebook NOTEBOOK --out PAGE`.

A notebook is a Python file in the percent format, which Jupyter (with Jupytext) and VS Code open as a notebook and Git
shows line by line: `# %%` begins a block of code, `# %% [markdown]` one of text, in Markdown between triple quotes. As
in Jupyter, where they are called cells, a block shows what it prints and then the value of its last expression. There
is no kernel, and the page has no times or random names, so that equal tables give an equal page.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import inspect
import io
import re
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt
from matplotlib.figure import Figure

MARK = re.compile(r"^# %%(.*)$", re.MULTILINE)
PICTURE_DPI = 110  # browsers refuse an embedded page of more than 2 MB
STYLE = """<meta charset="utf-8">
<style>
body { font: 15px/1.5 sans-serif; margin: 1em auto; max-width: 64em; padding: 0 1em; }
pre { font-size: 13px; line-height: 1.4; white-space: pre-wrap; margin: .6em 0; }
pre.code { background: #f5f5f5; border-left: 3px solid #ccc; padding: .6em .8em; }
div.output { overflow-x: auto; }
table { border-collapse: collapse; border: none; font-size: 13px; }
th, td { border: none; border-bottom: 1px solid #ddd; padding: .25em .6em; text-align: right; }
img { max-width: 100%; }
</style>
"""


class Picture:
    """A figure as the value of a block: notebooks show it as a PNG, whatever Matplotlib's backend."""

    def __init__(self, figure: Figure):
        self.figure = figure

    def _repr_html_(self) -> str:
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=PICTURE_DPI, metadata={"Software": None})
        return f'<img src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}">'


def split_blocks(text: str) -> list[tuple[str, str, int]]:
    """Splits a notebook into its blocks.

    Returns:
        For each block its kind, `code` or `markdown`; its source; the number of the source's first line.
    """
    marks = list(MARK.finditer(text))
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    blocks = []
    for mark, end in zip(marks, ends, strict=True):
        kind = "markdown" if "[markdown]" in mark.group(1) else "code"
        blocks.append((kind, text[mark.end() + 1 : end].rstrip(), text.count("\n", 0, mark.end()) + 2))
    return blocks


def run_block(source: str, first_line: int, path: Path, names: dict) -> tuple[str, object]:
    """Runs a block of code.

    Args:
        source: The block.
        first_line: Its place in the notebook, for tracebacks.
        path: The notebook, for tracebacks.
        names: The variables of the notebook; the block adds its own.

    Returns:
        What it prints and the value of its last expression, None without one.
    """
    body = ast.parse("\n" * (first_line - 1) + source, path).body
    last = body.pop().value if body and isinstance(body[-1], ast.Expr) else None
    value = None
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(ast.Module(body, []), path, "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last), path, "eval"), names)
    return printed.getvalue(), value


def to_html(path: Path) -> str:
    """Runs a notebook from its first block to its last and returns it as an HTML page."""
    names, parts = {"__name__": "__main__"}, [STYLE, f"<title>{escape(path.stem)}</title>\n"]
    for kind, source, first_line in split_blocks(path.read_text(encoding="utf-8")):
        if kind == "markdown":
            text = ast.literal_eval(source)
            parts.append(MarkdownIt().enable("table").render(inspect.cleandoc(text)))
            continue
        printed, value = run_block(source, first_line, path, names)
        parts.append(f'<pre class="code">{escape(source)}</pre>\n')
        if printed:
            parts.append(f"<pre>{escape(printed)}</pre>\n")
        if value is not None:
            shown = value._repr_html_() if hasattr(value, "_repr_html_") else f"<pre>{escape(repr(value))}</pre>"
            parts.append(f'<div class="output">{shown}</div>\n')
    return "".join(parts)
