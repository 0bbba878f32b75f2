"""The command line: each rule of the workflow is one of these commands.

No module that is slow to import is imported before its command needs it.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import json
import os
import shlex
import sys
import traceback
from pathlib import Path

from seedvar.errors import UserError
from seedvar.figures import FIGURES
from seedvar.stats import LAYOUTS, STATISTICS


def main(argv: list[str] | None = None) -> int:
    """Runs a command; returns its exit code: 0, 2 for a user's mistake, 1 for anything else."""
    arguments = _parser().parse_args(argv)
    arguments.argv = sys.argv[1:] if argv is None else argv
    with _log_file(arguments.log) as terminal:
        try:
            code = arguments.run(arguments) or 0
        except UserError as error:
            code = 2
            print(f"seedvar: {error}", file=sys.stderr)
        except BrokenPipeError:  # who read the output wanted no more of it
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 1
        except Exception as error:
            code = 1
            traceback.print_exc()
            print(f"seedvar: {type(error).__name__}: {error}", file=sys.stderr)
        if code and terminal:
            sys.stderr.flush()
            last_line = (arguments.log.read_text(errors="replace").splitlines() or ["seedvar: failed"])[-1]
            print(f"{last_line}\n  (log: {arguments.log})", file=terminal, flush=True)
    return code


