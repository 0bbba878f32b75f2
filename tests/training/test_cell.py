"""A cell's files: complete, repeatable to the bit in any kind of process, and served from the store."""

import contextlib
import json
import os
import select
import shlex
import shutil
import signal
import subprocess
import sys

import pandas as pd
import pytest
from helpers import prepare_known
from safetensors.numpy import load_file

from seedvar.cells.cell import Cell
from seedvar.cells.recipe import Recipe
from seedvar.cells.record import read_record
from seedvar.cli.main import main
from seedvar.engine import warm
from seedvar.models.checkpoints import Checkpoint
from seedvar.models.checkpoints import prepare as prepare_model

RECIPE = Recipe(learning_rate=1e-3, n_train=40, batch_size=8, epochs=2, evaluations=2)


@pytest.fixture(scope="module")
def prepared(tiny_models, tmp_path_factory):
    """A tiny model and two tasks, prepared once."""
    folder = tmp_path_factory.mktemp("results")
    prepare_model(Checkpoint("tiny", folder=tiny_models("bert")), folder / "models" / "tiny")
    for task in ("syn-rte", "syn-stsb"):
        prepare_known(task, folder / "models" / "tiny", 128, folder / a_cell(task).data_folder())
    return folder


@pytest.fixture
def results(prepared, tmp_path):
    """A results folder of a test's own, with that model and these tasks."""
    return shutil.copytree(prepared, tmp_path / "results")


