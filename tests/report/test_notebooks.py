"""Both notebooks run from the first line to the last, on tables alone."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from seedvar.cli.main import main
from seedvar.engine.code import Code, imports_of
from seedvar.files import write_csv
from seedvar.report.notebook import run_block, split_blocks, to_html
from seedvar.study.reading import read_study
from seedvar.tables.foreign import import_runs

REPOSITORY = Path(__file__).parents[2]
FINISHED, OWN = (REPOSITORY / "notebooks" / f"{name}.py" for name in ("finished_study", "your_own_table"))


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with the study files and with results to put there."""
    shutil.copytree(REPOSITORY / "config", tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEEDVAR_STUDY", raising=False)
    return tmp_path


@pytest.fixture
def quickstart(place):
    """The committed tables of the quickstart study."""
    folder = place / "results" / "quickstart"
    folder.mkdir(parents=True)
    for name in ("runs.csv", "curves.csv"):
        shutil.copy(REPOSITORY / "results" / "published" / "quickstart" / name, folder / name)
    return folder


@pytest.fixture
def without_torch(tmp_path):
    """An environment in which PyTorch and Transformers are not installed."""
    for name in ("torch", "transformers"):
        folder = tmp_path / "missing" / name
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(f"raise ImportError('{name} is not installed')\n")
    path = os.pathsep.join([str(tmp_path / "missing"), str(REPOSITORY / "workflow")])
    return os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def test_the_committed_quickstart_is_walked_through(quickstart):
    page = to_html(FINISHED)
    assert "80 runs of 4 arms" in page
    runs = pd.read_csv(REPOSITORY / "results" / "published" / "quickstart" / "runs.csv")
    failed = runs.loc[runs["arm"] == "bertadam", "degenerate"].sum()
    assert 10 < failed <= 20  # how many depends on the processor
    assert f"bertadam: {failed} of 20 runs failed" in page
    assert "adamw: 0 of 20 runs failed" in page
    assert "Tasks whose names begin with syn- are synthetic." in page
    assert "Against adamw over 4 tasks, bertadam fails more often" in page
    assert page.count('src="data:image/png;base64,') == 2
    assert len(page) < 1_500_000  # the report embeds it, and browsers refuse more than 2 MB in base64


@pytest.mark.slow
def test_equal_tables_give_an_equal_page_also_without_torch(quickstart, without_torch):
    command = [sys.executable, "-P", "-m", "seedvar", "notebook", FINISHED, "--out", "page.html"]
    subprocess.run(command, env=without_torch, check=True, timeout=600)
    assert Path("page.html").read_text() == to_html(FINISHED)


@pytest.mark.slow
@pytest.mark.parametrize("notebook", [FINISHED, OWN])
def test_a_notebook_is_a_script_too(quickstart, without_torch, notebook):
    done = subprocess.run([sys.executable, notebook], env=without_torch, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "Against" in done.stdout


def test_the_published_runs_are_walked_through(place, published_runs, monkeypatch):
    name = "published_zhang_runs"
    folder = REPOSITORY.parent / "shared" / "data" / "published_runs"
    for table, rows in import_runs(read_study(f"config/studies/{name}.yaml"), folder).items():
        write_csv(f"results/{name}/{table}.csv", rows)
    monkeypatch.setenv("SEEDVAR_STUDY", name)
    page = to_html(FINISHED)
    for line in ("600 runs of 3 arms", "bertadam: 88 of 200 runs failed", "adamw: 0 of 200 runs failed"):
        assert line in page
    assert "on stsb the runs of bertadam go from 0.0 to 90.0" in page


def test_your_own_table_gets_counts_verdicts_a_figure_and_a_sentence_on_mistakes(place):
    page = to_html(OWN)
    assert "reviews: Against old, new " in page
    assert "there is no column &#x27;model&#x27;; accepted: dataset, method, seed, test_acc" in page
    assert page.count('src="data:image/png;base64,') == 1
    assert not list(place.glob("*.csv"))


def test_a_study_that_was_not_run_is_named_in_one_sentence(place, capsys):
    assert main(["notebook", str(FINISHED), "--out", "page.html"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "there is no results/quickstart/runs.csv; accepted: a study that has been run" in error
    assert not Path("page.html").exists()


def test_one_arm_without_curves_has_nothing_to_compare(quickstart, monkeypatch):
    (quickstart / "curves.csv").unlink()
    rows = (quickstart / "runs.csv").read_text().splitlines()
    one = [line for line in rows[1:] if line.split(",")[:2] == ["syn-rte", "bertadam"]]
    (quickstart / "runs.csv").write_text("\n".join([rows[0], *one]) + "\n")
    page = to_html(FINISHED)
    assert page.count("There is nothing to compare: the study has one arm, or no baseline.\n") == 2
    assert "There is no results/quickstart/curves.csv: this study has no learning curves." in page


def test_blocks_know_their_kind_and_their_line():
    assert split_blocks('# %% [markdown]\n"""\n# Title\n"""\n\n# %%\nx = 1\nx + 1\n') == [
        ("markdown", '"""\n# Title\n"""', 2),
        ("code", "x = 1\nx + 1", 7),
    ]


def test_a_block_shows_what_it_prints_and_its_last_value():
    names = {}
    assert run_block("x = 2\nprint('seen')\nx + 1", 1, Path("here.py"), names) == ("seen\n", 3)
    assert run_block("y = x", 1, Path("here.py"), names) == ("", None)
    assert names["y"] == 2


def test_an_error_tells_the_line_of_the_notebook(tmp_path):
    notebook = tmp_path / "broken.py"
    notebook.write_text("# %%\nx = 1\n\n# %%\nx / 0\n")
    with pytest.raises(ZeroDivisionError) as error:
        to_html(notebook)
    assert (error.traceback[-1].path, error.traceback[-1].lineno) == (notebook, 4)  # counted from 0


def test_a_page_shows_text_as_text(tmp_path):
    notebook = tmp_path / "text.py"
    notebook.write_text('# %% [markdown]\n"""\nA *word*.\n"""\n# %%\nprint("<b>")\n"<i>"\n')
    page = to_html(notebook)
    assert "<em>word</em>" in page
    assert "<pre>&lt;b&gt;\n</pre>" in page
    assert "<i>" not in page


def test_the_page_depends_on_the_modules_whose_results_the_notebook_shows():
    listed = set(Code().behind(["report/notebook.py", *imports_of(FINISHED)]))
    imported = set()
    for node in ast.walk(ast.parse(FINISHED.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "seedvar.figures":
            imported |= {f"figures/{alias.name}.py" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module.startswith("seedvar."):
            imported.add(node.module.removeprefix("seedvar.").replace(".", "/") + ".py")
    assert imported - listed == {"errors.py", "study/reading.py"}  # these read and refuse, and compute nothing
