"""The store keeps finished cells whole."""

import os

import pytest

from seedvar.cells import store
from seedvar.errors import UserError
from seedvar.files import digest

KEY = "ab" * 32
FILES = ["curve.csv", "predictions.parquet", "diagnostics.csv", "result.json"]


def make_cell(folder, text="x"):
    folder.mkdir(parents=True)
    for name in FILES:
        (folder / name).write_text(text + name)


def test_a_kept_cell_is_restored_whole(tmp_path):
    make_cell(tmp_path / "cell")
    store.keep(tmp_path / "store", KEY, tmp_path / "cell")
    assert store.restore(tmp_path / "store", KEY, tmp_path / "again")
    assert sorted(os.listdir(tmp_path / "again")) == sorted(FILES)
    assert (tmp_path / "again" / "result.json").read_text() == "xresult.json"
    assert not store.restore(tmp_path / "store", "cd" * 32, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_the_first_to_keep_a_cell_wins(tmp_path):
    make_cell(tmp_path / "first", "1")
    make_cell(tmp_path / "second", "2")
    for name in ("first", "second"):
        store.keep(tmp_path / "store", KEY, tmp_path / name)
    store.restore(tmp_path / "store", KEY, tmp_path / "again")
    assert (tmp_path / "again" / "result.json").read_text() == "1result.json"


def test_an_incomplete_cell_is_not_kept(tmp_path, capsys):
    make_cell(tmp_path / "cell")
    (tmp_path / "cell" / "curve.csv").unlink()
    store.keep(tmp_path / "store", KEY, tmp_path / "cell")
    assert "not kept in the store ([Errno 2] No such file or directory: " in capsys.readouterr().err
    assert not store.entry(tmp_path / "store", KEY).exists()


def test_weights_stay_in_the_store_until_they_are_given_away(tmp_path):
    make_cell(tmp_path / "cell")
    store.keep(tmp_path / "store", KEY, tmp_path / "cell")
    store.keep_weights(tmp_path / "store", KEY, lambda path: path.write_bytes(b"weights"))
    assert store.take_weights(tmp_path / "store", KEY, tmp_path / "a.safetensors", remove=False)
    assert store.take_weights(tmp_path / "store", KEY, tmp_path / "b.safetensors", remove=True)
    assert not store.take_weights(tmp_path / "store", KEY, tmp_path / "c.safetensors", remove=True)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes() == b"weights"
    assert not (tmp_path / "c.safetensors").exists()
    assert store.restore(tmp_path / "store", KEY, tmp_path / "again")
    assert not (tmp_path / "again" / "weights.safetensors").exists()


def test_a_damaged_entry_is_thrown_away_and_not_served(tmp_path, capsys):
    make_cell(tmp_path / "cell")
    store.keep(tmp_path / "store", KEY, tmp_path / "cell")
    (store.entry(tmp_path / "store", KEY) / "predictions.parquet").write_text("cut")
    assert not store.restore(tmp_path / "store", KEY, tmp_path / "again")
    assert "predictions.parquet: is damaged; the entry is thrown away" in capsys.readouterr().err
    assert not (tmp_path / "again").exists()
    store.keep(tmp_path / "store", KEY, tmp_path / "cell")  # trained again
    assert store.restore(tmp_path / "store", KEY, tmp_path / "again")


def test_a_cells_files_are_compared_with_what_was_stored(tmp_path):
    make_cell(tmp_path / "cell")
    assert store.differing(tmp_path / "store", KEY, tmp_path / "cell") == []  # nothing stored, nothing to say
    store.keep(tmp_path / "store", KEY, tmp_path / "cell")
    assert store.differing(tmp_path / "store", KEY, tmp_path / "cell") == []
    (tmp_path / "cell" / "curve.csv").write_text("edited")
    (tmp_path / "cell" / "predictions.parquet").unlink()
    assert store.differing(tmp_path / "store", KEY, tmp_path / "cell") == ["curve.csv", "predictions.parquet"]


def test_an_entry_without_checksums_is_not_served_but_replaced(tmp_path):
    make_cell(tmp_path / "cell")
    store.keep(tmp_path / "store", KEY, tmp_path / "cell")
    (store.entry(tmp_path / "store", KEY) / "checksums.json").unlink()
    store.keep(tmp_path / "store", KEY, tmp_path / "cell")
    assert store.restore(tmp_path / "store", KEY, tmp_path / "again")
    (store.entry(tmp_path / "store", KEY) / "checksums.json").unlink()
    assert not store.restore(tmp_path / "store", KEY, tmp_path / "other")
    assert not list((tmp_path / "store").glob("*/*"))


def test_entries_are_open_to_whom_the_umask_lets_in(tmp_path):
    before = os.umask(0o002)
    try:
        make_cell(tmp_path / "cell")
        store.keep(tmp_path / "store", KEY, tmp_path / "cell")
    finally:
        os.umask(before)
    assert store.entry(tmp_path / "store", KEY).stat().st_mode & 0o777 == 0o775


def test_a_store_that_is_named_where_it_is_anyway_is_no_link(tmp_path):
    place = tmp_path / "results" / "store"
    for _ in range(2):
        store.link(place, tmp_path / "results" / "." / "store")
        assert place.is_dir()
        assert not place.is_symlink()
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="store: .*/file/store cannot be made .Not a directory.; accepted: a folder"):
        store.link(place, tmp_path / "file" / "store")


def test_the_store_may_be_elsewhere_and_cells_are_never_left_behind(tmp_path):
    lab, place = tmp_path / "lab", tmp_path / "results" / "store"
    store.link(place, lab)
    store.link(place, lab)
    make_cell(tmp_path / "cell")
    store.keep(place, KEY, tmp_path / "cell")
    assert store.restore(lab, KEY, tmp_path / "again")
    own = tmp_path / "other" / "store"
    store.keep(own, KEY, tmp_path / "cell")
    with pytest.raises(UserError, match="store: .* holds cells already; accepted: leave store out, or move"):
        store.link(own, lab)
    assert store.restore(own, KEY, tmp_path / "still")


def test_a_cell_finds_its_way_out_of_the_store_by_its_specification_alone(tmp_path):
    """The quick way gives the same fingerprint and the same folder as the long one, or none."""

    import made_up

    from seedvar.cells.cell import Cell
    from seedvar.cells.fingerprint import fingerprint_of, quick_parts
    from seedvar.cells.recipe import Recipe

    made_up.make_model(tmp_path / "tiny")
    recipes = [Recipe(), Recipe(learning_rate=1e-4, mixout=0.1), Recipe(max_length=32)]
    cells = [Cell("synthetic", "tiny", "syn-rte", recipe, 0, order) for recipe in recipes for order in (0, 1)]
    made_up.prepare(cells, tmp_path / "tiny", tmp_path)
    made_up.make_cells(cells, tmp_path, in_folder=False)
    for cell in cells:
        key = digest(quick_parts(cell.specification(), tmp_path))
        assert key == fingerprint_of(cell, tmp_path)
        assert store.serve(tmp_path / "store", key, tmp_path, cell.specification())
        assert (tmp_path / cell.folder() / "result.json").is_file()

    after = Cell("synthetic", "tiny", "syn-rte", Recipe(intermediate_task="syn-mrpc"), 0, 0)
    assert quick_parts(after.specification(), tmp_path) is None
    assert quick_parts({"recipe": 1}, tmp_path) is None
    assert not store.serve(tmp_path / "store", "0" * 64, tmp_path, {})
