"""Descriptions by samples whose answer can be worked out by hand, and of published runs."""

import math
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from seedvar.stats.describe import (
    describe,
    failed_by_loss,
    fill_undefined,
    summarise,
    wilson_interval,
)
from seedvar.stats.intervals import share_interval

pytestmark = pytest.mark.filterwarnings("error")  # no warning of NumPy or SciPy may leak


def runs(scores, degenerate, task="rte", arm="adamw", majority=0.5, **columns):
    return pd.DataFrame(
        {
            "task": task,
            "arm": arm,
            "init_seed": range(len(scores)),
            "order_seed": range(len(scores)),
            "metric": "accuracy",
            "split": "test",
            "score": scores,
            "majority": majority,
            "degenerate": degenerate,
            **columns,
        }
    )


def rng():
    return np.random.default_rng(0)


def test_a_sample_is_described_with_n_minus_one():
    assert describe(np.array([1.0, 2.0, 3.0, 10.0])) == {
        "mean": 4.0,
        "sd": pytest.approx(math.sqrt(50 / 3)),
        "median": 2.5,
        "iqm": 2.5,
        "min": 1.0,
        "max": 10.0,
        "mad": pytest.approx(1.4826, rel=1e-4),  # distances from the median: 1.5, .5, .5, 7.5
    }


def test_the_mad_is_on_the_scale_of_the_sd():
    scores = rng().normal(0.7, 0.02, 20_000)
    assert describe(scores)["mad"] == pytest.approx(0.02, rel=0.03)


@pytest.mark.parametrize("scores", [[], [0.7, np.nan]])
def test_what_is_not_defined_is_nan_and_nothing_crashes(scores):
    assert all(np.isnan(value) for value in describe(np.array(scores)).values())


def test_equal_scores_have_an_sd_of_zero_without_rounding():
    assert describe(np.full(3, 0.7941))["sd"] == 0


@pytest.mark.parametrize("scores", [[0.7], [0.7, 0.8]])
def test_the_sd_of_one_or_two_runs_is_not_defined(scores):
    assert np.isnan(describe(np.array(scores))["sd"])


@pytest.mark.parametrize(("k", "n", "low", "high"), [(36, 50, 0.583, 0.825), (0, 50, 0.0, 0.0714), (5, 5, 0.566, 1.0)])
def test_wilson_intervals(k, n, low, high):
    assert wilson_interval(k, n) == (pytest.approx(low, abs=1e-3), pytest.approx(high, abs=1e-3))


@pytest.mark.parametrize(("n", "high"), [(20, 0.168), (25, 0.137), (50, 0.071)])
def test_no_failure_does_not_show_that_there_are_none(n, high):
    assert share_interval(0, n) == (0.0, pytest.approx(high, abs=5e-4))


@pytest.mark.parametrize("method", ["wilson", "beta"])
def test_intervals_of_shares_agree_with_statsmodels(method):
    from statsmodels.stats.proportion import proportion_confint

    ours = wilson_interval if method == "wilson" else share_interval
    for k in (0, 1, 7, 20):
        assert ours(k, 20) == pytest.approx(proportion_confint(k, 20, method=method), abs=1e-9)


def test_failed_runs_are_counted_and_set_apart_never_dropped():
    table = summarise(runs([0.5, 0.5, 0.7, 0.8], [True, True, False, False]))
    row = table.iloc[0]
    assert (row["n"], row["failed"], row["failed_share"], row["ok_n"]) == (4, 2, 0.5, 2)
    assert row["mean"] == pytest.approx(0.625)
    assert row["ok_mean"] == pytest.approx(0.75)


def test_without_failures_both_descriptions_are_the_same():
    row = summarise(runs([0.6, 0.7, 0.8, 0.75], False)).iloc[0]
    for name in ("mean", "sd", "iqm", "mad"):
        assert row[name] == row[f"ok_{name}"]
    assert row["mean_low"] < row["ok_mean_low"]  # failures may not have been seen


