"""Both notebooks run from the first line to the last, on tables alone."""

import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from html import unescape
from pathlib import Path

import jupytext
import nbformat
import numpy as np
import pandas as pd
import psutil
import pytest

from seedvar.cli.main import main
from seedvar.engine.code import Code, imports_of
from seedvar.errors import UserError
from seedvar.files import read_json, write_csv
from seedvar.report.notebook import run_notebook, to_html
from seedvar.report.shown import Findings, Table
from seedvar.study.reading import read_study
from seedvar.tables.foreign import import_runs

REPOSITORY = Path(__file__).parents[2]
PUBLISHED = REPOSITORY / "results" / "published"
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
    return shutil.copytree(PUBLISHED / "quickstart", place / "results" / "quickstart", ignore=not_a_table)


def not_a_table(folder, names):
    return [name for name in names if not name.endswith((".csv", ".json"))]


@pytest.fixture
def without_torch(tmp_path):
    """An environment in which PyTorch and Transformers are not installed."""
    for name in ("torch", "transformers"):
        folder = tmp_path / "missing" / name
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(f"raise ImportError('{name} is not installed')\n")
    path = os.pathsep.join([str(tmp_path / "missing"), str(REPOSITORY / "workflow")])
    return os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def written(tmp_path):
    """Writes a notebook of blocks of code and runs it."""

    def run(*blocks):
        path = tmp_path / "written.py"
        path.write_text("\n\n".join(f"# %%\n{block}" for block in blocks) + "\n")
        return run_notebook(path)

    return run


def page_of(notebook):
    return to_html(run_notebook(notebook), notebook.stem)


def seen_of(page):
    """What is seen of a page before anything is clicked on, without pictures."""
    page = re.sub(r'src="data:image/png;base64,[^"]*"', 'src="picture"', page)
    return re.sub(r"<details>.*?</details>", "", page[page.index("</style>") :], flags=re.DOTALL)


def test_the_committed_quickstart_is_walked_through(quickstart):
    page = page_of(FINISHED)
    assert "80 runs of 4 arms" in page
    runs = pd.read_csv(quickstart / "runs.csv")
    failed = runs.loc[runs["arm"] == "bertadam", "degenerate"].sum()
    assert 10 < failed <= 20  # how many depends on the processor
    assert f"bertadam: {failed} of 20 runs failed" in page
    assert "adamw: 0 of 20 runs failed" in page
    assert "Tasks whose names begin with syn- are synthetic." in page
    assert "Against adamw over 4 tasks, bertadam fails more often" in page
    assert page.count('src="data:image/png;base64,') == 2
    assert len(page) < 1_000_000  # a page that is sent to others

    # What is seen first are the findings, those of the report's first page; code is seen on a click alone.
    seen = seen_of(page)
    first = read_json(quickstart / "findings.json")[0]["sentence"]
    assert first in seen[: seen.index("<h2")]
    assert "import" not in seen
    assert page.count("<details>") == page.count("<summary>Code</summary>") > 10

    # No number is written as a computer does, and nothing is asked for elsewhere.
    assert not re.search(r">\s*(nan|NaN|None|inf)\s*<", seen)
    more_runs = re.search(r"more runs</th>.*?</table>", seen, re.DOTALL)[0]
    assert len(re.findall(r"<td>[\d,]+</td>", more_runs)) == 16
    assert not re.search(r"<script|<link|https?:|@import|url\(", page)


