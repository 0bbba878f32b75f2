"""Cells become tidy tables; what is missing or damaged is named, never averaged."""

import json

import made_up
import numpy as np
import pandas as pd
import pytest

from seedvar.cells import store
from seedvar.cells.record import RunRecord, read_record
from seedvar.errors import UserError
from seedvar.files import write_json
from seedvar.stats.describe import summarise
from seedvar.study.grid import expand, surface_runs
from seedvar.study.probes import Probes
from seedvar.study.study import Arm, Score, Study
from seedvar.tables.collect import choose_surface_runs, collect, run_row
from seedvar.tables.read import read_runs

STUDY = Study(
    model="tiny",
    tasks=["syn-rte", "syn-stsb"],
    seeds=2,
    arms={"plain": {}, "top": {"reinit_layers": 1}},
    baseline="plain",
)


def write_cell(results, cell, score):
    folder = results / cell.folder()
    folder.mkdir(parents=True)
    metric = "spearman" if "stsb" in cell.task else "accuracy"
    scores = {"validation": {metric: 0.6}, "test": {metric: score}}
    record = RunRecord(
        cell=cell.specification(),
        fingerprint="f",
        slug=cell.recipe.slug(),
        recipe=cell.recipe.model_dump(),
        status="finished" if score is not None else "diverged",
        degenerate=score is None,
        metric=metric,
        scores={"last": scores, "best": scores},
        majority={"validation": 0.5, "test": 0.5},
        updates=10,
        best_update=5,
        train_loss=0.4,
        constant_loss=0.6931,
        examples={"train": 10, "validation": 2, "test": 2},
        wall_time_s=1.0,
        device="cpu",
        threads=1,
        versions={},
    )
    (folder / "result.json").write_text(record.model_dump_json())
    pd.DataFrame({"update": [5, 10], "train_loss": [0.7, 0.4], f"val_{metric}": [0.5, 0.6]}).to_csv(
        folder / "curve.csv", index=False
    )
    pd.DataFrame(
        {"checkpoint": "last", "split": "test", "example": [0, 1], "label": [0.0, 1.0], "logit_0": [0.1, 0.2]}
    ).to_parquet(folder / "predictions.parquet")
    return folder


@pytest.fixture
def results(tmp_path):
    for number, (_, cell) in enumerate(expand(STUDY)):
        write_cell(tmp_path, cell, None if number == 0 else 0.6 + number / 100)
    return tmp_path


def test_every_cell_is_a_row_with_its_recipe_seeds_and_scores(results):
    collect(STUDY, "mine", results)
    runs = read_runs(results / "mine" / "runs.csv")
    assert len(runs) == 8
    assert list(runs["arm"][:4]) == ["plain", "plain", "top", "top"]
    assert list(runs["reinit_layers"][:4]) == [0, 0, 1, 1]
    assert runs["test_last"][1] == runs["score"][1] == pytest.approx(0.61)
    assert len(pd.read_csv(results / "mine" / "curves.csv")) == 16
    predictions = pd.read_parquet(results / "mine" / "predictions.parquet")
    assert len(predictions) == 16
    assert list(predictions.columns[:4]) == ["task", "arm", "init_seed", "order_seed"]


def test_a_run_without_a_score_counts_as_failed_with_the_trivial_score(results):
    collect(STUDY, "mine", results)
    row = read_runs(results / "mine" / "runs.csv").iloc[0]
    assert (row["status"], row["degenerate"], row["score_defined"], row["score"]) == ("diverged", True, False, 0.5)
    assert np.isnan(row["test_last"])


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda path: path.unlink(), "result.json: cannot be read"),
        (lambda path: path.write_text(path.read_text()[:80]), "result.json: is damaged"),
        (lambda path: path.write_text(json.dumps({"score": 1})), "result.json: is damaged"),
    ],
)
def test_a_missing_or_damaged_result_is_named_and_no_table_is_written(results, damage, sentence):
    _, cell = expand(STUDY)[3]
    damage(results / cell.folder() / "result.json")
    with pytest.raises(UserError, match=sentence) as caught:
        collect(STUDY, "mine", results)
    assert cell.folder() in str(caught.value)
    assert not (results / "mine").exists()


def test_names_that_look_like_numbers_or_nothing_stay_names(results, tmp_path):
    study = STUDY.model_copy(update={"arms": {"None": Arm(), "2": Arm(reinit_layers=1)}})
    collect(study, "odd", results)
    assert read_runs(results / "odd" / "runs.csv")["arm"].unique().tolist() == ["None", "2"]


