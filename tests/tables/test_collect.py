"""Cells become tidy tables; what is missing or damaged is named, never averaged."""

import json

import made_up
import numpy as np
import pandas as pd
import pytest

from seedvar.cells import store
from seedvar.cells.record import RunRecord
from seedvar.errors import UserError
from seedvar.files import write_json
from seedvar.study.grid import expand
from seedvar.study.study import Arm, Study
from seedvar.tables.collect import collect
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
