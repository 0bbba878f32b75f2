"""The same gate for all commands: what one refuses, none accepts, with the same sentence; and none has a traceback."""

import os
import subprocess
import sys

import pytest
from helpers import environment_of, run_snakemake
from mutations import CURVES, RUNS, SOUND, Case, cases

SAMPLE = {
    "study": [
        "recipe.learning_rate: True",
        "recipe.frozen_layers: 99",
        "recipe.n_train: 63",
        "seeds: 100000",
        "model: 'syn-bret'",
        "text: code as a tag",
    ],
    "names": ["arm read as 'no'", "study 'Models'"],
    "config": ["device: 'gpu'", "text: a key twice", "text: a tab"],
    "declaration": ["text: 'gone'", "source.train: 'gone.csv'"],
    "data": ["numbers as texts", "one class"],
    "table": ["runs.tasks.rte.metric: 'acuracy'", "runs: a percentage"],
}
IMPORTS = 6  # processor time of a command, starting Python included, in imports of pandas: about 1.5, and 4 with pandas
COMMANDS = ("check", "plan", "status")  # `explain` reads its study as `status` does


@pytest.fixture(scope="module")
def checkout(tmp_path_factory, copy_repository):
    """A checkout with the files that all cases start from."""
    made = copy_repository(tmp_path_factory.mktemp("gate"), package=False)
    for name, content in {**SOUND, "runs.csv": RUNS.encode(), "curves.csv": CURVES.encode()}.items():
        (made / name).write_bytes(content)
    return made


@pytest.fixture
def written(checkout):
    """Writes a case into the checkout; takes its files away afterwards."""
    before = {path: path.read_bytes() for path in [checkout / "config/config.yaml", *map(checkout.joinpath, SOUND)]}
    before |= {checkout / "runs.csv": RUNS.encode()}
    new = []

    def write(case: Case):
        for name, content in {"config/config.yaml": case.config, "mine.yaml": case.study, **case.files}.items():
            new.append(checkout / name)
            (checkout / name).write_bytes(content)
        return checkout

    yield write
    for path in new:
        path.unlink()
    for path, content in before.items():
        path.write_bytes(content)


def timed(arguments, folder):
    """Runs Python; returns the processor time that it took, in s, and what it said."""
    before = os.times().children_user
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment_of(folder), capture_output=True, text=True, timeout=120)
    return os.times().children_user - before, done


def sentence(done) -> str:
    """Returns the one line that a command has said of a mistake."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("seedvar: ")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return lines[0]


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in SAMPLE.items() for name in names])
def test_check_plan_status_and_snakemake_say_the_same(kind, name, written):
    (case,) = [case for case in cases()[kind] if case.name == name]
    folder = written(case)
    study = next((file for file in case.files if kind == "names" and file.endswith(".yaml")), "mine.yaml")
    said = {}
    for name in COMMANDS:
        for _ in range(3):  # another process may slow down one of the two
            importing, _ = timed(["-c", "import pandas"], folder)
            seconds, done = timed(["-m", "seedvar", name, study], folder)
            assert done.returncode == 2, (name, done.stderr)
            if seconds < IMPORTS * importing:
                break
        else:
            raise AssertionError(f"{name}: {seconds:.1f} s, an import of pandas {importing:.1f} s")
        said[name] = sentence(done)
    done = run_snakemake(folder, "-n", "--config", f"study={study}")
    assert done.returncode == 2
    said["snakemake"] = sentence(done)
    assert len(set(said.values())) == 1, said
    assert not (folder / "results" / "cells").exists()
    assert not (folder / "made").exists()