def test_equal_tables_give_equal_bytes_also_without_torch(quickstart, without_torch):
    """Whatever else there is: a Python under Jupyter's name for ours, settings of IPython's, modules of that name."""
    kernel = Path("jupyter/kernels/python3")
    kernel.mkdir(parents=True)
    said = {"argv": ["/bin/false", "{connection_file}"], "display_name": "Other", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(said))
    startup = Path("ipython/profile_default/startup")
    startup.mkdir(parents=True)
    (startup / "broken.py").write_text("print('of this user')\nimport pandas\npandas.DataFrame = None\n")
    Path("basic").mkdir()
    Path("basic/index.html.j2").write_text("of this folder")
    Path("pandas.py").write_text("raise SystemExit(9)\n")
    others = {"JUPYTER_PATH": str(kernel.parents[1].absolute()), "IPYTHONDIR": str(startup.parents[1].absolute())}
    command = [sys.executable, "-P", "-m", "seedvar", "notebook", FINISHED, "--out", "page.html"]
    subprocess.run(command, env=without_torch | others, check=True, timeout=600)
    assert main(["notebook", str(FINISHED), "--study", "quickstart", "--out", "again.html"]) == 0
    assert Path("page.html").read_text() == Path("again.html").read_text()
    assert Path("page.ipynb").read_bytes() == Path("again.ipynb").read_bytes()
    notebook = nbformat.read("page.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert jupytext.reads(FINISHED.read_text(), fmt="py:percent").cells[1].source == notebook.cells[1].source
    assert not [out for block in notebook.cells for out in block.get("outputs", []) if out.get("name") == "stderr"]
    assert sys.version.split()[0] not in Path("page.ipynb").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("notebook", [FINISHED, OWN])
def test_a_notebook_is_a_script_too(quickstart, without_torch, notebook):
    done = subprocess.run([sys.executable, notebook], env=without_torch, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "Against" in done.stdout


def test_the_published_runs_are_walked_through(place, published_runs, monkeypatch):
    name = "published_zhang_runs"
    shutil.copytree(PUBLISHED / name, f"results/{name}", ignore=not_a_table)
    folder = REPOSITORY.parent / "shared" / "data" / "published_runs"
    for table, rows in import_runs(read_study(f"config/studies/{name}.yaml"), folder).items():
        write_csv(f"results/{name}/{table}.csv", rows)
    monkeypatch.setenv("SEEDVAR_STUDY", name)
    page = page_of(FINISHED)
    for line in ("600 runs of 3 arms", "bertadam: 88 of 200 runs failed", "adamw: 0 of 200 runs failed"):
        assert line in page
    assert "on stsb the runs of bertadam go from 0.0 to 90.0" in page


@pytest.mark.parametrize("study", ["quickstart", "microcosm"])
def test_the_published_notebook_is_that_of_the_published_tables(place, study):
    """All but its pictures, whose bytes depend on Matplotlib: nobody has to run it to read it."""
    shutil.copytree(PUBLISHED / study, f"results/published/{study}", ignore=not_a_table)
    kept = PUBLISHED / study / "notebook.ipynb"
    assert main(["notebook", str(FINISHED), "--study", study, "--out", "page.html"]) == 0
    made, published = (json.loads(path.read_text()) for path in (Path("page.ipynb"), kept))
    n_pictures = 0
    for notebook in (made, published):
        for block in notebook["cells"]:
            for output in block.get("outputs", []):
                n_pictures += output.get("data", {}).pop("image/png", None) is not None
    assert made == published
    assert n_pictures == 4


def test_your_own_table_gets_counts_verdicts_a_figure_and_a_sentence_on_mistakes(place):
    page = page_of(OWN)
    assert "reviews: Against old, new " in page
    assert "there is no column 'model'; accepted: dataset, method, seed, test_acc" in unescape(page)
    assert page.count('src="data:image/png;base64,') == 1
    assert not list(place.glob("*.csv"))
    assert not re.search(r"\b(nan|NaN)\b", seen_of(page))


@pytest.mark.parametrize("missing", ["runs.csv", "findings.json"])
def test_a_study_that_was_not_run_is_named_in_one_sentence(quickstart, capsys, missing):
    (quickstart / missing).unlink()
    assert main(["notebook", str(FINISHED), "--out", "page.html"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"results/quickstart/{missing}: is missing; accepted: a study that has been run" in error
    assert not list(Path().glob("page.*"))


def test_a_page_that_would_have_another_ending_is_refused(place, capsys):
    assert main(["notebook", str(FINISHED), "--out", "page.ipynb"]) == 2
    assert "--out: 'page.ipynb' is not accepted; accepted: a file that ends in .html\n" in capsys.readouterr().err


def test_one_arm_without_curves_has_nothing_to_compare(quickstart, monkeypatch):
    for name in ("curves", "decisions", "seeds_needed"):
        (quickstart / f"{name}.csv").unlink()
    for name in ("runs", "summary", "expected"):
        table = pd.read_csv(quickstart / f"{name}.csv")
        table[(table["task"] == "syn-rte") & (table["arm"] == "bertadam")].to_csv(quickstart / f"{name}.csv")
    page = page_of(FINISHED)
    assert page.count("There is nothing to compare: the study has one arm, or no baseline.\n") == 1
    assert "There is no results/quickstart/curves.csv: this study has no learning curves." in page


def test_an_error_is_one_sentence_with_its_block_and_line(written, tmp_path):
    with pytest.raises(UserError) as error:
        written("x = 1", "def half():\n    return x / 0", "\ny = 2\nhalf()")
    where = f"{tmp_path / 'written.py'}: block 3, line 11: ZeroDivisionError: division by zero; accepted: "
    assert str(error.value).startswith(where)
    with pytest.raises(UserError, match="block 2, line 6: SyntaxError: "):
        written("x = 1", "y = 2\ny ? x")


def test_a_mistake_of_the_user_is_its_own_sentence(written, tmp_path):
    with pytest.raises(UserError) as error:
        written("from seedvar.errors import UserError", "raise UserError('t.csv: no rows; accepted: a table')")
    assert str(error.value) == f"{tmp_path / 'written.py'}: t.csv: no rows; accepted: a table"


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code", "name"), [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM")])
def test_who_is_asked_to_end_says_so_in_one_line_and_leaves_no_kernel(place, number, code, name):
    Path("slow.py").write_text(
        "# %%\nimport os, pathlib, time\npathlib.Path('kernel').write_text(str(os.getpid()))\ntime.sleep(300)\n"
    )
    command = [sys.executable, "-P", "-m", "seedvar", "notebook", "slow.py", "--out", "page.html"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: Path("kernel").is_file() and Path("kernel").read_text())
    process.send_signal(number)
    assert process.wait(timeout=120) == code
    assert process.stderr.read().splitlines()[-1] == f"seedvar: stopped by {name}"
    wait_until(lambda: not psutil.pid_exists(int(Path("kernel").read_text())))
    assert not list(place.glob("page.*"))


def wait_until(holds):
    end = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_no_notebook_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="none.py: .*accepted: a Python file in the percent format"):
        run_notebook(tmp_path / "none.py")


