"""A path is a path and nothing else; nothing is written, linked or deleted outside of results/ and the store."""

import json
import os
import shutil
import socket
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import pytest
from security.attacked import snapshot

from seedvar import files
from seedvar.cells import lock, places, store
from seedvar.cells.cell import Cell
from seedvar.cells.recipe import Recipe
from seedvar.engine import bounds, warm
from seedvar.errors import UserError

KEY = "ab" * 32
SYNTHETIC = "model: syn-bert\ntasks: [syn-rte]\nseeds: 1\narms: {a: {n_train: 32}}\n"


@pytest.fixture
def study(project):
    """A study of a table, its file and its results; all of it is gone after the test."""
    table = project.table("t.csv")
    path = project.study("config/studies/own.yaml", "t.csv")
    yield "own"
    for place in (table, path):
        place.unlink()
    shutil.rmtree(project.folder / "results", ignore_errors=True)


def links_at(project, place):
    """Puts a link to the canary somewhere below the project's results."""
    link = project.folder / "results" / place
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(project.canary)
    return link


@pytest.mark.parametrize(
    "place", ["own", "own/figures", "own/tables", "logs", "logs/report", "logs/statistics", ".sources"]
)
def test_a_link_in_the_results_is_not_written_through(project, study, place):
    link = links_at(project, place)
    before = project.outside()
    done = project.snakemake("--config", "study=own")
    assert done.returncode != 0
    assert f"results/{place}: is a symbolic link that leads out of results" in done.stdout + done.stderr
    assert project.outside() == before
    assert link.is_symlink()


@pytest.mark.parametrize(
    "place", ["cells", "cells/synthetic/syn-bert", "data", "models", "models/syn-bert", "logs/train"]
)
def test_nor_is_one_among_the_cells(project, place):
    path = project.write("config/studies/trained.yaml", SYNTHETIC)
    links_at(project, place)
    try:
        before = project.outside()
        done = project.snakemake("--config", "study=trained")
        assert done.returncode != 0
        assert f"results/{place}: is a symbolic link that leads out of results" in done.stdout + done.stderr
        assert project.outside() == before
    finally:
        path.unlink()
        shutil.rmtree(project.folder / "results")


def test_the_log_that_the_shell_writes_is_no_link(project, study):
    link = project.folder / "results" / "logs" / "report" / "own.log"
    link.parent.mkdir(parents=True)
    link.symlink_to(project.canary / "a.txt")
    before = project.outside()
    done = project.snakemake("--config", "study=own")
    assert "own.log: is a symbolic link" in done.stdout + done.stderr
    assert project.outside() == before


def test_results_may_be_a_link_as_a_whole_and_links_inside_may_stay_inside(tmp_path):
    (tmp_path / "disk" / "cells").mkdir(parents=True)
    (tmp_path / "results").symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "own").symlink_to("cells")
    bounds.check_folders(tmp_path / "results", ["cells/a", "own/figures"])
    (tmp_path / "disk" / "gone").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError, match="leads out of"):
        bounds.check_folders(tmp_path / "results", ["gone/figures"])


@pytest.mark.parametrize("place", ["..", "/", ".", "config", "results", "results/cells", "{canary}", "~"])
def test_a_folder_with_other_things_in_it_is_no_store(project, is_refused, monkeypatch, tmp_path, place):
    monkeypatch.setenv("HOME", str(project.canary))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # Snakemake's own
    config = project.folder / "config" / "config.yaml"
    text = config.read_text()
    try:
        config.write_text(f"{text}store: '{place.format(canary=project.canary)}'\n")
        before = project.outside()
        for words in (("check", "quickstart"), ("plan", "quickstart"), ("prune", "--yes")):
            is_refused(*words, match="config.yaml: store: ")
        done = project.snakemake("--config", "study=quickstart")
        assert done.returncode != 0
        assert "config.yaml: store: " in done.stdout + done.stderr
        assert project.outside() == before
    finally:
        config.write_text(text)


def an_entry(folder, key, model="gone"):
    """Puts an entry of a cell that no study has into a store, as if it were begun days ago."""
    entry = store.entry(folder, key)
    entry.mkdir(parents=True)
    cell = Cell("glue", model, "rte", Recipe(), 0, 0)
    (entry / "result.json").write_text(json.dumps({"cell": cell.specification()}))
    return entry


