"""What tests say in one word: a task of the package, its data prepared for a model, a checkout to run."""

import atexit
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from seedvar.data.known import package_declaration
from seedvar.data.prepare import prepare
from seedvar.data.resolve import resolve
from seedvar.data.sources import located
from seedvar.data.task import Task

REPOSITORY = Path(__file__).parents[1]
TIMEOUT_S = 900


def copy_package(checkout: Path) -> None:
    """Gives a checkout a package of its own, to change; what Python has compiled comes along."""
    shutil.copytree(REPOSITORY / "workflow" / "seedvar", checkout / "workflow" / "seedvar")


def environment_of(checkout: Path) -> dict[str, str]:
    """Returns the environment for commands in a checkout: its own package or, where it has none, the repository's.

    With the repository's, all of them start from one warm process.
    """
    workflow = (checkout if (checkout / "workflow" / "seedvar").is_dir() else REPOSITORY) / "workflow"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": str(workflow)}


@cache
def _preloaded() -> subprocess.Popen:
    """Starts the process that has imported Snakemake; it ends with this one."""
    server = subprocess.Popen(
        [sys.executable, REPOSITORY / "tests" / "workflow" / "preloaded.py"],
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(server.kill)
    return server


def run_snakemake(
    checkout: Path, *arguments: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess:
    """Runs Snakemake in a checkout and returns what it did; without the seconds that importing it takes."""
    server = _preloaded()
    with tempfile.NamedTemporaryFile("r") as out, tempfile.NamedTemporaryFile("r") as err:
        request = {"arguments": arguments, "folder": str(checkout), "out": out.name, "err": err.name}
        request["environment"] = environment_of(checkout) | (environment or {})
        print(json.dumps(request), file=server.stdin, flush=True)
        if not select.select([server.stdout], [], [], TIMEOUT_S)[0]:
            raise TimeoutError(f"snakemake {' '.join(arguments)}: has not ended in {TIMEOUT_S} seconds")
        code = int(server.stdout.readline())
        return subprocess.CompletedProcess(arguments, code, out.read(), err.read())


def known_task(name: str) -> Task:
    """Returns a task of the package."""
    return resolve(package_declaration(name), name)


def prepare_known(name: str, model: Path, max_length: int, folder: Path, glue_dir: Path | None = None) -> None:
    """Tokenises a task of the package for a model."""
    declaration = package_declaration(name)
    prepare(name, declaration, located(declaration, glue_dir), model, max_length, folder)


def amplified(model):
    """Makes all matrices of a network ten times as large: those of a tiny one tell inputs hardly apart."""
    import torch

    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(10 if parameter.dim() > 1 else 1)
    return model


def dropouts(model) -> set[float]:
    """Returns the probabilities of all dropout of a network, with and without a module of its own."""
    import torch

    found = {module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)}
    for module in model.modules():
        found |= {value for name, value in vars(module).items() if "dropout" in name and isinstance(value, float)}
    return found
