"""How large a study may be: run with `make bench-scale`, or `python tests/benchmark/scale.py 1000 4000`.

Cells are made up, nothing is trained. For every number of cells it prints wall time, processor time and peak memory
of a dry run (`snakemake -n`, limit at 10,000 cells: 30 s and 1 GB on one core) from nothing and with every result
there, of `seedvar status` and `plan`, and of `seedvar collect` (limit at 10,000: 60 s). Then of executing 1,000 cells
that are all in the store (limit: 3 minutes on two cores), and of serving one. Wall times of a machine that is busy
with other things say little; processor times say more.
"""

import contextlib
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import made_up

from seedvar.engine.plan import make_plan

REPOSITORY = Path(__file__).parents[2]
STUDY = """
model: syn-bert
tasks: [syn-rte, syn-mrpc, syn-cola, syn-stsb]
seeds: {seeds}
recipe: {{learning_rate: 1e-3}}
arms:
  bertadam: {{optimizer: bertadam}}
  adamw: {{}}
  bertadam_reinit: {{optimizer: bertadam, reinit_layers: 2}}
  reinit: {{reinit_layers: 2}}
  longer: {{epochs: 10}}
baseline: adamw
"""
CELLS_A_SEED = 20
# As many jobs that depend on nothing: what Snakemake takes for itself, and a measure of how busy the machine is.
BARE = """
rule all:
    input:
        expand("bare/{{i}}", i=range({n})),


rule bare:
    output:
        "bare/{{i}}",
    shell:
        "touch {{output}}"
"""
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def measure(*command: str, cores: int = 1) -> tuple[float, float, float, int]:
    """Runs a command; returns wall seconds, processor seconds, peak memory in MB, and its exit code."""
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        if CORES:
            os.sched_setaffinity(0, CORES[:cores])
        with open("bench.log", "w") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        try:
            os.execvp(command[0], command)
        finally:
            os._exit(127)
    _, code, usage = os.wait4(child, 0)
    wall = time.monotonic() - start
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(code)


def report(n: int, what: str, *command: str, cores: int = 1, limit: str = "") -> None:
    """Measures a command and prints a row."""
    wall, processor, memory, code = measure(*command, cores=cores)
    row = f"{n:>7,}  {what:<34} {wall:>8.1f} {processor:>8.1f} {memory:>8.0f}"
    print(f"{row}  {limit}" if limit else row, flush=True)
    if code:
        sys.exit(f"{' '.join(command)} failed:\n{Path('bench.log').read_text()[-3000:]}")


@contextlib.contextmanager
def copied_workflow():
    """Works in a copy of the workflow without results, in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="seedvar-scale-") as folder:
        for name in ("Snakefile", "pyproject.toml"):
            shutil.copy(REPOSITORY / name, folder)
        for name in ("config", "workflow", "envs", "notebooks"):
            shutil.copytree(REPOSITORY / name, Path(folder) / name, ignore=shutil.ignore_patterns("__pycache__"))
        (Path(folder) / "profiles").symlink_to("workflow/profiles")
        os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        os.environ["PYTHONPATH"] = f"{folder}/workflow"
        before = Path.cwd()
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def write_study(n: int):
    """Writes a study of n cells; returns it as planned."""
    Path("config/studies/scale.yaml").write_text(STUDY.format(seeds=n // CELLS_A_SEED))
    return make_plan({"study": "scale"})


def prepare(n: int) -> list:
    """Has the workflow prepare model and data of a study; returns its cells."""
    plan = write_study(n)
    cells = list(plan.cells.values())
    data = [f"results/{folder}/data.json" for folder in dict.fromkeys(cell.data_folder() for cell in cells)]
    code = measure("snakemake", "--cores", "2", *data, "--config", "study=scale", cores=2)[3]
    if code:
        sys.exit(f"data cannot be prepared:\n{Path('bench.log').read_text()[-3000:]}")
    return cells


def bench_size(n: int) -> None:
    """Measures planning, status and collecting of a study of n cells."""
    write_study(n)
    with_limit = n == 10_000
    Path("Bare").write_text(BARE.format(n=n))
    report(n, "dry run, bare jobs", "snakemake", "-n", "--quiet", "all", "--snakefile", "Bare")
    dry_run = ("snakemake", "-n", "--quiet", "all", "--config", "study=scale")
    report(n, "dry run, nothing there", *dry_run, limit="limit 30 s, 1024 MB" if with_limit else "")
    cells = prepare(n)
    report(n, "seedvar plan, nothing there", "seedvar", "plan", "scale")
    made_up.make_cells(cells, Path("results"))
    report(n, "dry run, every result there", *dry_run, limit="limit 30 s, 1024 MB" if with_limit else "")
    report(n, "seedvar status", "seedvar", "status", "scale")
    report(n, "seedvar plan", "seedvar", "plan", "scale")
    collect = ("seedvar", "collect", "scale", "--results", "results")
    report(n, "seedvar collect", *collect, limit="limit 60 s" if with_limit else "")
    shutil.rmtree("results")
    shutil.rmtree(".snakemake", ignore_errors=True)


def bench_store(n: int) -> None:
    """Measures executing a study whose cells are all in the store, and serving one of them."""
    cells = prepare(n)
    made_up.make_cells(cells, Path("results"), in_folder=False)
    specification = repr(cells[0].specification())
    report(1, "seedvar train, from the store", "seedvar", "train", "--results", "results", "--cell", specification)
    execute = ("snakemake", "cells", "--cores", "2", "--config", "study=scale")
    report(n, "executing from the store, 2 cores", *execute, cores=2, limit="limit 180 s" if n == 1000 else "")
    found = len(list(Path("results/cells").rglob("result.json")))
    if found != n:
        sys.exit(f"{found} results were made, expected {n}")


def main(sizes: list[int]) -> None:
    """Prints the table."""
    print(f"{'cells':>7}  {'what':<34} {'wall s':>8} {'cpu s':>8} {'peak MB':>8}")
    for n in sizes:
        with copied_workflow():
            bench_size(n)
    with copied_workflow():
        bench_store(min(1000, *sizes))


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or [1000, 4000, 10_000, 16_000])