def test_prune_deletes_entries_and_nothing_else(project, command, monkeypatch):
    """A store that was set up in a folder in use, with links planted in it, and leftovers of other programs."""
    kept = project.folder / "results" / "store"
    old = time.time() - 7 * 86400
    outside = project.root / "elsewhere"
    others = [
        kept / "notes" / "thesis.txt",
        kept / "ab" / "thesis.txt",
        kept / "ab" / ("ab" * 31) / "result.json",
        kept / "ab" / ("cd" * 32) / "result.json",  # in the wrong folder
        kept / "AB" / ("AB" * 32) / "result.json",
        kept / "notes" / ".writing-x" / "thesis.txt",
        outside / ("cd" * 32) / "result.json",
        outside / "result.json",
        outside / ".writing-old" / "thesis.txt",
    ]
    for path in others:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"cell": {}}')
        os.utime(path.parent, (old, old))
    (kept / "cd").symlink_to(outside)
    (kept / "ab" / ("abcd" * 16)).symlink_to(outside)
    (kept / "ab" / ".writing-link").symlink_to(outside)
    begun = kept / "ab" / ".writing-begun"
    begun.mkdir()
    (begun / "leads-out").symlink_to(outside)
    os.utime(begun, (old, old))
    try:
        canary = snapshot(project.root, {project.folder / "results"})
        code, said = command("prune", "--yes")
        assert code == 0, said
        assert "1 deleted" in said
        assert not begun.exists()
        assert all(path.is_file() for path in others)
        assert snapshot(project.root, {project.folder / "results"}) == canary
    finally:
        shutil.rmtree(project.folder / "results")
        shutil.rmtree(outside)


@pytest.mark.parametrize("name", ["x", "ab" * 31, "AB" * 32, "../" + "ab" * 32])
def test_what_has_not_the_shape_of_an_entry_is_not_discarded(tmp_path, name):
    place = tmp_path / "ab" / name
    place.mkdir(parents=True)
    store.discard(place)
    assert place.is_dir()


def test_a_store_that_others_write_to_leads_nobody_out_of_the_results(tmp_path):
    """A result in it says in which folder it belongs; who writes there may have written any."""
    cell = Cell("glue", "bert", "rte", Recipe(), 0, 0)
    folder = tmp_path / "cell"
    folder.mkdir()
    for slug in ("../../../../../../stolen", "..", "", "a/b"):
        for name in ("curve.csv", "predictions.parquet"):
            (folder / name).write_text("x")
        (folder / "result.json").write_text(json.dumps({"cell": cell.specification(), "slug": slug}))
        store.keep(tmp_path / "store", KEY, folder)
        before = snapshot(tmp_path)
        assert not store.serve(tmp_path / "store", KEY, tmp_path / "a" / "results", cell.specification())
        assert snapshot(tmp_path) == before
        store.discard(store.entry(tmp_path / "store", KEY))
    other = cell.specification() | {"data": "../../.."}
    (folder / "result.json").write_text(json.dumps({"cell": other, "slug": "adamw"}))
    store.keep(tmp_path / "store", KEY, folder)
    assert not store.serve(tmp_path / "store", KEY, tmp_path / "a" / "results", cell.specification())
    assert not store.serve(tmp_path / "store", KEY, tmp_path / "a" / "results", other)


def test_a_link_in_a_shared_store_is_not_written_through(tmp_path, capsys):
    folder, elsewhere = tmp_path / "cell", tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder.mkdir()
    for name in ("curve.csv", "predictions.parquet", "result.json"):
        (folder / name).write_text("x")
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "ab").symlink_to(elsewhere)
    store.keep(tmp_path / "store", KEY, folder)
    assert "not kept in the store (a link stands in its place)" in capsys.readouterr().err
    assert list(elsewhere.iterdir()) == []


