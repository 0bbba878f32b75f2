"""Tables from anywhere: read by the study's mapping, complete, and one sentence for every mistake."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from seedvar.errors import UserError
from seedvar.stats.describe import summarise
from seedvar.study.reading import read_study
from seedvar.tables.foreign import import_runs

REPOSITORY = Path(__file__).parents[2]
STUDY = """
runs:
  file: {file}
  columns: {{task: data set, arm: method, seed: run}}
  arms: {{ours: new, plain: old}}
  scale: 100
  tasks:
    rte: {{value: RTE, metric: accuracy, score: acc, majority: 50}}
    mrpc: {{value: MRPC, metric: f1, score: f1, majority: 80, failed_by: acc, failed_at: 66, validation: dev}}
baseline: plain
"""


@pytest.fixture
def rows():
    return pd.DataFrame(
        {
            "data set": ["RTE"] * 4 + ["MRPC"] * 4 + ["other"],
            "method": ["old", "old", "new", "new"] * 2 + ["old"],
            "run": [1, 2, 1, 2] * 2 + [1],
            "acc": [50.0, 60, 70, np.nan, 66, 67, 70, 70, 1],
            "f1": [np.nan] * 4 + [81.0, 79, 85, 86, 1],
            "dev": [np.nan] * 4 + [80.0, 78, 84, 83, 1],
        }
    )


@pytest.fixture
def study(tmp_path, rows):
    """Writes a table in a format and the study that reads it, with changes."""

    def write(*changes, suffix=".csv", table=rows):
        path = tmp_path / f"scores{suffix}"
        if suffix == ".parquet":
            table.to_parquet(path)
        else:
            table.to_csv(path, index=False, sep="\t" if suffix == ".tsv" else ",")
        text = STUDY.format(file=path)
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "mine.yaml").write_text(text)
        return read_study(tmp_path / "mine.yaml")

    return write


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_a_table_in_any_format_becomes_runs_in_the_study_files_order(study, suffix):
    runs = import_runs(study(suffix=suffix))["runs"]
    assert runs[["task", "arm"]].drop_duplicates().to_numpy().tolist() == [
        ["rte", "ours"],
        ["rte", "plain"],
        ["mrpc", "ours"],
        ["mrpc", "plain"],
    ]
    assert runs["score"].tolist() == [0.7, 0.5, 0.5, 0.6, 0.85, 0.86, 0.81, 0.79]
    assert runs["init_seed"].tolist() == [1, 2] * 4
    assert runs.loc[runs["task"] == "mrpc", "validation_last"].tolist() == [0.84, 0.83, 0.8, 0.78]


def test_failure_is_what_the_study_says_and_an_undefined_score_has_failed(study):
    runs = import_runs(study())["runs"]
    failed = runs[runs["degenerate"]]
    assert failed[["task", "arm", "init_seed"]].to_numpy().tolist() == [
        ["rte", "ours", 2],  # no score
        ["rte", "plain", 1],  # the majority score
        ["mrpc", "plain", 1],  # by accuracy, though its F1 is higher than the other's
    ]
    assert runs["score_defined"].tolist() == [True, False, *[True] * 6]
    assert summarise(runs)["failed"].tolist() == [1, 1, 0, 1]


def test_seeds_are_numbered_where_the_table_has_none(study):
    runs = import_runs(study((", seed: run", "")))["runs"]
    assert runs["order_seed"].tolist() == [0, 1] * 4


def test_curves_give_the_validation_score_and_the_loss_at_the_end(study, tmp_path):
    curve = pd.DataFrame(
        [("RTE", m, r, u, 0.7 - 0.1 * u, 50 + u) for m in ("old", "new") for r in (1, 2) for u in (2, 1)],
        columns=["data set", "method", "run", "step", "loss", "val"],
    )
    mrpc = curve.assign(**{"data set": "MRPC"})
    pd.concat([curve, mrpc]).to_csv(tmp_path / "curves.csv", index=False)
    file = tmp_path / "curves.csv"
    tables = import_runs(
        study(
            ("  scale", f"  curves: {{file: {file}, update: step, train_loss: loss}}\n  scale"),
            ("score: acc,", "score: acc, curve: val,"),
        )
    )
    rte = tables["runs"][tables["runs"]["task"] == "rte"]
    assert rte["validation_last"].tolist() == pytest.approx([0.52] * 4)
    assert tables["runs"]["train_loss"].tolist() == pytest.approx([0.5] * 8)
    assert tables["runs"].loc[4, "validation_last"] == 0.84  # the runs' own column comes first
    assert list(tables["curves"]["update"][:2]) == [1, 2]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            ("arm: method", "arm: methods"),
            "there is no column 'methods'; accepted: data set, method, run, acc, f1",
        ),
        (("score: f1", "score: f"), "there is no column 'f'"),
        (("score: f1", "score: method"), "column 'method' holds what is no number"),
        (("value: RTE", "value: rte"), "no row is of task 'rte'; accepted as runs.tasks.rte.value: MRPC, RTE, other"),
        (("task: data set, ", ""), "runs.columns.task: is missing"),
        (("seed: run", "init_seed: run"), "give seed, or init_seed and order_seed together"),
        (("baseline: plain", "baseline: old"), "baseline: unknown arm 'old'; accepted: ours, plain"),
        (("baseline: plain", ""), "baseline: is missing; accepted: ours, plain"),
        (("old}", "older}"), "no row has the arm 'older'; accepted as runs.arms.plain: new, old"),
        (
            ("scores.csv", "gone.csv"),
            "runs.file: there is no .*gone.csv; accepted: a CSV, TSV, JSON Lines or Parquet file",
        ),
        (("score: acc", "scores: acc"), "runs.tasks.rte.scores: unknown key .did you mean 'score'"),
        (("columns:", "column:"), "runs.column: unknown key .did you mean 'columns'"),
        (("scale: 100", "scale: 0"), "runs.scale: 0 is not accepted"),
    ],
)
def test_a_mistake_is_one_sentence(study, change, sentence):
    with pytest.raises(UserError, match=sentence):
        import_runs(study(change))


def test_a_run_that_is_there_twice_is_refused(study, rows):
    with pytest.raises(UserError, match="the run of task rte, arm plain, seed 1 is there twice"):
        import_runs(study(table=pd.concat([rows, rows.head(1)])))


def test_another_kind_of_file_is_refused(study, tmp_path):
    (tmp_path / "scores.xlsx").write_text("")
    with pytest.raises(UserError, match="'.xlsx' is not accepted; accepted: .csv, .tsv, .jsonl, .json, .parquet"):
        import_runs(study(("scores.csv", "scores.xlsx")))


def test_the_shipped_studies_of_published_runs_read_them(published_runs):
    folder = str(REPOSITORY.parent / "shared" / "data" / "published_runs")
    tables = import_runs(read_study(REPOSITORY / "config/studies/published_zhang_runs.yaml"), folder)
    counts = tables["runs"].groupby(["task", "arm"], sort=False)["degenerate"].sum()
    assert counts.tolist() == [36, 0, 0, 28, 0, 0, 6, 0, 0, 18, 0, 0]  # literature: the replication's failures
    assert len(tables["curves"]) == 6450
    grid = import_runs(read_study(REPOSITORY / "config/studies/published_zhang_fig9.yaml"), folder)["runs"]
    means = grid.groupby("arm")["score"].mean().to_dict()
    assert means == pytest.approx({"standard": 0.71225, "reinit5": 0.74348}, abs=1e-5)
