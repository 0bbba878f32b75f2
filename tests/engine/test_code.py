"""What a table, a figure or a page depends on: the code that makes it, and no other."""

from pathlib import Path

import pytest

from seedvar.engine import code as code_lists
from seedvar.engine.code import MADE_BY, Code, data_code, imports_of, write_list
from seedvar.errors import UserError
from seedvar.figures import FIGURES
from seedvar.stats import STATISTICS


def test_a_list_reaches_as_far_as_the_imports():
    files = Code().behind(["stats/compare.py"])
    assert {"stats/compare.py", "stats/describe.py"} <= set(files)
    assert not any(file.startswith(("figures/", "cells/", "study/", "training/")) for file in files)


def test_of_the_metrics_those_of_the_study_count():
    code = Code()
    with_metrics = code.behind(["stats/agreement.py"], ["f1", "accuracy"])
    assert set(with_metrics) - set(code.behind(["stats/agreement.py"])) == {
        "data/metrics/f1.py",
        "data/metrics/accuracy.py",
    }
    assert code.behind(["stats/agreement.py"], ["their-own"]) == code.behind(["stats/agreement.py"])


def test_adding_a_task_a_family_or_an_optimizer_changes_no_table_figure_or_page():
    """The files in which one does it are in no list; probes alone look at families."""
    code = Code()
    made = {name: [module] for name, module in MADE_BY.items() if name not in ("forgetting", "surface", "pretrain")}
    made |= {name: [f"stats/{statistic.module}.py", "stats/compute.py"] for name, statistic in STATISTICS.items()}
    made |= {name: [f"figures/{name.replace('-', '_')}.py"] for name in FIGURES}
    notebook = Path(__file__).parents[2] / "notebooks" / "finished_study.py"
    made["notebook"] = ["report/notebook.py", *imports_of(notebook)]
    lists = {"models/families.py", "data/known.py", "data/declaration.py", "cells/decides.py", "cells/recipe.py"}
    assert {name: files for name, names in made.items() if (files := lists & set(code.behind(names)))} == {}


@pytest.mark.parametrize("kind", ["files", "hub", "synthetic"])
def test_data_depend_on_their_own_kind_of_source(kind):
    files = set(data_code(kind, Code()))
    assert {file for file in files if file.startswith("data/sources/")} == {f"data/sources/{kind}.py"}
    assert {"data/prepare.py", "data/examples.py"} <= files
    assert ("data/synthetic.py" in files) == (kind == "synthetic")


def test_a_list_is_written_when_it_says_something_new(tmp_path):
    for lines, is_new in ((["a  x"], True), (["a  x"], False), (["b  x"], True)):
        path = Path(code_lists.list_file("mine", tmp_path))
        before = path.stat().st_ino if path.exists() else None
        write_list("mine", lines, tmp_path)
        assert path.read_text() == lines[0] + "\n"
        assert (path.stat().st_ino != before) == is_new


def test_a_list_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / ".sources").write_text("in the way")
    with pytest.raises(UserError, match=r"mine.sha256: cannot be written .*; accepted: a results folder that can"):
        write_list("mine", ["a"], tmp_path)
