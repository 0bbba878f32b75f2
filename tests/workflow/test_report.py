"""The report as a reader sees it: made by Snakemake and opened in a real browser, on a desk and on a phone."""

import json
import os
import re
import shutil
import subprocess

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from helpers import run_snakemake

from seedvar.figures import FIGURES, OVERVIEW

STUDY = """
description: Is *new* better than old_, or was it lucky?
runs:
  file: scores.csv
  columns: {task: task, arm: arm, seed: seed}
  curves: {file: curves.csv, update: update, train_loss: loss}
  tasks:
    syn-one: {metric: accuracy, score: test, majority: 0.5, curve: validation}
baseline: old
"""
# The page runs no script. What a browser makes of it is asked by a page around it, of the width of a screen.
AROUND = """<!doctype html>
<iframe id=seen src="{page}" style="width:{width}px;height:900px;border:0"></iframe><p id=told></p>
<script>
onload = () => {{
  const page = seen.contentDocument, boxes = selector => [...page.querySelectorAll(selector)].map(one =>
    [one.naturalWidth || 0, Math.round(one.getBoundingClientRect().width)]);
  page.querySelectorAll("details").forEach(one => one.open = true);
  setTimeout(() => told.textContent = JSON.stringify({{
    width: page.documentElement.scrollWidth, pictures: boxes("#figures img"), overview: boxes("#overview svg"),
    column: boxes("#overview img"), text: page.body.innerText, fetched:
    seen.contentWindow.performance.getEntriesByType("resource").filter(one => !one.name.startsWith("data:")).length,
  }}), 1000);
}};
</script>"""


@pytest.fixture
def look(tmp_path):
    """Opens a page on a screen of some width; returns what the browser made of it, and takes a picture of it."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        needed = os.environ.get("SEEDVAR_REQUIRE_BROWSER")
        (pytest.fail if needed else pytest.skip)("there is no chromium on this machine")
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking"
    start = [program, *flags.split(), "--allow-file-access-from-files", f"--user-data-dir={tmp_path / 'chromium'}"]

    def seen(page, width):
        around, picture = tmp_path / "around.html", tmp_path / f"{width}.png"
        around.write_text(AROUND.format(page=f"file://{page}", width=width))
        asked = [*start, "--virtual-time-budget=5000", "--dump-dom", f"file://{around}"]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=120)
        found = re.search(r'<p id="told">(.*?)</p>', done.stdout, re.DOTALL)
        assert found, done.stderr[-2000:]
        assert found[1], "the page was not loaded"
        taken = [*start, f"--screenshot={picture}", f"--window-size={width},900", f"file://{page}"]
        subprocess.run(taken, capture_output=True, timeout=120, check=True)
        pixels = matplotlib.image.imread(picture)
        assert len(np.unique(pixels.reshape(-1, pixels.shape[-1]), axis=0)) > 50  # not one blank area
        return json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))

    return seen


@pytest.fixture
def folder(checkout):
    """The results folder of a small study of made-up runs, half of the old arm's failed; nothing is trained."""
    rng = np.random.default_rng(0)
    runs, curves = [], []
    for arm in ("old", "new"):
        for seed in range(4):
            key = {"task": "syn-one", "arm": arm, "seed": seed}
            score = 0.5 if arm == "old" and seed % 2 else round(0.8 + 0.1 * rng.random(), 3)
            runs.append(key | {"test": score})
            curves += [key | {"update": update, "loss": 1 / update, "validation": score} for update in (10, 20)]
    pd.DataFrame(runs).to_csv(checkout / "scores.csv", index=False)
    pd.DataFrame(curves).to_csv(checkout / "curves.csv", index=False)
    (checkout / "config" / "studies" / "made_up.yaml").write_text(STUDY)
    return checkout / "results" / "made_up"


def test_the_report_is_read_in_a_browser(look, checkout, folder):
    """Findings, every picture, every table and every run are there, on a screen and on a phone; nothing is fetched."""
    done = run_snakemake(checkout, "--cores", "2", "--config", "study=made_up")
    assert done.returncode == 0, done.stderr
    drawn = [name for name in FIGURES if (folder / f"figures/{name}.png").is_file()]
    assert len(drawn) >= 3
    sizes = [matplotlib.image.imread(folder / f"figures/{name}.png").shape[1] for name in drawn if name != OVERVIEW]
    for width in (1400, 400):
        seen = look(folder / "report.html", width)
        is_phone = width < 700
        assert seen["width"] <= width  # nobody scrolls sideways
        assert [wide for wide, _ in seen["pictures"]] == sizes  # every figure, unspoilt, in reading order
        assert all(shown > 300 for _, shown in seen["pictures"])
        assert (seen["overview"][0][1] > 300) is not is_phone
        assert (seen["column"][0][1] > 300) is is_phone
        assert seen["fetched"] == 0

        text = " ".join(seen["text"].split())
        assert "Is *new* better than old_, or was it lucky?" in text
        assert "trained elsewhere" in text
        assert all(" ".join(FIGURES[name].caption.split()) in text for name in drawn)
        for finding in json.loads((folder / "findings.json").read_text()):
            assert " ".join(finding["sentence"].split()[:6]) in text
        summary = pd.read_csv(folder / "summary.csv")
        assert summary["failed"].tolist() == [2, 0]
        for row in summary.itertuples():
            assert f"{row.arm} {100 * row.mean:.1f} ± {100 * row.sd:.1f}" in text
        assert text.count("failed: no better than the trivial predictor's 50.0") == 2
        for name in ("scores", "failures", "comparisons"):
            assert (folder / f"tables/{name}.tex").is_file()
    assert (folder / "report.html").stat().st_size < 1_000_000