@contextlib.contextmanager
def _log_file(path: Path | None):
    """Sends all output, also that of libraries, to a file; yields the terminal for the last word."""
    if path is None:
        yield None
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(1), os.dup(2)]
    path.unlink(missing_ok=True)
    with open(path, "a") as log, open(saved[1], "w", closefd=False) as terminal:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        try:
            yield terminal
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, original in zip((1, 2), saved, strict=True):
                os.dup2(original, number)
                os.close(original)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="seedvar", description="Seed-variance studies of fine-tuning.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        sub.add_argument("--log", type=Path, help="write all output here; only an error is shown as well")
        return sub

    sub = command("check", _check, "Check a study file; say how many cells it has.")
    sub.add_argument("study", help="name of a file in config/studies/, or a path")

    sub = command("status", _status, "How far a study is, and why cells are invalid.")
    sub.add_argument("study", nargs="?", help="name of a file in config/studies/, or a path; by default config.yaml's")
    sub.add_argument("--cells", action="store_true", help="a line for each cell as well")

    sub = command("plan", _plan, "What a study will cost, before it runs.")
    sub.add_argument("study", nargs="?", help="name of a file in config/studies/, or a path; by default config.yaml's")

    sub = command("explain", _explain, "Everything about one cell.")
    sub.add_argument("cell", help="a cell's folder, its result.json, or task/arm/seed of the study")
    sub.add_argument("--study", help="by default config.yaml's")

    sub = command("prune", _prune, "Delete from the store what no study names, after a question.")
    sub.add_argument("studies", nargs="*", help="more study files whose cells stay, besides those in config/studies/")
    sub.add_argument("--outdated", action="store_true", help="also what was trained with other code, data or weights")
    sub.add_argument("--yes", action="store_true", help="do not ask")

    sub = command("model", _model, "Copy a model from the hub or a folder into the results folder.")
    place = sub.add_mutually_exclusive_group(required=True)
    place.add_argument("--folder", type=Path, help="a checkpoint")
    place.add_argument("--hub-id")
    sub.add_argument("--name", required=True, help="what tables call it")
    sub.add_argument("--out", required=True, type=Path, help="folder to write")

    sub = command("data", _data, "Tokenise a task for a model.")
    sub.add_argument("--task", required=True)
    sub.add_argument("--model", required=True, type=Path, help="folder that `seedvar model` wrote")
    sub.add_argument("--max-length", required=True, type=int)
    sub.add_argument("--glue-dir", type=Path, help="GLUE in the hub's layout; without it the hub is asked")
    sub.add_argument("--out", required=True, type=Path, help="folder to write")
    _add_warm(sub)

    sub = command("train", _train, "Train one cell, or take it from the store.")
    sub.add_argument("--cell", required=True, type=_specification, help="`cell` of a result.json")
    sub.add_argument("--results", required=True, type=Path)
    sub.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    sub.add_argument("--threads", default=1, type=int)
    sub.add_argument("--keep-weights", action="store_true", help="for `seedvar weights`, in the store")
    _add_warm(sub)

    sub = command("weights", _weights, "Hand out the weights of a trained cell; train it again if they were not kept.")
    sub.add_argument("--cell", required=True, type=_specification, help="`cell` of a result.json")
    sub.add_argument("--results", required=True, type=Path)
    sub.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    sub.add_argument("--threads", default=1, type=int)
    sub.add_argument("--keep", action="store_true", help="leave them in the store as well")
    _add_warm(sub)

    sub = command("forgetting", _forgetting, "Measure masked-word perplexity with the top k layers replaced.")
    sub.add_argument("--cell", required=True, type=_specification, help="`cell` of a result.json")
    sub.add_argument("--results", required=True, type=Path)
    sub.add_argument("--text", help="a text file, a paragraph a line; by default what suits the data")
    sub.add_argument("--paragraphs", type=int, default=500)
    sub.add_argument("--out", required=True, type=Path)
    _add_warm(sub)

    sub = command("surface", _surface, "Measure one row of the surface of loss and gradient norm between two runs.")
    sub.add_argument("--first", required=True, type=_specification, help="`cell` of a result.json")
    sub.add_argument("--second", required=True, type=_specification, help="`cell` of a result.json")
    sub.add_argument("--results", required=True, type=Path)
    sub.add_argument("--points", type=int, default=21)
    sub.add_argument("--low", type=float, default=-0.5)
    sub.add_argument("--high", type=float, default=1.5)
    sub.add_argument("--examples", type=int, default=128)
    sub.add_argument("--row", type=int, required=True, help="which point of the first axis, from 0")
    sub.add_argument("--out", required=True, type=Path)
    _add_warm(sub)

    sub = command("pretrain", _pretrain, "Pre-train the embedded model syn-bert.")
    sub.add_argument("--out", required=True, type=Path, help="folder to write")

    sub = command("collect", _collect, "Gather the cells of a study into its tables.")
    sub.add_argument("study")
    sub.add_argument("--model", required=True, help="folder name of the model below results/models/")
    sub.add_argument("--results", required=True, type=Path)
    sub.add_argument(
        "--part",
        choices=["cells", "diagnostics", "forgetting", "surface"],
        default="cells",
        help="what to gather; by default runs, curves and predictions",
    )

    sub = command("look", _look, "After a batch of seeds: are the intervals of a study that adds seeds narrow enough?")
    sub.add_argument("study")
    sub.add_argument("--batch", type=int, required=True, help="number of the batch, from 0")
    sub.add_argument("--model", required=True, help="folder name of the model below results/models/")
    sub.add_argument("--results", required=True, type=Path)
    sub.add_argument("--out", required=True, type=Path, help="a .json file")

    sub = command("import", _import, "Make the tables of a study out of a table of runs from elsewhere.")
    sub.add_argument("study")
    sub.add_argument("--runs-dir", help="where tables of runs lie that are not found from here")
    sub.add_argument("--results", required=True, type=Path)

    sub = command("statistics", _statistics, "Compute a table of statistics from other tables of a study.")
    sub.add_argument("statistic", choices=list(STATISTICS))
    sub.add_argument("tables", type=Path, nargs="+", help="the study's tables that it needs, such as runs.csv")
    sub.add_argument("--baseline", help="name of the baseline arm, for comparisons")
    sub.add_argument("--out", required=True, type=Path, help="a .csv file")
    _add_warm(sub)

    sub = command("tables", _tables, "Write summary.csv or comparisons.csv as Markdown and LaTeX.")
    sub.add_argument("table", type=Path)
    sub.add_argument(
        "--layout", choices=list(LAYOUTS), help="of summary.csv also scores: a row an arm, a column a task"
    )
    sub.add_argument("--baseline", help="name of the baseline arm: summary.csv marks what is better than it")
    sub.add_argument("--out", required=True, type=Path, nargs="+", help="files that end in .md or .tex")

    sub = command("figure", _figure, "Draw a figure from the tables of a study.")
    sub.add_argument("figure", choices=list(FIGURES))
    sub.add_argument("--kind", choices=["box", "violin", "points"], help="of distribution: what is behind the points")
    sub.add_argument("tables", type=Path, nargs="+", help="the study's tables that the figure shows, such as runs.csv")
    sub.add_argument("--out", required=True, type=Path, nargs="+", help="files: .png, .pdf, or .csv for the numbers")
    _add_warm(sub)

    sub = command("schema", _schema, "Print the JSON schema of study files or of config.yaml.")
    sub.add_argument("schema", choices=["study", "config"])
    return parser


