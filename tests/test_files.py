"""Files appear whole or not at all, and are known by content."""

import json
import os

import pytest

from seedvar.files import copy_files, digest, files_digest, write_atomically, write_json


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "result.json"
    write_json(path, {"a": 1})

    def fails(temporary):
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, fails)
    assert json.loads(path.read_text()) == {"a": 1}
    assert os.listdir(tmp_path) == ["result.json"]


def test_nan_never_gets_into_json(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"score": float("nan")})
    assert os.listdir(tmp_path) == []


def test_digests_know_content_and_not_order_place_or_time(tmp_path):
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 2, "b": 1})
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "data.bin").write_text("content")
    os.utime(tmp_path / "y" / "data.bin", (0, 0))
    digests = [files_digest([tmp_path / folder / "data.bin"], tmp_path / folder) for folder in ("x", "y")]
    assert digests[0] == digests[1]
    (tmp_path / "y" / "data.bin").write_text("Content")
    assert files_digest([tmp_path / "y" / "data.bin"], tmp_path / "y") != digests[0]


def test_copied_files_replace_a_folder_whole_or_not_at_all(tmp_path):
    for name in ("b", "c"):
        (tmp_path / name).write_text(name)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "a").write_text("a")

    def refuse(copy):
        assert sorted(os.listdir(copy)) == ["b", "c"]
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        copy_files([tmp_path / "b", tmp_path / "c"], tmp_path / "old", refuse)
    assert os.listdir(tmp_path / "old") == ["a"]
    copy_files([tmp_path / "b"], tmp_path / "old", lambda copy: (copy / "about").write_text("b"))
    assert sorted(os.listdir(tmp_path / "old")) == ["about", "b"]
    assert sorted(os.listdir(tmp_path)) == ["b", "c", "old"]
