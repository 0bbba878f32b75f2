"""Payloads in everything that a user names, run for real: pages have them as text, and nothing else happens."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from markdown_it import MarkdownIt

PLANTED = [
    "seedvar/__init__.py", "pandas.py", "numpy.py", "torch.py", "yaml.py", "matplotlib.py", "markdown_it.py",
    "scipy.py", "numexpr.py", "json.py", "sitecustomize.py", "usercustomize.py", "conftest.py", "IPython.py",
    "ipykernel.py", "zmq.py", "nbconvert.py", "basic/index.html.j2",
]  # fmt: skip
MARKED = "document.documentElement.id='owned'"
FOLDER = """$(touch OWNED) ;touch OWNED; '&"`touch OWNED`*?#~"""
ARMS = [
    f"</script><script>{MARKED}</script>",
    "'; touch OWNED; $(touch OWNED) `touch OWNED`",
    "$\\frac{$ {{ 7 * 7 }} {wildcards.x} %s",
    "\\input{/etc/passwd} & # _ [x](javascript:alert) |",
    f"<img src=x onerror={MARKED}>",
]
TASK, METRIC = f"<svg onload={MARKED}> $\\bad{{$ ../..", "<b>acc</b> | $x$"
DESCRIPTION = f"""Is it safe? {{{{ 7 * 7 }}}} <script>{MARKED}</script> \x1b[2J

.. raw:: html

   <script>{MARKED}</script>

.. include:: /etc/passwd

:raw:`x` `link <javascript:alert(1)>`_ |sub| {{% include 'x' %}}
"""


class Page(HTMLParser):
    """The tags of a page with their attributes, and the text that a reader sees."""

    def __init__(self, path):
        super().__init__(convert_charrefs=True)
        self.tags, self.text, self.scripts, self.inside = [], "", [], ""
        self.feed(path.read_text(encoding="utf-8") if isinstance(path, Path) else path)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts[-1] += data
        elif self.inside != "style":
            self.text += data

    def acts(self):
        """Lists the tags with which a page does something, those of ours left out."""
        return [
            (tag, attributes)
            for tag, attributes in self.tags
            if tag in ("script", "iframe", "object", "embed", "svg", "form", "link", "base", "b")
            or any(name.startswith("on") for name in attributes)
            or any("javascript:" in (attributes.get(name) or "") for name in ("href", "src", "action"))
        ]


@pytest.fixture(scope="module")
def attacked(shared_project):
    """Tables from elsewhere and a study with payloads everywhere, run to its report in a folder of planted modules."""
    project = shared_project
    for name in PLANTED:
        project.write(name, f"open({str(project.canary / 'OWNED')!r}, 'a').write({name!r})\nraise SystemExit(9)\n")
    project.write("matplotlibrc", "text.usetex: True\nfont.size: 1\n")
    project.table(f"{FOLDER}/t.csv")
    project.study(f"{FOLDER}/evil.yaml", f"{FOLDER}/t.csv", description=DESCRIPTION, baseline="old")
    own = project.folder / "results" / "evil"
    (own / "tables").mkdir(parents=True)
    for name in ("report.html", "summary.csv", "notebook.html", "notebook.ipynb", "tables/scores.md"):
        (own / name).symlink_to(project.canary / "a.txt")
    before = project.outside()
    environment = {"PYTHONSAFEPATH": ""} if "PYTHONSAFEPATH" in os.environ else {}
    settings = ("--config", f"study= {json.dumps(f'{FOLDER}/evil.yaml')} ")
    done = project.snakemake("--cores", "2", "results/evil/runs.csv", *settings, environment=environment)
    assert done.returncode == 0, done.stderr
    keys = [(arm, seed) for arm in ("old", *ARMS) for seed in range(3)]
    runs = pd.DataFrame({"task": TASK, "arm": [arm for arm, _ in keys], "init_seed": [seed for _, seed in keys]})
    runs = runs.assign(order_seed=runs["init_seed"], metric=METRIC, split="test", score=0.5 + runs.index / 50)
    runs = runs.assign(majority=0.5, degenerate=False, score_defined=True, train_loss=0.1)
    runs.assign(validation_last=runs["score"], test_last=runs["score"]).to_csv(own / "runs.csv", index=False)
    done = project.snakemake("--cores", "2", *settings, environment=environment)
    return project, done, before


