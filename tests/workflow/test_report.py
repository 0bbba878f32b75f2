"""The report as a reader sees it: opened in a real browser, with every result clicked on."""

import base64
import fcntl
import io
import json
import os
import select
import shutil
import subprocess
import time

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from helpers import run_snakemake

from seedvar.stats.verdict import verdicts
from seedvar.tables.read import read_table

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
TIMEOUT_S = 120


class Browser:
    """Chromium without a window, spoken to through a pair of pipes (Chrome DevTools protocol)."""

    FLAGS = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
        "--disable-component-update --disable-sync --remote-debugging-pipe --window-size=1400,1000"
    )

    def __init__(self, program, folder):
        (its_input, self.to), (self.back, its_output) = os.pipe(), os.pipe()

        def connect():  # in the new process: commands come on 3, answers go to 4
            spare = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (its_input, its_output)]
            os.dup2(spare[0], 3)
            os.dup2(spare[1], 4)

        command = [program, *self.FLAGS.split(), f"--user-data-dir={folder}"]
        self.log = folder.with_suffix(".log")
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(command, preexec_fn=connect, close_fds=False, stdout=log, stderr=log)
        os.close(its_input)
        os.close(its_output)
        self.received, self.number, self.errors, self.session = b"", 0, [], None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")
        self.call("Runtime.enable")

    def close(self):
        self.process.terminate()
        self.process.wait(TIMEOUT_S)
        for number in (self.to, self.back):
            os.close(number)

    def call(self, method, **params):
        """Sends a command and returns its result."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("method") == "Runtime.exceptionThrown":
                self.errors.append(answer["params"]["exceptionDetails"])
            if answer.get("id") == self.number:
                assert "error" not in answer, (method, answer)
                return answer["result"]

    def _receive(self):
        deadline = time.monotonic() + TIMEOUT_S
        while b"\0" not in self.received:
            is_there, _, _ = select.select([self.back], [], [], max(0, deadline - time.monotonic()))
            part = os.read(self.back, 1 << 20) if is_there else b""
            if not part:
                pytest.fail(f"chromium does not answer:\n{self.log.read_text()[-2000:]}")
            self.received += part
        message, self.received = self.received.split(b"\0", 1)
        return json.loads(message)

    def value(self, expression, **where):
        """Evaluates JavaScript in the page, or in the frame `contextId`."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, **where)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait_for(self, expression, **where):
        """Waits until an expression is true; returns its value."""
        deadline = time.monotonic() + TIMEOUT_S
        while not (value := self.value(expression, **where)):
            assert time.monotonic() < deadline, f"never true: {expression}"
            time.sleep(0.05)
        return value

    def click(self, text):
        """Clicks on the entry of the menu with this text."""
        entry = f"[...document.querySelectorAll('nav a')].find(one => one.innerText.trim() === {json.dumps(text)})"
        self.wait_for(f"!!{entry}")
        self.value(f"{entry}.click()")

    def frame(self, name):
        """Waits until an embedded page is there; returns where to evaluate in it."""
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            frames = self.call("Page.getFrameTree")["frameTree"].get("childFrames", [])
            if frames and f"filename={name};" in frames[0]["frame"]["url"][:200]:
                context = self.call("Page.createIsolatedWorld", frameId=frames[0]["frame"]["id"])
                where = {"contextId": context["executionContextId"]}
                self.wait_for("document.readyState === 'complete'", **where)
                return where
            time.sleep(0.05)
        return pytest.fail(f"{name} is not shown")

    def screenshot(self, path=None, **options):
        """Returns what is on the screen as an array of pixels; writes it to a file where one is named."""
        data = base64.b64decode(self.call("Page.captureScreenshot", **options)["data"])
        if path:
            path.write_bytes(data)
        return matplotlib.image.imread(io.BytesIO(data))


@pytest.fixture
def browser(tmp_path):
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        needed = os.environ.get("SEEDVAR_REQUIRE_BROWSER")
        (pytest.fail if needed else pytest.skip)("there is no chromium on this machine")
    browser = Browser(program, tmp_path / "chromium")
    yield browser
    browser.close()


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


def test_the_report_is_read_in_a_browser(browser, checkout, folder, tmp_path):
    """The summary is read, every figure is seen, every table and the notebook can be opened."""
    done = run_snakemake(checkout, "--cores", "2", "--config", "study=made_up")
    assert done.returncode == 0, done.stderr
    browser.call("Page.navigate", url=f"file://{folder / 'report.html'}")

    # The first page says what the study asks, no character of it taken for markup, and whose runs these are.
    text = browser.wait_for("document.querySelector('#app') && document.querySelector('#app').innerText")
    assert "Study made_up: Is *new* better than old_, or was it lucky?" in text
    assert "trained elsewhere" in text

    found = browser.value("Object.entries(results).map(([path, one]) => [path, Object.values(one.labels)[0]])")
    results = dict(found)
    pictures = {path for path in results if path.endswith(".png")}
    assert {f"results/made_up/figures/{file.name}" for file in folder.glob("figures/*.png")} == pictures
    assert len(pictures) >= 2
    assert set(results) == pictures | {"results/made_up/notebook.html"}

    seen = {}
    for category in browser.value("Object.keys(categories)"):
        browser.value("app.setView({navbarMode: 'menu'})")
        browser.click(category)
        for path in browser.value(f"Object.values(categories[{json.dumps(category)}]).flat()"):
            row = f"[...document.querySelectorAll('nav tr')].find(one => one.innerText.trim() === '{results[path]}')"
            browser.wait_for(f"!!{row}")
            browser.value(f"{row}.querySelector('a').click()")
            name = path.split("/")[-1]
            seen[path] = look_at_picture(browser, name) if path in pictures else read_page(browser, name)
            browser.screenshot(tmp_path / f"{name}.shown.png")
    assert set(seen) == set(results)

    # What is shown is what the study found.
    for path in pictures:
        drawn = matplotlib.image.imread(folder / "figures" / path.split("/")[-1])
        assert seen[path] == (drawn.shape[1], drawn.shape[0])
    said = verdicts(read_table(folder / "decisions.csv"))["verdict"]
    assert all(verdict in seen["results/made_up/notebook.html"] for verdict in said)
    assert "old: 2 of 4 runs failed" in seen["results/made_up/notebook.html"]

    # It needs no network, and none of its scripts failed.
    assert browser.value("performance.getEntriesByType('resource').filter(one => /^(http|ws)/.test(one.name))") == []
    assert browser.errors == []


def look_at_picture(browser, name):
    """Waits until a figure is painted on the screen; returns its width and height."""
    image = f"document.querySelector('img[src*=\"filename={name};\"]')"
    browser.wait_for(f"{image} && {image}.complete && {image}.naturalWidth > 0")
    box = browser.value(f"{image}.getBoundingClientRect().toJSON()")
    assert box["width"] > 300
    assert box["height"] > 100
    clip = {name: box[name] for name in ("x", "y", "width", "height")} | {"scale": 1}
    pixels = browser.screenshot(clip=clip)
    assert len(np.unique(pixels.reshape(-1, pixels.shape[-1]), axis=0)) > 50  # not one blank area
    return tuple(browser.value(f"[{image}.naturalWidth, {image}.naturalHeight]"))


def read_page(browser, name):
    """Waits until an embedded page is there; returns its text."""
    where = browser.frame(name)
    browser.wait_for("[...document.images].every(image => image.complete && image.naturalWidth > 0)", **where)
    return browser.value("document.body.innerText", **where)
