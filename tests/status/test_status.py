"""The state of every cell and why it is invalid; what the store holds for no study."""

import contextlib
import errno
import json
import os
import re
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import made_up
import pandas as pd
import pytest

from seedvar.cells import fingerprint, store
from seedvar.cells.cell import Cell
from seedvar.cells.lock import PARTS, is_running, running
from seedvar.cells.syntax import code_digest
from seedvar.cli.main import main
from seedvar.data import sources
from seedvar.engine.code import Code, data_code
from seedvar.engine.jobs import SOURCE, declared, training_code
from seedvar.engine.plan import make_plan
from seedvar.errors import UserError
from seedvar.files import digest, file_digest, read_json, write_json
from seedvar.models.families import FAMILIES
from seedvar.status.explain import explain_lines, find_cell
from seedvar.status.lines import installed_versions, status_lines
from seedvar.status.state import Checker, study_state

REPOSITORY = Path(__file__).parents[2]
STUDY = """
model: ./tiny
tasks: [{tasks}]
seeds: 2
recipe: {{learning_rate: 1e-3}}
arms: {arms}
baseline: plain
"""
RESULTS = Path("results")


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Makes a study of 8 cells in a folder of its own, with the data prepared; returns a function that checks it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEEDVAR_GLUE_DIR", raising=False)
    made_up.make_model(tmp_path / "tiny")
    Path("config/studies").mkdir(parents=True)
    write_json("config/config.yaml", {"study": "mine"})

    def start(tasks="syn-rte, syn-mrpc", arms="{plain: {}, top: {reinit_layers: 1}}", **site):
        Path("config/studies/mine.yaml").write_text(STUDY.format(tasks=tasks, arms=arms))
        write_json("config/config.yaml", {"study": "mine", **site})
        check = lambda: Checker(make_plan({"study": "mine", **site}))  # noqa: E731
        plan = check().plan
        tasks = {name: task.task for name, task in plan.tasks.items() if task.task}
        made_up.prepare(list(plan.cells.values()), Path("tiny"), RESULTS, tasks)
        return check

    return start


def reasons(check):
    """Counts the cells of each state, and of each reason."""
    states = study_state(check()).cells
    counts = {}
    for state in states:
        for key in (state.state, *state.reasons):
            counts[key] = counts.get(key, 0) + 1
    return counts


def cells_of(check) -> list[Cell]:
    return list(check().plan.cells.values())


def edit_json(path, **changes):
    write_json(path, read_json(path) | changes)


def test_cells_are_done_running_waiting_or_invalid(make):
    check = make()
    assert reasons(check) == {"waiting": 8}
    cells = cells_of(check)
    made_up.make_cells(cells[:6], RESULTS, in_store=False, degenerate=True)
    (RESULTS / cells[0].folder() / "result.json").write_text("{")
    with running(RESULTS / cells[7].folder(), fingerprint.parts_of(cells[7], RESULTS)):
        assert reasons(check) == {"done": 5, "invalid": 1, "result.json is damaged": 1, "waiting": 1, "running": 1}
        lines = "\n".join(status_lines(study_state(check()), 60.0, 2))
    assert re.search(r"mine: 8 cells\n  done +5  \(5 degenerate\)\n  running +1\n  waiting +1\n  invalid +1", lines)
    assert "1 cell: result.json is damaged" in lines
    assert "Time spent: 0.7 minutes on the CPU" in lines
    assert "Time left: 1.0 minutes for 3 cells, about 0.5 minutes with 2 at a time" in lines
    assert reasons(check)["waiting"] == 2  # nobody holds the lock any more


def test_a_cell_in_the_store_waits_for_no_training(make):
    check = make()
    made_up.make_cells(cells_of(check), RESULTS, in_folder=False)
    study = study_state(check())
    assert all(state.is_stored for state in study.of("waiting"))
    lines = "\n".join(status_lines(study, None, 2))
    assert "waiting       8  (8 in the store)" in lines
    assert "Time left" not in lines


