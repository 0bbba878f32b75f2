"""Fingerprints cover what decides a result, and the list of sources misses no module."""

import pytest

from seedvar.cells import fingerprint as module
from seedvar.cells.fingerprint import TRAINING_CORE, WITHOUT_INFLUENCE, fingerprint, sources
from seedvar.engine.code import reached
from seedvar.methods import METHODS

CELL = {
    "data": "glue",
    "model": "bert",
    "task": "rte",
    "recipe": {"learning_rate": 1e-4, "epochs": 5},
    "seed": {"init": 0, "order": 1},
}


def test_every_module_that_training_reaches_is_in_a_list():
    methods = {f"methods/{name}.py" for name in METHODS.values()}
    found = {file for name in ("training/cell.py", *methods) for file in reached(name)}
    listed = {*TRAINING_CORE, *WITHOUT_INFLUENCE, *methods}
    assert found - listed == set()
    assert set(TRAINING_CORE) - found == set()  # nor does the list hold what no longer decides


def test_only_the_cells_that_use_a_method_depend_on_it():
    assert "methods/reinit.py" in sources({"reinit_layers": 2})
    assert "methods/reinit.py" not in sources({"learning_rate": 1e-4})


@pytest.mark.parametrize(
    "change",
    [
        {"task": "cola"},
        {"recipe": {"learning_rate": 5, "epochs": 1e-4}},  # the same two values, swapped
        {"seed": {"init": 1, "order": 0}},
    ],
)
def test_another_specification_is_another_fingerprint(change):
    assert fingerprint(CELL, "d", "m") != fingerprint(CELL | change, "d", "m")


def test_another_task_or_another_method_changes_no_fingerprint(monkeypatch):
    from dataclasses import replace

    original = fingerprint(CELL, "d", "m")
    monkeypatch.setitem(module.TASKS, "mine", replace(module.TASKS["rte"], name="mine"))
    monkeypatch.setitem(METHODS, "my_field", "mine")
    assert fingerprint(CELL, "d", "m") == original
    monkeypatch.setitem(module.TASKS, "rte", replace(module.TASKS["rte"], metric="f1"))
    assert fingerprint(CELL, "d", "m") != original


def test_data_model_and_code_count(monkeypatch):
    original = fingerprint(CELL, "d", "m")
    assert original == fingerprint(dict(reversed(CELL.items())), "d", "m")
    assert len({original, fingerprint(CELL, "e", "m"), fingerprint(CELL, "d", "n")}) == 3
    monkeypatch.setattr(module, "file_digest", lambda path: "edited" if path.name == "loop.py" else "same")
    edited = fingerprint(CELL, "d", "m")
    monkeypatch.setattr(module, "file_digest", lambda path: "same")
    assert edited != fingerprint(CELL, "d", "m")
