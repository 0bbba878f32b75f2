"""The table of edits: what each change of a finished study makes Snakemake train again, and no cell more.

The study is run once; every edit is made in a copy of it, times of change and Snakemake's records included, and the
jobs of a dry run are counted.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

STUDY = """
data: glue
model: ./tiny
tasks: [rte, mrpc]
seeds: 2
recipe: {learning_rate: 1e-3, n_train: 40, batch_size: 8, epochs: 1, evaluations: 2}
arms:
  plain: {}
  top: {reinit_layers: 1}
  mixed: {mixout: 0.5, weight_decay: 0.01, warmup_ratio: 0.2}
baseline: plain
"""
STUDY_FILE = "config/studies/edits.yaml"
PACKAGE = "workflow/seedvar"
EVERY_CELL = 2 * 3 * 2


def run(folder, *command):
    """Runs a command of this environment in a checkout; returns what it printed."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": f"{folder}/workflow",
        "SEEDVAR_GLUE_DIR": "my glue",
    }
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def snakemake(folder, *arguments):
    return run(folder, "snakemake", *arguments, "--config", "study=edits")


def planned(folder):
    """Counts the jobs that a dry run plans, by rule."""
    jobs = {rule: int(n) for rule, n in re.findall(r"^(\w+) +(\d+)$", snakemake(folder, "-n"), re.M)}
    return {rule: n for rule, n in jobs.items() if rule not in ("all", "total")}


@pytest.fixture(scope="module")
def finished(tmp_path_factory, copy_repository, tiny_models):
    """A checkout with the study run to its end."""
    folder = copy_repository(tmp_path_factory.mktemp("finished"))
    shutil.copytree(tiny_models("bert"), folder / "tiny")
    rows = {"sentence1": ["the dog"] * 60, "sentence2": ["the cat"] * 60, "label": [0, 1] * 30}
    for task in ("rte", "mrpc"):
        (folder / "my glue" / task).mkdir(parents=True)
        for split in ("train", "validation"):
            pd.DataFrame(rows).to_parquet(folder / "my glue" / task / f"{split}-00000-of-00001.parquet")
    (folder / STUDY_FILE).write_text(STUDY)
    snakemake(folder, "--cores", "2")
    assert planned(folder) == {}
    return folder


@pytest.fixture
def copied(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "copied", symlinks=True)


def replace(folder, name, old, new):
    text = (folder / name).read_text()
    assert text.count(old) == 1
    (folder / name).write_text(text.replace(old, new))


def in_study(old, new):
    return lambda folder: replace(folder, STUDY_FILE, old, new)


def in_package(name):
    return lambda folder: (folder / PACKAGE / name).write_text((folder / PACKAGE / name).read_text() + "\n# edited\n")


def nothing(folder):
    pass


def swap_values(folder):
    replace(folder, STUDY_FILE, "weight_decay: 0.01, warmup_ratio: 0.2", "weight_decay: 0.2, warmup_ratio: 0.01")


def change_a_data_file(folder):
    path = folder / "my glue/rte/train-00000-of-00001.parquet"
    rows = pd.read_parquet(path)
    rows.loc[0, "sentence1"] = "the bird"
    rows.to_parquet(path)


def touch_everything(folder):
    for path in folder.rglob("*"):
        if path.is_file() and not {"results", ".snakemake"} & set(path.relative_to(folder).parts):
            path.touch()


def add_a_field(folder):
    name = f"{PACKAGE}/recipe.py"
    replace(
        folder, name, "    mixout: float = Field(", "    novelty: float = Field(0.0, ge=0)\n    mixout: float = Field("
    )


def add_a_task(folder):
    line = '        Task("mrpc"'
    replace(folder, f"{PACKAGE}/data/tasks.py", line, f'        Task("scitail", "glue", PAIR, "accuracy"),\n{line}')


def change_a_task(folder):
    replace(folder, f"{PACKAGE}/data/tasks.py", '"mrpc", "glue", PAIR, "f1"', '"mrpc", "glue", PAIR, "accuracy"')


