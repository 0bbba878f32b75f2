"""docs/papers.md: its studies are valid, and what it says comes out of them is among what the workflow makes."""

import re
from pathlib import Path

import pytest

from seedvar.engine.plan import CELL_TABLES
from seedvar.figures import FIGURES
from seedvar.stats import LAYOUTS, STATISTICS
from seedvar.study.reading import read_study

REPOSITORY = Path(__file__).parents[1]
PAGE = (REPOSITORY / "docs" / "papers.md").read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    """The rows of the tables of a text."""
    lines = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| what |")]
    return [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]


ROWS = rows(PAGE)
# What the papers have, figures and tables; Zhang et al. first.
ZHANG = [*(f"Fig. {n}" for n in range(1, 19)), *(f"Table {n}" for n in range(1, 8))]
MOSBACH = [*(f"Fig. {n}" for n in range(1, 15)), "Table 1"]


def named(cells: list[list[str]]) -> set[str]:
    """The figures and tables that some rows name: `Figs. 7, 15 to 18` are five."""
    found = set()
    for text, *_ in cells:
        for kind, numbers in re.findall(r"(Fig\.|Figs\.|Tables?) (\d[\dabc, to]*)", text):
            kind = "Fig." if kind.startswith("Fig") else "Table"
            for part in numbers.split(","):
                if ends := [int(n) for n in re.findall(r"\d+", part)]:
                    found |= {f"{kind} {n}" for n in range(ends[0], ends[-1] + 1)}
    return found


def test_no_figure_and_no_table_is_missing():
    zhang, mosbach = PAGE.split("## Mosbach")
    assert set(ZHANG) - named(rows(zhang)) == set()
    assert set(MOSBACH) - named(rows(mosbach)) == set()


@pytest.mark.parametrize("row", [row for row in ROWS if row[2]], ids=lambda row: row[0])
def test_each_study_is_valid_and_makes_the_output(row):
    for name in re.findall(r"`([^`]+)`", row[2]):
        study = read_study(REPOSITORY / "config" / "studies" / f"{name}.yaml")
        for output in re.findall(r"`([^`]+)`", row[3]):
            path = Path(output)
            if path.parent.name == "figures":
                assert FIGURES[path.stem].when(study), output
            elif path.parent.name == "tables":
                assert STATISTICS[LAYOUTS[path.stem][0]].when(study), output
            else:
                assert output in CELL_TABLES or STATISTICS[path.stem].when(study), output


def test_every_row_says_what_it_has_been_seen_on():
    assert {word for row in ROWS for word in row[5].split(", ")} == {"published runs", "synthetic", "twin", "no"}


def test_every_study_of_a_paper_is_on_the_page():
    studies = {path.stem for path in (REPOSITORY / "config/studies").glob("*2021*.yaml")} - {"published_zhang_fig9"}
    assert {name for name in studies if f"`{name}`" not in PAGE} == set()