def test_a_cell_that_failed_is_shown_with_the_last_line_of_its_log(make):
    check = make()
    texts = ["Traceback\nseedvar: OSError: no space", "update 3/9", "finished: test accuracy 0.7"]
    for cell, text in zip(cells_of(check), texts, strict=False):
        log = check().log(cell)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(text)
    assert reasons(check) == {"waiting": 8, "seedvar: OSError: no space": 1}  # the one in the middle may be starting
    os.utime(check().log(cells_of(check)[1]), (0, 0))
    assert reasons(check) == {
        "waiting": 8,
        "seedvar: OSError: no space": 1,
        "its log just ends: killed, or running where locks do not reach": 1,
    }


def edit_code(name):
    """Edits a file of the package, as far as the state of cells is concerned."""

    def edit(monkeypatch):
        other = lambda path: "x" if str(path).endswith(name) else code_digest(path)  # noqa: E731
        monkeypatch.setattr("seedvar.status.state.code_digest", other)

    return edit


def edit_metric(monkeypatch):
    path = RESULTS / "data/synthetic/tiny/syn-rte-len128/data.json"
    edit_json(path, task=read_json(path)["task"] | {"metric": "f1"})


def edit_family(monkeypatch):
    monkeypatch.setitem(FAMILIES, "bert", replace(FAMILIES["bert"], pooler="elsewhere"))


def reorder_methods(monkeypatch):
    monkeypatch.setattr(fingerprint, "names_of", lambda changes: ["another", "order"] if len(changes) > 1 else [])


def edit_data(monkeypatch):
    edit_json(RESULTS / "data/synthetic/tiny/syn-rte-len128/data.json", content="other")


def edit_model(monkeypatch):
    edit_json(RESULTS / "models/tiny/model.json", content="other")


def lose_data(monkeypatch):
    (RESULTS / "data/synthetic/tiny/syn-rte-len128/data.json").unlink()


def edit_model_folder(monkeypatch):
    edit_json(Path("tiny/tokenizer.json"), version="1.1")


@pytest.mark.parametrize(
    ("edit", "n", "reason"),
    [
        (edit_code("training/loop.py"), 8, "loop changed"),
        (edit_code("methods/reinit.py"), 4, "method reinit changed"),
        (edit_code("optimizers/adamw.py"), 8, "optimizer adamw changed"),
        (edit_code("metrics/f1.py"), 4, "metric f1 changed"),  # that of syn-mrpc
        (edit_metric, 4, "metric of syn-rte was accuracy and is f1"),
        (edit_family, 8, "the addresses of the family of tiny changed"),
        (reorder_methods, 4, "the order of its methods changed"),
        (edit_data, 4, "the data of syn-rte changed"),
        (edit_model, 8, "the weights or the configuration of tiny changed"),
        (lose_data, 4, "results/data/synthetic/tiny/syn-rte-len128/data.json is missing"),
        (edit_model_folder, 8, "the model tiny changed since it was copied (tokenizer.json)"),
    ],
)
def test_the_reason_names_what_changed_and_only_the_cells_that_it_concerns(make, monkeypatch, edit, n, reason):
    check = make()
    made_up.make_cells(cells_of(check), RESULTS)
    assert reasons(check) == {"done": 8}
    edit(monkeypatch)
    assert reasons(check) == ({"done": 8 - n} if n < 8 else {}) | {"invalid": n, reason: n}


def test_touching_and_copying_invalidate_nothing(make, tmp_path):
    check = make()
    made_up.make_cells(cells_of(check), RESULTS)
    for path in tmp_path.rglob("*"):
        os.utime(path)
    assert reasons(check) == {"done": 8}


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda folder: (folder / "curve.csv").unlink(), "curve.csv is missing"),
        (lambda folder: (folder / "predictions.parquet").write_bytes(b"PAR1cut"), "predictions.parquet is damaged"),
        (lambda folder: (folder / "predictions.parquet").write_bytes(b""), "predictions.parquet is damaged"),
    ],
)
def test_files_that_are_missing_or_cut_off_are_named(make, damage, reason):
    check = make()
    made_up.make_cells(cells_of(check), RESULTS)
    damage(RESULTS / cells_of(check)[0].folder())
    assert reasons(check) == {"done": 7, "invalid": 1, reason: 1}


