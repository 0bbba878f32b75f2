"""docs/statistics.md: it explains every column of every table of a study, and none that there is not."""

import re
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest
import torch

from seedvar.cells.cell import Cell
from seedvar.cells.recipe import Recipe
from seedvar.cells.record import RunRecord
from seedvar.engine.plan import CELL_TABLES
from seedvar.methods.diagnostics import Diagnostics
from seedvar.stats import STATISTICS
from seedvar.study.study import Score
from seedvar.tables.collect import run_row
from seedvar.tables.read import read_table
from seedvar.words import KEYS

REPOSITORY = Path(__file__).parents[1]
PUBLISHED = REPOSITORY / "results" / "published"
STUDIES = [
    PUBLISHED / name for name in ("microcosm", "quickstart", "table1_small")
]  # their tables are in the repository
TABLES = [*sorted(CELL_TABLES), *(f"{name}.csv" for name in STATISTICS)]
GUIDE = (REPOSITORY / "docs" / "statistics.md").read_text(encoding="utf-8")
# Columns that only some studies have: of tables of runs, and of those that select.
SOME_STUDIES = {"runs.csv": {"comparable_seeds", "selection", "selected"}, "summary.csv": {"trained_as"}}
MAJORITY = {"validation": 0.5, "test": 0.5}
SCORES = {checkpoint: {split: {"accuracy": 0.6} for split in MAJORITY} for checkpoint in ("last", "best")}
SECTIONS = dict(section.split("\n", 1) for section in GUIDE.split("\n## ")[1:])


def explained(section):
    """The columns that a section's table explains: `<test>_p` is one for each name that `<test>` stands for."""
    names = [
        name
        for line in section.splitlines()
        if line.startswith("| `")
        for name in re.findall("`(.+?)`", line.split("|")[1])
    ]
    for mark, text in re.findall(r"`(<\w+>)`\s+stands\s+for (.*?)\.", section, re.S):
        for_mark = re.findall("`(.+?)`", text)
        names = [name.replace(mark, one) for name in names for one in (for_mark if mark in name else [mark])]
    return set(names)


def columns(table):
    """The columns of a table in the repository."""
    if table == "diagnostics.parquet":  # too large for it; this is where its rows are made
        watcher = SimpleNamespace(rows=[])
        Diagnostics._record(watcher, 1, "entropy", "classifier", "all", torch.tensor(0.5))
        return {*KEYS, *watcher.rows[0]}
    if table == "runs.csv":  # those in the repository are older; this is where its rows are made
        record = RunRecord.model_construct(
            **{**dict.fromkeys(RunRecord.model_fields), "scores": SCORES, "majority": MAJORITY}
        )
        cell = Cell("glue", "bert", "rte", Recipe(), 0, 0)
        return set(run_row("adamw", cell, record.model_copy(update={"metric": "accuracy"}), Score(), Path()))
    paths = [folder / table for folder in STUDIES if (folder / table).is_file()]
    return {
        name
        for path in paths
        for name in (pq.read_schema(path).names if path.suffix == ".parquet" else read_table(path))
    }


def test_patterns_are_written_out():
    section = (
        "`<test>` stands for `welch`\nand `fisher`. More.\n\n| column | what |\n|---|---|\n| `n`, `<test>_p` | `x` |\n"
    )
    assert explained(section) == {"n", "welch_p", "fisher_p"}


def test_every_table_has_a_section_and_every_section_a_table():
    assert sorted(SECTIONS) == sorted(TABLES)
    assert set(re.findall(r"\]\(#(\w+)\)", GUIDE)) == {table.replace(".", "") for table in TABLES}


@pytest.mark.parametrize("table", TABLES)
def test_every_column_is_explained(table):
    there, known = columns(table), explained(SECTIONS[table])
    assert there, f"{table}: no study in the repository has it"
    assert there - known == set()
    assert known - there <= SOME_STUDIES.get(table, set())


def test_every_field_of_a_recipe_is_explained_also_where_the_tables_in_the_repository_are_older():
    assert set(Recipe.model_fields) - explained(SECTIONS["runs.csv"]) == set()
