"""What was found out about files is remembered until they change, and never longer."""

import os
from pathlib import Path

import pytest

from seedvar.engine.digests import Remembered


class Counted:
    """A value to compute that counts how often it was."""

    def __init__(self, value="found"):
        self.value, self.n = value, 0

    def __call__(self):
        self.n += 1
        return self.value


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / name for name in ("b.csv", "a.csv")]
    for path in paths:
        path.write_text("x")
    return paths


def test_a_value_is_computed_once_and_outlives_the_process(tmp_path, files):
    compute, path = Counted({"n": [1, 2]}), tmp_path / "results" / ".digests.json"
    for _ in range(2):
        remembered = Remembered(path)
        assert remembered.of(files, compute) == {"n": [1, 2]}
        assert remembered.of(reversed(files), compute) == {"n": [1, 2]}
        remembered.save()
    assert compute.n == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_text("xy"),
        lambda path: os.utime(path, (0, 0)),
        lambda path: path.rename(path.with_name("c.csv")),
    ],
)
def test_it_is_computed_again_when_a_file_is_another(tmp_path, files, change):
    remembered, compute = Remembered(), Counted()
    remembered.of(files, compute)
    change(files[0])
    remembered.of(sorted(tmp_path.glob("*.csv")), compute)
    assert compute.n == 2


def test_several_things_are_known_of_the_same_files(files):
    remembered = Remembered()
    assert [remembered.of(files, Counted(about), about) for about in ("code ", "imports ")] == ["code ", "imports "]


def test_a_file_that_is_gone_is_not_remembered(tmp_path, files):
    remembered = Remembered()
    remembered.of(files, Counted())
    files[0].unlink()
    with pytest.raises(FileNotFoundError):
        remembered.of(files, Counted())


@pytest.mark.parametrize("text", ["{", "[1]", "\\"])
def test_a_damaged_memory_is_an_empty_one(tmp_path, files, text):
    path = tmp_path / ".digests.json"
    path.write_text(text)
    remembered = Remembered(path)
    assert remembered.of(files, Counted()) == "found"
    remembered.save()
    assert Remembered(path).of(files, Counted("not this")) == "found"


def test_nothing_new_is_nothing_to_write(tmp_path, files):
    path = tmp_path / ".digests.json"
    Remembered(path).save()
    assert not path.exists()
    remembered = Remembered(path)
    remembered.of(files, Counted())
    remembered.save()
    os.utime(path, (0, 0))
    again = Remembered(path)
    again.of(files, Counted())
    again.save()
    assert path.stat().st_mtime == 0


def test_who_may_not_write_still_gets_an_answer(tmp_path, files):
    remembered = Remembered(Path("/proc/nothing/.digests.json"))
    assert remembered.of(files, Counted()) == "found"
    remembered.save()