def test_a_damaged_table_is_named(tmp_path):
    (tmp_path / "runs.csv").write_text("task,arm\nrte,a\n")
    with pytest.raises(UserError, match="runs.csv: column 'init_seed' is missing"):
        read_runs(tmp_path / "runs.csv")


def test_a_run_that_diverged_before_its_first_evaluation_has_no_curve(results):
    """Its curve has no row and no header; the other runs keep theirs."""
    arm, cell = next(iter(expand(STUDY)))
    (results / cell.folder() / "curve.csv").write_text("\n")
    collect(STUDY, "mine", results)
    curves = pd.read_csv(results / "mine" / "curves.csv")
    assert len(curves) == 14
    gone = (curves["task"] == cell.task) & (curves["arm"] == arm) & (curves["init_seed"] == cell.init_seed)
    assert not gone.any()
    assert curves.loc[curves["task"] == "syn-stsb", "val_accuracy"].isna().all()


def test_a_curve_that_cannot_be_read_is_named(results):
    _, cell = list(expand(STUDY))[3]
    path = results / cell.folder() / "curve.csv"
    path.write_text(path.read_text() + "1,2,3,4,5\n")
    with pytest.raises(UserError, match="reinit1/seed-1/curve.csv: cannot be read"):
        collect(STUDY, "mine", results)


@pytest.fixture
def prepared(tmp_path):
    """Results that are in order, of cells whose data and model are prepared."""
    made_up.make_model(tmp_path / "tiny")
    results, cells = tmp_path / "results", [cell for _, cell in expand(STUDY)]
    made_up.prepare(cells, tmp_path / "tiny", results)
    made_up.make_cells(cells, results)
    collect(STUDY, "mine", results)
    return results


def change_data(results, task):
    """Makes the data of a task other than the results were trained on."""
    about = results / "data/synthetic/tiny" / f"{task}-len128" / "data.json"
    write_json(about, json.loads(about.read_text()) | {"content": "other"})
    return [cell for _, cell in expand(STUDY) if cell.task == task]


def test_a_result_of_other_data_is_set_aside_and_never_averaged(prepared):
    outdated = change_data(prepared, "syn-stsb")
    before = (prepared / "mine/runs.csv").read_bytes()
    with pytest.raises(
        UserError,
        match=r"seed-0/result.json: is of other code, data or weights, and .* \(3 more cells are not in order either\)",
    ):
        collect(STUDY, "mine", prepared)
    for cell in outdated:
        assert not (prepared / cell.folder() / "result.json").exists()
        assert (prepared / cell.folder() / "result.outdated").is_file()
    assert (prepared / "mine/runs.csv").read_bytes() == before


def test_a_result_of_other_data_is_replaced_by_what_the_store_has(prepared, capsys):
    cells = change_data(prepared, "syn-stsb")
    made_up.make_cells(cells, prepared, in_folder=False, train_loss=0.25)
    collect(STUDY, "mine", prepared)
    runs = read_runs(prepared / "mine/runs.csv")
    assert set(runs[runs["task"] == "syn-stsb"]["train_loss"]) == {0.25}
    assert capsys.readouterr().err.count("was of other code, data or weights; replaced by what the store has") == 4
    assert store.differing(prepared / "store", runs["fingerprint"].iloc[-1], prepared / cells[-1].folder()) == []


@pytest.fixture
def measured(tmp_path):
    """A cell of syn-mrpc for each of three runs, whose scores differ by checkpoint and split."""
    study = STUDY.model_copy(update={"tasks": ["syn-mrpc"], "seeds": 3, "arms": {"plain": Arm()}, "baseline": None})
    labels, share = np.array([1.0, 1.0, 1.0, 0.0]), {"validation": 0.75, "test": 0.5}
    for (_, cell), accuracy in zip(expand(study), (0.75, 0.8, None), strict=True):
        folder = write_cell(tmp_path, cell, 0.9)
        record = read_record(folder / "result.json")
        last = {"validation": {"f1": 0.86, "accuracy": accuracy}, "test": {"f1": 0.9, "accuracy": 0.9}}
        best = {"validation": {"f1": 0.88, "accuracy": 0.8}, "test": {"f1": 0.7, "accuracy": 0.6}}
        if accuracy is None:
            last = {split: dict.fromkeys(("f1", "accuracy")) for split in share}
        update = {"metric": "f1", "positive": 1, "scores": {"last": last, "best": best}, "majority": share}
        update["degenerate"] = accuracy is None
        (folder / "result.json").write_text(record.model_copy(update=update).model_dump_json())
        pd.DataFrame(
            {"checkpoint": "last", "split": "validation", "example": range(4), "label": labels, "logit_0": 0.1}
        ).to_parquet(folder / "predictions.parquet")
    return study, tmp_path


