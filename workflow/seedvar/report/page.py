"""The report of a study: one page that needs nothing but itself, neither network nor script.

`workflow/report/page.html` is its template. What a study says of itself is text there, whatever characters it has: the
template escapes every value but what `Markup` says is HTML of ours.
"""

from __future__ import annotations

import base64
import io
import os
import re
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from seedvar.errors import UserError
from seedvar.figures import FIGURES, OVERVIEW
from seedvar.files import read_json
from seedvar.report.escape import one_line
from seedvar.report.printed import as_page, layout_of, score_text
from seedvar.stats import LAYOUTS
from seedvar.tables.made import how_made
from seedvar.tables.read import read_runs, read_table
from seedvar.words import hours, task_title

TEMPLATE = Path(__file__).parents[2] / "report" / "page.html"
NEEDED = ["findings.json", "runs.csv", "summary.csv", f"figures/{OVERVIEW}.svg", f"figures/{OVERVIEW}-column.png"]
MINUS = re.compile(r"(?<=[ (\[])-(?=\d)")
OPEN_ROWS = 40  # of a table that is shown without being asked for
NOT_KNOWN = "not known here"


class About(NamedTuple):
    """What the page says of a study beside its tables.

    Attributes:
        name: Its name.
        description: As in its file.
        is_table: Whether its runs were trained elsewhere.
        runs: Which runs there are, in words.
    """

    name: str
    description: str
    is_table: bool
    runs: str


def report(about: About, results: Path, figures: list[str]) -> str:
    """Writes the page.

    Args:
        about: The study.
        results: The results folder: the study's tables and figures lie there, and its cells, if there are any.
        figures: Names of its figures, in reading order.

    Raises:
        UserError: A table or a figure is missing.
    """
    study = results / about.name
    for name in (*NEEDED, *(f"figures/{figure}.png" for figure in figures)):
        if not (study / name).is_file():
            raise UserError(
                f"{study / name}: is missing; accepted: a study that has been run: "
                f"snakemake --config study={about.name}"
            )
    runs = read_runs(study / "runs.csv")
    made = how_made(runs, results)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATE.parent),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_text,
        trim_blocks=True,
    )
    return environment.get_template(TEMPLATE.name).render(
        about=about,
        counts=_counts(runs),
        findings=[_finding(one) for one in read_json(study / "findings.json")],
        overview=_inline(study / f"figures/{OVERVIEW}.svg"),
        column=_embedded(study / f"figures/{OVERVIEW}-column.png"),
        overview_kind=FIGURES[OVERVIEW],
        figures=[
            (name, FIGURES[name], _embedded(study / f"figures/{name}.png")) for name in figures if name != OVERVIEW
        ],
        tables=_tables(study),
        made=_how(about, runs, made),
        runs=_runs(runs, made, study),
        has_notebook=(study / "notebook.html").is_file(),
    )


