"""Commands that gather cells into tables, compute statistics, draw figures and write pages."""

from __future__ import annotations

import importlib
import inspect
import math
import os
import sys
from pathlib import Path

from seedvar.cli.options import add_warm, run_warm
from seedvar.errors import UserError
from seedvar.figures import COLUMN, FIGURES, OVERVIEW, FigureKind
from seedvar.stats import LAYOUTS, STATISTICS, Statistic


def add(command) -> None:
    """Adds the commands of this group; `command(name, run, text)` makes a parser."""
    sub = command("collect", _collect, "Gather the cells of a study into its tables.")
    sub.add_argument("study")
    sub.add_argument("--results", required=True, type=Path)
    sub.add_argument(
        "--part",
        choices=["cells", "diagnostics", "forgetting", "surface", "surface-runs"],
        default="cells",
        help="what to gather; by default runs, curves and predictions",
    )
    add_warm(sub)

    sub = command("look", _look, "After a batch of seeds: are the intervals of a study that adds seeds narrow enough?")
    sub.add_argument("study")
    sub.add_argument("--batch", type=int, required=True, help="number of the batch, from 0")
    sub.add_argument("--results", required=True, type=Path)
    sub.add_argument("--out", required=True, type=Path, help="a .json file")
    add_warm(sub)

    sub = command("import", _import, "Make the tables of a study out of a table of runs from elsewhere.")
    sub.add_argument("study")
    sub.add_argument("--runs-dir", help="where tables of runs lie that are not found from here")
    sub.add_argument("--results", required=True, type=Path)
    add_warm(sub)

    sub = command("statistics", _statistics, "Compute a table of statistics from other tables of a study.")
    sub.add_argument("statistic", choices=list(STATISTICS))
    sub.add_argument("tables", type=Path, nargs="+", help="the study's tables that it needs, such as runs.csv")
    sub.add_argument("--baseline", help="name of the baseline arm, for comparisons")
    sub.add_argument("--loss-slack", type=float, default=0.0, help="of the rule on the training loss, for summary")
    sub.add_argument(
        "--smallest-difference",
        nargs="+",
        default=[],
        metavar="NUMBER",
        help="the smallest difference of means that would matter, in units of the score: a number, or TASK=NUMBER …",
    )
    sub.add_argument("--looks", type=int, default=1, help="how often the study may ask while it adds seeds")
    sub.add_argument("--out", required=True, type=Path, help="a .csv file")
    add_warm(sub)

    sub = command("tables", _tables, "Write summary.csv or decisions.csv for people, as Markdown and LaTeX.")
    sub.add_argument("tables", type=Path, nargs="+", help="decisions.csv; or summary.csv, with decisions.csv for marks")
    sub.add_argument(
        "--layout", choices=list(LAYOUTS), help="of summary.csv scores (the default) or failures; else comparisons"
    )
    sub.add_argument(
        "--marks", choices=["rule", "papers"], default="rule", help="of scores; papers: Zhang et al.'s, not corrected"
    )
    sub.add_argument("--baseline", help="name of the baseline arm, for the papers' marks")
    sub.add_argument("--out", required=True, type=Path, nargs="+", help="files that end in .md or .tex")
    add_warm(sub)

    sub = command("findings", _findings, "What the numbers of a study say, in a few sentences.")
    sub.add_argument("study", help="name of a study that has been run, or a folder with its summary and decisions")
    sub.add_argument("--results", default=Path("results"), type=Path)
    sub.add_argument("--out", type=Path, help="a .json file to write them to, in place of the terminal")
    add_warm(sub)

    sub = command("figure", _figure, "Draw a figure from the tables of a study.")
    sub.add_argument("figure", choices=list(FIGURES))
    sub.add_argument("--kind", choices=["box", "violin", "points"], help="of distribution: what is behind the points")
    sub.add_argument("tables", type=Path, nargs="+", help="the study's tables that the figure shows, such as runs.csv")
    sub.add_argument(
        "--out", required=True, type=Path, nargs="+", help="files: .png, .pdf, .svg, or .csv for the numbers"
    )
    sub.add_argument("--baseline", help="name of the baseline arm, which overview shows first")
    sub.add_argument("--column", type=Path, nargs="+", help="of overview: files for a picture as wide as a column")
    add_warm(sub)

    sub = command("captions", _captions, "Write the captions of a study's figures.")
    sub.add_argument("figures", nargs="+", choices=list(FIGURES), help="in reading order")
    sub.add_argument("--study", required=True, help="its name")
    sub.add_argument("--about", required=True, help="how many runs the figures show")
    sub.add_argument("--out", required=True, type=Path, help="a .md file")
    add_warm(sub)

    sub = command("notebook", _notebook, "Run a notebook and write it as an HTML page, and beside it as .ipynb.")
    sub.add_argument("notebook", type=Path, help="a Python file in Jupytext's percent format")
    sub.add_argument("--study", help="what it finds as SEEDVAR_STUDY")
    sub.add_argument("--out", required=True, type=Path, help="a .html file")

    sub = command("report", _report, "Write the report of a study: one page with all that was found.")
    sub.add_argument("study")
    sub.add_argument("--results", default=Path("results"), type=Path)
    sub.add_argument(
        "--figures", nargs="+", choices=list(FIGURES), help="in reading order; by default all that lie there"
    )
    sub.add_argument("--about", default="", help="how many runs it shows")
    sub.add_argument("--out", required=True, type=Path, help="a .html file")
    add_warm(sub)