def test_an_arm_of_which_no_run_failed_may_still_fail():
    row = summarise(runs(np.linspace(0.7, 0.72, 5), False)).iloc[0]
    assert row["failed_high"] == pytest.approx(0.522, abs=1e-3)
    assert row["mean_low"] < 0.6  # 58 % at a level of 97.5 %, at the majority score of .5


def test_an_arm_whose_runs_all_failed_has_a_row_with_nothing_among_the_rest():
    row = summarise(runs([0.5, 0.5], [True, True])).iloc[0]
    assert (row["failed"], row["ok_n"]) == (2, 0)
    assert np.isnan(row["ok_mean"])


def test_one_seed_has_a_row_without_spread():
    row = summarise(runs([0.7], [False])).iloc[0]
    assert (row["n"], row["mean"]) == (1, 0.7)
    assert np.isnan(row[["sd", "mean_low", "ok_sd_low"]].astype(float)).all()


def test_rows_keep_the_order_of_the_study():
    table = summarise(pd.concat([runs([0.6], [False], "rte", "z"), runs([0.6], [False], "cola", "a")]))
    assert list(table["task"]) == ["rte", "cola"]


def test_a_row_does_not_change_because_an_arm_is_added():
    one, two = runs([0.6, 0.7, 0.9], False, arm="z"), runs([0.6, 0.61, 0.7], False, arm="a")
    alone, beside = summarise(one), summarise(pd.concat([two, one]))
    pd.testing.assert_series_equal(alone.iloc[0], beside.iloc[1], check_names=False)


def test_a_score_that_is_not_defined_is_the_trivial_predictors_and_failed():
    row = summarise(runs([np.nan, 0.7, 0.8], [False, False, False])).iloc[0]
    assert (row["undefined"], row["failed"]) == (1, 1)
    assert row["mean"] == pytest.approx((0.5 + 0.7 + 0.8) / 3)


def test_without_a_trivial_score_an_undefined_one_is_not_dropped():
    row = summarise(runs([np.nan, 0.7, 0.8], [False, False, False], majority=np.nan)).iloc[0]
    assert np.isnan(row["mean"])
    assert row["failed"] == 1
    assert row["ok_mean"] == pytest.approx(0.75)


def test_filling_leaves_the_table_as_it_was():
    table = runs([np.nan], [False])
    assert fill_undefined(table)["score"].tolist() == [0.5]
    assert table["score"].isna().all()


def test_the_rule_on_the_training_loss_and_where_the_two_rules_disagree():
    table = runs(
        [0.5, 0.51, 0.7, 0.8],
        [True, False, False, False],
        train_loss=[0.70, 0.697, 0.3, 0.2],
        constant_loss=math.log(2),
    )
    assert failed_by_loss(table).tolist() == [1, 1, 0, 0]
    row = summarise(table).iloc[0]
    assert (row["failed"], row["failed_by_loss"], row["rules_disagree"]) == (1, 2, 1)


def test_slack_lets_the_rule_on_the_training_loss_find_what_is_just_below():
    losses = [0.70, 0.68, 0.67, 0.3]  # ln 2 = .6931; 3 % less is .6723, 5 % less .6585
    table = runs([0.5, 0.5, 0.5, 0.8], [True, True, True, False], train_loss=losses, constant_loss=math.log(2))
    for slack, expected in ((0, [1, 0, 0, 0]), (0.03, [1, 1, 0, 0]), (0.05, [1, 1, 1, 0])):
        assert failed_by_loss(table, slack).tolist() == expected
        row = summarise(table, slack).iloc[0]
        assert (row["failed_by_loss"], row["rules_disagree"]) == (sum(expected), 3 - sum(expected))
    assert failed_by_loss(table).tolist() == failed_by_loss(table, 0.0).tolist()


