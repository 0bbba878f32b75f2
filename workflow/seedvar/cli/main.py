"""The command line: each rule of the workflow is one of these commands.

No module that is slow to import is imported before its command needs it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import traceback
from pathlib import Path

from seedvar import signals
from seedvar.cli import jobs, tables, users
from seedvar.errors import Stopped, UserError, first_line
from seedvar.words import CLEAR, printable


def main(argv: list[str] | None = None) -> int:
    """Runs a command; returns its exit code.

    That is 0, 2 for a user's mistake, 128 and the number of a signal that asked it to end, 1 for anything else.
    """
    arguments = parser().parse_args(argv)
    arguments.argv = sys.argv[1:] if argv is None else argv
    plain = contextlib.redirect_stdout(_Plain(sys.stdout))
    with _log_file(arguments.log) as terminal, plain, signals.heard(signals.end):
        try:
            code = arguments.run(arguments) or 0
        except UserError as error:
            code = 2
            print(f"seedvar: {error}", file=sys.stderr)
        except Stopped as stopped:
            code = stopped.code
            print(f"seedvar: {stopped}", file=sys.stderr)
        except BrokenPipeError:  # who read the output wanted no more of it
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 1
        except Exception as error:
            code = 1
            told = printable(f"seedvar: {_in_words(error)}")
            if terminal or arguments.output_is_log:
                print(printable(traceback.format_exc(), kept="\n"), end="", file=sys.stderr)
            else:
                told += f"\n  (log: {_keep_traceback(argv[0] if argv else sys.argv[1])})"
            print(told, file=sys.stderr)
        if code and terminal:
            sys.stderr.flush()
            last_line = (arguments.log.read_text(errors="replace").splitlines() or ["seedvar: failed"])[-1]
            clear = CLEAR if terminal.isatty() else ""  # a workflow's progress may stand there
            print(f"{clear}{printable(last_line)}\n  (log: {arguments.log})", file=terminal, flush=True)
    return code


def parser() -> argparse.ArgumentParser:
    """Returns the parser of all commands."""
    whole = argparse.ArgumentParser(prog="seedvar", description="Seed-variance studies of fine-tuning.")
    commands = whole.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        sub.add_argument("--log", type=Path, help="write all output here; only an error is shown as well")
        sub.add_argument("--output-is-log", action="store_true", help=argparse.SUPPRESS)  # of a fork, see `run_warm`
        return sub

    for group in (users, jobs, tables):
        group.add(command)
    return whole


def _in_words(error: Exception) -> str:
    """Says in one line what broke."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return f"{type(error).__name__}: {first_line(error)}"


def _keep_traceback(command: str) -> Path:
    """Writes where an error came from into a file of its own."""
    folder = Path("results/logs") if os.access("results/logs", os.W_OK) else Path(tempfile.gettempdir())
    with tempfile.NamedTemporaryFile(
        "w", dir=folder, prefix=f"seedvar-{command}-", suffix=".log", delete=False, encoding="utf-8"
    ) as file:
        file.write(printable(traceback.format_exc(), kept="\n"))
    return Path(file.name).relative_to(Path.cwd()) if folder.parts[0] == "results" else Path(file.name)


class _Plain:
    """The standard output, on which nothing that a user or a file has written moves a cursor."""

    def __init__(self, stream):
        self.stream = stream

    def write(self, text: str) -> int:
        return self.stream.write(printable(text, kept="\n"))

    def __getattr__(self, name: str):
        return getattr(self.stream, name)


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


if __name__ == "__main__":
    sys.exit(main())