def _add_warm(sub: argparse.ArgumentParser) -> None:
    text = "run in a fork of a process that has PyTorch and Transformers loaded; changes no result"
    sub.add_argument("--warm", action="store_true", help=text)


def _run_warm(arguments) -> int | None:
    """Runs a command in a fork if it is asked to; None if it is still to be run."""
    from seedvar import warm

    if not arguments.warm:
        return None
    command = [word for word in arguments.argv if word != "--warm"]
    if "--log" in command:  # the fork inherits the log as its output
        position = command.index("--log")
        del command[position : position + 2]
    return warm.run(command)


def _specification(text: str) -> dict:
    """Reads a cell's specification: JSON, or the Python literal that Snakemake makes of a dict."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return ast.literal_eval(text)


def _site():
    from seedvar.study import read_site_config, read_yaml

    return read_site_config(read_yaml("config/config.yaml"))


def _check(arguments) -> None:
    from seedvar.grid import expand
    from seedvar.models.sources import resolve
    from seedvar.runs_table import TableStudy, import_runs
    from seedvar.study import read_study, study_path

    path = study_path(arguments.study)
    study = read_study(path)
    if isinstance(study, TableStudy):
        runs = import_runs(study, _site().runs_dir)["runs"]
        counts = runs.groupby(["task", "arm"], sort=False)["degenerate"].agg(["size", "sum"])
        print(f"{path}: {len(runs)} runs from {study.runs.file}")
        for (task, arm), (n, failed) in counts.iterrows():
            print(f"  {task}, {arm}: {n} runs, {failed} failed")
        return
    source = resolve(study.model, _site().models, str(path))
    cells = expand(study, source.name)
    arms = list(study.named_recipes(study.tasks[0]))
    print(f"{path}: {len(cells)} cells = {len(study.tasks)} tasks x {len(arms)} arms x {len(study.seed_pairs())} seeds")
    for arm in arms:
        by_slug: dict[str, list[str]] = {}
        for task in study.tasks:
            by_slug.setdefault(study.named_recipes(task)[arm].slug(), []).append(task)
        for slug, tasks in by_slug.items():
            print(f"  {arm}: {slug}" + (f" ({', '.join(tasks)})" if len(by_slug) > 1 else ""))


def _plan_of(name: str | None):
    """Reads the study that is named, or config.yaml's, with the settings that the workflow would use."""
    from seedvar.plan import make_plan
    from seedvar.study import read_yaml

    return make_plan(read_yaml("config/config.yaml") | ({"study": name} if name else {}))


def _status(arguments) -> None:
    from seedvar import status
    from seedvar.cost import seconds_left

    checker = status.Checker(_plan_of(arguments.study))
    study = status.study_state(checker)
    if arguments.cells:
        print("\n".join(status.cell_lines(study)))
    at_a_time = len(study.of("running")) or os.cpu_count()
    print("\n".join(status.status_lines(study, seconds_left(study.cells, checker.plan), at_a_time)))


