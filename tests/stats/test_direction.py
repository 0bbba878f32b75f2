"""Of an error the lower is the better, in every statistic that says "best" or "better"."""

import numpy as np
import pandas as pd
import pytest

from seedvar.stats.aggregate import aggregate, compare_on_resamples, improvement
from seedvar.stats.agreement import instability
from seedvar.stats.compare import compare
from seedvar.stats.describe import upwards
from seedvar.stats.early_stopping import start_many
from seedvar.stats.rule import decide
from seedvar.stats.selection import expected_performance
from seedvar.stats.stochastic_order import stochastic_order
from seedvar.stats.verdict import verdicts

GOOD, BAD = [0.20, 0.25, 0.22, 0.21, 0.24, 0.23], [0.60, 0.52, 0.58, 0.56, 0.54, 0.53]


def rng():
    return np.random.default_rng(0)


def runs(scores, arm="adamw", metric="mse", majority=1.0):
    seeds = range(len(scores))
    scores = np.array(scores)
    return pd.DataFrame(
        {"task": "score", "arm": arm, "init_seed": seeds, "order_seed": seeds, "metric": metric, "split": "test"}
        | {"score": scores, "majority": majority, "degenerate": False}
        | {"validation_last": scores, "test_last": scores + 0.1}
    )


def both():
    return pd.concat([runs(BAD), runs(GOOD, "reinit2")], ignore_index=True)


def mirrored(table):
    """The same runs under a metric that nobody listed, which counts as the higher, the better."""
    return upwards(table).assign(
        metric="minus_mse", **{name: -table[name] for name in ("validation_last", "test_last")}
    )


def test_scores_are_turned_round_once_and_others_stay():
    table = pd.concat([runs([0.2]), runs([0.2], metric="accuracy"), runs([0.2], metric="bleu")])
    assert upwards(table)["score"].tolist() == [-0.2, 0.2, 0.2]
    assert upwards(table)["majority"].tolist() == [-1.0, 1.0, 1.0]
    bare = table.drop(columns="metric")
    assert upwards(bare) is bare


def test_the_best_of_n_runs_has_the_lowest_error():
    table = expected_performance(runs(GOOD))
    assert table["validation"].iloc[0] == pytest.approx(np.mean(GOOD))
    assert table["validation"].is_monotonic_decreasing
    assert table["validation_unbiased"].iloc[-1] == pytest.approx(0.20)
    assert table["test"].iloc[-1] < table["test"].iloc[0]
    assert (table["validation_lower"] <= table["validation_upper"]).all()
    other = expected_performance(mirrored(runs(GOOD)))
    for name in ("validation", "validation_unbiased", "test"):
        assert table[name].to_numpy() == pytest.approx(-other[name].to_numpy())
    assert table["validation_lower"].to_numpy() == pytest.approx(-other["validation_upper"].to_numpy())


def test_an_undefined_error_is_never_the_best():
    table = expected_performance(runs([np.nan, 0.3]))
    assert table["validation"].tolist() == pytest.approx([(1.0 + 0.3) / 2, 0.3 * 3 / 4 + 1.0 / 4])


def test_runs_with_the_highest_error_are_stopped_early():
    curves = pd.DataFrame(
        [
            {"task": "score", "arm": "adamw", "init_seed": s, "order_seed": s, "update": update, "val_mse": error}
            for s, error in enumerate(BAD + GOOD)
            for update in (10, 20, 30, 40)
        ]
    )
    table = start_many(runs(BAD + GOOD), curves, rng())
    assert (table["score"] > 0).all()
    assert (table["score"] <= table["plain_score"] + 1e-12).all()
    assert table["score"].iloc[-1] < 0.25


def test_zero_is_the_trivial_predictor_and_one_is_no_error():
    table = aggregate(runs([0.5, 0.5], majority=1.0))
    assert table[["mean", "iqm", "optimality_gap"]].iloc[0].tolist() == [0.5, 0.5, 0.5]
    assert aggregate(runs([0.0], majority=2.0))["mean"].item() == 1.0