def _collect(arguments) -> int | None:
    if (code := run_warm(arguments)) is not None:
        return code
    from seedvar.engine.seeds import decided
    from seedvar.study.reading import read_study, study_path
    from seedvar.tables import collect

    path = study_path(arguments.study)
    study = decided(read_study(path), arguments.results / path.stem)
    gather = {
        "cells": collect.collect,
        "diagnostics": collect.collect_diagnostics,
        "forgetting": collect.collect_forgetting,
        "surface": collect.collect_surface,
        "surface-runs": collect.choose_surface_runs,
    }[arguments.part]
    gather(study, path.stem, arguments.results)
    return None


def _look(arguments) -> int | None:
    if (code := run_warm(arguments)) is not None:
        return code
    from seedvar.engine.seeds import look, look_line
    from seedvar.files import write_json
    from seedvar.study.reading import read_study, study_path

    seen = look(read_study(study_path(arguments.study)), arguments.results, arguments.batch)
    write_json(arguments.out, seen)
    print(look_line(seen), file=sys.stderr)
    return None


def _import(arguments) -> int | None:
    if (code := run_warm(arguments)) is not None:
        return code
    from seedvar.files import write_csv
    from seedvar.study.reading import read_study, study_path
    from seedvar.tables.foreign import import_runs

    path = study_path(arguments.study)
    said = lambda line: print(line, file=sys.stderr)  # noqa: E731
    for name, table in import_runs(read_study(path), arguments.runs_dir, said).items():
        write_csv(arguments.results / path.stem / f"{name}.csv", table)
    return None


def _read_given(name: str, kind: Statistic | FigureKind, given: list[Path]) -> dict:
    """Reads the tables that a statistic or a figure needs, by their stems, with the arms that it is about."""
    from seedvar.tables.compared import as_compared
    from seedvar.tables.read import read_runs, read_table

    by_stem = {path.stem: path for path in given}
    tables = {}
    for file in kind.tables:
        stem = Path(file).stem
        if stem not in by_stem:
            raise UserError(f"tables: {name} needs {file}; accepted: {', '.join(kind.tables)}")
        tables[stem] = (read_runs if stem == "runs" else read_table)(by_stem[stem])
    return tables if kind.of_all_arms else as_compared(tables)


def _statistics(arguments) -> int | None:
    if (code := run_warm(arguments)) is not None:
        return code
    from seedvar.files import write_csv
    from seedvar.stats.compute import compute

    tables = _read_given(arguments.statistic, STATISTICS[arguments.statistic], arguments.tables)
    matters = _smallest_difference(arguments.smallest_difference)
    how = (arguments.baseline, matters, arguments.loss_slack, arguments.looks)
    write_csv(arguments.out, compute(arguments.statistic, tables, *how))
    return None


def _smallest_difference(words: list[str]) -> dict[str, float] | float | None:
    """Reads a number, or numbers by task."""
    values = {}
    for word in words:
        task, _, number = word.rpartition("=")
        try:
            values[task] = float(number)
        except ValueError:
            values[task] = math.nan
        if not 0 < values[task] < math.inf:
            raise UserError(
                f"--smallest-difference: '{word}' is not accepted; accepted: a number above 0, or TASK=NUMBER"
            )
    return values.get("", values) or None