def test_a_result_of_another_cell_is_told_by_its_fields(make):
    check = make()
    made_up.make_cells(cells_of(check), RESULTS)
    result = RESULTS / cells_of(check)[0].folder() / "result.json"
    specification = read_json(result)["cell"] | {"recipe": {"learning_rate": 0.1, "epochs": 7}}
    edit_json(result, cell=specification, fingerprint="0" * 64)
    expected = ["recipe.learning_rate was 0.1 and is 0.001", "recipe.epochs was 7 and is the default"]
    assert reasons(check) == {"done": 7, "invalid": 1, **dict.fromkeys(expected, 1)}


def test_results_from_before_parts_were_recorded_are_told_so_and_the_store_helps(make):
    check = make()
    cells = cells_of(check)
    made_up.make_cells(cells, RESULTS)
    for cell in cells:
        (RESULTS / cell.folder() / PARTS).unlink()
    edit_model(None)
    assert reasons(check)["the weights or the configuration of tiny changed"] == 8
    for path in (RESULTS / "store").rglob(PARTS):
        path.unlink()
    assert reasons(check)["code, data or model changed; which was not recorded when it was trained"] == 8


def origin_of(plan, task):
    """What `seedvar data` notes beside the data that it makes."""
    planned = plan.tasks[task]
    return {
        "declaration": declared(planned.declaration),
        "content": planned.content,
        "files": {path.as_posix(): file_digest(path) for path in sources.source_files(planned.source)},
        "model": read_json(RESULTS / "models/tiny/model.json")["whole_content"],
        "code": data_code(planned.source["kind"], Code()),
    }


def test_results_of_an_older_seedvar_have_one_reason(make):
    check = make()
    cells = cells_of(check)
    made_up.make_cells(cells, RESULTS)
    for cell in cells:
        folder = RESULTS / cell.folder()
        old = {name: value for name, value in read_json(folder / PARTS).items() if name not in ("family", "methods")}
        write_json(folder / PARTS, old | {"code": {"training/loop.py": "1"}})
        edit_json(folder / "result.json", fingerprint=digest(read_json(folder / PARTS)))
    reason = "an older seedvar trained it, which named the code that decides it in another way"
    assert reasons(check) == {"invalid": 8, reason: 8}


def test_a_metric_that_a_task_now_declares_is_a_reason_before_its_data_are_made_anew(make):
    Path("config/tasks").mkdir()
    for name in ("train", "dev"):
        pd.DataFrame({"body": [name, "b", "c"] * 4, "label": [0, 1, 2] * 4}).to_csv(f"{name}.csv", index=False)
    text = "{source: {train: train.csv, validation: dev.csv}, text: body}"
    Path("config/tasks/reviews.yaml").write_text(text)
    check = make(tasks="reviews, syn-rte")
    cells = cells_of(check)
    made_up.make_cells(cells, RESULTS)
    write_json(RESULTS / "data/reviews/tiny/reviews-len128" / SOURCE, origin_of(check().plan, "reviews"))
    assert reasons(check) == {"done": 8}
    for name in ("train", "dev"):
        Path(f"{name}.csv").rename(f"{name}-moved.csv")
    Path("config/tasks/reviews.yaml").write_text(text.replace(".csv", "-moved.csv"))
    assert reasons(check) == {"done": 8}  # the same data elsewhere
    Path("config/tasks/reviews.yaml").write_text(
        text.replace(".csv", "-moved.csv").replace("body}", "body, metric: macro_f1}")
    )
    reason = "metric of reviews was not given and is macro_f1"
    assert reasons(check) == {"done": 4, "invalid": 4, reason: 4}
    study = study_state(check())
    assert not any(state.is_stored for state in study.of("invalid"))  # what the store has is of the other metric
    assert all(state.is_stored for state in study.of("done"))


