"""The command line: each rule of the workflow is one of these commands.

No module that is slow to import is imported before its command needs it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import traceback
from pathlib import Path

from seedvar.cli.jobs import (
    _add_warm,
    _data,
    _forgetting,
    _model,
    _pretrain,
    _specification,
    _surface,
    _train,
    _weights,
)
from seedvar.cli.tables import _collect, _figure, _import, _look, _statistics, _tables
from seedvar.cli.users import _check, _plan, _prune, _status
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


def _schema(arguments) -> None:
    from seedvar.study.reading import json_schema
    from seedvar.study.site import SiteConfig
    from seedvar.study.study import Study
    from seedvar.study.table_study import TableStudy

    model = {"study": Study | TableStudy, "config": SiteConfig}[arguments.schema]
    print(json.dumps(json_schema(model), indent=2, ensure_ascii=False))


if __name__ == "__main__":
    sys.exit(main())