def _tables(arguments) -> int | None:
    if (code := run_warm(arguments)) is not None:
        return code
    from seedvar.files import write_text
    from seedvar.report.printed import render
    from seedvar.tables.read import read_table

    given = {path.stem: read_table(path) for path in arguments.tables}
    table = next(iter(given.values()))
    for path in arguments.out:
        decisions = given.get("decisions")
        how = (arguments.baseline, arguments.layout, decisions, arguments.marks)
        write_text(path, render(table, path.suffix, *how))
    return None


def _findings(arguments) -> int | None:
    if (code := run_warm(arguments)) is not None:
        return code
    from seedvar.files import write_json
    from seedvar.report.findings import findings, lines
    from seedvar.tables.finished import folder_with
    from seedvar.tables.read import read_table

    folder = Path(arguments.study)
    if not (folder / "summary.csv").is_file():
        folder = folder_with(arguments.study, arguments.results, "summary.csv")
    decisions = folder / "decisions.csv"
    found = findings(read_table(folder / "summary.csv"), read_table(decisions) if decisions.is_file() else None)
    if arguments.out is None:
        print("\n".join(lines(found)))
    else:
        write_json(arguments.out, found)
    return None


def _figure(arguments) -> int | None:
    if (code := run_warm(arguments)) is not None:
        return code
    from seedvar.figures.style import save, short_names
    from seedvar.files import write_csv

    module = importlib.import_module(f"seedvar.figures.{arguments.figure.replace('-', '_')}")
    if arguments.kind and arguments.figure != "distribution":
        raise UserError(f"--kind: {arguments.figure} has but one kind; accepted with distribution alone")
    options = {"kind": arguments.kind} if arguments.kind else {}
    if arguments.column and arguments.figure != OVERVIEW:
        raise UserError(f"--column: {arguments.figure} has but one width; accepted with {OVERVIEW} alone")
    tables = _read_given(arguments.figure, FIGURES[arguments.figure], arguments.tables)
    if "baseline" in inspect.signature(module.numbers).parameters:
        tables["baseline"] = arguments.baseline
    numbers = module.numbers(**tables)
    pictures = [path for path in arguments.out if path.suffix != ".csv"]
    said = module.tooltips(numbers) if arguments.figure == OVERVIEW else None
    save(module.draw(short_names(numbers), **options), pictures, said)
    if arguments.column:
        save(module.draw(short_names(numbers), width=COLUMN), arguments.column)
    for path in set(arguments.out) - set(pictures):
        write_csv(path, numbers)
    return None


def _captions(arguments) -> int | None:
    if (code := run_warm(arguments)) is not None:
        return code
    from seedvar.files import write_text
    from seedvar.report.captions import captions

    write_text(arguments.out, captions(arguments.figures, arguments.study, arguments.about))
    return None


def _notebook(arguments) -> None:
    from nbformat import writes

    from seedvar.files import write_text
    from seedvar.report.notebook import run_notebook, to_html

    if arguments.out.suffix != ".html":
        raise UserError(f"--out: '{arguments.out.name}' is not accepted; accepted: a file that ends in .html")
    if arguments.study is not None:
        os.environ["SEEDVAR_STUDY"] = arguments.study
    notebook = run_notebook(arguments.notebook)
    write_text(arguments.out.with_suffix(".ipynb"), writes(notebook) + "\n")
    write_text(arguments.out, to_html(notebook, arguments.notebook.stem))


def _report(arguments) -> int | None:
    if (code := run_warm(arguments)) is not None:
        return code
    from seedvar.files import write_text
    from seedvar.report.page import About, report
    from seedvar.study.reading import read_study, study_path
    from seedvar.study.table_study import TableStudy

    path = study_path(arguments.study)
    study = read_study(path)
    about = About(path.stem, study.description, isinstance(study, TableStudy), arguments.about)
    there = arguments.results / path.stem / "figures"
    figures = arguments.figures or [name for name in FIGURES if (there / f"{name}.png").is_file()]
    write_text(arguments.out, report(about, arguments.results, figures))
    return None
