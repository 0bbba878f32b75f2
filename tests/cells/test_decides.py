"""Fingerprints cover what decides a result, and the lists of what does miss no module and hold none too many."""

import pytest

from seedvar.cells import decides, fingerprint
from seedvar.cells.decides import EVERY_CELL, OPTIMIZERS, WITHOUT_INFLUENCE, code_of
from seedvar.cells.fingerprint import parts
from seedvar.cells.recipe import Recipe
from seedvar.data.metrics import METRICS
from seedvar.engine.code import Code
from seedvar.files import digest
from seedvar.methods import METHODS
from seedvar.models.families import FAMILIES

CELL = {
    "data": "glue",
    "model": "bert",
    "task": "rte",
    "recipe": {"learning_rate": 1e-4, "epochs": 5},
    "seed": {"init": 0, "order": 1},
}
DATA = {"task": {"name": "rte", "metric": "accuracy"}, "content": "d"}
MODEL = {"family": "bert", "content": "m"}


def fingerprint_of(cell=CELL, data=DATA, model=MODEL, **options):
    return digest(parts(cell, data, model, **options))


def alternatives():
    """Lists the modules that count for the cells that use them alone."""
    optimizers = {f"{decides.OPTIMIZER_FOLDER}/{name}.py" for names in OPTIMIZERS.values() for name in names}
    metrics = {f"{decides.METRIC_FOLDER}/{name}.py" for name in METRICS}
    methods = {f"{decides.METHOD_FOLDER}/{name}.py" for name in METHODS.values()}
    return optimizers | metrics | methods | {decides.READ_OUT}


def test_every_module_that_training_reaches_is_in_a_list():
    code = Code()
    found = {file for name in ("training/cell.py", *alternatives()) for file in code.reached(name)}
    found = {file for file in found if not file.endswith("__init__.py") or file != "cells/__init__.py"}
    listed = {*EVERY_CELL.values(), *alternatives(), *WITHOUT_INFLUENCE}
    assert found - listed == set()


def test_no_list_holds_what_training_does_not_reach():
    code = Code()
    found = {file for name in ("training/cell.py", *alternatives()) for file in code.reached(name)}
    assert {*EVERY_CELL.values(), *WITHOUT_INFLUENCE} - found == set()
    assert len(set(EVERY_CELL.values())) == len(EVERY_CELL)


def test_an_optimizer_that_uses_another_one_s_module_counts_it_too():
    code = Code()
    for name, modules in OPTIMIZERS.items():
        reached = code.reached(f"{decides.OPTIMIZER_FOLDER}/{modules[0]}.py")
        inside = {file for file in reached if file.startswith(decides.OPTIMIZER_FOLDER) and "__init__" not in file}
        assert inside == {f"{decides.OPTIMIZER_FOLDER}/{module}.py" for module in modules}, name


@pytest.mark.parametrize(
    ("changes", "metric", "there", "not_there"),
    [
        ({"reinit_layers": 2}, "accuracy", "method reinit", "method mixout"),
        ({}, "accuracy", "optimizer adamw", "optimizer torch_adamw"),
        ({"optimizer": "torch-adamw"}, "accuracy", "optimizer torch_adamw", "optimizer adamw"),
        ({"optimizer": "bertadam"}, "accuracy", "optimizer adamw", "optimizer torch_adamw"),
        ({}, "f1", "metric f1", "metric accuracy_"),
        ({}, "matthews", "metric matthews", "metric f1"),
    ],
)
def test_alternatives_count_by_the_ones_that_a_cell_uses(changes, metric, there, not_there):
    code = code_of(changes, metric, {})
    assert there in code
    assert not_there not in code
    assert set(EVERY_CELL) <= set(code)
    assert all((decides.PACKAGE / path).is_file() for path in code.values())


@pytest.mark.parametrize(
    "change",
    [
        {"task": "cola"},
        {"recipe": {"learning_rate": 5, "epochs": 1e-4}},  # the same two values, swapped
        {"seed": {"init": 1, "order": 0}},
    ],
)
def test_another_specification_is_another_fingerprint(change):
    assert fingerprint_of(CELL | change) != fingerprint_of()


def test_data_model_task_and_family_count(monkeypatch):
    original = fingerprint_of()
    assert original == fingerprint_of(dict(reversed(CELL.items())))
    changed = [
        fingerprint_of(data=DATA | {"content": "e"}),
        fingerprint_of(data=DATA | {"task": DATA["task"] | {"split": "halves"}}),
        fingerprint_of(model=MODEL | {"content": "n"}),
        fingerprint_of(model=MODEL | {"family": "roberta"}),
        fingerprint_of(digest_of=lambda path: "edited" if path.name == "loop.py" else "same"),
    ]
    assert len({original, *changed}) == 6
    monkeypatch.setitem(FAMILIES, "bert", FAMILIES["electra"])
    assert fingerprint_of() != original


def test_the_order_of_methods_counts(monkeypatch):
    recipe = {"reinit_layers": 1, "mixout": 0.5}
    original = fingerprint_of(CELL | {"recipe": recipe})
    monkeypatch.setattr("seedvar.methods.METHODS", dict(reversed(METHODS.items())))
    assert fingerprint_of(CELL | {"recipe": recipe}) != original


def test_a_longer_list_of_alternatives_changes_no_fingerprint(monkeypatch):
    original = fingerprint_of()
    monkeypatch.setitem(METHODS, "my_field", "mine")
    monkeypatch.setitem(METRICS, "my_metric", "mine")
    monkeypatch.setitem(OPTIMIZERS, "mine", ("mine",))
    monkeypatch.setitem(FAMILIES, "mine", FAMILIES["bert"])
    assert fingerprint_of() == original


def test_a_file_that_moves_keeps_its_place_in_the_fingerprint(monkeypatch):
    names = dict(EVERY_CELL)
    original = fingerprint_of(digest_of=lambda path: "same")
    monkeypatch.setitem(EVERY_CELL, "loop", "training/elsewhere.py")
    assert fingerprint_of(digest_of=lambda path: "same") == original
    assert set(names) == set(EVERY_CELL)


def test_the_shortest_way_to_a_fingerprint_knows_the_default_length():
    assert Recipe.model_fields["max_length"].default == fingerprint.DEFAULT_MAX_LENGTH
