"""Almost stochastic order: quantiles by hand, deepsig, coverage of the bound, published runs."""

import deepsig
import numpy as np
import pandas as pd
import pytest
from deepsig.aso import compute_violation_ratio

from seedvar.errors import UserError
from seedvar.stats.stochastic_order import almost_stochastic_order, stochastic_order, violation_ratio


def rng():
    return np.random.default_rng(0)


def test_the_ratio_is_that_of_the_areas_by_hand():
    # Quantiles of X: 0, 4; of Y: 1, 2. Against X: 1 on half the way; for it: 4 on the other half.
    assert violation_ratio(np.array([4.0, 0.0]), np.array([1.0, 2.0])) == pytest.approx(1 / 5)


def test_samples_of_different_sizes_are_compared_piece_by_piece():
    # X is 0 up to 1/2, then 3; Y is 1, 1, 2 by thirds: 1/2 with a gap of 1, 1/6 of 2, 1/3 of 1.
    ratio = violation_ratio(np.array([0.0, 3.0]), np.array([1.0, 1.0, 2.0]))
    assert ratio == pytest.approx((1 / 2) / (1 / 2 + 4 / 6 + 1 / 3))


def test_the_two_directions_add_up_to_one():
    x, y = rng().normal(size=7), rng().normal(size=5) + 0.1
    assert violation_ratio(x, y) + violation_ratio(y, x) == pytest.approx(1)
    assert violation_ratio(x, x) == 0.5
    assert violation_ratio(x + 1, x) == 0
    assert violation_ratio(x, x + 1) == 1


def test_many_samples_are_judged_at_once():
    x, y = rng().normal(size=(6, 7)), rng().normal(size=(6, 5))
    one_by_one = np.array([violation_ratio(a, b) for a, b in zip(x, y, strict=True)])
    assert violation_ratio(x, y) == pytest.approx(one_by_one)


@pytest.mark.parametrize(("n", "m"), [(10, 10), (20, 8)])
def test_the_ratio_agrees_with_deepsig(n, m):
    x, y = rng().normal(0.5, 1.5, n), np.random.default_rng(1).normal(0, 1, m)
    assert violation_ratio(x, y) == pytest.approx(compute_violation_ratio(x, y, dt=1e-4), abs=2e-3)


def test_the_bound_agrees_with_deepsig():
    x, y = rng().normal(0.5, 1.5, 10), np.random.default_rng(1).normal(0, 1, 8)
    # It integrates in steps, and a bootstrap of 200 resamples has an error of 5 % of its own.
    theirs = deepsig.aso(x, y, num_bootstrap_iterations=200, dt=0.01, show_progress=False, seed=0)
    assert 0 < theirs < 1
    assert almost_stochastic_order(x, y, rng())[1] == pytest.approx(theirs, abs=0.05)


def test_an_arm_that_is_always_better_is_larger_beyond_doubt():
    x = rng().normal(size=20)
    assert almost_stochastic_order(x + 10, x, rng()) == (0, 0)
    assert almost_stochastic_order(x, x + 10, rng()) == (1, 1)


def test_equal_arms_are_often_below_a_half_but_seldom_below_a_fifth():
    draw = rng()
    bounds = [almost_stochastic_order(*draw.normal(size=(2, 20)), draw, resamples=200)[1] for _ in range(200)]
    assert 0.1 < np.mean(np.array(bounds) < 0.5) < 0.25
    assert np.mean(np.array(bounds) < 0.2) < 0.06


@pytest.mark.parametrize(
    ("x", "y"),
    [([], [0.5]), ([0.5], [0.6]), ([0.5, 0.5], [0.5, 0.5]), ([0.5, 0.5], [0.6, 0.6, 0.6]), ([np.nan, 0.5], [0.5])],
)
def test_edge_cases_give_a_value_or_nan(x, y):
    for value in almost_stochastic_order(np.array(x), np.array(y), rng()):
        assert np.isnan(value) or 0 <= value <= 1


def table(scores):
    return pd.DataFrame([{"task": "rte", "arm": arm, "score": s} for arm, values in scores.items() for s in values])


def test_every_arm_but_the_baseline_has_a_row_with_both_directions():
    runs = table({"adamw": [0.7, 0.71, 0.72], "bertadam": [0.5, 0.51], "same": [0.7, 0.71, 0.72]})
    result = stochastic_order(runs, "adamw", rng()).set_index("arm")
    assert result.loc["bertadam", ["epsilon", "epsilon_min", "epsilon_min_reverse"]].tolist() == [1, 1, 0]
    assert result.loc["same", "epsilon"] == 0.5
    assert result.loc["same", "epsilon_min"] > 0.5
    pd.testing.assert_frame_equal(result, stochastic_order(runs, "adamw", rng()).set_index("arm"))


def test_an_unknown_baseline_is_refused():
    with pytest.raises(UserError, match="unknown arm 'x'; accepted: a"):
        stochastic_order(table({"a": [0.5]}), "x", rng())


def test_bias_correction_is_better_at_nearly_every_quantile_of_the_published_runs(published_runs):
    rte = published_runs[published_runs["task"] == "RTE"].rename(columns={"method": "arm", "last_test_acc": "score"})
    result = stochastic_order(rte, "not_debiased", rng()).set_index("arm")
    assert (result["epsilon_min"] < 0.2).all()
    assert (result["epsilon_min_reverse"] > 0.9).all()
