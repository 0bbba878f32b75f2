"""docs/extending.md: its code works where it says, and adding to seedvar trains nothing that was there."""

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
    r"```(?:python|yaml)\n(?P<code>.*?)```\n",
    re.S,
)
STUDY = """
description: A tiny study.
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
                path.parent.mkdir(exist_ok=True)
                path.write_text(code)
                continue
            lines = path.read_text().splitlines(keepends=True)
            (found,) = [i for i, line in enumerate(lines) if line.strip().startswith(block["anchor"])]
            lines.insert(found + (block["side"] == "below"), code)
            path.write_text("".join(lines))
        python = [block["path"] for block in blocks if block["path"].endswith(".py")]
        for command in (["check"], ["format", "--check"]) if python else ():
            done = run_in("ruff", *command, *python)
            assert done.returncode == 0, done.stdout
        return len(blocks)

    return follow


@pytest.fixture
def snakemake(run_in):
    def run(*arguments):
        done = run_in("snakemake", *arguments, "study=tiny_study", "--cores", "2")
        assert done.returncode == 0, done.stderr

    return run


def fingerprints(checkout):
    return {path: json.loads(path.read_text())["fingerprint"] for path in checkout.glob("results/cells/**/result.json")}


def test_the_guide_has_no_code_that_is_not_tested():
    assert len(BLOCK.findall(GUIDE)) == GUIDE.count("```python\n") + GUIDE.count("```yaml\n") == 11


def test_what_the_guide_adds_works_and_trains_nothing_that_was_there(checkout, tiny_models, add, snakemake):
    """All of the guide in one study: first a plain cell, then one for each thing that is added."""
    shutil.copytree(tiny_models("bert"), checkout / "tiny")
    study = checkout / "config" / "studies" / "tiny_study.yaml"
    study.write_text(STUDY)
    snakemake("cells", "--config")
    before = fingerprints(checkout)
    (plain,) = before
    written = plain.stat().st_mtime_ns

    added = [
        add(section) for section in ("A method", "A figure", "A metric", "An optimizer", "A task", "A model family")
    ]
    assert added == [3, 2, 2, 2, 1, 1]
    (checkout / "data").mkdir()
    rows = pd.DataFrame(
        {"premise": ["the dog"] * 60, "hypothesis": ["the cat"] * 60, "label": ["neutral", "entails"] * 30}
    )
    for split in ("train", "validation"):
        rows.assign(premise=f"the dog of {split}").to_csv(checkout / "data" / f"scitail-{split}.csv", index=False)
    shutil.copytree(tiny_models("roberta"), checkout / "camembert")
    config = json.loads((checkout / "camembert" / "config.json").read_text())
    config |= {"model_type": "camembert", "architectures": ["CamembertModel"]}
    (checkout / "camembert" / "config.json").write_text(json.dumps(config))
    task = checkout / "config" / "tasks" / "scitail.yaml"
    balanced = task.read_text().replace("metric: accuracy", "metric: balanced_accuracy")
    task.with_name("balanced.yaml").write_text(balanced.replace("description:", "data: scitail\ndescription:"))
    arms = "  norms: {norms_only: true}\n  radam: {optimizer: radam}\n  other: {model: ./camembert, reinit_layers: 1}\n"
    text = STUDY.replace("plain: {}\n", f"plain: {{}}\n{arms}").replace("[syn-rte]", "[syn-rte, scitail, balanced]")
    study.write_text(text)
    snakemake(
        "cells", "results/tiny_study/figures/best-checkpoint.png", "results/tiny_study/instability.csv", "--config"
    )

    assert plain.stat().st_mtime_ns == written
    after = fingerprints(checkout)
    assert before.items() <= after.items()
    assert len(after) == 12
    for suffix, start in (("png", b"\x89PNG"), ("pdf", b"%PDF"), ("csv", b"task,")):
        assert (checkout / f"results/tiny_study/figures/best-checkpoint.{suffix}").read_bytes().startswith(start)

    # Each does something, and its module counts for its own cells alone.
    folder = plain.parents[2]
    slugs = {"plain": plain.parents[1].name, "norms": "*norms*", "radam": "radam*"}
    found = folder.parent.parent.glob
    paths = {arm: next(found(f"*/syn-rte/{slug}/*/predictions.parquet")) for arm, slug in slugs.items()}
    runs = {arm: pd.read_parquet(path) for arm, path in paths.items()}
    assert not runs["plain"]["logit_0"].equals(runs["norms"]["logit_0"])
    assert not runs["plain"]["logit_0"].equals(runs["radam"]["logit_0"])
    for path in after:
        decided_by = json.loads(path.with_name("fingerprint.json").read_text())["code"]
        assert ("method norms" in decided_by) == ("norms" in str(path))
        assert ("optimizer radam" in decided_by) == ("radam" in str(path))
        assert ("metric balanced_accuracy" in decided_by) == ("balanced" in str(path))
    records = [json.loads(path.read_text()) for path in after if "balanced" in str(path)]
    assert {record["majority"]["test"] for record in records} == {0.5}