@pytest.mark.parametrize(
    ("task", "constant", "found"),
    [("RTE", 0.6931, (24, 35, 36, 36)), ("MRPC", 0.6310, (13, 21, 27, 28)), ("CoLA", 0.6071, (10, 14, 15, 18))],
)
def test_what_slack_finds_of_the_published_runs_is_what_the_guide_says(published_runs, task, constant, found):
    path = Path(__file__).parents[3] / "shared" / "data" / "published_runs" / "zhang_replication_curves.csv"
    keys = ["method", "task", "seed"]
    last = pd.read_csv(path).sort_values("step").groupby(keys)["loss"].last().rename("train_loss")
    table = published_runs.join(last, on=keys).assign(constant_loss=constant)
    table = table[table["task"] == task]
    limits = {"RTE": ("last_test_acc", 0.5252), "MRPC": ("last_test_acc", 0.6829), "CoLA": ("last_test_mcc", 0.0)}
    column, limit = limits[task]
    failed = (table[column] <= limit).to_numpy()
    by_loss = [failed_by_loss(table, slack) == 1 for slack in (0, 0.03, 0.05, 0.1)]
    assert tuple(int((caught & failed).sum()) for caught in by_loss) == found
    extra = {"RTE": [1, 1, 1, 2], "MRPC": [0, 0, 0, 2], "CoLA": [0, 0, 0, 0]}[task]
    assert [int((caught & ~failed).sum()) for caught in by_loss] == extra
    guide = (Path(__file__).parents[2] / "config" / "README.md").read_text(encoding="utf-8")
    for slack, n, more in zip(("0", ".03", ".05", ".1"), found, extra, strict=True):
        (line,) = [line for line in guide.splitlines() if line.startswith(f"| {slack} | ")]
        assert f" {n} ({more}) " in line


def test_a_diverged_run_has_failed_by_both_rules():
    table = runs([0.5, 0.7], [False, False], train_loss=[np.nan, 0.3], constant_loss=0.69, status=["diverged", "done"])
    row = summarise(table).iloc[0]
    assert (row["failed"], row["failed_by_loss"], row["rules_disagree"]) == (1, 1, 0)


@pytest.mark.parametrize("columns", [{}, {"train_loss": 0.3}, {"train_loss": 0.3, "constant_loss": [0.69, np.nan]}])
def test_a_rule_that_cannot_be_applied_to_every_run_has_no_count(columns):
    row = summarise(runs([0.5, 0.7], [True, False], **columns)).iloc[0]
    assert np.isnan(row["failed_by_loss"])
    assert np.isnan(row["rules_disagree"])


# Literature: an independent replication of Zhang et al. (2021), 50 seeds, last checkpoint, × 100.
COLUMN = {"RTE": "acc", "MRPC": "f1", "STS-B": "spearmanr", "CoLA": "mcc"}
FAILING = {"RTE": ("acc", 73 / 139), "MRPC": ("acc", 140 / 205), "STS-B": ("spearmanr", 0.0), "CoLA": ("mcc", 0.0)}
MAJORITY = {"RTE": 73 / 139, "MRPC": 0.8116, "STS-B": 0.0, "CoLA": 0.0}

SUMMARY = {}  # made once for all tests


@pytest.fixture
def published(published_runs):
    if SUMMARY:
        return SUMMARY["last"]
    tables = []
    for task, (rule, threshold) in FAILING.items():
        group = published_runs[published_runs["task"] == task]
        good = group[f"last_test_{rule}"] > threshold + 1e-4  # printed to four decimals
        tables.append(
            runs(group[f"last_test_{COLUMN[task]}"].to_numpy(), ~good.to_numpy(), task, majority=MAJORITY[task])
        )
        tables[-1]["arm"] = group["method"].to_numpy()
    SUMMARY["last"] = summarise(pd.concat(tables, ignore_index=True)).set_index(["task", "arm"])
    return SUMMARY["last"]


