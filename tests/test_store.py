"""The store keeps finished cells whole."""

import os

import pytest

from seedvar import store

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


def test_an_incomplete_cell_is_not_kept(tmp_path):
    make_cell(tmp_path / "cell")
    (tmp_path / "cell" / "curve.csv").unlink()
    with pytest.raises(OSError, match="curve.csv"):
        store.keep(tmp_path / "store", KEY, tmp_path / "cell")
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