def test_each_cell_is_compared_with_the_model_that_its_arm_trains(make, tmp_path):
    made_up.make_model(tmp_path / "other")
    check = make(arms="{plain: {}, top: {model: ./other}}")
    made_up.make_cells(cells_of(check), RESULTS)
    assert reasons(check) == {"done": 8}
    edit_json(tmp_path / "other" / "tokenizer.json", version="1.1")
    reason = "the model other changed since it was copied (tokenizer.json)"
    assert reasons(check) == {"done": 4, "invalid": 4, reason: 4}


def test_a_cell_of_another_study_is_explained_without_that_study(make):
    check = make()
    made_up.make_cells(cells_of(check), RESULTS)
    folder = RESULTS / cells_of(check)[0].folder()
    Path("config/studies/mine.yaml").write_text(STUDY.format(tasks="syn-cola", arms="{a: {}}").replace("plain", "a"))
    lines = explain_lines(find_cell(str(folder), check().plan), check())
    assert "State: done, and in the store" in lines


def test_data_that_will_be_made_anew_are_announced(make):
    check = make()
    made_up.make_cells(cells_of(check), RESULTS)
    folder = RESULTS / "data/synthetic/tiny/syn-rte-len128"
    origin = origin_of(check().plan, "syn-rte")
    write_json(folder / SOURCE, origin)
    assert reasons(check) == {"done": 8}
    write_json(folder / SOURCE, origin | {"code": origin["code"] | {"data/synthetic.py": "old"}})
    assert reasons(check)["data/synthetic.py changed, which makes the data of syn-rte"] == 4


def test_a_changed_data_file_is_named(make, tmp_path):
    folder = tmp_path / "glue" / "rte"
    folder.mkdir(parents=True)
    frame = pd.DataFrame({"sentence1": ["a"] * 4, "sentence2": ["b"] * 4, "label": [0, 1] * 2})
    for split in ("train", "validation"):
        frame.to_parquet(folder / f"{split}-00000-of-00001.parquet")
    check = make(tasks="rte", glue_dir="glue")
    made_up.make_cells(cells_of(check), RESULTS)
    origin = origin_of(check().plan, "rte")
    write_json(RESULTS / "data/glue/tiny/rte-len128" / SOURCE, origin)
    assert reasons(check) == {"done": 4}
    frame.assign(sentence1="c").to_parquet(folder / "train-00000-of-00001.parquet")
    reason = "the data of rte changed (glue/rte/train-00000-of-00001.parquet)"
    assert reasons(check) == {"invalid": 4, reason: 4}


def test_whoever_is_to_train_a_cell_that_is_being_trained_waits_for_the_first(make, capsys):
    check = make()
    cell = cells_of(check)[0]
    folder, parts = RESULTS / cell.folder(), fingerprint.parts_of(cell, RESULTS)
    turns = []

    def second():
        with running(folder, parts):
            turns.append("second")

    for first_fails in (False, True):
        turns.clear()
        waiting = threading.Thread(target=second, daemon=True)
        with contextlib.suppress(ValueError), running(folder, parts):
            (folder / ".writing-half").touch()
            waiting.start()
            time.sleep(1)
            turns.append("first")
            assert (folder / ".writing-half").exists()
            assert reasons(check) == {"waiting": 7, "running": 1}
            if first_fails:  # and takes the file that the lock is on away with it
                raise ValueError
        waiting.join(timeout=10)
        assert turns == ["first", "second"]
        assert "another process trains this cell: waiting for it" in capsys.readouterr().err
        assert not (folder / ".writing-half").exists()  # who comes later clears up
        assert (folder / PARTS).is_file()