def _plan(arguments) -> None:
    from seedvar import status
    from seedvar.cost import plan_lines

    checker = status.Checker(_plan_of(arguments.study))
    print("\n".join(plan_lines(status.study_state(checker), checker.plan, checker.store)))


def _explain(arguments) -> None:
    from seedvar import status

    checker = status.Checker(_plan_of(arguments.study))
    print("\n".join(status.explain_lines(status.find_cell(arguments.cell, checker.plan), checker)))


def _prune(arguments) -> None:
    from seedvar import status
    from seedvar.study import study_path

    site, results = _site(), Path("results")
    names = [site.study, *arguments.studies]
    files = {*Path("config/studies").glob("*.y*ml"), *(study_path(name) for name in names)}
    garbage = status.find_garbage(status.store_of(site, results), status.named_cells(site, sorted(files)), results)
    doomed = [*garbage.unnamed, *garbage.abandoned, *(garbage.outdated if arguments.outdated else [])]
    print("\n".join(status.garbage_lines(garbage, arguments.outdated)), flush=True)
    if site.store:
        print("The store may be shared: other people's studies are not known here, and count as none")
    question = f"Delete {len(doomed):,} entries? [y/N] "
    if not doomed:
        print("Nothing to delete")
    elif arguments.yes or (sys.stdin.isatty() and input(question).strip().lower() in ("y", "yes")):
        status.delete_entries(doomed)
        print(f"{len(doomed):,} entries deleted")
    else:
        print("Nothing deleted")


def _model(arguments) -> None:
    from seedvar.models.sources import ModelSource, prepare

    prepare(ModelSource(arguments.name, arguments.folder, arguments.hub_id), arguments.out)


def _data(arguments) -> int | None:
    if (code := _run_warm(arguments)) is not None:
        return code
    from seedvar.data.prepare import prepare
    from seedvar.data.tasks import TASKS
    from seedvar.files import write_json
    from seedvar.status import SOURCE, data_origin

    prepare(TASKS[arguments.task], arguments.model, arguments.max_length, arguments.out, arguments.glue_dir)
    write_json(arguments.out / SOURCE, data_origin(arguments.task, arguments.model, arguments.glue_dir))
    return None


def _train(arguments) -> int | None:
    from seedvar import store
    from seedvar.fingerprint import parts_of, quick_fingerprint

    results, said = arguments.results, "taken from the store, nothing trained"
    key = quick_fingerprint(arguments.cell, results)
    if key and store.serve(results / "store", key, results):
        print(said, file=sys.stderr)
        return None

    from seedvar.files import digest
    from seedvar.grid import Cell

    cell = Cell.from_specification(arguments.cell)
    parts = parts_of(cell, results)
    key = digest(parts)
    if store.restore(results / "store", key, results / cell.folder()):
        print(said, file=sys.stderr)
        return None
    if (code := _run_warm(arguments)) is not None:
        return code
    command = ["train", "--cell", json.dumps(arguments.cell), "--results", str(results), "--device", arguments.device]
    command += ["--threads", str(arguments.threads)]
    print("To repeat: seedvar " + shlex.join(command), file=sys.stderr, flush=True)

    from seedvar.status import running

    with running(results / cell.folder(), parts):
        train_cell = _training_code(cell, key, results)
        record = train_cell(cell, key, results, arguments.device, arguments.threads, arguments.keep_weights)
    split = record.reported_split
    score = record.scores["last"][split][record.metric]
    line = f"{record.status}: {split} {record.metric} {'not defined' if score is None else f'{score:.4f}'}"
    print(f"{line}, majority {record.majority[split]:.4f}, {record.wall_time_s:.1f} s", file=sys.stderr)
    return None