def test_the_mark_of_a_running_cell_is_not_written_through_a_link(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("kept")
    (tmp_path / "cell").mkdir()
    (tmp_path / "cell" / lock.PARTS).symlink_to(precious)
    with pytest.raises(UserError, match="is a symbolic link"), lock.running(tmp_path / "cell", {"a": 1}):
        pass
    assert precious.read_text() == "kept"


@pytest.mark.parametrize("part", ["..", ".", "", "../../x", "a/b", "/etc"])
@pytest.mark.parametrize("key", ["data", "model", "task"])
def test_no_part_of_a_cell_leads_elsewhere(command, key, part):
    cell = Cell("glue", "bert", "rte", Recipe(), 0, 0).specification() | {key: part}
    code, said = command("train", "--cell", json.dumps(cell), "--results", "results")
    assert code == 2, said
    assert f"'{part}' is no name for a folder" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "cell", ["[" * 100_000, "{'a':" * 5_000, "(" * 500, "__import__('os').system('touch x')", "[]", "{", "1e999"]
)
def test_a_cell_that_is_none_is_refused_in_one_sentence(command, cell):
    code, said = command("train", "--cell", cell, "--results", "results")
    assert code == 2
    assert said.splitlines()[-1].endswith("argument --cell: is no mapping in JSON or Python")


def test_temporary_files_have_names_that_nobody_can_foresee(tmp_path):
    """And are made anew: a link of that name, planted beforehand, would be found and another name taken."""
    names = set()
    for _ in range(20):
        files.write_atomically(tmp_path / "x.csv", lambda path: names.add(path.name) or path.write_text("x"))
    assert len(names) == 20
    (tmp_path / "x.csv").unlink()
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "x.csv").symlink_to(tmp_path / "precious")
    files.write_text(tmp_path / "x.csv", "new")
    assert (tmp_path / "precious").read_text() == "kept"


GLOBS = ["gl*ue", "gl?ue", "gl[u]e", "{glue,glAue}", "hf:", "zip::file:", "$HOME", "$(touch x)"]


@pytest.mark.parametrize("name", GLOBS)
def test_a_folder_of_data_is_read_by_its_name_alone(tmp_path, name):
    """A name that a shell, a library of data sets or of addresses would make more of, beside folders that it means."""
    from seedvar.data.known import package_declaration
    from seedvar.data.sources import load_source, located

    for folder, n in ((name, 3), ("glAue", 50), ("glue", 70)):
        place = tmp_path / folder / "rte"
        place.mkdir(parents=True, exist_ok=True)
        for split in ("train", "validation"):
            rows = {"sentence1": ["a"] * n, "sentence2": ["b"] * n, "label": [0] * n}
            pd.DataFrame(rows).to_parquet(place / f"{split}-00000-of-00001.parquet")
    source = located(package_declaration("rte"), tmp_path / name)
    pieces = load_source("hub").load(source, ["sentence1", "sentence2", "label"], None)
    assert {len(piece.columns["label"]) for of_split in pieces.values() for piece in of_split} == {3}


@pytest.mark.parametrize(
    "name",
    ["file:/{root}/x.csv", "http:/localhost/x.csv", "s3:/b::x.csv", "a*.csv", "{a}.csv"],
)
def test_a_table_is_read_from_a_path_alone(project, command, name):
    """Libraries of tables open addresses, and what is called like one may be a file as well."""
    from seedvar.study.reading import read_study
    from seedvar.tables.foreign import import_runs
    from seedvar.tables.read import read_table

    wrong = project.table("x.csv", {"old": (0.1,), "wrong": (0.1,)})
    name = name.replace("{root}", str(project.folder))
    right = project.table(name, {"old": (0.1,), "right": (0.1,)})
    study = project.study("config/studies/own.yaml", name)
    code, said = command("check", "own")
    assert code == 0 or "braces" in said, said
    assert set(import_runs(read_study(study))["runs"]["arm"]) == {"old", "right"}
    assert set(read_table(Path(name))["arm"]) == {"old", "right"}
    for path in (wrong, right, study):
        path.unlink()


@pytest.mark.parametrize("name", ["text", "csv", "pandas", "imagefolder", "owner/name"])
def test_no_file_of_this_folder_is_read_in_the_place_of_the_hub(tmp_path, monkeypatch, name):
    """The hub's library takes some names for formats of files in the working directory, and others for folders."""
    from seedvar.data.sources import hub

    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner" / "name").mkdir(parents=True)
    for place in (tmp_path, tmp_path / "owner" / "name"):
        (place / "train.csv").write_text("text,label\na,0\n")
    with pytest.raises(UserError, match="would be read from this folder and not from the hub"):
        hub._load_dataset({"hub": name, "config": None, "revision": None})