def test_the_arm_with_the_lower_error_is_the_better_one():
    assert improvement(both(), "adamw")["improvement"].item() == 1.0
    order = stochastic_order(both(), "adamw", rng()).iloc[0]
    assert (order["epsilon"], order["epsilon_min_reverse"]) == (0.0, 1.0)
    row = compare(both(), "adamw").iloc[0]
    assert row["a12"] == 1.0
    assert row["improvement"] == 1.0
    assert row["student_one_tailed_p"] < 0.001


def test_a_difference_is_that_of_the_errors_themselves():
    row = compare(both(), "adamw").iloc[0]
    assert row["mean_difference"] == pytest.approx(np.mean(GOOD) - np.mean(BAD))
    assert row["paired_difference"] == pytest.approx(np.mean(GOOD) - np.mean(BAD))
    assert row["ok_mean_difference_low"] < row["ok_mean_difference"] < row["ok_mean_difference_high"] < 0
    assert row["paired_difference_low"] < row["paired_difference"] < row["paired_difference_high"] < 0


def test_the_verdict_speaks_of_errors_in_their_own_unit():
    (text,) = verdicts(decide(both(), "adamw"))["verdict"]
    assert "reinit2 has a lower (better) mean of its runs (-0.33 [-0.364, -0.296]; permutation p = .002" in text
    assert "points" not in text
    close = pd.concat([runs(BAD), runs(BAD[::-1], "reinit2").assign(score=lambda t: t["score"] + 0.001)])
    (text,) = verdicts(decide(close, "adamw"))["verdict"]
    assert "(+0.001 [" in text


def test_all_tests_are_those_of_the_same_runs_turned_round():
    errors, scores = compare(both(), "adamw").iloc[0], compare(mirrored(both()), "adamw").iloc[0]
    for name in (
        "welch_p",
        "mann_whitney_p",
        "student_one_tailed_p",
        "a12",
        "sd_ratio",
        "ok_sd_ratio_low",
    ):
        assert errors[name] == pytest.approx(scores[name])


def predictions(arm, answers, labels):
    return pd.concat(
        pd.DataFrame(
            {"task": "score", "arm": arm, "init_seed": seed, "order_seed": seed, "checkpoint": "last", "split": "test"}
            | {"example": range(len(labels)), "label": labels, "logit_0": one}
        )
        for seed, one in enumerate(answers)
    )


def test_an_ensemble_gains_by_a_lower_error_and_a_diverged_run_answers_the_mean_label():
    labels = np.array([0.0, 1.0, 2.0, 3.0])
    answers = [labels + 1, labels - 1]
    row = instability(predictions("adamw", answers, labels), runs([1.0, 1.0])).iloc[0]
    assert row[["mean_score", "ensemble_score", "ensemble_gain"]].tolist() == [1.0, 0.0, 1.0]
    tables = predictions("adamw", [labels] * 2, labels), predictions("gone", [labels, labels * np.nan], labels)
    table = pd.concat([runs([0.0, 0.0]), runs([0.0, 1.25], "gone")])
    row = compare_on_resamples(pd.concat(tables), table, "adamw", rng(), 50).iloc[0]
    assert row["difference"] == pytest.approx(np.var(labels) / 2)


def test_the_class_that_an_f1_is_of_comes_from_the_runs_table():
    labels = np.array([0.0, 0.0, 1.0])
    table = predictions("adamw", [[1.0, 1.0, 0.0]], labels).assign(logit_1=[0.0, 2.0, 1.0])  # answers 0, 1, 1
    for positive, f1 in ((0, 2 / 3), (1, 2 / 3), (None, 2 / 3)):
        one = runs([0.6], metric="f1").assign(positive=positive)
        assert instability(table, one)["mean_score"].item() == pytest.approx(f1)
    labels_of_one = table.assign(label=[0.0, 0.0, 0.0])  # answers 0, 1, 1
    for positive, f1 in ((0, 0.5), (1, 0.0), (np.nan, 0.0)):
        one = runs([0.6], metric="f1").assign(positive=positive)
        assert instability(labels_of_one, one)["mean_score"].item() == pytest.approx(f1)
