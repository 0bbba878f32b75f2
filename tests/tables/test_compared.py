"""`select`: the arm with the best mean validation score stands for those that it was chosen from, task by task."""

import pandas as pd
import pytest

from seedvar.cli.main import main
from seedvar.stats.candidates import candidates
from seedvar.tables.compared import as_compared, select

# Mean validation scores and test scores of two seeds of each arm; test would choose otherwise than validation.
VALIDATION = {"rte": {"base": 0.6, "low": 0.7, "high": 0.8}, "cost": {"base": 0.9, "low": 0.2, "high": 0.3}}
TEST = {"rte": {"base": 0.6, "low": 0.9, "high": 0.5}, "cost": {"base": 0.9, "low": 0.8, "high": 0.1}}
METRIC = {"rte": "accuracy", "cost": "mse"}
BOTH = {"tuned": {"rte": ["low", "high"], "cost": ["low", "high"]}}


@pytest.fixture
def runs():
    rows = []
    for task, by_arm in VALIDATION.items():
        for arm, validation in by_arm.items():
            for seed, more in ((0, -0.01), (1, 0.01)):
                rows.append(
                    {
                        "task": task, "arm": arm, "init_seed": seed, "order_seed": seed, "metric": METRIC[task],
                        "split": "test", "score": TEST[task][arm] + more, "majority": 0.5, "degenerate": False,
                        "validation_last": validation + more, "majority_validation": 0.55,
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)


def chosen(runs, **changes):
    made = select(runs, BOTH | changes, "last")
    return made[made["selected"]].groupby("task", sort=False)["arm"].unique().map(list).to_dict()


def test_validation_decides_on_every_task_by_the_better_way_of_its_metric(runs):
    assert chosen(runs) == {"rte": ["high"], "cost": ["low"]}
    assert select(runs, BOTH, "last")["selection"].tolist() == ["", "", *["tuned"] * 4] * 2


def test_a_score_that_is_not_defined_counts_as_the_trivial_predictors(runs):
    diverged = (runs["task"] == "rte") & (runs["arm"] == "high") & (runs["init_seed"] == 0)
    runs.loc[diverged, "validation_last"] = float("nan")  # .55 and .81 are less than .69 and .71
    assert chosen(runs)["rte"] == ["low"]


def test_the_first_of_equals_is_chosen_and_a_task_may_have_its_own_list(runs):
    runs["validation_last"] = 0.7
    assert chosen(runs)["rte"] == ["low"]
    assert chosen(runs, tuned={"rte": ["high", "low"], "cost": ["low"]}) == {"rte": ["high"], "cost": ["low"]}


def test_the_judged_checkpoint_chooses(runs):
    runs["validation_best"] = runs["validation_last"].where(runs["arm"] != "low", 0.95)
    best = select(runs, BOTH, "best")
    assert set(best[best["selected"] & (best["task"] == "rte")]["arm"]) == {"low"}


def test_what_is_compared_has_the_chosen_runs_under_the_selections_name(runs):
    curves = runs[["task", "arm", "init_seed", "order_seed"]].assign(val_loss=range(len(runs)))
    made = as_compared({"runs": select(runs, BOTH, "last"), "curves": curves, "other": pd.DataFrame({"x": [1]})})
    assert made["runs"].groupby(["task", "arm"], sort=False)["score"].mean().round(6).to_dict() == {
        ("rte", "base"): 0.6, ("rte", "tuned"): 0.5, ("cost", "base"): 0.9, ("cost", "tuned"): 0.8,
    }  # fmt: skip
    assert made["runs"]["trained_as"].tolist() == ["base"] * 2 + ["high"] * 2 + ["base"] * 2 + ["low"] * 2
    assert made["curves"]["val_loss"].tolist() == [0, 1, 4, 5, 6, 7, 8, 9]
    assert made["curves"]["arm"].tolist() == (["base"] * 2 + ["tuned"] * 2) * 2
    assert made["other"]["x"].tolist() == [1]


def test_without_a_selection_tables_stay_as_they_are(runs):
    assert as_compared({"runs": runs})["runs"] is runs


def test_candidates_says_what_was_chosen_from(runs):
    made = candidates(select(runs, BOTH, "last").assign(checkpoint="last"))
    assert made[["selection", "task", "arm", "selected"]].to_numpy().tolist() == [
        ["tuned", "rte", "low", False],
        ["tuned", "rte", "high", True],
        ["tuned", "cost", "low", True],
        ["tuned", "cost", "high", False],
    ]
    assert made["mean_validation"].round(6).tolist() == [0.7, 0.8, 0.2, 0.3]
    assert made["mean"].round(6).tolist() == [0.9, 0.5, 0.8, 0.1]
    assert made["n"].tolist() == [2] * 4


def test_a_table_in_a_file_is_read_the_same(runs, tmp_path):
    """As the workflow does it: the selection is in runs.csv, and the commands follow it."""
    table = tmp_path / "runs.csv"
    select(runs, BOTH, "last").to_csv(table, index=False)
    for statistic in ("summary", "candidates", "decisions"):
        out = tmp_path / f"{statistic}.csv"
        assert not main(["statistics", statistic, str(table), "--baseline", "base", "--out", str(out)])
    summary = pd.read_csv(tmp_path / "summary.csv")
    assert summary[["arm", "trained_as"]].to_numpy().tolist() == [
        ["base", "base"], ["tuned", "high"], ["base", "base"], ["tuned", "low"],
    ]  # fmt: skip
    scores = tmp_path / "scores.md"
    assert not main(["tables", str(tmp_path / "summary.csv"), "--layout", "scores", "--out", str(scores)])
    assert "tuned is the best by mean validation score: rte high, cost low." in scores.read_text()
    assert pd.read_csv(tmp_path / "candidates.csv")["arm"].tolist() == ["low", "high"] * 2
    decisions = pd.read_csv(tmp_path / "decisions.csv")
    assert set(decisions["arm"]) == {"tuned"}
    assert set(decisions["baseline"]) == {"base"}