def _training_code(cell, key: str, results: Path):
    """Imports the code that decides a cell, all of it now; returns `train_cell`.

    Raises:
        UserError: It is not the code that the fingerprint was made of: somebody has just edited it.
    """
    import importlib

    from seedvar.fingerprint import fingerprint_of, sources

    for name in sources(cell.recipe.changes()):
        importlib.import_module("seedvar." + name.removesuffix(".py").replace("/", "."))
    if fingerprint_of(cell, results) != key:
        raise UserError("the code or the data of this cell changed while it was about to start; run again")
    from seedvar.training.cell import train_cell

    return train_cell


def _weights(arguments) -> int | None:
    from seedvar import store
    from seedvar.fingerprint import fingerprint_of
    from seedvar.grid import Cell

    cell, results = Cell.from_specification(arguments.cell), arguments.results
    key, target = fingerprint_of(cell, results), results / cell.weights_file()
    take = lambda: store.take_weights(results / "store", key, target, remove=not arguments.keep)  # noqa: E731
    if take():
        return None
    if (code := _run_warm(arguments)) is not None:
        return code
    print("the weights of this cell were not kept: it is trained again", file=sys.stderr)
    train_cell = _training_code(cell, key, results)
    train_cell(cell, key, results, arguments.device, arguments.threads, keep_weights=True)
    store.restore(results / "store", key, results / cell.folder())  # the files of the first time, wall time included
    take()
    return None


def _forgetting(arguments) -> int | None:
    if (code := _run_warm(arguments)) is not None:
        return code
    import pandas as pd

    from seedvar.files import write_csv
    from seedvar.grid import Cell, model_folder
    from seedvar.probes.forgetting import load_paragraphs, perplexities

    cell = Cell.from_specification(arguments.cell)
    paragraphs = load_paragraphs(cell.data, arguments.text, arguments.paragraphs)
    weights = arguments.results / cell.weights_file()
    rows = perplexities(model_folder(arguments.results, cell.model), weights, paragraphs, cell.recipe.max_length)
    write_csv(arguments.out, pd.DataFrame(rows))
    return None


def _surface(arguments) -> int | None:
    if (code := _run_warm(arguments)) is not None:
        return code
    import pandas as pd

    from seedvar.files import write_csv
    from seedvar.grid import Cell
    from seedvar.probes.surface import axis, surface_row

    cells = [Cell.from_specification(arguments.first), Cell.from_specification(arguments.second)]
    values = axis(arguments.points, arguments.low, arguments.high)
    weights = tuple(arguments.results / cell.weights_file() for cell in cells)
    rows = surface_row(*cells, weights, arguments.results, values[arguments.row], values, arguments.examples)
    write_csv(arguments.out, pd.DataFrame(rows))
    return None


def _pretrain(arguments) -> None:
    from seedvar.models.pretrain import Pretraining, pretrain

    pretrain(arguments.out, Pretraining())


def _collect(arguments) -> None:
    from seedvar import collect
    from seedvar.sequential import decided
    from seedvar.study import read_study, study_path

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
    from seedvar.files import write_json
    from seedvar.sequential import look
    from seedvar.study import read_study, study_path

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
    from seedvar.runs_table import import_runs
    from seedvar.study import read_study, study_path

    path = study_path(arguments.study)
    for name, table in import_runs(read_study(path), arguments.runs_dir).items():
        write_csv(arguments.results / path.stem / f"{name}.csv", table)


def _read_given(name: str, needed: tuple[str, ...], given: list[Path]) -> dict:
    """Reads the tables that a statistic or a figure needs, by their stems."""
    from seedvar.collect import read_runs, read_table

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
    from seedvar.collect import read_table
    from seedvar.files import write_text
    from seedvar.tables import render

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


def _schema(arguments) -> None:
    from seedvar.runs_table import TableStudy
    from seedvar.study import SiteConfig, Study, json_schema

    model = {"study": Study | TableStudy, "config": SiteConfig}[arguments.schema]
    print(json.dumps(json_schema(model), indent=2, ensure_ascii=False))


if __name__ == "__main__":
    sys.exit(main())