def test_a_study_is_named_by_a_file_and_leads_nowhere(project, is_refused):
    before = project.outside()
    for name in ("../config", "a;touch x", "$(touch x)", "x\n\x1b[2Jy", "../../canary/b", "-x", "..", ""):
        if name:
            is_refused("check", f"{name}" if name[0] != "-" else f"./{name}", match="accepted: ")
    for place in ("../canary/b.yaml", "/etc/passwd.yaml", "config/../../canary/b.yaml"):
        is_refused("check", place, match="")
    assert project.outside() == before


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """A folder for temporary files with nothing in it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_for_this_user_alone_is_nobody_elses(temporary, monkeypatch):
    folder = files.own_folder("seedvar")
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    assert files.own_folder("seedvar").stat().st_mode & 0o777 == 0o700

    folder.rmdir()
    folder.symlink_to(temporary)
    with pytest.raises(OSError, match="is not a folder of this user|File exists"):
        files.own_folder("seedvar")
    folder.unlink()
    folder.write_text("a file")
    with pytest.raises(OSError, match="is not a folder of this user|File exists"):
        files.own_folder("seedvar")
    folder.unlink()

    user = os.getuid()
    monkeypatch.setattr("os.getuid", lambda: user + 1)
    (temporary / f"seedvar-{user + 1}").mkdir()  # made by another user in the place of ours
    with pytest.raises(PermissionError, match="is not a folder of this user"):
        files.own_folder("seedvar")


def test_a_warm_start_is_done_without_where_somebody_has_planted_a_folder(temporary, monkeypatch):
    monkeypatch.setattr(warm.subprocess, "Popen", lambda *_, **__: pytest.fail("a server was started"))
    (temporary / f"seedvar-{os.getuid()}").symlink_to(temporary)
    assert warm.run(["check"], "seedvar.cli.main:main") is None


def test_the_locks_of_devices_truncate_nothing_behind_a_planted_link(temporary):
    from seedvar.training.device import first_free

    theirs = temporary / "theirs"
    theirs.mkdir()
    (theirs / "gpu").symlink_to(temporary / "precious")
    (temporary / "precious").write_text("kept")
    (temporary / f"seedvar-devices-{os.getuid()}").symlink_to(theirs)
    with pytest.raises(UserError, match="TMPDIR"), first_free(["gpu"]):
        pass
    assert (temporary / "precious").read_text() == "kept"


@pytest.mark.parametrize("answer", [b"", b"nonsense", None])
def test_a_planted_socket_holds_nobody_up(temporary, monkeypatch, answer):
    """One that hangs up, talks nonsense or says nothing."""
    monkeypatch.setattr(warm, "ANSWER_TIMEOUT_S", 0.5)
    monkeypatch.setattr(warm, "START_TIMEOUT_S", 0.5)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(warm._socket_path()))
    listener.listen()
    held = []

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            held.append(connection)
            if answer is not None:
                connection.sendall(answer)
                connection.close()

    threading.Thread(target=serve, daemon=True).start()
    start = time.monotonic()
    assert warm.run(["check"], "seedvar.cli.main:main") is None
    assert time.monotonic() - start < 10
    listener.close()


def test_another_users_process_is_not_asked_and_not_served(temporary, monkeypatch):
    ours, theirs = socket.socketpair()
    assert warm._is_own(ours)
    user = os.getuid()
    monkeypatch.setattr("os.getuid", lambda: user + 1)
    assert not warm._is_own(ours)
    ours.close()
    theirs.close()


def test_the_names_of_places_are_checked_where_they_are_made():
    with pytest.raises(UserError, match="slug: '..' is no name for a folder"):
        places.cell_folder("glue", "bert", "rte", "..", 0, 0)
    with pytest.raises(UserError, match="model: '' is no name for a folder"):
        places.model_folder("results", "")
    assert sys.version_info >= (3, 11)  # safe paths of imports
