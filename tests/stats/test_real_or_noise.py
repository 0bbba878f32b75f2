"""The spread over seeds, split into what is real and what is noise of the test set; and differences beyond both."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from real_or_noise import try_difference, try_split
from scipy import stats

from seedvar.stats.agreement import weighted_scores
from seedvar.stats.real_or_noise import generalisation, generalise, leave_out, noise, split_spread

RNG = np.random.default_rng(0)


def logits_of(right):
    """Logits of two classes for labels of 0 where the answer is right."""
    return np.stack([right, 1.0 - right], axis=2)


def of_accuracy(right, labels=None):
    """Leaves out examples of runs that are right or wrong, shape (runs, examples)."""
    score = partial(weighted_scores, "accuracy")
    return leave_out(score, np.zeros(right.shape[1]), logits_of(right.astype(float)), np.random.default_rng(0), None)


def test_of_accuracy_each_example_adds_right_or_wrong():
    right = RNG.random((4, 12)) < 0.7
    jackknife = of_accuracy(right)
    assert jackknife.scores == pytest.approx(right.mean(axis=1))
    assert jackknife.values == pytest.approx(right.astype(float))


def test_the_split_is_jordans_and_that_of_an_analysis_of_variance():
    right = (RNG.random((6, 40)) < RNG.random(40)).astype(float)
    runs, examples = right.shape
    split = split_spread(of_accuracy(right))
    variance = right.mean(axis=1).var(ddof=1)
    jordan = examples / (examples - 1) * (variance - right.var(axis=0, ddof=1).sum() / examples**2)
    assert split["variance_real"] == pytest.approx(jordan)
    assert split["variance_real"] + split["variance_noise"] == pytest.approx(variance)
    residual = right - right.mean(axis=1, keepdims=True) - right.mean(axis=0) + right.mean()
    mean_square = (residual**2).sum() / ((runs - 1) * (examples - 1))
    assert split["variance_real"] == pytest.approx((examples * variance - mean_square) / examples)


def test_a_gap_that_every_example_shows_is_real_and_what_no_example_repeats_is_noise():
    alike = np.repeat([[0.0], [0.1], [0.2]], 50, axis=1)
    score = lambda labels, logits, weights: logits[:, :, 0] @ weights / weights.sum(axis=0)  # noqa: E731
    split = split_spread(leave_out(score, np.zeros(50), alike[:, :, None], np.random.default_rng(0)))
    assert split["variance_noise"] == pytest.approx(0.0, abs=1e-20)
    assert split["variance_real"] == pytest.approx(0.01)
    coins = split_spread(of_accuracy(RNG.random((200, 400)) < 0.5))
    assert coins["variance_noise"] == pytest.approx(0.25 / 400, rel=0.02)
    assert abs(coins["variance_real"]) < 0.2 * coins["variance_noise"]
    assert coins["variance_real_low"] == 0.0


def test_one_run_has_no_spread_and_two_have_no_interval():
    assert np.isnan(split_spread(of_accuracy(RNG.random((1, 30)) < 0.5))["variance"])
    two = split_spread(of_accuracy(RNG.random((2, 30)) < 0.5))
    assert two["variance"] >= 0
    assert np.isnan(two["variance_real_low"])


def test_new_seeds_are_judged_as_by_welch_and_pairs_as_by_their_t_interval():
    ours, theirs = (of_accuracy(RNG.random((6, 120)) < share) for share in (0.8, 0.6))
    row = generalise(ours, theirs, paired=False)
    welch = stats.ttest_ind(ours.scores, theirs.scores, equal_var=False).confidence_interval()
    assert (row["seeds_low"], row["seeds_high"]) == pytest.approx((welch.low, welch.high))
    pairs = stats.ttest_1samp(ours.scores - theirs.scores, 0).confidence_interval()
    row = generalise(ours, theirs, paired=True)
    assert (row["seeds_low"], row["seeds_high"]) == pytest.approx((pairs.low, pairs.high))
    examples = stats.ttest_1samp(ours.values.mean(axis=0) - theirs.values.mean(axis=0), 0).confidence_interval()
    assert (row["examples_low"], row["examples_high"]) == pytest.approx((examples.low, examples.high))
    assert row["se_both"] < np.hypot(row["se_seeds"], row["se_examples"])


@pytest.mark.parametrize(
    ("metric", "runs", "examples", "spread"),
    [("accuracy", 5, 100, 0.3), ("accuracy", 20, 200, 0.2), ("matthews", 10, 150, 0.3), ("pearson", 10, 500, 0.1)],
)
def test_in_simulation_the_split_is_unbiased_and_its_interval_holds(metric, runs, examples, spread):
    found = try_split(metric, spread, runs, examples, times=120)
    assert abs(found["bias"]) < 3.5 * found["bias_se"]
    assert found["bias_se"] < 0.2
    assert found["real"] >= 0.88  # 120 repetitions of 95 % rarely show less
    assert abs(found["noise_bias"]) < 0.05


@pytest.mark.parametrize("paired", [False, True])
def test_in_simulation_the_intervals_of_a_difference_hold(paired):
    found = try_difference("accuracy", 0.3, 5, 150, times=120, paired=paired)
    assert min(found.values()) >= 0.88


def tables(arms):
    """Makes the runs table and the predictions of arms, each an array of right or wrong, shape (runs, examples)."""
    runs, predictions = [], []
    for arm, right in arms.items():
        for seed, answers in enumerate(right):
            key = {"task": "rte", "arm": arm, "init_seed": seed, "order_seed": seed}
            score = answers.mean()
            runs.append(key | {"metric": "accuracy", "split": "test", "score": score, "majority": 0.5})
            logits = {"logit_0": answers.astype(float), "logit_1": 1.0 - answers}
            about = key | {"checkpoint": "last", "split": "test", "example": range(len(answers)), "label": 0.0}
            predictions.append(pd.DataFrame(about | logits))
    table = pd.DataFrame(runs)
    return pd.concat(predictions), table.assign(degenerate=table["score"] <= 0.5)


def test_an_interval_that_does_not_hold_is_not_shown():
    good, few = RNG.random((6, 120)) < 0.8, RNG.random((4, 120)) < 0.8
    bad = np.vstack([RNG.random((5, 120)) < 0.8, np.zeros((1, 120), bool)])
    table = noise(*tables({"good": good, "bad": bad, "few": few, "small": good[:, :60]})).set_index("arm")
    assert table["sd_real_high"].notna().to_dict() == {"good": True, "bad": False, "few": False, "small": False}
    assert table.loc["bad", ["failed", "ok_runs"]].tolist() == [1, 5]
    assert np.isfinite(table.loc["bad", "ok_sd_real_high"])
    assert table["sd_noise_low"].isna().all()  # fewer than 20 runs
    assert table.loc["good", "sd"] == pytest.approx(good.mean(axis=1).std(ddof=1))
    compared = generalisation(*tables({"base": good, "bad": bad}), "base").iloc[0]
    assert np.isnan(compared[["seeds_low", "both_low"]].to_numpy(float)).all()
    assert np.isfinite(compared[["examples_low", "ok_seeds_low", "ok_both_low"]].to_numpy(float)).all()
    assert compared[["ok_runs", "ok_runs_baseline", "paired"]].tolist() == [5, 5, True]
