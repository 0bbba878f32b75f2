"""A checkout to run the workflow in: its package is the repository's, unless a test asks for one to change."""

import json
import os
import select
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import copy_package, environment_of

TIMEOUT_S = 900


@pytest.fixture
def checkout(tmp_path, copy_repository):
    """A copy of the repository's workflow without the package."""
    return copy_repository(tmp_path, package=False)


@pytest.fixture
def own_package(checkout):
    """Gives the checkout a package of its own."""
    copy_package(checkout)
    return checkout / "workflow" / "seedvar"


@pytest.fixture(scope="session")
def copy_of():
    """Copies a folder that tests share: times of change and links as they are, hard work not done twice."""

    def copy(source, target):
        subprocess.run(["cp", "--archive", source, target], check=True)
        return target

    return copy


@pytest.fixture(scope="session")
def run_snakemake(tmp_path_factory):
    """Runs Snakemake in a checkout and returns what it did."""
    printed = [tmp_path_factory.mktemp("snakemake") / name for name in ("out", "err")]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    server = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("preloaded.py")],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip

    def run(folder, *arguments, environment=None):
        for path in printed:
            path.write_text("")
        request = {"arguments": arguments, "folder": str(folder), "out": str(printed[0]), "err": str(printed[1])}
        request["environment"] = environment_of(folder) | (environment or {})
        print(json.dumps(request), file=server.stdin, flush=True)
        assert select.select([server.stdout], [], [], TIMEOUT_S)[0], f"{arguments} did not end in {TIMEOUT_S} seconds"
        code = int(server.stdout.readline())
        return subprocess.CompletedProcess(arguments, code, *(path.read_text() for path in printed))

    yield run
    server.kill()
    server.wait()
