"""The workflow on a real SLURM, with everything that goes wrong on clusters: `make test-slurm`."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import psutil
import pytest

STUDY = """
description: Four cells, two blocks with the settings below.
model: ./tiny
tasks: [syn-rte]
seeds: 4
recipe: {learning_rate: 1e-3, n_train: 40, batch_size: 8, epochs: 1, evaluations: 2}
arms:
  plain: {}
"""
# What a user changes: account and partitions, and here the size of a block.
SETTINGS = [
    ("# slurm_account: \"'my_account'\"", "slurm_account: lab"),
    ("# slurm_partition: \"'cpu'\"", "slurm_partition: cpu"),
    ("# slurm_partition: \"'gpu'\"", "slurm_partition: gpu"),
    ("-{slug}=5", "-{slug}=2"),
]
IMPATIENT_SNAKEMAKE = Path(__file__).with_name("impatient_snakemake.py")
RESULTS = Path("results/tiny_study")
TABLES = ["runs.csv", "curves.csv", "predictions.parquet", "summary.csv"]
FROM_STORE = "taken from the store, nothing trained"


class Cell(NamedTuple):
    """A cell that is being trained."""

    process: psutil.Process
    log: Path
    job: str
    node: str
    gpu: str


class Job(NamedTuple):
    """A SLURM job."""

    id: str
    rules: str
    state: str
    time_limit: str
    memory: str


def slurm(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def wait_for(what, condition, timeout_s=180):
    end = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < end, f"{timeout_s} s have passed without {what}"
        time.sleep(0.1)
    return value


def kill_node(node):
    """Ends everything that runs on a node, its daemon first, as when its power is cut."""
    jobs = slurm("squeue", "--noheader", "--nodelist", node, "--states=running", "--format=%i").split()
    of_node = [lambda line, _: line[:1] == ["slurmd"] and node in line]
    of_node.append(lambda line, _: line[:1] == ["slurmstepd:"] and any(f"[{job}." in line[1] for job in jobs))
    of_node.append(lambda _, variables: variables.get("SLURMD_NODENAME") == node)
    for is_of_node in of_node:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if is_of_node(" ".join(process.cmdline()).split(), process.environ()):
                    process.kill()


def start_node(node):
    """Starts the daemon of a node that was killed, until SLURM has jobs for it again."""
    state = lambda: slurm("sinfo", "--noheader", "--nodes", node, "--format=%t").strip()  # noqa: E731
    slurm("slurmd", "-N", node)
    try:
        wait_for(node, lambda: not state().startswith("down"), timeout_s=60)
    except AssertionError:
        pytest.fail(f"{node} does not come back, it is {state()}")


class Study:
    """The study in a copy of the repository, and its Snakemake."""

    def __init__(self, folder, model):
        self.folder = folder
        shutil.copytree(model, folder / "tiny")
        self.file = folder / "config" / "studies" / "tiny_study.yaml"
        self.file.write_text(STUDY)
        profile = folder / "workflow" / "profiles" / "slurm" / "config.yaml"
        text = profile.read_text()
        for old, new in SETTINGS:
            assert text.count(old) == 1
            text = text.replace(old, new)
        profile.write_text(text)
        self.snakemake = None
        self.earlier_jobs = []

    def start(self, *arguments):
        """Starts Snakemake with the defaults of the repository."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        with open(self.folder / "snakemake.log", "w") as log:
            self.snakemake = psutil.Popen(
                [sys.executable, IMPATIENT_SNAKEMAKE, *arguments, "--config", "study=tiny_study"],
                cwd=self.folder,
                env=os.environ | {"PATH": path, "PYTHONPATH": str(self.folder / "workflow")},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def start_on_slurm(self, target=RESULTS / "summary.csv"):
        """Starts Snakemake with the profile for SLURM."""
        patience = ["--slurm-init-seconds-before-status-checks", "1"]
        self.start(target, "--workflow-profile", "workflow/profiles/slurm", *patience)

    @property
    def output(self):
        """What the last Snakemake said."""
        return (self.folder / "snakemake.log").read_text()

    def finish(self):
        """Waits for Snakemake, which has to succeed."""
        code = self.snakemake.wait(timeout=600)
        errors = [path.read_text() for path in self.folder.glob("results/logs/slurm/**/*.log")]
        assert code == 0, "\n".join([self.output, *errors])

    def tables(self):
        return {name: (self.folder / RESULTS / name).read_bytes() for name in TABLES}

    def cells(self):
        """Lists the cells that are being trained at this moment."""
        cells = []
        for process in psutil.process_iter():
            try:
                command = process.cmdline()
                if "train" in command[2:3] and command[1].endswith("/seedvar") and process.cwd() == str(self.folder):
                    names = ("SLURM_JOB_ID", "SLURMD_NODENAME", "CUDA_VISIBLE_DEVICES")
                    variables = process.environ()
                    log = self.folder / command[command.index("--log") + 1]
                    cells.append(Cell(process, log, *(variables.get(name, "") for name in names)))
            except (psutil.NoSuchProcess, ProcessLookupError):
                continue
        return cells

    def second_cell_of_a_block(self):
        """Waits until a block has finished a cell and works on the next; returns the log of the one, and the other."""
        first = wait_for("a cell", self.cells)[0]

        def second():
            return [cell for cell in self.cells() if cell.job == first.job and cell.log != first.log]

        return first.log, wait_for("a second cell", second)[0]

    def trained(self):
        """Lists the cells whose log tells of training, not of the store."""
        logs = self.folder.glob("results/logs/train/**/*.log")
        return sorted(log for log in logs if FROM_STORE not in log.read_text())

    def jobs(self):
        """Lists the SLURM jobs of this test, also those that have ended, the first submitted first."""
        lines = slurm("squeue", "--noheader", "--states=all", "--sort=i", "--format=%i|%k|%T|%l|%m").splitlines()
        jobs = [Job(*line.split("|")) for line in lines]
        return [job for job in jobs if job.id not in self.earlier_jobs]

    def forget(self):
        """Ends what a test has left, and forgets all but the model and the data."""
        if self.snakemake.is_running():
            self.snakemake.kill()
        slurm("scancel", "--user=root")
        wait_for("the end of all jobs", lambda: not slurm("squeue", "--noheader"))
        self.earlier_jobs += [job.id for job in self.jobs()]
        for name in ("results/cells", "results/store", "results/logs", RESULTS, ".snakemake/locks"):
            shutil.rmtree(self.folder / name, ignore_errors=True)


@pytest.fixture(scope="module")
def local_study(tmp_path_factory, copy_repository, tiny_models):
    """The study, run without SLURM."""
    study = Study(copy_repository(tmp_path_factory.mktemp("study")), tiny_models("bert"))
    study.start(RESULTS / "summary.csv", "--cores", "2")
    study.finish()
    return study


@pytest.fixture(scope="module")
def expected(local_study):
    """The tables of a run without SLURM."""
    return local_study.tables()


@pytest.fixture
def study(local_study, expected):
    """The study, to be run on SLURM."""
    local_study.forget()
    yield local_study
    local_study.forget()


def test_a_study_has_the_same_tables_as_without_slurm_and_each_cell_a_gpu_of_its_own(study, expected):
    for name in ("results", ".snakemake"):
        shutil.rmtree(study.folder / name)
    study.start_on_slurm("all")
    moments = []
    while study.snakemake.poll() is None:
        moments.append(study.cells())
        time.sleep(0.1)
    study.finish()
    assert study.tables() == expected
    for name in ("figures/distribution.png", "tables/failures.md", "report.html"):
        assert (study.folder / RESULTS / name).stat().st_size > 0

    # The blocks run side by side on the two GPUs of one node; at no moment do two cells share a GPU or a job.
    assert {(cell.node, cell.gpu) for cells in moments for cell in cells} == {("gpu1", "0"), ("gpu1", "1")}
    assert max(len(cells) for cells in moments) == 2
    for cells in moments:
        assert len({cell.gpu for cell in cells}) == len({cell.job for cell in cells}) == len(cells)

    # Two blocks of two cells and one job for all tables; each asks for the memory of one cell and the time of all.
    blocks, others = study.jobs()[:2], study.jobs()[2:]
    assert [(job.time_limit, job.memory) for job in blocks] == [("1:00:00", "16000M")] * 2
    assert all(job.rules.startswith("rule_block") for job in blocks)
    assert [job.rules.startswith("rule_tables") for job in others] == [True]
    assert not list(study.folder.glob("results/logs/slurm/**/*.log"))  # there for failures only


def test_a_cancelled_block_is_tried_again_and_trains_no_finished_cell_anew(study, expected):
    study.start_on_slurm()
    finished, cell = study.second_cell_of_a_block()
    slurm("scancel", cell.job)
    study.finish()
    assert study.tables() == expected
    assert sorted(job.state for job in study.jobs()) == ["CANCELLED"] + ["COMPLETED"] * 3
    assert finished not in study.trained()
    assert len(study.trained()) == 3


def test_a_block_that_meets_its_time_limit_is_tried_again_with_more_time_and_memory(study, expected):
    study.start_on_slurm()
    finished, cell = study.second_cell_of_a_block()
    cell.process.suspend()  # it hangs
    slurm("scontrol", "update", f"jobid={cell.job}", "timelimit=1")
    study.finish()
    assert study.tables() == expected
    assert [job.id for job in study.jobs() if job.state == "TIMEOUT"] == [cell.job]
    again = study.jobs()[2]
    assert (again.time_limit, again.memory) == ("2:00:00", "32000M")
    assert finished not in study.trained()
    assert len(study.trained()) == 3


def test_blocks_of_a_node_that_goes_down_go_on_elsewhere(study, expected):
    study.start_on_slurm()
    finished, cell = study.second_cell_of_a_block()
    slurm("scontrol", "update", f"nodename={cell.node}", "state=down", "reason=test")
    wait_for("a cell on another node", lambda: any(other.node != cell.node for other in study.cells()))
    slurm("scontrol", "update", f"nodename={cell.node}", "state=resume")
    study.finish()
    assert study.tables() == expected
    assert [job.state for job in study.jobs()] == ["COMPLETED"] * 3  # SLURM itself has started the blocks again
    assert finished not in study.trained()


def test_blocks_of_a_node_that_dies_go_on_elsewhere(study, expected):
    study.start_on_slurm()
    finished, cell = study.second_cell_of_a_block()
    kill_node(cell.node)
    try:
        wait_for("a cell on another node", lambda: any(other.node != cell.node for other in study.cells()))
        study.finish()
    finally:
        start_node(cell.node)
    assert study.tables() == expected
    assert [job.state for job in study.jobs()] == ["COMPLETED"] * 3
    assert finished not in study.trained()


def test_a_block_goes_on_behind_a_run_that_diverges(study):
    # Weights without a gradient get 0 / 0: those of words that no training example has.
    study.file.write_text(STUDY.replace("plain: {}", "plain: {adam_epsilon: 1e-60}"))
    try:
        study.start_on_slurm()
        study.finish()
    finally:
        study.file.write_text(STUDY)
    runs = pd.read_csv(study.folder / RESULTS / "runs.csv")
    assert runs["status"].tolist() == ["diverged"] * 4
    assert [job.state for job in study.jobs()] == ["COMPLETED"] * 3


def test_a_killed_snakemake_leaves_nothing_to_be_trained_twice(study, expected):
    study.start_on_slurm()
    _, cell = study.second_cell_of_a_block()
    study.snakemake.kill()
    study.snakemake.wait()
    assert cell.process.is_running()
    # As the README tells: cancel the jobs of the dead Snakemake, unlock, start again.
    name = re.findall("SLURM run ID: (.*)", study.output)[-1]
    slurm("scancel", "--name", name)
    wait_for("the end of its jobs", lambda: not slurm("squeue", "--noheader", "--name", name))
    stored = list(study.folder.glob("results/store/*/*/result.json"))
    shutil.rmtree(study.folder / "results" / "logs")
    study.start("--unlock")
    study.finish()
    study.start_on_slurm()
    study.finish()
    assert study.tables() == expected
    assert len(stored) >= 1
    assert len(study.trained()) == 4 - len(stored)


@pytest.fixture
def long_study(study):
    """The study with one cell, its tables without SLURM, and what makes each of its 300 updates take longer."""
    resuming = study.folder / "workflow/seedvar/training/resuming.py"
    text = resuming.read_text()
    assert text.count("LONG_S = 120.0") == text.count("now = time.monotonic()") == 1
    study.file.write_text(STUDY.replace("plain: {}", "plain: {epochs: 60}").replace("seeds: 4", "seeds: 1"))
    study.start(RESULTS / "summary.csv", "--cores", "1")
    study.finish()
    expected = study.tables()
    study.forget()

    def slow_down(seconds):  # the file is no part of a cell's fingerprint
        slow = text.replace("LONG_S = 120.0", "LONG_S = 5.0").replace("WORTH_S = 10.0", "WORTH_S = 1.0")
        resuming.write_text(slow.replace("now = time", f"time.sleep({seconds})\n        now = time"))

    yield study, expected, slow_down
    resuming.write_text(text)
    study.file.write_text(STUDY)


@pytest.mark.parametrize("how", ["time limit", "requeue", "lost node"])
def test_a_long_cell_goes_on_where_it_was(long_study, how):
    study, expected, slow_down = long_study
    slow_down(0.3 if how == "time limit" else 0.05)  # SLURM counts time limits in minutes
    study.start_on_slurm()
    cell = wait_for("a cell", study.cells)[0]

    def updates(told):
        lines = cell.log.read_text() if cell.log.is_file() else ""
        return [int(update) for update in re.findall(rf"{told} update (\d+)", lines)]

    if how == "time limit":
        slurm("scontrol", "update", f"jobid={cell.job}", "timelimit=1")
        at_least = 2
    else:
        at_least = wait_for("a third of the cell", lambda: [n for n in updates("kept as it is after") if n >= 100])[0]
        if how == "requeue":
            slurm("scontrol", "requeue", cell.job)
        else:
            kill_node(cell.node)
    try:
        study.finish()
    finally:
        if how == "lost node":
            start_node(cell.node)
    assert study.tables() == expected
    record = json.loads(next(study.folder.glob("results/cells/**/result.json")).read_text())
    assert len(record["resumed_after"]) == 1, record["resumed_after"]
    assert record["resumed_after"] == updates("goes on behind")
    assert record["resumed_after"][0] >= at_least
    states = sorted(job.state for job in study.jobs())
    assert states == (["COMPLETED", "COMPLETED", "TIMEOUT"] if how == "time limit" else ["COMPLETED"] * 2)