def test_without_locks_nobody_clears_up_behind_others(make, monkeypatch):
    check = make()
    cell = cells_of(check)[0]
    folder = RESULTS / cell.folder()
    folder.mkdir(parents=True)
    (folder / ".writing-half").touch()  # of a process that may well be writing

    def no_locks(*arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("seedvar.cells.lock.fcntl.flock", no_locks)
    with running(folder, fingerprint.parts_of(cell, RESULTS)):
        assert (folder / ".writing-half").exists()


def test_code_that_is_edited_while_a_cell_starts_is_noticed(make, monkeypatch):
    check = make()
    cell = cells_of(check)[0]
    parts = fingerprint.parts_of(cell, RESULTS)
    assert training_code(cell, parts).__name__ == "train_cell"
    other = lambda path: "x" if str(path).endswith("loop.py") else code_digest(path)  # noqa: E731
    monkeypatch.setattr("seedvar.engine.jobs.code_digest", other)
    with pytest.raises(UserError, match="the code of this cell changed while it was about to start; run again"):
        training_code(cell, parts)


def test_another_version_of_a_library_is_reported_and_invalidates_nothing(make):
    check = make()
    made_up.make_cells(cells_of(check), RESULTS, versions={"numpy": "1.0", "torch": "0.1"})
    assert reasons(check) == {"done": 8}
    here = installed_versions(["numpy"])["numpy"]
    lines = status_lines(study_state(check()), None, 1)
    assert f"  8 cells trained with numpy 1.0, installed is {here}" in lines


def test_training_marks_the_cell_and_leaves_what_its_fingerprint_is_made_of(make, monkeypatch):
    import seedvar.training.cell

    check = make()
    cell = cells_of(check)[0]
    folder = RESULTS / cell.folder()
    seen = []

    def train_cell(cell, key, *rest):
        seen.append(is_running(folder))
        assert digest(read_json(folder / PARTS)) == key
        raise UserError("enough")

    monkeypatch.setattr(seedvar.training.cell, "train_cell", train_cell)
    assert main(["train", "--cell", json.dumps(cell.specification()), "--results", "results"]) == 2
    assert seen == [True]
    assert not is_running(folder)


def run(*command):
    """Runs a command in a fresh process and returns what it prints; fails if it imports PyTorch."""
    code = (
        "import sys; from seedvar.cli.main import main; code = main(sys.argv[1:]); "
        "heavy = {'torch', 'transformers', 'datasets'} & set(sys.modules); "
        "sys.exit(f'imported {heavy}' if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_command_does_without_torch(make):
    check = make()
    made_up.make_cells(cells_of(check), RESULTS)
    assert "done          8" in run("status")
    assert "done     cells/synthetic/tiny/syn-rte" in run("status", "mine", "--cells")
    assert "config/studies/mine.yaml: 8 cells; 8 are done" in run("plan", "mine")
    assert "State: done" in run("explain", "syn-rte/top/1")
    assert "8 entries are of cells that a study names" in run("prune")


def test_a_thousand_cells_take_seconds_and_as_many_lines_as_ten(make):
    check = make()
    path = Path("config/studies/mine.yaml")
    path.write_text(path.read_text().replace("seeds: 2", "seeds: 250"))
    made_up.make_cells(cells_of(check)[:1], RESULTS)
    start = time.process_time()
    study = study_state(check())
    assert time.process_time() - start < 5
    assert len(study.cells) == 1000
    assert len(status_lines(study, None, 1)) < 10


def test_a_cell_is_explained_by_folder_by_file_and_by_name(make):
    check = make()
    made_up.make_cells(cells_of(check), RESULTS)
    cell = cells_of(check)[2]
    for text in (
        "syn-rte/top/0", cell.folder(), f"results/{cell.folder()}", f"results/{cell.folder()}/result.json"
    ):  # fmt: skip
        assert find_cell(text, check().plan) == cell
    with pytest.raises(UserError, match="syn-rte/up/0: is no cell; accepted: .* such as syn-rte/plain/0"):
        find_cell("syn-rte/up/0", check().plan)

    edit_json(RESULTS / "data/synthetic/tiny/syn-rte-len128/data.json", content="other")
    lines = "\n".join(explain_lines(cell, check()))
    assert "tiny on the synthetic task syn-rte (accuracy), seed 0" in lines
    assert "reinit_layers: 1 (default 0). Re-initialise the top so many layers, and the pooler." in lines
    assert "State: invalid\n  the data of syn-rte changed" in lines
    assert "data.json: other (was syn-rte)" in lines
    assert re.search(r"method reinit: [0-9a-f]{12}\n", lines)
    assert "results/logs/train/synthetic/tiny/syn-rte/adamw+reinit1+lr1e-3/seed-0.log (not there)" in lines
    assert 'seedvar train --cell \'{"data": "synthetic"' in lines


def entries():
    return {path.name for path in (RESULTS / "store").glob("*/*")}


def test_prune_deletes_what_no_study_names_and_nothing_else(make, capsys):
    check = make()
    cells = cells_of(check)
    made_up.make_cells(cells, RESULTS)
    outdated = digest(fingerprint.parts_of(cells[0], RESULTS))
    edit_json(RESULTS / "data/synthetic/tiny/syn-rte-len128/data.json", content="other")
    path = Path("config/studies/mine.yaml")
    path.write_text(path.read_text().replace("seeds: 2", "seeds: 1"))
    store.keep_weights(RESULTS / "store", outdated, lambda file: file.write_bytes(b"w" * 1000))
    left = [RESULTS / cell.folder() / "unfinished.pt" for cell in (cells[0], replace(cells[0], init_seed=9))]
    for each in left:
        each.parent.mkdir(parents=True, exist_ok=True)
        each.write_bytes(b"w" * 1000)
    half = RESULTS / "store" / "aa" / ".writing-x"
    half.mkdir(parents=True)
    os.utime(half, (0, 0))

    assert len(entries()) == 9
    assert main(["prune"]) == 0  # nobody at a terminal to ask
    said = capsys.readouterr().out
    assert "2 entries are of cells that a study names" in said
    assert "4 entries are of cells that no study names" in said
    assert "2 entries are of a study's cells with other code, data or weights than now, kept without" in said
    assert "1 entries have weights with them" in said
    assert "1 files are what stopped cells that no study names would go on from, 0.0 MB" in said
    assert all(each.exists() for each in left)
    assert len(entries()) == 9
    assert main(["prune", "--yes"]) == 0
    assert len(entries()) == 4
    assert [each.exists() for each in left] == [True, False]
    assert outdated in entries()
    assert main(["prune", "--yes", "--outdated"]) == 0
    assert len(entries()) == 2
    assert reasons(check)["done"] == 2


def test_prune_asks_and_takes_only_yes_for_yes(make, monkeypatch):
    check = make()
    made_up.make_cells(cells_of(check), RESULTS)
    Path("config/studies/mine.yaml").write_text(STUDY.format(tasks="syn-cola", arms="{plain: {}}"))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: "")
    assert main(["prune"]) == 0
    assert len(entries()) == 8
    monkeypatch.setattr("builtins.input", lambda question: "y")
    assert main(["prune"]) == 0
    assert entries() == set()


def test_prune_stops_at_a_study_that_cannot_be_read_and_spares_entries_that_cannot(make, capsys):
    check = make()
    made_up.make_cells(cells_of(check), RESULTS)
    result = next((RESULTS / "store").rglob("result.json"))
    result.write_text("{")
    bad = Path("config/studies/other.yaml")
    bad.write_text("tasks: nothing\n")
    assert main(["prune", "--yes"]) == 2
    assert "nothing is deleted while a study cannot be read: config/studies/other.yaml" in capsys.readouterr().err
    bad.unlink()
    Path("config/studies/mine.yaml").write_text(STUDY.format(tasks="syn-cola", arms="{plain: {}}"))
    assert main(["prune", "--yes"]) == 0
    assert f"1 entries cannot be read and are left alone:\n  {result.parent}" in capsys.readouterr().out
    assert entries() == {result.parent.name}
