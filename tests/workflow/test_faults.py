"""Faults, injected for real: nothing finished is lost or trained twice, nothing broken is averaged.

One small study runs undisturbed, once; in each test a fault strikes it, and its tables must be the same.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest
from helpers import environment_of, run_snakemake

from seedvar.tables.failed_jobs import failed_jobs

STUDY = """
model: ./tiny
tasks: [syn-rte]
seeds: 2
recipe: {learning_rate: 1e-3, n_train: 40, batch_size: 8, epochs: 1, evaluations: 2}
arms:
  plain: {}
  slow: {epochs: 60}
baseline: plain
"""
TABLES = ("runs.csv", "curves.csv", "predictions.parquet")


N_CELLS = 4
RUNS = "results/faults/runs.csv"


@pytest.fixture(scope="session")
def undisturbed(shared, copy_repository, tiny_models):
    """A checkout in which the study has run and nothing has gone wrong, for all tests: not to be changed."""

    def fill(folder):
        checkout = copy_repository(folder, package=False)
        shutil.copytree(tiny_models("bert"), checkout / "tiny")
        (checkout / "config/studies/faults.yaml").write_text(STUDY)
        done = run_snakemake(checkout, RUNS, "--cores", "2", "--config", "study=faults")
        assert done.returncode == 0, done.stderr

    return shared("undisturbed", fill) / "checkout"


@pytest.fixture
def wanted(undisturbed):
    """The tables of the study where nothing goes wrong."""
    return tables(undisturbed)


@pytest.fixture
def study(checkout, undisturbed):
    """A checkout with the study, nothing of it done."""
    shutil.copytree(undisturbed / "tiny", checkout / "tiny")
    shutil.copy(undisturbed / "config/studies/faults.yaml", checkout / "config/studies")
    return checkout


@pytest.fixture
def finished(checkout, undisturbed, copy_of):
    """A checkout with the study, all of it done."""
    shutil.rmtree(checkout)
    return copy_of(undisturbed, checkout)


@pytest.fixture
def start(checkout):
    """Starts Snakemake in the background, in a process group of its own."""
    started = []

    def run(*arguments, folder=checkout):
        command = ["snakemake", *arguments, "--cores", "2", "--config", "study=faults"]
        process = subprocess.Popen(
            command, cwd=folder, env=environment_of(folder), start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=hear_signals,
        )  # fmt: skip
        started.append(process)
        return process

    yield run
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def finish(checkout):
    """Runs Snakemake to its end; returns its exit code and what it printed."""

    def run(*arguments, folder=checkout):
        done = run_snakemake(folder, *arguments, "--cores", "2", "--config", "study=faults")
        return done.returncode, done.stdout + done.stderr

    return run


def hear_signals():
    """Lets a process hear what it would not if the tests run in the background or under `nohup`."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def tables(folder):
    return {name: (folder / "results/faults" / name).read_bytes() for name in TABLES}


def cells_of(folder):
    return sorted(folder.glob("results/cells/**/result.json"))


def training_processes(folder):
    """Finds the processes that train cells of a checkout, warm or cold."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            arguments = (entry / "cmdline").read_bytes().split(b"\0")
            if b"train" in arguments and (entry / "cwd").resolve() == folder.resolve():
                found.append(int(entry.name))
    return found


def holders(folder):
    """Finds the processes that hold the lock of a cell of a checkout: the training itself, warm or cold."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            opened = [os.readlink(link) for link in (entry / "fd").iterdir()]
            if any(path.startswith(f"{folder.resolve()}/") and path.endswith("fingerprint.json") for path in opened):
                found.append(int(entry.name))
    return found


def wait_for(condition, seconds=240):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def times_trained(folder):
    """Counts how often training began, from the logs; a retry begins a log anew."""
    logs = folder.glob("results/logs/train/**/*.log")
    return sum("To repeat" in log.read_text() for log in logs)


def test_a_cell_killed_in_the_middle_of_training_is_trained_again_and_nothing_else_is(study, start, finish, wanted):
    process = start(RUNS)
    slow = study / "results/logs/train/synthetic/tiny/syn-rte/adamw+lr1e-3+epochs60+batch8+evals2+n40/seed-0.log"
    wait_for(lambda: slow.is_file() and "To repeat" in slow.read_text())
    victim = wait_for(lambda: [pid for pid in training_processes(study) if is_of(pid, "'epochs': 60")])
    os.kill(victim[0], signal.SIGKILL)
    printed = process.communicate(timeout=600)[0]
    assert process.returncode == 0, printed  # `retries: 1` of the profile
    (failed,) = failed_jobs(study / "results")  # for the report
    assert failed.parent == slow.parent.relative_to(study)
    assert tables(study) == wanted
    assert not list(study.glob("results/cells/**/.writing-*"))