def upgrade_a_library(folder):
    information = folder / "workflow/numpy-99.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 99.0\n")


CELLS_A_SEED, CELLS_AN_ARM, CELLS_A_TASK = 6, 4, 6
# What is edited: how, how many cells are trained again, how many data sets are made again, what `status` says.
EDITS = {
    "nothing": (nothing, 0, 0, ""),
    "a new seed": (in_study("seeds: 2", "seeds: 3"), CELLS_A_SEED, 0, ""),
    "a new arm": (in_study("  top:", "  pooler: {reinit_pooler: true}\n  top:"), CELLS_AN_ARM, 0, ""),
    "one arm's learning rate": (in_study("_layers: 1}", "_layers: 1, learning_rate: 2e-3}"), CELLS_AN_ARM, 0, ""),
    "two values swapped": (swap_values, CELLS_AN_ARM, 0, ""),
    "figure code": (in_package("figures/distribution.py"), 0, 0, ""),
    "statistics code": (in_package("stats/compare.py"), 0, 0, ""),
    "Mixout's module": (in_package("methods/mixout.py"), CELLS_AN_ARM, 0, "methods/mixout.py changed"),
    "training core": (in_package("training/loop.py"), EVERY_CELL, 0, "training/loop.py changed"),
    "one data file": (
        change_a_data_file,
        CELLS_A_TASK,
        1,
        "the data of rte changed (rte/train-00000-of-00001.parquet)",
    ),
    "touch of everything": (touch_everything, 0, 0, ""),
    "a new field": (add_a_field, 0, 0, ""),
    "a new task": (add_a_task, 0, 0, ""),
    "a task's metric": (change_a_task, CELLS_A_TASK, 1, "data/tasks.py: metric of mrpc was f1 and is accuracy"),
    "a library": (upgrade_a_library, 0, 0, "12 cells trained with numpy"),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_trains_the_cells_that_it_concerns(copied, name):
    edit, trained, prepared, told = EDITS[name]
    edit(copied)
    jobs = planned(copied)
    assert (jobs.get("train", 0), jobs.get("data", 0), jobs.get("model", 0)) == (trained, prepared, 0)
    status = run(copied, "seedvar", "status", "edits")
    cells = int(re.search(r"^edits: (\d+) cells", status, re.M)[1])
    done = re.search(r"^ +done +(\d+)", status, re.M)
    assert (int(done[1]) if done else 0) == cells - trained
    assert told in status


def test_a_changed_task_is_not_forgotten_when_its_data_are_made_again(copied):
    change_a_task(copied)
    (data,) = copied.glob("results/data/glue/tiny/mrpc-*/data.json")
    snakemake(copied, str(data.relative_to(copied)), "--cores", "2")
    assert planned(copied).get("train", 0) == CELLS_A_TASK


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("figures/distribution.py", {"figure": 1, "notebook": 1, "report": 1}),
        ("figures/comparisons.py", {"figure": 1, "report": 1}),
        ("tables.py", {"tables": 3, "report": 1}),
    ],
)
def test_what_concerns_no_cell_plans_only_what_is_made_from_it(copied, name, expected):
    in_package(name)(copied)
    assert planned(copied) == expected


def test_a_fresh_clone_with_copied_results_trains_nothing(finished, copy_repository, tmp_path):
    clone = copy_repository(tmp_path)
    for name in ("tiny", "my glue"):
        shutil.copytree(finished / name, clone / name)
    shutil.copy(finished / STUDY_FILE, clone / STUDY_FILE)
    touch_everything(clone)  # a clone's files are new
    shutil.copytree(finished / "results", clone / "results")
    assert not {"train", "data", "model"} & set(planned(clone))

    # Where copying has lost the times too, Snakemake knows nothing; the store knows.
    shutil.rmtree(clone / "results/cells")
    shutil.rmtree(clone / ".snakemake")
    snakemake(clone, "cells", "--cores", "2")
    logs = list(clone.glob("results/logs/train/**/*.log"))
    assert len(logs) == EVERY_CELL
    assert all("taken from the store" in log.read_text() for log in logs)
