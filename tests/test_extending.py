"""docs/extending.md: its code works where it says, and adding a method or a figure trains nothing that was there."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

REPOSITORY = Path(__file__).parents[1]
GUIDE = (REPOSITORY / "docs" / "extending.md").read_text(encoding="utf-8")
BLOCK = re.compile(
    r"(?:The\s+new\s+file|In)\s+`(?P<path>[^`]+)`(?:,\s+(?P<side>above|below)\s+`(?P<anchor>[^`]+)`)?:\n\n"
    r"```python\n(?P<code>.*?)```\n",
    re.S,
)
STUDY = """
description: A tiny study.
data: synthetic
model: ./tiny
tasks: [syn-rte]
seeds: 1
recipe: {learning_rate: 1e-3, n_train: 40, batch_size: 8, epochs: 1, evaluations: 2}
arms:
  plain: {}
baseline: plain
"""


@pytest.fixture
def add(checkout, run_in):
    """Does in the checkout what a section of the guide says; returns how many blocks of code that were."""

    def follow(section):
        blocks = list(BLOCK.finditer(GUIDE.split(f"\n## {section}\n")[1].split("\n## ")[0]))
        for block in blocks:
            path, code = checkout / block["path"], block["code"]
            if block["anchor"] is None:
                assert not path.exists()
                path.write_text(code)
                continue
            lines = path.read_text().splitlines(keepends=True)
            (found,) = [i for i, line in enumerate(lines) if line.strip().startswith(block["anchor"])]
            lines.insert(found + (block["side"] == "below"), code)
            path.write_text("".join(lines))
        for command in (["check"], ["format", "--check"]):
            done = run_in("ruff", *command, *(block["path"] for block in blocks))
            assert done.returncode == 0, done.stdout
        return len(blocks)

    return follow


@pytest.fixture
def snakemake(run_in):
    def run(*arguments):
        done = run_in("snakemake", *arguments, "study=tiny_study", "--cores", "2")
        assert done.returncode == 0, done.stderr

    return run


def test_the_guide_has_no_code_that_is_not_tested():
    assert len(BLOCK.findall(GUIDE)) == GUIDE.count("```python\n") == 7


def test_a_method_and_a_figure_are_added_as_the_guide_says(checkout, tiny_models, add, run_in, snakemake):
    shutil.copytree(tiny_models("bert"), checkout / "tiny")
    study = checkout / "config" / "studies" / "tiny_study.yaml"
    study.write_text(STUDY)
    snakemake("cells", "--config")
    (before,) = checkout.glob("results/cells/**/result.json")
    written = before.stat().st_mtime_ns

    # The method trains its own cell, and does something; the figure is drawn.
    assert add("A method") == 3
    assert add("A figure") == 2
    study.write_text(STUDY.replace("plain: {}\n", "plain: {}\n  bitfit: {biases_only: true}\n"))
    snakemake("results/tiny_study/figures/best-checkpoint.png", "--config")
    assert before.stat().st_mtime_ns == written
    (after,) = set(checkout.glob("results/cells/**/result.json")) - {before}
    assert json.loads(after.read_text())["cell"]["recipe"]["biases_only"] is True
    assert "+bitfit/" in str(after)
    logits = [pd.read_parquet(path.with_name("predictions.parquet"))["logit_0"] for path in (before, after)]
    assert not logits[0].equals(logits[1])
    for suffix, start in (("png", b"\x89PNG"), ("pdf", b"%PDF"), ("csv", b"task,")):
        assert (checkout / f"results/tiny_study/figures/best-checkpoint.{suffix}").read_bytes().startswith(start)

    # What was there keeps its fingerprint: the method's module is part of its own cells' alone.
    script = f"""
import json
from pathlib import Path
from seedvar.cells.fingerprint import fingerprint_of, sources
from seedvar.cells.cell import Cell
for path in ({str(before)!r}, {str(after)!r}):
    record = json.loads(Path(path).read_text())
    assert fingerprint_of(Cell.from_specification(record["cell"]), Path("results")) == record["fingerprint"]
    assert ("methods/bitfit.py" in sources(record["cell"]["recipe"])) == ("bitfit" in path)
"""
    done = run_in("python", "-c", script)
    assert done.returncode == 0, done.stderr


def test_a_task_and_a_family_are_added_as_the_guide_says(checkout, tiny_models, add, snakemake):
    assert add("A task") == add("A model family") == 1
    shutil.copytree(tiny_models("roberta"), checkout / "tiny")
    config = json.loads((checkout / "tiny" / "config.json").read_text())
    (checkout / "tiny" / "config.json").write_text(json.dumps(config | {"model_type": "xlm-roberta"}))
    folder = checkout / "glue" / "scitail"
    folder.mkdir(parents=True)
    rows = {"premise": ["the dog"] * 60, "hypothesis": ["the cat"] * 60, "label": [0, 1] * 30}
    for split in ("train", "validation"):
        pd.DataFrame(rows).to_parquet(folder / f"{split}-0.parquet")
    text = (
        STUDY.replace("synthetic", "glue")
        .replace("syn-rte", "scitail")
        .replace("plain: {}", "plain: {reinit_layers: 1}")
    )
    (checkout / "config" / "studies" / "tiny_study.yaml").write_text(text)
    snakemake("cells", "--config", "glue_dir=glue")
    (result,) = checkout.glob("results/cells/glue/tiny/scitail/**/result.json")
    assert json.loads(result.read_text())["status"] == "finished"
