"""Numbers of runs: published sizes, statsmodels, SciPy's tests on simulated and on listed samples."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from seedvar.errors import UserError
from seedvar.stats.planning import (
    failure_power,
    fisher_rejects,
    interval_half_width,
    mean_power,
    more_seeds_for_width,
    noether_runs,
    runs_for_failures,
    runs_for_means,
    runs_for_spread,
    seeds_needed,
    spread_power,
)


def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize(("difference", "runs"), [(1, 100), (2, 26), (3, 12)])  # normal: 99, 25, 11
def test_runs_to_tell_two_means_apart(difference, runs):
    assert runs_for_means(difference, 2.5) == runs


@pytest.mark.parametrize(("difference", "sd", "power"), [(0.01, 0.02, 0.8), (0.5, 1.0, 0.9), (1.0, 0.8, 0.95)])
def test_runs_for_means_agree_with_statsmodels(difference, sd, power):
    from statsmodels.stats.power import TTestIndPower

    exact = TTestIndPower().solve_power(difference / sd, power=power, alpha=0.05)
    assert runs_for_means(difference, sd, power=power) == np.ceil(exact)


def test_unequal_spreads_need_runs_by_the_sum_of_their_variances():
    assert runs_for_means(1, 3, 4) == pytest.approx(25 * 7.8489, abs=3)
    assert runs_for_means(-1, 4, 3) == runs_for_means(1, 3, 4)


def test_means_with_nothing_between_them_need_infinitely_many():
    assert runs_for_means(0, 1) == np.inf
    assert runs_for_means(1, 0) == 3
    assert np.isnan([runs_for_means(np.nan, 1), runs_for_means(1, np.nan), runs_for_means(1, 1, np.nan)]).all()


@pytest.mark.parametrize(("size", "runs"), [(4, 3), (3, 4), (2, 6), (1.5, 9), (1, 17)])
def test_few_runs_need_more_than_the_normal_approximation_says(size, runs):
    assert runs_for_means(size, 1) == runs
    assert mean_power(size, 1, 1, runs) >= 0.8
    assert runs == 3 or mean_power(size, 1, 1, runs - 1) < 0.8


@pytest.mark.parametrize(("sd", "runs"), [(1.0, 5), (3.0, 5), (2.0, 10)])
def test_the_power_of_welchs_test_is_that_of_simulated_samples(sd, runs):
    x, y = rng().normal(2.0, 1, (20_000, runs)), np.random.default_rng(1).normal(0, sd, (20_000, runs))
    found = np.mean(stats.ttest_ind(x, y, axis=1, equal_var=False).pvalue < 0.05)
    assert mean_power(2.0, 1, sd, runs) == pytest.approx(found, abs=0.04)


@pytest.mark.parametrize(
    ("ratio", "runs", "power"),
    [(2, 10, 0.32), (2, 20, 0.73), (2, 25, 0.82), (2, 50, 0.99), (1.5, 20, 0.32), (1.5, 50, 0.72)],
)
def test_the_power_to_tell_two_spreads_apart(ratio, runs, power):
    assert spread_power(ratio, runs, rng()) == pytest.approx(power, abs=0.04)


def test_the_simulated_test_is_brown_and_forsythes(monkeypatch):
    monkeypatch.setattr("seedvar.stats.planning.SIMULATIONS", 300)
    scores = rng().standard_normal((2, 300, 9))
    p = [stats.levene(2 * x, y).pvalue for x, y in zip(*scores, strict=True)]
    assert spread_power(2, 9, rng()) == pytest.approx(np.mean(np.array(p) < 0.05))


def test_runs_to_tell_two_spreads_apart():
    assert runs_for_spread(2) == pytest.approx(24, abs=2)
    assert runs_for_spread(0.5) == runs_for_spread(2)
    assert runs_for_spread(1.5) == pytest.approx(60, abs=4)
    assert runs_for_spread(1.2) == np.ceil((np.pi - 2) * 7.8489 / np.log(1.2) ** 2)
    assert spread_power(1.2, int(runs_for_spread(1.2)), rng()) == pytest.approx(0.8, abs=0.03)
    assert runs_for_spread(1) == runs_for_spread(1.01) == np.inf
    assert np.isnan([runs_for_spread(value) for value in (0, np.inf, np.nan)]).all()


@pytest.mark.parametrize(
    ("rate", "runs", "power"), [(0.48, 10, 0.49), (0.48, 20, 0.95), (0.48, 25, 0.98), (0.2, 20, 0.27), (0.2, 50, 0.78)]
)
def test_the_power_to_tell_a_failure_rate_from_two_per_cent(rate, runs, power):
    assert failure_power(rate, 0.02, runs) == pytest.approx(power, abs=0.0051)


@pytest.mark.parametrize("runs", [3, 8, 13])
def test_every_outcome_is_judged_as_by_scipy(runs):
    expected = [
        [stats.fisher_exact([[a, runs - a], [b, runs - b]]).pvalue <= 0.05 for b in range(runs + 1)]
        for a in range(runs + 1)
    ]
    assert fisher_rejects(runs).tolist() == expected


def test_runs_to_tell_two_failure_rates_apart():
    needed = int(runs_for_failures(0.48, 0.02))
    assert failure_power(0.48, 0.02, needed) >= 0.8 > failure_power(0.48, 0.02, needed - 1)
    assert 10 < needed < 20
    assert runs_for_failures(1, 0) == 4
    assert runs_for_failures(0.02, 0.48) == needed
    assert runs_for_failures(0.1, 0.1) == runs_for_failures(0.5, 0.51) == np.inf
    assert np.isnan(runs_for_failures(np.nan, 0))


def test_noethers_number():
    assert noether_runs() == 29
    assert noether_runs(0.25) == 29
    assert noether_runs(0.5) == np.inf
    assert np.isnan(noether_runs(np.nan))


def summary(**columns):
    table = {"task": "rte", "arm": ["adamw", "bertadam"], "metric": "accuracy", "n": 20, "ok_sd": [0.025, 0.05]}
    return pd.DataFrame(table | columns)


def test_every_comparison_says_the_runs_it_needs_for_what_is_stated():
    row = seeds_needed(summary(), "adamw").iloc[0]
    assert (row["arm"], row["n"], row["n_baseline"], row["difference"]) == ("bertadam", 20, 20, 0.01)
    assert row["level"] == pytest.approx(0.05 / 3)  # three questions are asked
    assert row["runs_for_mean"] == runs_for_means(0.01, 0.05, 0.025, alpha=0.05 / 3)
    assert row["runs_for_spread"] == runs_for_spread(2, alpha=0.05 / 3)
    assert row["runs_for_failures"] == runs_for_failures(0.2, 0.02, alpha=0.05 / 3)
    asked = seeds_needed(summary(), "adamw", {"rte": 0.02}, alpha=0.05).iloc[0]
    assert (asked["difference"], asked["runs_for_mean"]) == (0.02, runs_for_means(0.02, 0.05, 0.025))


@pytest.mark.parametrize("sd", [[np.nan, np.nan], [0.0, 0.1], [0.1, np.nan]])
def test_arms_of_one_run_or_without_spread_have_a_row(sd):
    row = seeds_needed(summary(ok_sd=sd), "adamw").iloc[0]
    assert np.isnan(row["runs_for_mean"]) == np.isnan(sd).any()


def test_an_unknown_baseline_is_refused():
    with pytest.raises(UserError, match="unknown arm 'x'; accepted: adamw, bertadam"):
        seeds_needed(summary(), "x")


def test_half_widths_agree_with_scipy_and_with_known_multipliers():
    scores = rng().normal(0.7, 0.05, 20)
    interval = stats.ttest_1samp(scores, 0).confidence_interval(0.9)
    assert interval_half_width(scores, confidence=0.9) == pytest.approx((interval.high - interval.low) / 2)
    multipliers = (1.46 - 0.76) / 2  # n = 20
    assert interval_half_width(scores, "sd") == pytest.approx(multipliers * scores.std(ddof=1), rel=0.02)
    assert interval_half_width(np.array([1] * 36 + [0] * 14), "share") == pytest.approx((0.825 - 0.583) / 2, abs=0.001)
    assert interval_half_width(np.array([1, 0]), "share", 0.5) < interval_half_width(np.array([1, 0]), "share")
    assert np.isnan(interval_half_width(np.array([0.7])))
    assert np.isnan(interval_half_width(np.array([]), "share"))
    assert interval_half_width(np.full(3, 0.1)) == 0


def test_the_seeds_that_are_missing_for_a_width_are_the_fewest_that_do():
    scores = np.array([0.0, 1.0] * 5)
    sd = scores.std(ddof=1)

    def width(n):
        return 2 * stats.t.ppf(0.975, n - 1) * sd / np.sqrt(n)

    more = int(more_seeds_for_width(scores, 0.5))
    assert width(10 + more) <= 0.5 < width(10 + more - 1)
    assert more_seeds_for_width(scores, width(10)) == 0
    assert more_seeds_for_width(scores, width(11)) == 1
    assert more_seeds_for_width(scores, 0.5, "sd") > 0
    assert more_seeds_for_width(np.full(3, 0.1), 0.01) == 0
    assert np.isnan(more_seeds_for_width(np.array([0.7]), 0.1))
    assert more_seeds_for_width(scores, 1e-9) == np.inf


def test_what_cannot_be_asked_for_is_refused():
    scores = np.array([0.0, 1.0])
    with pytest.raises(UserError, match="accepted: a number above 0"):
        more_seeds_for_width(scores, 0)
    with pytest.raises(UserError, match="unknown statistic 'median'; accepted: mean, sd"):
        more_seeds_for_width(scores, 1, "median")
    with pytest.raises(UserError, match="unknown statistic 'median'; accepted: mean, sd, share"):
        interval_half_width(scores, "median")