@pytest.fixture
def pages(attacked):
    """The folder of the study's results."""
    project, done, _ = attacked
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return project.folder / "results" / "evil"


def test_a_study_of_payloads_changes_nothing_but_results(attacked, pages):
    """No module of the working directory was imported, no word run, no link followed."""
    project, _, before = attacked
    assert project.outside() == before
    assert not list(project.root.rglob("OWNED"))
    assert not [path for path in pages.rglob("*") if path.is_symlink()]


def test_the_report_has_the_payloads_as_text(pages):
    """It has no script at all, and a policy under which a browser runs and fetches nothing."""
    page = Page(pages / "report.html")
    assert [tag for tag, _ in page.acts() if tag not in ("b", "svg")] == []
    assert not [attributes for tag, attributes in page.acts() if tag == "b" and attributes]
    (policy,) = [a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy
    text = " ".join(page.text.split())
    assert " ".join(DESCRIPTION.replace("\x1b", " ").split()) in text
    assert all(arm in text for arm in ARMS)
    assert "49" not in text.partition("What was found")[0]
    assert "root:" not in page.text
    assert "\x1b" not in page.text
    assert "touch OWNED" in page.text.partition("Figures")[2]  # the path of the table, in captions


@pytest.mark.parametrize("page", ["notebook.html"])
def test_pages_have_the_payloads_as_text(pages, page):
    found = Page(pages / page)
    assert [(tag, attributes) for tag, attributes in found.acts() if tag != "b" or attributes] == []
    for arm in ARMS:
        assert arm in found.text
    assert "\x1b" not in found.text or page == "notebook.html"


@pytest.mark.parametrize("table", ["scores", "comparisons", "failures"])
def test_tables_for_papers_have_the_payloads_as_text(pages, table):
    markdown = MarkdownIt("commonmark").enable("table").render((pages / "tables" / f"{table}.md").read_text())
    assert Page(markdown).acts() == []
    assert all(arm in Page(markdown).text for arm in ARMS)
    latex = (pages / "tables" / f"{table}.tex").read_text()
    assert not re.search(r"\\(input|frac|bad)", latex)
    assert r"\textbackslash{}input\{/etc/passwd\}" in latex


def test_figures_are_drawn_with_the_payloads(pages):
    from matplotlib.image import imread

    for path in pages.glob("figures/*.png"):
        assert imread(path).std() > 0
    assert len(list(pages.glob("figures/*.pdf"))) >= 4


def test_a_browser_runs_no_payload(pages, tmp_path):
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        needed = os.environ.get("SEEDVAR_REQUIRE_BROWSER")
        (pytest.fail if needed else pytest.skip)("there is no chromium on this machine")
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --dump-dom"
    sign = tmp_path / "sign.html"  # that the browser would show a payload that ran
    sign.write_text(f"<html><body><script>{MARKED}</script></body></html>")
    for page in (sign, pages / "report.html", pages / "notebook.html"):
        command = [program, *flags.split(), f"--user-data-dir={tmp_path / 'chromium'}", "--virtual-time-budget=2000"]
        seen = subprocess.run([*command, f"file://{page}"], capture_output=True, text=True, timeout=120)
        opened = re.search(r"<html[^>]*>", seen.stdout)
        assert opened, seen.stderr[-2000:]
        assert ("owned" in opened[0]) is (page == sign)
        if page.name == "report.html":
            assert "Is it safe?" in seen.stdout


def test_a_command_of_its_own_process_imports_nothing_from_here(attacked, pages):
    """Its working directory has the planted modules in it."""
    project, _, _ = attacked
    before = project.outside()
    done = project.run("seedvar", "check", f"{FOLDER}/evil.yaml")
    assert done.returncode == 0, done.stderr
    assert project.outside() == before


@pytest.mark.parametrize("word", ["check", "plan", "status"])
def test_commands_answer_to_the_study_of_payloads(attacked, pages, command, word):
    project, _, _ = attacked
    before = project.outside()
    code, said = command(word, f"{FOLDER}/evil.yaml")
    assert code in (0, 2), said
    assert "\x1b" not in said
    assert project.outside() == before


YAML_TAGS = [
    "!!python/object/apply:os.system ['touch OWNED']",
    "!!python/object/new:os.system ['touch OWNED']",
    "!!python/name:os.system",
    "!!python/module:planted",
]


@pytest.mark.parametrize("tag", YAML_TAGS)
@pytest.mark.parametrize("file", ["config/studies/tagged.yaml", "config/tasks/tagged.yaml", "config/config.yaml"])
def test_yaml_makes_no_objects(attacked, tag, file):
    project, _, _ = attacked
    path = project.folder / file
    old = path.read_text() if path.is_file() else None
    study = {"study=tagged" if "tagged" in file and "studies" in file else "study=own"}
    project.write(file, f"{old or ''}\ndescription: {tag}\nstudy: {tag}\n" if old is None else f"{old}\nstore: {tag}\n")
    written = project.write("config/studies/own.yaml", "model: syn-bert\ntasks: [tagged]\nseeds: 1\narms: {a: {}}\n")
    try:
        before = project.outside()
        done = project.snakemake("-n", "--config", *study)
        assert done.returncode != 0
        assert project.outside() == before
        assert not list(project.root.rglob("OWNED"))
    finally:
        written.unlink()
        path.write_text(old) if old is not None else path.unlink()


SETTINGS = {
    "glue_dir": "$(touch OWNED);`touch OWNED`",
    "runs_dir": "[x, {y: z}]",
    "device": "$(touch OWNED)",
    "distribution": "box; touch OWNED",
    "study": "quickstart; touch OWNED",
    "store": "$(touch OWNED)/../..",
    "warm_start": "true; touch OWNED",
}


@pytest.mark.parametrize("key", SETTINGS)
def test_settings_are_words_and_no_commands(attacked, key):
    project, _, _ = attacked
    before = project.outside()
    options = {"study": "quickstart"} | {key: SETTINGS[key]}
    done = project.snakemake("-n", "--config", *(f"{name}={value}" for name, value in options.items()))
    assert "Traceback" not in done.stderr
    assert project.outside() == before


@pytest.mark.parametrize("name", ["SEEDVAR_GLUE_DIR", "SEEDVAR_RUNS_DIR", "SEEDVAR_STUDY"])
def test_so_are_environment_variables(attacked, is_refused, command, monkeypatch, name):
    project, _, _ = attacked
    before = project.outside()
    monkeypatch.setenv(name, "$(touch OWNED);`touch OWNED`\n/../../canary")
    study = project.write("config/studies/own.yaml", "model: syn-bert\ntasks: [rte]\nseeds: 1\narms: {a: {}}\n")
    if name == "SEEDVAR_GLUE_DIR":
        is_refused("check", "own", match="glue_dir: there is no folder $(touch OWNED)")
    study.unlink()
    notebook = ("notebook", project.folder / "notebooks" / "finished_study.py", "--out", "results/x.html")
    is_refused(*notebook, *(["--study", "../x"] if name != "SEEDVAR_STUDY" else []), match="--config study=")
    assert project.outside() == before


def test_no_installed_module_is_called_as_the_planted_ones_that_only_lie_here():
    """Else the test above would say less than it seems to."""
    assert importlib.util.find_spec("numexpr") is None


@pytest.mark.parametrize("name", ["{task}", "<results>", "a{b", "a>b", "x\x1b[2Jy", "x\ny"])
def test_a_path_that_snakemake_would_change_is_refused(attacked, is_refused, name):
    """Braces and angles stand for something else in its paths; a shell's characters do no harm, as above."""
    project, _, _ = attacked
    study = project.study(f"{name}/s.yaml", "t.csv")
    project.table(f"{name}/t.csv")
    other = project.study("config/studies/plain.yaml", f"{name}/t.csv")
    try:
        before = project.outside()
        is_refused("check", study.relative_to(project.folder), match="accepted: a path without them")
        is_refused("check", "plain", match="plain.yaml: runs.file: ")
        assert project.outside() == before
    finally:
        other.unlink()
        shutil.rmtree(study.parent)