@pytest.mark.parametrize(
    ("task", "failed", "exact", "wilson"),
    [
        ("RTE", 36, (0.575, 0.838), (0.583, 0.825)),
        ("MRPC", 28, (0.413, 0.700), (0.423, 0.688)),
        ("CoLA", 18, (0.229, 0.508), (0.241, 0.499)),
        ("STS-B", 6, (0.045, 0.243), (0.056, 0.238)),
    ],
)
def test_failures_without_bias_correction_in_the_published_runs(published, task, failed, exact, wilson):
    row = published.loc[task, "not_debiased"]
    assert (row["failed"], row["n"]) == (failed, 50)
    assert (row["failed_low"], row["failed_high"]) == pytest.approx(exact, abs=6e-4)
    assert wilson_interval(failed, 50) == pytest.approx(wilson, abs=6e-4)
    for arm in ("standard_debiased", "reinit_debiased"):
        row = published.loc[task, arm]
        assert row["failed"] == 0
        assert row["failed_high"] == pytest.approx(0.071, abs=5e-4)


@pytest.mark.parametrize(
    ("task", "arm", "mean", "sd", "median", "low", "high"),
    [
        ("RTE", "not_debiased", 54.84, 7.38, 52.52, 46.76, 70.50),
        ("RTE", "standard_debiased", 69.05, 2.87, 69.06, 58.99, 74.10),
        ("RTE", "reinit_debiased", 72.14, 1.57, 71.94, 69.06, 75.54),
        ("MRPC", "not_debiased", 85.03, 4.78, 81.16, 81.16, 94.20),
        ("MRPC", "standard_debiased", 90.57, 1.36, 90.81, 86.99, 93.06),
        ("MRPC", "reinit_debiased", 91.62, 0.71, 91.64, 90.21, 93.15),
        ("STS-B", "standard_debiased", 88.85, 0.43, 88.84, 87.99, 89.66),
        ("STS-B", "reinit_debiased", 89.51, 0.22, 89.49, 88.98, 90.01),
        ("CoLA", "not_debiased", 38.58, 29.37, 58.58, 0.00, 65.55),
        ("CoLA", "standard_debiased", 63.76, 1.66, 63.60, 59.07, 66.56),
        ("CoLA", "reinit_debiased", 63.16, 1.59, 63.09, 59.07, 66.56),
    ],
)
def test_scores_of_the_published_runs(published, task, arm, mean, sd, median, low, high):
    row = published.loc[task, arm]
    found = [100 * row[name] for name in ("mean", "sd", "median", "min", "max")]
    assert found == pytest.approx([mean, sd, median, low, high], abs=0.011)
    assert row["mean_low"] < row["mean"] < row["mean_high"]


def test_published_runs_without_a_score_are_failures_and_the_rest_is_described_apart(published):
    row = published.loc["STS-B", "not_debiased"]
    assert (row["undefined"], row["failed"], row["ok_n"]) == (6, 6, 44)
    found = [100 * row[f"ok_{name}"] for name in ("mean", "sd", "median", "min", "max")]
    assert found == pytest.approx([88.76, 0.70, 88.89, 85.92, 89.99], abs=0.011)


FIGURE_9 = Path(__file__).parents[3] / "shared" / "data" / "published_runs" / "zhang2021_fig9_rte_val.csv"


@pytest.mark.skipif(not FIGURE_9.is_file(), reason="no copy of the published runs beside the repository")
def test_the_runs_of_zhang_et_al_figure_9():
    table = pd.read_csv(FIGURE_9).rename(columns={"setting": "arm"})
    table = table.assign(task="rte", metric="accuracy", split="validation", majority=73 / 138, degenerate=False)
    rows = summarise(table.assign(score=table["val_acc_percent"])).set_index("arm")
    found = rows.loc["standard", ["n", "mean", "sd", "min", "max"]].tolist()
    assert found == pytest.approx([100, 71.225, 2.226, 63.77, 76.09], abs=6e-4)
    found = rows.loc["reinit5", ["n", "mean", "sd", "min", "max"]].tolist()
    assert found == pytest.approx([100, 74.348, 1.649, 69.57, 78.99], abs=6e-4)


def test_the_warnings_of_others_are_left_alone():
    summarise(runs([0.5, 0.5, 0.5], [True, True, False]))
    with pytest.warns(UserWarning, match="mine"):
        warnings.warn("mine", UserWarning, stacklevel=1)