@pytest.mark.parametrize(
    ("score", "scores", "failed", "majority"),
    [
        ({}, [0.9, 0.9, 0.5], [False, False, True], 0.5),
        ({"split": "validation"}, [0.86, 0.86, 0.75], [True, False, True], 0.75),
        ({"checkpoint": "best", "split": "test"}, [0.7, 0.7, 0.7], [False, False, True], 0.5),
        ({"checkpoint": "best", "split": "validation"}, [0.88, 0.88, 0.88], [True, False, True], 0.75),
    ],
)
def test_a_study_says_which_checkpoint_and_split_are_judged(measured, score, scores, failed, majority):
    """By F1 a run fails by its accuracy, at the end of training, on the split that is judged."""
    study, results = measured
    collect(study.model_copy(update={"score": Score(**score)}), "mine", results)
    runs = read_runs(results / "mine" / "runs.csv")
    assert runs["score"].tolist() == scores
    assert runs["degenerate"].tolist() == failed
    assert set(runs["majority"]) == {majority}
    assert set(runs["checkpoint"]) == {score.get("checkpoint", "last")}
    assert set(runs["split"]) == {score.get("split", "test")}
    every = runs[["validation_last", "test_last", "validation_best", "test_best"]]
    assert every.iloc[0].tolist() == [0.86, 0.9, 0.88, 0.7]
    assert runs[["majority_validation", "majority_test"]].iloc[0].tolist() == [0.75, 0.5]
    summary = summarise(runs).iloc[0]
    assert (summary["checkpoint"], summary["split"]) == (runs["checkpoint"][0], runs["split"][0])
    assert summary["mean_validation_last"] == pytest.approx((0.86 + 0.86 + 0.75) / 3)
    assert summary["mean_test_last"] == pytest.approx((0.9 + 0.9 + 0.5) / 3)
    assert (summary["mean_validation_best"], summary["sd_test_best"]) == (pytest.approx(0.88), 0)


def test_a_split_that_was_not_measured_is_refused(measured):
    study, results = measured
    arm, cell = expand(study)[0]
    record = read_record(results / cell.folder() / "result.json").model_copy(update={"majority": {"validation": 0.5}})
    with pytest.raises(UserError, match="result.json: has no test scores; accepted as score.split: validation"):
        run_row(arm, cell, record, Score(split="test"), results / cell.folder())


def probing(first, second):
    ends = {"first": {"arm": "plain", "seed": first}, "second": {"arm": "plain", "seed": second}}
    surface = {"task": "syn-mrpc", **ends}
    return {"probes": Probes.model_validate({"surface": surface})}


def test_a_probe_finds_the_first_run_that_failed_and_the_first_that_did_not(measured):
    """On test the first two runs are successful and the third failed."""
    study, results = measured
    study = study.model_copy(update=probing("first failed", "first successful"))
    choose_surface_runs(study, "mine", results)
    chosen = json.loads((results / "mine/probes/surface/runs.json").read_text())
    assert chosen == {"first": [2, 2], "second": [0, 0]}
    assert [cell.init_seed for cell in surface_runs(study, chosen)] == [2, 0]
    choose_surface_runs(study.model_copy(update=probing("first failed", 1)), "mine", results)
    assert json.loads((results / "mine/probes/surface/runs.json").read_text()) == {"first": [2, 2], "second": [1, 1]}


def test_a_probe_of_a_failed_run_where_none_failed_is_one_sentence(measured):
    study, results = measured
    two = study.model_copy(update={"seeds": 2, **probing("first failed", "first successful")})
    with pytest.raises(
        UserError, match="probes.surface.first: none of the 2 runs of plain on syn-mrpc failed; accepted: "
    ):
        choose_surface_runs(two, "mine", results)
    assert not (results / "mine/probes/surface/runs.json").exists()