def test_a_page_shows_text_as_text(written):
    table = "from pandas import DataFrame\nDataFrame({'<u>': ['<s>']})"
    page = to_html(written('print("<b>")\n"<i>"', table), "<title>")
    assert "&lt;b&gt;" in page
    assert "&lt;u&gt;" in page
    assert not re.search(r"<[bius]>|<title><title>", page)


def test_findings_and_tables_show_a_users_words_as_text():
    found = {"sentence": "<b> & more", "row": {"arm": "<i>"}, "table": "summary.csv", "n": 3}
    shown = Findings([found])._repr_html_()
    assert "&lt;b&gt; &amp; more" in shown
    assert "arm &lt;i&gt;" in shown
    table = Table(pd.DataFrame({"<u>": [1.5]}, index=["<s>"]))._repr_html_()
    assert not re.search(r"<[us]>", table)


def test_numbers_have_the_decimals_that_they_need():
    table = pd.DataFrame(
        {"runs": [1204.0, 3.0, np.nan], "share": [0.5, 0.123, np.inf], "n": [1, 2, 3], "arm": ["a", "b", None]}
    )
    shown = Table(table).written
    assert shown["runs"].tolist() == ["1,204", "3", "–"]
    assert shown["share"].tolist() == ["0.50", "0.12", "∞"]
    assert shown["n"].tolist() == ["1", "2", "3"]
    assert shown["arm"].tolist() == ["a", "b", "–"]


def test_the_page_depends_on_the_modules_whose_results_the_notebook_shows():
    listed = set(Code().behind(["report/notebook.py", *imports_of(FINISHED)]))
    imported = set()
    for node in ast.walk(ast.parse(FINISHED.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "seedvar.figures":
            imported |= {f"figures/{alias.name}.py" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module.startswith("seedvar."):
            imported.add(node.module.removeprefix("seedvar.").replace(".", "/") + ".py")
    assert imported - listed == {"files.py"}  # it reads, and computes nothing
