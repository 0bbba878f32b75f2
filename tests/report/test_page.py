"""The report: one page, read as a browser reads it."""

import json
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pandas as pd
import pytest
from helpers import REPOSITORY
from PIL import Image

from seedvar.cli.main import main
from seedvar.errors import UserError
from seedvar.figures import FIGURES
from seedvar.files import write_csv, write_json
from seedvar.report.captions import captions
from seedvar.report.findings import findings
from seedvar.report.page import About, _counts, report
from seedvar.stats.describe import summarise
from seedvar.stats.rule import decide
from seedvar.tables.failed_jobs import note_failed

ARM = "<b>bold</b> & *x*"
SHOWN = ["overview", "distribution", "learning-curves"]
SVG = (
    '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><g id="run-0"><title>rte, plain, seed 0: 80.0'
    "</title></g></svg>\n"
)
ABOUT = About("mine", "Is <i>it</i> better?", False, "Five runs.")


class Page(HTMLParser):
    """What a page says, by the section that it stands in, and its pictures and links."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.text, self.pictures, self.links, self.tags, self.section = [], {}, [], [], set(), "head"
        self.rows, self.tooltips, self.details = {}, [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.add(tag)
        self.section = attributes["id"] if tag == "section" else self.section
        if tag not in ("meta", "img", "br", "link"):
            self.open.append(tag)
        if tag == "img":
            self.pictures.append((self.section, attributes["src"].partition(",")[0]))
        if tag == "a":
            self.links.append(attributes["href"])
        if tag == "details":
            self.details.append("open" in attributes)
        if tag == "tr":
            self.rows.setdefault(self.section, []).append([])
        if tag in ("td", "th"):
            self.rows[self.section][-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" in self.open:
            return
        if "td" in self.open or "th" in self.open:
            self.rows[self.section][-1][-1] += data
        if "svg" in self.open and self.open[-1] == "title":
            self.tooltips.append(data)
        self.text[self.section] = self.text.get(self.section, "") + data

    def says(self, section):
        return " ".join(self.text[section].split())


@pytest.fixture
def results(tmp_path):
    """A results folder with a study of two arms, of which one fails."""
    scores = {"plain": [0.8, 0.81, 0.82, 0.8, 0.79], ARM: [0.5, 0.5, 0.5, 0.5, 0.5]}
    rows = [
        {"task": "rte", "arm": arm, "init_seed": i, "order_seed": i, "metric": "accuracy", "split": "test"}
        | {"score": score, "majority": 0.5, "degenerate": score <= 0.5, "status": "finished", "updates": 30}
        | {"data": "glue", "model": "m", "slug": "a+b" if arm == "plain" else "c", "fingerprint": f"{arm}{i}"}
        | {"score_defined": True}
        for arm, values in scores.items()
        for i, score in enumerate(values)
    ]
    rows[5] |= {"status": "diverged", "updates": 7}
    runs = pd.DataFrame(rows)
    folder = tmp_path / "mine"
    summary, decisions = summarise(runs), decide(runs, "plain")
    for name, table in (("runs", runs), ("summary", summary), ("decisions", decisions)):
        write_csv(folder / f"{name}.csv", table)
    write_json(folder / "findings.json", findings(summary, decisions))
    (folder / "figures").mkdir()
    for name in (*SHOWN, "overview-column"):
        Image.new("RGB", (60, 40), "white").save(folder / f"figures/{name}.png")
    (folder / "figures/overview.svg").write_text(SVG)
    return tmp_path


def keep_record(results, row, **changes):
    """Writes what a finished cell leaves behind."""
    place = f"glue/m/rte/{row['slug']}/seed-{row['init_seed']}"
    record = {
        "cell": {}, "fingerprint": row["fingerprint"], "slug": row["slug"], "recipe": {}, "status": "finished",
        "degenerate": False, "metric": "accuracy", "scores": {}, "majority": {"test": 0.5}, "updates": 30,
        "best_update": 30, "train_loss": 0.1, "examples": {"train": 9}, "wall_time_s": 90.0, "device": "cpu",
        "processor": "A processor", "commit": "abc123", "threads": 1, "versions": {"torch": "2.13.0"},
    }  # fmt: skip
    write_json(results / "cells" / place / "result.json", record | changes)
    (results / "logs/train" / place).parent.mkdir(parents=True, exist_ok=True)
    (results / f"logs/train/{place}.log").write_text("")


def test_one_run_is_counted_as_one():
    runs = pd.DataFrame({"task": ["a"], "arm": ["b"], "degenerate": [True]})
    assert _counts(runs) == "1 run, 1 task, 1 arm; 1 run failed"


def test_findings_picture_and_scores_come_first(results):
    found = json.loads((results / "mine/findings.json").read_text())
    text = report(ABOUT, results, SHOWN)
    page = Page(text)
    assert list(page.text) == ["head", "findings", "scores", "figures", "tables", "made", "runs"]
    assert "Is <i>it</i> better?" in page.says("head")
    assert "10 runs, 1 task, 2 arms; 5 runs failed." in page.says("head")
    for finding in found:
        assert finding["sentence"].replace("(-", "(−").replace(" -", " −").replace("[-", "[−") in page.says("findings")
    assert "(decisions.csv, question failures, scope task, task rte" in page.says("findings")
    assert page.tooltips == ["rte, plain, seed 0: 80.0"]
    assert FIGURES["overview"].caption in page.says("findings")
    assert page.rows["scores"] == [
        ["arm", "rte, accuracy"],
        ["plain", "80.4 ± 1.1"],
        [ARM, "50.0 ± 0.0† (5/5‡)"],
        ["majority", "50.0"],
    ]


def test_every_figure_is_there_with_its_caption_in_view_in_reading_order(results):
    page = Page(report(ABOUT, results, SHOWN))
    assert [place for place, _ in page.pictures] == ["findings", "figures", "figures"]
    assert {kind for _, kind in page.pictures} == {"data:image/webp;base64"}
    text = page.says("figures")
    places = [text.index(f"{i}. {FIGURES[name].title}") for i, name in enumerate(SHOWN[1:], 1)]
    assert places == sorted(places)
    for name in SHOWN[1:]:
        assert f"{' '.join(FIGURES[name].caption.split())} Five runs." in text


def test_tables_are_shown_and_every_run_is_listed_failed_ones_first(results):
    page = Page(report(ABOUT, results, SHOWN))
    assert page.rows["tables"][1][:3] == ["rte", ARM, "5/5, 0/5 (.004)"]
    assert page.rows["tables"][-1] == [ARM, "5/5‡ [48, 100]"]
    assert page.details == [True, True, False]
    header, *rows = page.rows["runs"]
    assert header == ["task", "arm", "seed", "score", "how it ended", "time", "log"]
    assert len(rows) == 10
    assert [row[1] for row in rows] == [ARM] * 5 + ["plain"] * 5
    assert rows[0][4] == "diverged after 7 updates: its loss or gradient became infinite or no number"
    assert rows[1][3:5] == ["50.0", "failed: no better than the trivial predictor's 50.0, by the task's rule"]
    assert rows[5][3:5] == ["80.0", "finished"]
    assert "10 of 10 runs, whose cells are not in the folder cells" in page.says("made")
    assert "5 runs failed (1 diverged)" in page.says("made")


def test_the_page_says_on_what_machine_and_how_long_where_the_cells_are_there(results):
    rows = pd.read_csv(results / "mine/runs.csv").to_dict("records")
    keep_record(results, rows[0])
    keep_record(results, rows[1], resumed_after=[12], wall_time_s=30.0)
    keep_record(results, rows[2], device="A GPU", cells_per_gpu=2)
    (log,) = (results / "logs/train").rglob("seed-0.log")
    note_failed(results, [str(log)])
    os.utime(results / "cells" / log.relative_to(results / "logs/train").with_suffix("") / "result.json")
    note_failed(results, [str(log.with_name("of another study.log"))])
    keep_record(results, rows[3], fingerprint="of other code", wall_time_s=1e6)  # of no run of this study
    page = Page(report(ABOUT, results, SHOWN))
    text = page.says("made")
    assert "A processor, 1 thread a run (2 of 3 runs)" in text
    assert "A GPU, up to 2 runs side by side (1 of 3 runs)" in text
    assert "3.5 minutes of training in all; a run took 90.0 s (median), at most 90.0 s." in text
    assert "1 of 3 runs were stopped in the middle and taken up again" in text
    assert "Jobs of 1 of 3 runs failed and were started again" in text
    assert "torch 2.13.0" in text
    assert "commit abc123" in text
    assert "not known here of 7 of 10 runs" in text
    logs = [link for link in page.links if link.endswith(".log")]
    assert logs[0] == "../logs/train/glue/m/rte/a%2Bb/seed-0.log"
    assert (results / "mine" / logs[0].replace("%2B", "+")).is_file()
    assert len(logs) == 4


def test_runs_of_others_are_called_that_and_no_machine_is_named(results):
    page = Page(report(ABOUT._replace(is_table=True), results, SHOWN))
    assert "trained elsewhere and read from a table" in page.says("made")
    assert "Machine" not in page.says("made")
    assert "Analysed with seedvar" in page.says("made")


def test_nothing_is_fetched_and_nothing_run(results):
    text = report(ABOUT, results, SHOWN)
    page = Page(text)
    assert page.tags.isdisjoint({"script", "link", "iframe", "object", "form"})
    assert not [link for link in page.links if re.match(r"\w+:", link)]
    assert "default-src 'none'" in text
    assert not re.search(r"""(src|href)=["']?https?:""", text)


