"""What a reader of the report sees first."""

import base64

import pandas as pd
from docutils.core import publish_parts
from helpers import REPOSITORY
from jinja2 import Template

from seedvar.figures import FIGURES
from seedvar.files import write_csv, write_json
from seedvar.report.captions import captions
from seedvar.report.findings import findings
from seedvar.report.first_page import first_page
from seedvar.stats.describe import summarise
from seedvar.stats.rule import decide

ARM = "*bold*_`x`"


def study(folder):
    """Writes what a study of two arms leaves behind; returns its findings."""
    scores = {"plain": [0.8, 0.81, 0.82, 0.8, 0.79], ARM: [0.5, 0.5, 0.5, 0.5, 0.5]}
    rows = [
        {"task": "rte", "arm": arm, "init_seed": i, "order_seed": i, "metric": "accuracy", "split": "test"}
        | {"score": score, "majority": 0.5, "degenerate": score <= 0.5, "status": "finished"}
        for arm, values in scores.items()
        for i, score in enumerate(values)
    ]
    runs = pd.DataFrame(rows)
    summary, decisions = summarise(runs), decide(runs, "plain")
    write_csv(folder / "summary.csv", summary)
    write_csv(folder / "decisions.csv", decisions)
    found = findings(summary, decisions)
    write_json(folder / "findings.json", found)
    (folder / "figures").mkdir()
    (folder / "figures/overview.png").write_bytes(b"\x89PNG" * 9000)
    return found


def test_findings_picture_and_scores_stand_on_the_first_page_in_this_order(tmp_path):
    found = study(tmp_path)
    about = {"name": "mine", "description": "", "is_table": False, "found": first_page(tmp_path)}
    snakemake = type("Snakemake", (), {"config": {"about": about}})
    text = Template((REPOSITORY / "workflow/report/workflow.rst").read_text()).render(snakemake=snakemake)
    page = publish_parts(text, writer="html", settings_overrides={"halt_level": 2})["html_body"]
    places = [page.index(f"<strong>{head}</strong>") for head in ("What was found", "Scores", "How it was made")]
    assert places == sorted(places)
    assert page.count("<li>") == len(found)
    assert f"{ARM} fails more often" in page.replace("\n", " ")
    picture = base64.b64encode(b"\x89PNG" * 9000).decode()
    assert places[0] < page.index(f'src="data:image/png;base64,{picture}"') < places[1]
    assert page.count("<tr>") == 1 + 2 + 1  # header, arms, majority
    assert "50.0 ± 0.0† (5/5‡)" in page


def test_a_report_of_a_study_that_has_not_been_analysed_has_no_findings(tmp_path):
    assert first_page(tmp_path) is None
    study(tmp_path)
    (tmp_path / "findings.json").unlink()
    assert first_page(tmp_path) is None


def test_every_figure_has_its_caption_in_reading_order():
    page = captions(list(FIGURES)[:3], "my *study*", "5 runs")
    heads = [line for line in page.splitlines() if line.startswith("#")]
    assert heads[0].startswith("# Figures of my \\*study")
    assert heads[1] == "## 1. Every run"
    assert page.index("(overview.png)") < page.index("(distribution.png)") < page.index("(learning-curves.png)")
    assert all(FIGURES[name].caption in page for name in list(FIGURES)[:3])
