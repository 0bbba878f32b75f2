"""Commands that rules run: tables, statistics, figures."""

from __future__ import annotations

import sys
from pathlib import Path

from seedvar.cli.jobs import _run_warm
from seedvar.errors import UserError
from seedvar.figures import FIGURES
from seedvar.stats import STATISTICS


def _collect(arguments) -> None:
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
    }[arguments.part]
    gather(study, path.stem, arguments.model, arguments.results)


def _look(arguments) -> None:
    from seedvar.engine.seeds import look
    from seedvar.files import write_json
    from seedvar.study.reading import read_study, study_path

    seen = look(read_study(study_path(arguments.study)), arguments.model, arguments.results, arguments.batch)
    write_json(arguments.out, seen)
    verdict = "enough" if seen["enough"] else "more are needed"
    print(
        f"{seen['seeds']} seeds: the widest interval, {seen['task']}, {seen['arm']}, is {seen['widest']:.4f} wide, "
        f"{seen['wanted']} is wanted: {verdict}",
        file=sys.stderr,
    )


def _import(arguments) -> None:
    from seedvar.files import write_csv
    from seedvar.study.reading import read_study, study_path
    from seedvar.tables.foreign import import_runs

    path = study_path(arguments.study)
    for name, table in import_runs(read_study(path), arguments.runs_dir).items():
        write_csv(arguments.results / path.stem / f"{name}.csv", table)


def _read_given(name: str, needed: tuple[str, ...], given: list[Path]) -> dict:
    """Reads the tables that a statistic or a figure needs, by their stems."""
    from seedvar.tables.read import read_runs, read_table

    by_stem = {path.stem: path for path in given}
    tables = {}
    for file in needed:
        stem = Path(file).stem
        if stem not in by_stem:
            raise UserError(f"tables: {name} needs {file}; accepted: {', '.join(needed)}")
        tables[stem] = (read_runs if stem == "runs" else read_table)(by_stem[stem])
    return tables


def _statistics(arguments) -> int | None:
    if (code := _run_warm(arguments)) is not None:
        return code
    import importlib
    import inspect

    import numpy as np

    from seedvar.files import write_csv

    kind = STATISTICS[arguments.statistic]
    function = getattr(importlib.import_module(f"seedvar.stats.{kind.module}"), kind.function)
    values = _read_given(arguments.statistic, kind.tables, arguments.tables)
    wanted = inspect.signature(function).parameters
    if "baseline" in wanted:
        if arguments.baseline is None:
            raise UserError(f"--baseline: is missing; {arguments.statistic} compares every arm with the baseline arm")
        values["baseline"] = arguments.baseline
    if "rng" in wanted:
        values["rng"] = np.random.default_rng(0)
    write_csv(arguments.out, function(**values))
    return None


def _tables(arguments) -> None:
    from seedvar.files import write_text
    from seedvar.report.printed import render
    from seedvar.tables.read import read_table

    table = read_table(arguments.table)
    for path in arguments.out:
        write_text(path, render(table, path.suffix, arguments.baseline, arguments.layout))


def _figure(arguments) -> int | None:
    if (code := _run_warm(arguments)) is not None:
        return code
    import importlib

    from seedvar.figures.style import save
    from seedvar.files import write_csv

    module = importlib.import_module(f"seedvar.figures.{arguments.figure.replace('-', '_')}")
    if arguments.kind and arguments.figure != "distribution":
        raise UserError(f"--kind: {arguments.figure} has but one kind; accepted with distribution alone")
    options = {"kind": arguments.kind} if arguments.kind else {}
    tables = _read_given(arguments.figure, FIGURES[arguments.figure].tables, arguments.tables)
    numbers = module.numbers(**tables)
    pictures = [path for path in arguments.out if path.suffix != ".csv"]
    save(module.draw(numbers, **options), pictures)
    for path in set(arguments.out) - set(pictures):
        write_csv(path, numbers)
    return None