def _text(value):
    return one_line(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _finding(finding: dict) -> dict[str, str]:
    row = ", ".join(f"{name} {value}" for name, value in finding["row"].items() if value != "")
    sentence = MINUS.sub("\N{MINUS SIGN}", finding["sentence"])
    return {"sentence": sentence, "source": f"{finding['table']}{', ' + row if row else ''}; n = {finding['n']}"}


def _inline(svg: Path) -> Markup:
    """Returns an SVG without what stands before its first element: with its tooltips, which an image would not show."""
    text = svg.read_text(encoding="utf-8")
    return Markup(text[text.index("<svg") :])  # drawn by us; the policy of the page lets no script in it run


def _embedded(picture: Path) -> str:
    """Returns the address of a picture that holds it, without loss and in a third of the bytes of a PNG."""
    page = io.BytesIO()
    with Image.open(picture) as image:
        image.convert("RGB").save(page, "WEBP", lossless=True)
    return f"data:image/webp;base64,{base64.b64encode(page.getvalue()).decode()}"


def _tables(study: Path) -> dict[str, dict]:
    """Returns the tables for people, by name: HTML, and whether it is short."""
    known = {name: read_table(study / f"{name}.csv") for name in ("summary", "decisions") if _is_there(study, name)}
    shown = {}
    for name, (of, *_) in LAYOUTS.items():
        if of in known:
            layout = layout_of(known[of], name, known.get("decisions"))
            html = Markup(as_page(layout))  # escaped there
            shown[name] = {"html": html, "is_short": len(layout.rows) <= OPEN_ROWS}
    return shown


def _is_there(study: Path, name: str) -> bool:
    return (study / f"{name}.csv").is_file()


def _counts(runs: pd.DataFrame) -> str:
    counted = {"run": len(runs), "task": runs["task"].nunique(), "arm": runs["arm"].nunique()}
    words = ", ".join(_plural(n, word) for word, n in counted.items())
    return f"{words}; {_plural(runs['degenerate'].sum(), 'run')} failed"


def _plural(n: int, word: str) -> str:
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def _how(about: About, runs: pd.DataFrame, made: pd.DataFrame) -> list[tuple[str, list[str]]]:
    """Returns what is known of how the runs were made: a heading and its lines."""
    n, known = len(runs), made["wall_time_s"].dropna().astype(float)
    ended = runs["status"].value_counts() if "status" in runs else pd.Series(dtype=int)
    others = [f"{ended[how]:,} {how}" for how in ("diverged", "stopped") if how in ended]
    lines = [("Runs", [about.runs, f"{_counts(runs)}{' (' + ', '.join(others) + ')' if others else ''}."])]
    if not about.is_table and len(known):
        each = f"a run took {known.median():,.1f} s (median), at most {known.max():,.1f} s"
        resumed = made["resumed_after"].map(lambda after: bool(after) if isinstance(after, list) else False).sum()
        again = f"{resumed:,} of {len(known):,} runs were stopped in the middle and taken up again."
        restarted = int(made["failed_before"].dropna().sum())
        retried = f"Jobs of {restarted:,} of {len(known):,} runs failed and were started again (logs/failed_jobs.txt)."
        lines += [
            ("Machine", _counted(made["machine"].dropna(), len(known))),
            ("Time", [f"{hours(known.sum())} of training in all; {each}."]),
            ("Taken up again", [again if resumed else f"None of {len(known):,} runs was stopped in the middle."]),
            ("Retried", [retried if restarted else f"No failed job of {len(known):,} runs is on record."]),
            ("Trained with", _counted(made["versions"].dropna(), len(known))),
            ("Code", _counted(made["commit"].dropna().map("commit {}".format), len(known)) or ["no Git checkout"]),
        ]
    if not about.is_table and len(known) < n:
        where = f"{n - len(known):,} of {n:,} runs, whose cells are not in the folder cells beside this study"
        lines.append(("Machine, time and versions", [f"{NOT_KNOWN} of {where}."]))
    ours = ", ".join(f"{name} {version(name)}" for name in ("seedvar", "pandas", "scipy", "matplotlib"))
    lines.append(("Analysed with", [ours]))
    return [*lines, ("To repeat", [f"snakemake --config study={about.name}"])]


def _counted(values: pd.Series, n: int) -> list[str]:
    """Returns the different values, the most frequent first, with how often each occurs unless there is but one."""
    found = Counter(values).most_common()
    return [value if count == n else f"{value} ({count:,} of {n:,} runs)" for value, count in found]


def _runs(runs: pd.DataFrame, made: pd.DataFrame, study: Path) -> list[dict]:
    """Returns every run, failed ones first."""
    rows = []
    for row, how in zip(runs.to_dict("records"), made.to_dict("records"), strict=True):
        seeds = dict.fromkeys((row["init_seed"], row["order_seed"]))
        has_log, has_time = isinstance(how["log"], Path), pd.notna(how["wall_time_s"])
        rows.append(
            {
                "task": task_title(row["task"]),
                "arm": row["arm"],
                "seed": ", ".join(str(seed) for seed in seeds),
                "score": score_text(row["metric"], row["score"]),
                "failed": bool(row["degenerate"]),
                "state": _state(row),
                "time": f"{how['wall_time_s']:,.1f} s" if has_time else "",
                "log": quote(os.path.relpath(how["log"], study)) if has_log else "",
            }
        )
    return sorted(rows, key=lambda row: not row["failed"])


def _state(row: dict) -> str:
    """Says how a run ended, and of a failed one why it counts as that."""
    status = row.get("status")
    if status == "diverged":
        return f"diverged after {row['updates']:,} updates: its loss or gradient became infinite or no number"
    if not row["degenerate"]:
        return "finished"
    trivial = f"the trivial predictor's {score_text(row['metric'], row['majority'])}"
    if not row.get("score_defined", True):
        return f"failed: its score is not defined; {trivial} counts"
    stopped = f"stopped after {row['updates']:,} updates: " if status == "stopped" else ""
    return f"{stopped}failed: no better than {trivial}, by the task's rule"
