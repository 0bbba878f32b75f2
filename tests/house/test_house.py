"""The package keeps the walls of its rooms."""

import importlib.util
from pathlib import Path

import pytest

specification = importlib.util.spec_from_file_location("house_plan", Path(__file__).with_name("plan.py"))
plan = importlib.util.module_from_spec(specification)
specification.loader.exec_module(plan)


def test_no_import_goes_against_the_flow():
    assert plan.arrows_against_the_flow() == []


def test_no_two_modules_import_each_other():
    assert plan.circles() == []


def test_what_every_command_reads_imports_nothing_slow():
    assert plan.slow_imports() == []


def test_every_room_has_its_rules():
    assert {plan.room_of(module) for module in plan.modules()} == set(plan.MAY_IMPORT)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from seedvar.cells import store", {"seedvar.cells.store"}),
        ("from seedvar.cells.store import keep", {"seedvar.cells.store"}),
        ("def f():\n    import seedvar.cells.store", {"seedvar.cells.store"}),
        ("if TYPE_CHECKING:\n    from seedvar.cells.cell import Cell", {"seedvar.cells.cell"}),
        ("import torch", set()),
    ],
)
def test_an_import_counts_wherever_it_stands(tmp_path, source, expected):
    path = tmp_path / "module.py"
    path.write_text(source)
    assert plan.imports_of(path, {"seedvar.cells", "seedvar.cells.store", "seedvar.cells.cell"}) == expected
