"""The data room stands on the ground alone, and no two of its modules import each other."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

from seedvar import data

GROUND = {f"seedvar.{name}" for name in ("errors", "files", "words", "streams", "strict")}
ROOM = Path(data.__file__).parent


def imports():
    """Every module of the room with what it imports of the package, imports inside functions too."""
    found = {}
    for path in ROOM.rglob("*.py"):
        name = ".".join(["seedvar.data", *path.relative_to(ROOM).with_suffix("").parts]).removesuffix(".__init__")
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        found[name] = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and "seedvar" in node.module}
    return found


def test_data_imports_the_ground_and_itself_alone():
    beyond = {name: modules - GROUND - imports().keys() for name, modules in imports().items()}
    assert {name: modules for name, modules in beyond.items() if modules} == {}


def test_no_modules_import_each_other():
    order = list(TopologicalSorter({name: modules - GROUND for name, modules in imports().items()}).static_order())
    assert len(order) == len(imports())


def test_a_schema_can_be_made_of_a_declaration():
    from seedvar.data.declaration import Declaration

    schema = Declaration.model_json_schema()
    assert {"source", "text", "label", "labels", "metric", "positive", "split", "data"} <= schema["properties"].keys()
    assert len(schema["properties"]["source"]["anyOf"]) == 3
