"""Runs a notebook and makes a page of it: `seedvar notebook NOTEBOOK --out PAGE`.

A notebook is a Python file in Jupytext's percent format, which Git shows line by line. nbclient runs it in a kernel of
this very Python, and nbconvert makes the page. Neither holds a time, a random name or a version, so that equal tables
give equal bytes.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import tempfile
from pathlib import Path

import jupytext
from jinja2 import DictLoader
from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter
from nbformat import NotebookNode

from seedvar.errors import Stopped, UserError
from seedvar.report.escape import as_html, one_line

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": NATIVE_KERNEL_NAME},
    "language_info": {"file_extension": ".py", "name": "python"},
}
FOLDED = {"jupyter": {"source_hidden": True}}  # Jupyter shows what comes of a block, and its code on a click
COLOURS = re.compile(r"\x1b\[[\d;]*m")
TEMPLATE = """{%- extends 'basic/index.html.j2' -%}
{%- block header -%}
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>{{ resources.title }}</title>
<style>
body { font: 15px/1.5 sans-serif; margin: 1em auto; max-width: 64em; padding: 0 1em; }
pre { font-size: 13px; line-height: 1.4; white-space: pre-wrap; margin: .6em 0; }
summary { color: #888; cursor: pointer; font-size: 12px; }
details pre { background: #f5f5f5; border-left: 3px solid #ccc; padding: .6em .8em; }
small { color: #666; }
.output_html { overflow-x: auto; }
table { border-collapse: collapse; border: none; font-size: 13px; }
th, td { border: none; border-bottom: 1px solid #ddd; padding: .25em .6em; text-align: right; }
tbody th { font-weight: normal; text-align: left; vertical-align: top; }
img { max-width: 100%; }
</style>
{%- endblock header -%}
{%- block input_group -%}
<details><summary>Code</summary><pre>{{ cell.source | escape_html }}</pre></details>
{%- endblock input_group -%}
"""


def run_notebook(path: Path) -> NotebookNode:
    """Runs a notebook from its first block to its last, in the working directory.

    Raises:
        UserError: It cannot be read, or a block fails.
    """
    try:
        text = path.read_text(encoding="utf-8")
        notebook = jupytext.reads(text, fmt="py:percent")
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: {error}; accepted: a Python file in the percent format") from None
    for number, block in enumerate(notebook.cells, 1):
        block["id"] = f"block-{number}"
        block["metadata"] = dict(FOLDED) if block.cell_type == "code" else {}
    notebook["metadata"] = METADATA
    try:
        _execute(notebook)
    except CellExecutionError as error:
        raise UserError(f"{path}: {_in_one_sentence(error, notebook, text)}") from None
    notebook["metadata"] = METADATA  # without the versions that the kernel adds
    return notebook


def to_html(notebook: NotebookNode, title: str) -> str:
    """Returns a notebook that has been run as one HTML page, its code folded, which asks for nothing elsewhere."""
    exporter = HTMLExporter(
        extra_template_basedirs=[],  # the working directory has no template of ours
        extra_loaders=[DictLoader({"page.html.j2": TEMPLATE})],
        template_file="page.html.j2",
        template_name="basic",
        exclude_anchor_links=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    page, _ = exporter.from_notebook_node(notebook, {"title": as_html(title)})
    return page


def _execute(notebook: NotebookNode) -> None:
    """Runs the blocks in a kernel of its own, which takes no setting and no module from this folder or this user."""
    with tempfile.TemporaryDirectory(prefix="seedvar-kernel-") as folder:
        manager = AsyncKernelManager(
            kernel_name=NATIVE_KERNEL_NAME,
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
            connection_file=f"{folder}/kernel.json",
            transport="ipc",
            ip=f"{folder}/kernel",
        )
        asked = []

        def hear(**_) -> None:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, end, number)

        def end(number: int) -> None:
            asked.append((number, asyncio.ensure_future(manager.shutdown_kernel(now=True))))

        client = NotebookClient(
            notebook, timeout=None, record_timing=False, coalesce_streams=True, on_notebook_start=hear
        )
        client.km = manager  # one that it is made with it would leave running
        try:
            client.execute(cwd=os.getcwd(), env={**os.environ, "IPYTHONDIR": folder, "PYTHONSAFEPATH": "1"})
        except Exception:
            if asked:
                raise Stopped(asked[0][0]) from None
            raise


def _in_one_sentence(error: CellExecutionError, notebook: NotebookNode, text: str) -> str:
    """Says which block has failed, or in a user's mistake its own sentence alone."""
    if error.ename == UserError.__name__:
        return error.evalue
    number = next(n for n, block in enumerate(notebook.cells) if any(_failed(block)))
    rows = text.splitlines()
    marks = [n for n, row in enumerate(rows) if row.startswith("# %%")]
    first = next(n for n in range(marks[number - len(notebook.cells)] + 1, len(rows)) if rows[n].strip())
    traceback = COLOURS.sub("", "\n".join(next(_failed(notebook.cells[number]))["traceback"]))
    lines = re.findall(rf"Cell In\[{notebook.cells[number].execution_count}\], line (\d+)", traceback)
    where = f"line {first + int(lines[-1])}" if lines else f"the block from line {first + 1}"
    return (
        f"block {number + 1}, {where}: {error.ename}: {one_line(error.evalue)}; accepted: a notebook that runs from "
        "its first block to its last"
    )


def _failed(block: NotebookNode):
    return (output for output in block.get("outputs", []) if output["output_type"] == "error")