@pytest.mark.parametrize(
    ("module", "line", "name"),
    [
        ("files.py", "        os.replace(temporary, path)", "predictions.parquet"),
        ("files.py", "        os.replace(temporary, path)", "result.json"),
        ("cells/store.py", "        os.rename(temporary, target)", "the store's entry"),
    ],
)
def test_a_cell_killed_while_it_writes_leaves_nothing_half_written(
    study, own_package, finish, wanted, module, line, name
):  # fmt: skip
    path = own_package / module
    condition = "not Path('killed').exists()" + (f" and path.name == '{name}'" if module == "files.py" else "")
    deadly = f"        if {condition}:\n            Path('killed').touch()\n            os.kill(os.getpid(), 9)\n"
    text = path.read_text()
    assert text.count(line) == 1
    path.write_text(text.replace(line, deadly + line))
    code, printed = finish(RUNS)
    assert code == 0, printed
    assert (study / "killed").exists()
    assert "the process that ran the command was killed" in printed
    assert tables(study) == wanted
    assert not list(study.glob("results/cells/**/.writing-*"))
    entries = [path.parent for path in study.glob("results/store/*/*/result.json")]
    assert len([entry for entry in entries if not entry.name.startswith(".writing-")]) == N_CELLS


def is_of(pid, text):
    with contextlib.suppress(OSError):
        return text in Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    return False


def test_snakemake_killed_and_started_again_trains_only_what_was_not_finished(study, start, finish, wanted):
    process = start(RUNS)
    wait_for(lambda: cells_of(study))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = {path: path.read_bytes() for path in cells_of(study)}
    assert 0 < len(done) < N_CELLS
    wait_for(lambda: not training_processes(study))
    code, printed = finish(RUNS)
    assert code != 0
    assert f"was left behind: process {process.pid} of " in printed
    assert "and was killed, nobody holds it any more; run `snakemake --unlock --config study=faults`" in printed
    assert "Traceback" not in printed
    assert 'File "' not in printed
    assert run_snakemake(study, "--unlock", "--config", "study=faults").returncode == 0
    code, printed = finish(RUNS)
    assert code == 0, printed
    assert tables(study) == wanted
    # A result is not written twice: the same bytes, wall time included, as before the kill.
    assert {path: path.read_bytes() for path in done} == done
    assert not list((study / "results").glob(".running-*"))


def test_cells_that_outlive_their_snakemake_are_seen_as_running_and_waited_for(study, long_cells, start, wanted):
    process = start(RUNS)
    wait_for(lambda: len(slow_logs(study)) == 2 and all("To repeat" in log.read_text() for log in slow_logs(study)))
    orphans = holders(study)
    for pid in orphans:  # at once: on a fast machine the cell would be done before the second start comes to it
        os.kill(pid, signal.SIGSTOP)
    assert len(orphans) == 2
    process.kill()  # and none of its children
    process.wait()
    assert "running       2" in status(study)
    assert run_snakemake(study, "--unlock", "--config", "study=faults").returncode == 0
    process = start(RUNS)
    waiting = "another process trains this cell: waiting for it\n"
    wait_for(lambda: all(log.read_text() == waiting for log in slow_logs(study)))
    for pid in orphans:
        os.kill(pid, signal.SIGCONT)
    printed = process.communicate(timeout=600)[0]
    assert process.returncode == 0, printed
    assert tables(study) == wanted
    assert all("taken from the store, nothing trained" in log.read_text() for log in slow_logs(study))


def status(folder):
    command = ["seedvar", "status", "faults"]
    return subprocess.run(command, cwd=folder, env=environment_of(folder), capture_output=True, text=True).stdout


@pytest.fixture
def long_cells(own_package):
    """A checkout in which a cell of a second is long, so that it leaves what it can go on from, and none is faster."""
    path = own_package / "training/resuming.py"
    text = path.read_text()
    changes = {
        "LONG_S = 120.0": "LONG_S = 1.0",
        "WORTH_S = 10.0": "WORTH_S = 1.0",
        "        now = time.monotonic()\n": "        time.sleep(0.03)\n        now = time.monotonic()\n",
    }
    for old, new in changes.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    path.write_text(text)