@contextlib.contextmanager
def real_streams():
    """Lets `main` run here as in a process of its own: what it prints goes through file descriptors 1 and 2."""
    with (
        open(1, "w", closefd=False) as out,
        open(2, "w", closefd=False) as err,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        yield


def command(cell, results, *options):
    return ["train", "--cell", repr(cell.specification()), "--results", str(results), *options]


def a_cell(task="syn-rte", seed=0, recipe=RECIPE):
    return Cell("synthetic", "tiny", task, recipe, seed, seed)


def files_of(cell, results):
    """The cell's files without what may differ: the time it took."""
    folder = results / cell.folder()
    record = json.loads((folder / "result.json").read_text())
    record.pop("wall_time_s")
    return record, (folder / "curve.csv").read_bytes(), (folder / "predictions.parquet").read_bytes()


def test_a_cell_leaves_complete_files(results):
    cell = a_cell()
    assert main(command(cell, results)) == 0
    record = read_record(results / cell.folder() / "result.json")
    assert record.cell == cell.specification()
    assert record.updates == 10
    assert record.examples == {"train": 40, "validation": 200, "test": 200}
    assert set(record.scores["last"]) == set(record.scores["best"]) == {"validation", "test"}
    predictions = pd.read_parquet(results / cell.folder() / "predictions.parquet")
    assert len(predictions) == 2 * 400
    last = predictions[(predictions["checkpoint"] == "last") & (predictions["split"] == "test")]
    accuracy = (last[["logit_0", "logit_1"]].to_numpy().argmax(axis=1) == last["label"]).mean()
    assert accuracy == pytest.approx(record.scores["last"]["test"]["accuracy"])
    assert list(pd.read_csv(results / cell.folder() / "curve.csv")["update"]) == [5, 10]


@pytest.mark.slow
def test_a_cell_is_the_same_alone_and_amid_others_cold_and_warm(results):
    cell = a_cell(seed=3)

    def files_after(run):
        for folder in ("store", "cells"):
            shutil.rmtree(results / folder, ignore_errors=True)
        run()
        return files_of(cell, results)

    def alone():
        subprocess.run([sys.executable, "-m", "seedvar", *command(cell, results)], check=True, capture_output=True)

    def behind_another():
        assert main(command(a_cell("syn-stsb", 7), results)) == 0
        assert main(command(cell, results)) == 0

    def in_a_fork():
        assert main(command(cell, results, "--warm")) == 0

    expected = files_after(alone)
    assert files_after(behind_another) == expected
    assert files_after(in_a_fork) == expected
    assert files_after(in_a_fork) == expected  # of the same server
    with warm._connect(warm._socket_path()) as connection:  # there is one: the runs above were forks
        assert connection


@pytest.mark.slow
@pytest.mark.parametrize(("family", "changes"), [("bart", {}), ("gpt2", {"lora_rank": 2})])
def test_cells_of_other_families_are_the_same_in_a_process_of_their_own_and_leave_their_weights(
    tiny_models, tmp_path, family, changes
):
    if changes:
        pytest.importorskip("peft")
    prepare_model(Checkpoint("tiny", folder=tiny_models(family)), tmp_path / "models" / "tiny")
    cell = a_cell(recipe=RECIPE.model_copy(update=changes))
    prepare_known("syn-rte", tmp_path / "models" / "tiny", 128, tmp_path / cell.data_folder())
    words = [sys.executable, "-m", "seedvar", *command(cell, tmp_path)]
    subprocess.run(words, check=True, capture_output=True)
    cold = files_of(cell, tmp_path)
    assert ("peft" in cold[0]["versions"]) == bool(changes)
    for folder in ("store", "cells"):
        shutil.rmtree(tmp_path / folder)
    assert main(command(cell, tmp_path, "--keep-weights")) == 0
    assert files_of(cell, tmp_path) == cold
    (weights,) = (tmp_path / "store").rglob("*.safetensors")
    assert any("lora_B" in name for name in load_file(weights)) == bool(changes)


def test_a_stored_cell_is_served_without_training_or_torch(results):
    cell = a_cell()
    assert main(command(cell, results)) == 0
    expected = files_of(cell, results)
    shutil.rmtree(results / "cells")
    script = f"""
import sys
from seedvar.engine import warm
from seedvar.cli.main import main
code = main({command(cell, results)!r})
assert "torch" not in sys.modules
sys.exit(code)
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert "taken from the store" in done.stderr
    assert files_of(cell, results) == expected


def test_another_recipe_or_seed_is_not_served(results, capsys):
    assert main(command(a_cell(), results)) == 0
    for other in (a_cell(seed=1), a_cell(recipe=RECIPE.model_copy(update={"epochs": 1}))):
        capsys.readouterr()
        assert main(command(other, results)) == 0
        assert "taken from the store" not in capsys.readouterr().err


def test_the_log_starts_with_the_command_that_repeats_the_cell(results, capsys):
    assert main(command(a_cell(), results)) == 0
    first = capsys.readouterr().err.splitlines()[0]
    assert first.startswith("To repeat: seedvar train --cell ")
    for folder in ("store", "cells"):
        shutil.rmtree(results / folder)
    assert main(shlex.split(first.removeprefix("To repeat: seedvar "))) == 0
    assert (results / a_cell().folder() / "result.json").is_file()


def test_a_recipe_that_the_model_cannot_have_is_refused_and_leaves_nothing(results, capsys):
    cell = a_cell(recipe=RECIPE.model_copy(update={"reinit_layers": 9}))
    assert main(command(cell, results)) == 2
    assert "reinit_layers: 9 is not accepted; the model accepts 0 to 2" in capsys.readouterr().err
    assert not (results / cell.folder()).exists()


@pytest.mark.parametrize("options", [[], ["--warm"]], ids=["cold", "warm"])
def test_a_failure_is_shown_and_its_log_is_complete(results, capfd, options):
    cell, log = a_cell(recipe=RECIPE.model_copy(update={"reinit_layers": 9})), results / "logs" / "cell.log"
    with real_streams():
        assert main(command(cell, results, *options, "--log", str(log))) == 2
    message, place = capfd.readouterr().err.splitlines()
    assert message.startswith("seedvar: recipe: reinit_layers: 9 is not accepted")
    assert place == f"  (log: {log})"
    lines = log.read_text().splitlines()
    assert lines[0].startswith("To repeat: seedvar train")
    assert lines[-1] == message


def test_edited_code_gets_a_warm_process_of_its_own(monkeypatch, tmp_path):
    shutil.copytree(warm.PACKAGE, tmp_path / "seedvar")
    monkeypatch.setattr(warm, "PACKAGE", tmp_path / "seedvar")
    before = warm._socket_path()
    assert warm._socket_path() == before
    with open(tmp_path / "seedvar/training/loop.py", "a") as file:
        file.write("# edited\n")
    assert warm._socket_path() != before


def test_each_job_of_a_cluster_has_a_warm_process_of_its_own(monkeypatch):
    paths = {warm._socket_path()}
    for job in ("1", "2"):
        monkeypatch.setenv("SLURM_JOB_ID", job)
        paths.add(warm._socket_path())
    assert len(paths) == 3


def test_a_fork_whose_code_was_edited_since_its_imports_trains_nothing(results, monkeypatch, capsys):
    monkeypatch.setattr(warm, "imported", "the state of the code when the warm process imported it")
    assert main(command(a_cell(), results)) == 2
    assert "the code of this cell changed while it was about to start; run again" in capsys.readouterr().err
    assert not (results / a_cell().folder() / "result.json").exists()


def test_a_warm_cell_hears_what_the_command_ignored_that_started_the_process(results):
    environment = os.environ | {"HF_OF_A_TEST": str(results)}  # a warm process of its own
    ignore, hear = (lambda how=how: signal.signal(signal.SIGHUP, how) for how in (signal.SIG_IGN, signal.SIG_DFL))
    seedvar = [sys.executable, "-m", "seedvar"]
    first = [*seedvar, *command(a_cell(), results, "--warm")]
    subprocess.run(first, env=environment, preexec_fn=ignore, check=True, capture_output=True)  # as under `nohup`
    long = a_cell(recipe=RECIPE.model_copy(update={"epochs": 10_000}))
    second = [*seedvar, *command(long, results, "--warm")]
    with subprocess.Popen(second, env=environment, preexec_fn=hear, stderr=subprocess.PIPE, text=True) as process:
        next(line for line in process.stderr if line.startswith("drawn anew"))
        process.send_signal(signal.SIGHUP)
        said = process.stderr.read()
        assert process.wait(timeout=30) == 128 + signal.SIGHUP, said
    assert "seedvar: stopped by SIGHUP; the next start" in said


def test_a_killed_warm_cell_takes_its_fork_with_it(results):
    """The fork must not go on training when its command is gone."""
    cell = a_cell(recipe=RECIPE.model_copy(update={"epochs": 10_000}))
    arguments = [sys.executable, "-m", "seedvar", *command(cell, results, "--warm")]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE) as process:
        output = process.stderr.fileno()
        printed = b""
        while b"To repeat" not in printed:
            assert (read := os.read(output, 4096)), printed
            printed += read
        process.kill()
        # The fork holds the other end of this pipe: the end of file comes when the fork has ended.
        while select.select([output], [], [], 30)[0]:
            if not os.read(output, 4096):
                break
        else:
            pytest.fail("the fork went on for half a minute")
    assert not (results / cell.folder() / "result.json").exists()


def test_a_server_that_goes_away_is_replaced_or_done_without(results, monkeypatch, tmp_path):
    """It accepts a connection and closes it unanswered, as an idle server may at its end."""
    import socket
    import threading

    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    listener.listen()
    monkeypatch.setattr(warm, "_socket_path", lambda: tmp_path / "s")

    def close_all():
        for _ in range(2):
            listener.accept()[0].close()

    threading.Thread(target=close_all, daemon=True).start()
    cell = a_cell()
    assert main(command(cell, results, "--warm")) == 0
    assert (results / cell.folder() / "result.json").is_file()


def test_weights_that_were_not_kept_are_trained_again_and_the_cell_stays_as_it_was(results):
    cell = a_cell()
    assert main(command(cell, results)) == 0
    before = {path: path.read_bytes() for path in (results / cell.folder()).iterdir()}
    assert main(["weights", "--cell", repr(cell.specification()), "--results", str(results)]) == 0
    weights = results / cell.weights_file()
    assert weights.stat().st_size > 0
    assert {path: path.read_bytes() for path in (results / cell.folder()).iterdir() if path != weights} == before
    assert not list((results / "store").glob("*/*/weights.safetensors"))
