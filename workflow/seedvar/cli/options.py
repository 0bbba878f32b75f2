"""Options that several commands have."""

from __future__ import annotations

import argparse
import ast
import contextlib
import json

from seedvar.engine import warm
from seedvar.engine.jobs import Machine

ENTRY = "seedvar.cli.main:main"  # what a warm process runs


def literal(text: str):
    """Reads plain values: JSON, or the Python literal that Snakemake makes of a dict."""
    for read in (json.loads, ast.literal_eval):
        with contextlib.suppress(ValueError, SyntaxError, RecursionError, MemoryError):
            if isinstance(value := read(text), dict):
                return value
    raise argparse.ArgumentTypeError("is no mapping in JSON or Python")


def add_warm(sub: argparse.ArgumentParser) -> None:
    """Adds --warm."""
    text = "run in a fork of a process that has PyTorch and Transformers loaded; changes no result"
    sub.add_argument("--warm", action="store_true", help=text)


def run_warm(arguments) -> int | None:
    """Runs a command in a fork if it is asked to; None if it is still to be run."""
    if not arguments.warm:
        return None
    command = [word for word in arguments.argv if word != "--warm"]
    if "--log" in command:  # the fork inherits the log as its output
        position = command.index("--log")
        command[position : position + 2] = ["--output-is-log"]
    return warm.run(command, ENTRY)


def add_machine(sub: argparse.ArgumentParser) -> None:
    """Adds --device, --threads, --cells-per-gpu and --warm."""
    sub.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    sub.add_argument("--threads", default=1, type=int)
    sub.add_argument("--cells-per-gpu", default=1, type=int, help="how many may share a GPU; changes no result")
    add_warm(sub)


def machine(arguments) -> Machine:
    """Returns how a job may run."""
    return Machine(arguments.device, arguments.threads, arguments.cells_per_gpu, lambda: run_warm(arguments))