def slow_logs(folder):
    return sorted((folder / "results/logs/train").rglob("*epochs60*/*.log"))


def half_way(folder):
    """Whether both slow cells have made a good part of their 300 updates."""
    made = [re.findall(r"kept as it is after update (\d+)/300", log.read_text()) for log in slow_logs(folder)]
    return len(made) == 2 and all(updates and int(updates[-1]) >= 120 for updates in made)


def goes_on(folder):
    """The updates after which the slow cells went on, as their logs and their results tell."""
    told = [re.findall(r"goes on behind update (\d+), where", log.read_text()) for log in slow_logs(folder)]
    records = [json.loads(path.read_text()) for path in cells_of(folder) if "epochs60" in str(path)]
    assert [record["resumed_after"] for record in records] == [[int(update) for update in each] for each in told]
    return [update for record in records for update in record["resumed_after"]]


def test_a_long_cell_that_is_killed_goes_on_from_what_it_left(study, long_cells, start, wanted):
    process = start(RUNS)
    wait_for(lambda: half_way(study))
    for pid in training_processes(study):
        os.kill(pid, signal.SIGKILL)
    printed = process.communicate(timeout=600)[0]
    assert process.returncode == 0, printed  # `retries: 1` of the profile
    assert tables(study) == wanted
    assert min(goes_on(study)) >= 120
    assert not list(study.glob("results/cells/**/unfinished.pt"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_ends_in_a_few_words_and_the_next_start_goes_on(study, long_cells, start, finish, wanted, number):
    process = start(RUNS)
    wait_for(lambda: half_way(study))
    os.killpg(process.pid, number)  # as the terminal does
    printed = process.communicate(timeout=60)[0]
    assert process.returncode != 0
    assert "Traceback" not in printed
    wait_for(lambda: not training_processes(study), seconds=20)
    if number == signal.SIGINT:
        assert "seedvar: stopped by Ctrl-C; the next start goes on behind update " in printed
        assert "seedvar: what is done is kept\n" in printed
        again = f"snakemake {RUNS} --cores 2 --config study=faults"
        assert f"seedvar: the same command goes on from here: {again}\n" in printed
        assert "Error in rule" not in printed
        assert "--cell" not in printed
        assert re.search(r"seedvar: \d cells? will go on from where training was stopped", printed)
    else:  # Snakemake knows nothing of a terminal that is closed, and leaves its lock
        assert run_snakemake(study, "--unlock", "--config", "study=faults").returncode == 0
    code, printed = finish(RUNS)
    assert code == 0, printed
    assert re.search(r"seedvar: \d cells? will go on from where training was stopped", printed)
    assert tables(study) == wanted
    assert min(goes_on(study)) >= 120


def test_a_broken_library_is_told_in_a_line_with_a_log(study, own_package, finish):
    path = own_package / "training/loop.py"
    path.write_text(path.read_text().replace("import torch\n", "import torch\nimport torch.no_such_part\n", 1))
    code, printed = finish(RUNS, "--retries", "0")
    assert code != 0
    assert "seedvar: ModuleNotFoundError: No module named 'torch.no_such_part'\n  (log: results/logs/train/" in printed
    assert re.search(r"Error in rule train:\n(    .*\n)*    log: results/logs/train/", printed)
    assert "Traceback" not in printed
    assert "--cell" not in printed


@pytest.mark.parametrize("damage", ["truncated result", "edited score", "truncated parquet", "store too"])
def test_a_damaged_cell_is_found_and_never_averaged(finished, finish, wanted, damage):
    result = cells_of(finished)[0]
    if damage == "edited score":
        result.write_text(result.read_text().replace('"accuracy": 0.', '"accuracy": 0.9'))
    elif damage == "truncated parquet":
        path = result.with_name("predictions.parquet")
        path.write_bytes(path.read_bytes()[:200])
    else:
        result.write_text(result.read_text()[:100])
    if damage == "store too":
        shutil.rmtree(finished / "results/store")
    for name in TABLES:
        (finished / "results/faults" / name).unlink()
    code, printed = finish(RUNS)
    if damage == "store too":  # named, set aside, and trained again by the next run
        assert code != 0
        assert f"{result.relative_to(finished)}: is damaged" in printed
        assert not (finished / RUNS).exists()
        code, printed = finish(RUNS)
    assert code == 0, printed
    log = (finished / "results/logs/collect/faults.log").read_text()
    if damage != "store too":
        assert "was damaged or edited; replaced by what the store has" in log
    assert tables(finished) == wanted


def test_a_full_disk_leaves_no_half_written_result_and_can_be_retried(study, start, finish, wanted):
    small = study / "results" / "cells"
    small.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", str(small)], capture_output=True)
    if mounted.returncode:
        pytest.skip("no small file system can be mounted here: " + mounted.stderr.decode().strip())
    try:
        code, printed = finish(RUNS)
        assert code != 0
        assert "No space left on device" in printed
        for path in cells_of(study):  # what is there is whole
            assert path.read_text().rstrip().endswith("}")
        assert not (study / RUNS).exists()
    finally:
        subprocess.run(["umount", str(small)], check=True)
    code, printed = finish(RUNS)
    assert code == 0, printed
    assert tables(study) == wanted


def test_a_results_folder_that_cannot_be_written_to_is_told_and_harmed_nothing(finished, finish, wanted):
    results = finished / "results"
    shutil.rmtree(results / "faults")
    text = (finished / "config/studies/faults.yaml").read_text()
    (finished / "config/studies/faults.yaml").write_text(text + "description: Once more.\n")
    before = {path: path.read_bytes() for path in results.rglob("*") if path.is_file()}
    mounted = subprocess.run(["mount", "--bind", str(results), str(results)], capture_output=True)
    if mounted.returncode:
        pytest.skip("nothing can be mounted here: " + mounted.stderr.decode().strip())
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(results)], check=True)
        code, printed = finish(RUNS)
        assert code != 0
        assert "seedvar: results: cannot be written to; accepted: a results folder that can" in printed
        assert "Traceback" not in printed
        told = subprocess.run(
            ["seedvar", "status", "faults"], cwd=finished, env=environment_of(finished), capture_output=True, text=True
        )
        assert f"done          {N_CELLS}" in told.stdout, told.stderr
    finally:
        subprocess.run(["umount", str(results)], check=True)
    assert {path: path.read_bytes() for path in results.rglob("*") if path.is_file()} == before
    code, printed = finish(RUNS)
    assert code == 0, printed
    assert tables(finished) == wanted