def test_what_is_missing_is_named_in_one_sentence(results, capsys, monkeypatch):
    (results / "mine/findings.json").unlink()
    with pytest.raises(UserError, match="findings.json: is missing; accepted: a study that has been run: snakemake"):
        report(ABOUT, results, SHOWN)
    monkeypatch.chdir(REPOSITORY)
    assert main(["report", "quickstart", "--results", str(results), "--out", str(results / "x.html")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_page_of_five_thousand_runs_is_written(results):
    runs = pd.read_csv(results / "mine/runs.csv")
    many = pd.concat([runs] * 500, ignore_index=True)
    write_csv(results / "mine/runs.csv", many)
    text = report(ABOUT, results, SHOWN)
    assert len(Page(text).rows["runs"]) == 5001
    assert len(text) < 2_000_000  # so that there is room for pictures in 15 MB


def test_a_browser_reads_the_page_and_a_phone_need_not_scroll_sideways(results, tmp_path):
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        needed = os.environ.get("SEEDVAR_REQUIRE_BROWSER")
        (pytest.fail if needed else pytest.skip)("there is no chromium on this machine")
    (tmp_path / "page.html").write_text(report(ABOUT, results, SHOWN))
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --dump-dom"
    # The page runs no script: a frame around it of a phone's width is asked how wide its content is.
    frame = "<iframe id=f src=page.html style='width:400px;height:900px;border:0'></iframe><p id=w></p>"
    asks = "onload=()=>{w.textContent='wide: '+f.contentDocument.documentElement.scrollWidth}"
    (tmp_path / "frame.html").write_text(f"<!doctype html>{frame}<script>{asks}</script>")
    command = [program, *flags.split(), f"--user-data-dir={tmp_path / 'chromium'}", "--virtual-time-budget=3000"]
    options = {"capture_output": True, "text": True, "timeout": 120}
    dom = subprocess.run([*command, f"file://{tmp_path / 'page.html'}"], **options).stdout
    page = Page(dom)
    assert page.tooltips == ["rte, plain, seed 0: 80.0"]
    assert page.rows["scores"][2] == [ARM, "50.0 ± 0.0† (5/5‡)"]
    assert len(page.rows["runs"]) == 11
    seen = subprocess.run([*command, "--allow-file-access-from-files", f"file://{tmp_path / 'frame.html'}"], **options)
    (width,) = re.findall(r"wide: (\d+)", seen.stdout)
    assert int(width) <= 400


def test_every_figure_has_its_caption_in_reading_order():
    page = captions(list(FIGURES)[:3], "my *study*", "5 runs")
    heads = [line for line in page.splitlines() if line.startswith("#")]
    assert heads[0].startswith("# Figures of my \\*study")
    assert heads[1] == "## 1. Every run"
    assert page.index("(overview.png)") < page.index("(distribution.png)") < page.index("(learning-curves.png)")
    assert all(FIGURES[name].caption in page for name in list(FIGURES)[:3])
