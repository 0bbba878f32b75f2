"""A user's own data and two models, from files to the report, without a line of Python."""

import json
import random
import re
import shutil

import pandas as pd
import pytest

from seedvar.data.synthetic import make_examples

STUDY = """
description: Do two models read our own data alike?
tasks:
  reviews:
    source: {train: mine/reviews-train.csv, validation: mine/reviews-dev.csv, test: mine/reviews-test.csv}
    text: text
    label: stars
    labels: [1, 2, 3, 4, 5]
    metric: macro_f1
  relation:
    data: pairs
    source: {train: mine/relation.tsv}
    text: [first, second]
    label: relation
    split: {validation: 0.2, test: 0.2}
  likeness:
    source: {train: mine/likeness.jsonl, validation: mine/likeness-dev.jsonl}
    text: [first, second]
    label: score
    labels: number
    metric: mse
  published:
    source: {hub: somebody/notes, config: plain}
    text: text
    positive: good
    metric: f1
seeds: 2
recipe:
  learning_rate: 1e-3
  batch_size: 16
  epochs: 1
  evaluations: 2
  by_model: {./other: {learning_rate: 2e-3}}
  by_task: {published: {n_train: 30, sampling: random}}
arms:
  embedded: {model: syn-bert}
  other: {model: ./other}
baseline: embedded
"""


@pytest.fixture
def project(checkout, tiny_models, tmp_path):
    """A checkout with a user's files, a second model and a data set in the hub's cache."""
    shutil.copytree(tiny_models("roberta"), checkout / "other")
    rng = random.Random(0)
    pairs = [{"first": row["sentence1"], "second": row["sentence2"]} for row in make_examples("syn-rte", "train", 120)]
    mine = checkout / "mine"
    mine.mkdir()
    texts = [row["first"] for row in pairs]
    for first, name in enumerate(("train", "dev", "test")):
        stars = [1 + i % 5 for i in range(60)]
        table = pd.DataFrame({"id": range(60), "text": texts[first * 30 :][:60], "stars": stars})
        table.to_csv(mine / f"reviews-{name}.csv", index=False)
    names = ["follows", "contradicts", "neither"]
    pd.DataFrame(pairs).assign(relation=[rng.choice(names) for _ in pairs]).to_csv(
        mine / "relation.tsv", sep="\t", index=False
    )
    for name in ("likeness", "likeness-dev"):
        lines = [json.dumps(pair | {"score": rng.uniform(0, 5)}) for pair in pairs[:60]]
        (mine / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    snapshot = tmp_path / "home" / "hub" / "datasets--somebody--notes" / "snapshots" / ("a" * 40) / "plain"
    snapshot.mkdir(parents=True)
    notes = pd.DataFrame({"text": texts[:60], "label": ["good", "bad", "good"] * 20})
    for name in ("train", "validation"):
        notes.to_parquet(snapshot / f"{name}-00000-of-00001.parquet")
    (snapshot.parents[2] / "refs").mkdir()
    (snapshot.parents[2] / "refs" / "main").write_text("a" * 40)
    (checkout / "config" / "studies" / "mine.yaml").write_text(STUDY)
    return checkout


def test_own_data_and_two_models_go_from_files_to_the_report(project, run_in, tmp_path):
    offline = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}
    said = run_in("seedvar", "check", "mine", environment=offline)
    assert said.returncode == 0, said.stderr
    assert "16 cells = 4 tasks x 2 arms x 2 seeds" in said.stdout
    assert "  embedded: syn-bert, " in said.stdout
    assert re.search(
        r"reviews: text -> stars; from mine/reviews-train.csv, .*\n  train: 60 examples; 5 classes: 1 \(12\)",
        said.stdout,
    )
    assert "relation: first, second -> relation; from mine/relation.tsv\n  train: " in said.stdout
    assert "metric: mean squared error (the lower, the better)" in said.stdout

    done = run_in("snakemake", "--cores", "2", "--config", "study=mine", environment=offline)
    assert done.returncode == 0, done.stderr
    folder = project / "results" / "mine"
    assert (folder / "report.html").stat().st_size > 100_000
    places = {
        path.relative_to(project / "results/cells").parts[:3] for path in project.glob("results/cells/**/result.json")
    }
    collections = {("reviews", "reviews"), ("pairs", "relation"), ("likeness", "likeness"), ("published", "published")}
    assert places == {(data, model, task) for data, task in collections for model in ("syn-bert", "other")}

    # The table says which model and which data; nothing of ours is called GLUE or synthetic.
    runs = pd.read_csv(folder / "runs.csv")
    assert len(runs) == 16
    assert dict(zip(runs["arm"], runs["model"], strict=True)) == {"embedded": "syn-bert", "other": "other"}
    assert dict(zip(runs["model"], runs["learning_rate"], strict=True)) == {"syn-bert": 1e-3, "other": 2e-3}
    assert dict(zip(runs["task"], runs["metric"], strict=True)) == {
        "reviews": "macro_f1", "relation": "accuracy", "likeness": "mse", "published": "f1",
    }  # fmt: skip
    assert set(runs.loc[runs["task"] == "published", "positive"]) == {1}  # bad, good
    for name in ("scores.md", "comparisons.md"):
        text = (folder / "tables" / name).read_text()
        assert "glue" not in text.lower()
        assert "synthetic" not in text.lower()
        assert "mean squared error" in text or name != "scores.md"
    sizes = json.loads(next(project.glob("results/cells/pairs/other/**/result.json")).read_text())["examples"]
    assert sizes == {"train": 70, "validation": 25, "test": 25}  # a fifth of each of three classes, rounded
    assert (
        json.loads(next(project.glob("results/cells/published/**/result.json")).read_text())["examples"]["train"] == 30
    )
    assert not (folder / "figures" / "learning-rates.png").exists()  # each model has but one
    comparisons = pd.read_csv(folder / "comparisons.csv")
    assert set(comparisons["task"]) == {task for _, task in collections}
    assert set(comparisons["arm"]) == {"other"}
    assert (folder / "figures" / "distribution.png").is_file()

    # A study of one task in a file of its own is the same cells.
    tasks = project / "config" / "tasks"
    tasks.mkdir()
    lines = STUDY.split("  reviews:\n")[1].split("  relation:\n")[0]
    (tasks / "reviews.yaml").write_text("".join(line[4:] + "\n" for line in lines.splitlines()))
    (project / "config" / "studies" / "alone.yaml").write_text(
        "tasks: [reviews]"
        + STUDY.split("published}\n")[-1]
        .split("metric: f1")[1]
        .replace("  by_task: {published: {n_train: 30, sampling: random}}\n", "")
    )
    status = run_in("seedvar", "status", "alone", environment=offline)
    assert re.search(r"done +4 ", status.stdout), status.stdout + status.stderr