def test_two_snakemakes_on_one_folder_do_not_meet(study, start, finish, wanted):
    first = start(RUNS)
    wait_for(lambda: (study / ".snakemake" / "locks").is_dir() and any((study / ".snakemake/locks").iterdir()))
    code, printed = finish(RUNS)
    assert code != 0
    who = rf"seedvar: study faults has been run by process {first.pid} of .+ since .+: wait for it, or stop it first\n"
    assert re.search(who, printed)
    printed = first.communicate(timeout=600)[0]
    assert first.returncode == 0, printed
    assert tables(study) == wanted


def test_two_checkouts_share_one_store_at_the_same_time(study, start, finish, wanted):
    other = study.parent / "other"
    shutil.copytree(study, other, symlinks=True)
    lab = study.parent / "lab store"
    for folder in (study, other):
        config = folder / "config/config.yaml"
        config.write_text(config.read_text() + f"store: {lab}\n")
    processes = [start(RUNS, folder=folder) for folder in (study, other)]
    for process in processes:
        printed = process.communicate(timeout=600)[0]
        assert process.returncode == 0, printed
    assert tables(study) == tables(other) == wanted
    assert len(list(lab.glob("*/*/result.json"))) == N_CELLS
    for name in ("results/cells", "results/faults", "results/logs", ".snakemake"):
        shutil.rmtree(other / name)
    code, printed = finish(RUNS, folder=other)
    assert code == 0, printed
    assert times_trained(other) == 0


def test_a_run_that_diverges_is_a_result_and_stops_no_other(study, finish):
    # Weights without a gradient get 0 / 0: those of words that no training example has.
    text = (study / "config/studies/faults.yaml").read_text()
    (study / "config/studies/faults.yaml").write_text(
        text.replace("slow: {epochs: 60}", "broken: {adam_epsilon: 1e-60, diagnostics_every: 1}")
    )
    code, printed = finish("results/faults/summary.csv", "results/faults/diagnostics.parquet")
    assert code == 0, printed
    runs = pd.read_csv(study / RUNS)
    assert runs.groupby("arm")["status"].agg(set).to_dict() == {"broken": {"diverged"}, "plain": {"finished"}}
    broken = runs[runs["arm"] == "broken"]
    assert broken["degenerate"].all()
    assert not broken["score_defined"].any()
    assert (broken["score"] == broken["majority"]).all()
    summary = pd.read_csv(study / "results/faults/summary.csv").set_index("arm")
    assert summary.loc["broken", "failed"] == 2
