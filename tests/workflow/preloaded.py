"""Runs Snakemake in forks of a process that has imported it, which takes longer than to plan a small study.

A line of JSON on the standard input is one call of Snakemake, and a line of the standard output is its exit code. The
process has imported no module of seedvar and no Snakefile: a fork does what a fresh `snakemake` does.
"""

import json
import os
import sys
import traceback

import pandas  # noqa: F401
import pulp  # noqa: F401
import pydantic  # noqa: F401
import snakemake.cli


def run(arguments, folder, environment, out, err):
    """Becomes a `snakemake` with these arguments; returns its exit code."""
    for number, (path, flags) in enumerate([(os.devnull, os.O_RDONLY), (out, os.O_WRONLY), (err, os.O_WRONLY)]):
        os.dup2(os.open(path, flags), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:1] = environment["PYTHONPATH"].split(os.pathsep)  # in place of the folder of this file
    sys.argv = ["snakemake", *arguments]
    try:
        snakemake.cli.main(arguments)
        code = 0
    except SystemExit as error:
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code


for line in sys.stdin:
    if fork := os.fork():
        print(os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1]), flush=True)
    else:
        os._exit(run(**json.loads(line)))
