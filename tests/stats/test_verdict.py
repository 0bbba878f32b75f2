"""Verdicts say what the numbers of a comparison say, and no more."""

import math
import re

import numpy as np
import pandas as pd
import pytest

from seedvar.stats.compare import compare
from seedvar.stats.settings import ALPHA
from seedvar.stats.verdict import verdict

pytestmark = pytest.mark.filterwarnings("error")

NOTHING = "This is not evidence that they are the same."


def row(**numbers):
    """A comparison of 20 against 20 runs that settles nothing."""
    neutral = {"task": "rte", "arm": "reinit", "baseline": "adamw", "n": 20, "n_baseline": 20}
    neutral |= {"mean_difference": 0.004, "mean_difference_low": -0.01, "mean_difference_high": 0.018}
    neutral |= {"welch_p": 0.4, "permutation_p": 0.41, "mann_whitney_p": 0.3, "brown_forsythe_p": 0.6}
    neutral |= {"a12": 0.55, "a12_low": 0.37, "a12_high": 0.72, "failed": 0, "failed_baseline": 0, "fisher_p": 1.0}
    neutral |= {"sd_ratio": 0.9, "sd_ratio_low": 0.6, "sd_ratio_high": 1.4, "ok_n": 20, "ok_n_baseline": 20}
    neutral |= {"ok_brown_forsythe_p": 0.6, "ok_sd_ratio": 0.9, "ok_sd_ratio_low": 0.6, "ok_sd_ratio_high": 1.4}
    return neutral | numbers


HIGHER = {"mean_difference": 0.031, "mean_difference_low": 0.022, "mean_difference_high": 0.04}
HIGHER |= {"welch_p": 0.0002, "permutation_p": 0.0002, "mann_whitney_p": 0.0002}
LESS_SPREAD = {"sd_ratio": 0.5, "sd_ratio_low": 0.3, "sd_ratio_high": 0.8, "brown_forsythe_p": 0.004}
FEWER_FAILED = {"failed": 1, "failed_baseline": 15, "fisher_p": 0.00001, "ok_n": 19, "ok_n_baseline": 5}


def test_nothing_settled_is_not_called_equality():
    text = verdict(row())
    assert text == (
        "Nothing is settled between reinit and adamw: no run of either failed (0/20 against 0/20); whether the means "
        "differ is not settled (+0.4 points [-1.0, 1.8]; Welch p = .400); whether the spread differs is not settled "
        f"(SD ratio 0.90 [0.60, 1.40]; Brown-Forsythe p = .600). {NOTHING}"
    )


def test_failures_only():
    text = verdict(row(**FEWER_FAILED))
    assert text.startswith("Against adamw, reinit fails less often (1/20 runs against 15/20; Fisher p < .001); whether")
    assert "whether the means differ is not settled (+0.4 points [-1.0, 1.8]; Welch p = .400; failed runs in" in text
    assert "whether the spread differs is not settled" in text
    assert NOTHING not in text


def test_more_failures_are_called_more():
    text = verdict(row(failed=15, failed_baseline=1, fisher_p=0.00001, ok_n=5, ok_n_baseline=19))
    assert "reinit fails more often (15/20 runs against 1/20" in text


def test_shares_of_failures_are_compared_not_counts():
    text = verdict(row(n=100, failed=12, n_baseline=10, failed_baseline=9, fisher_p=0.001))
    assert "fails less often (12/100 runs against 9/10" in text


def test_the_mean_only():
    text = verdict(row(**HIGHER))
    assert text.startswith("Against adamw, reinit has a mean 3.1 points higher [2.2, 4.0] (Welch p < .001); no run of")
    assert text.endswith("Brown-Forsythe p = .600).")


def test_a_lower_mean_has_its_interval_without_signs():
    lower = {"mean_difference": -0.031, "mean_difference_low": -0.04, "mean_difference_high": -0.022}
    assert "has a mean 3.1 points lower [2.2, 4.0]" in verdict(row(**HIGHER | lower))


def test_spread_only():
    text = verdict(row(**LESS_SPREAD))
    assert text.startswith(
        "Against adamw, reinit spreads less (SD ratio 0.50 [0.30, 0.80]; Brown-Forsythe p = .004); no run"
    )
    assert "whether the means differ is not settled" in text


def test_more_spread_is_called_more_and_infinitely_more_is_shown():
    more = {"sd_ratio": 2.0, "sd_ratio_low": 1.2, "sd_ratio_high": math.inf, "brown_forsythe_p": 0.004}
    assert "reinit spreads more (SD ratio 2.00 [1.20, ∞]" in verdict(row(**more))


def test_spread_without_a_clear_direction_has_none():
    text = verdict(row(brown_forsythe_p=0.004))
    assert "reinit spreads differently (SD ratio 0.90 [0.60, 1.40]" in text
    assert "spreads less" not in text
    assert "spreads more" not in text


def test_spread_that_failures_make_is_not_claimed_for_the_rest():
    text = verdict(row(**FEWER_FAILED | LESS_SPREAD))
    assert "spreads less (SD ratio 0.50" in text
    assert "whether the spread differs among the runs that did not fail is not settled (19 and 5 runs; SD" in text


def test_spread_among_the_runs_that_did_not_fail_is_said_too():
    good = {"ok_brown_forsythe_p": 0.01, "ok_sd_ratio": 0.6, "ok_sd_ratio_low": 0.4, "ok_sd_ratio_high": 0.9}
    text = verdict(row(**FEWER_FAILED | LESS_SPREAD | good))
    assert "spreads less (SD ratio 0.50 [0.30, 0.80]; Brown-Forsythe p = .004), also among the runs that did" in text
    text = verdict(row(**FEWER_FAILED | good))
    assert "spreads less among the runs that did not fail (19 and 5 runs; SD ratio 0.60" in text
    assert "whether the spread differs is not settled" in text
    more = {"ok_sd_ratio": 2.0, "ok_sd_ratio_low": 1.5, "ok_sd_ratio_high": 3.0}
    text = verdict(row(**FEWER_FAILED | LESS_SPREAD | good | more))
    assert "spreads less (SD ratio 0.50" in text
    assert "spreads more among the runs that did not fail (19 and 5 runs; SD ratio 2.00" in text


def test_spread_without_runs_that_did_not_fail_cannot_be_tested():
    undefined = dict.fromkeys([f"ok_{name}" for name in ("sd_ratio", "sd_ratio_low", "sd_ratio_high")], math.nan)
    failed = {"failed": 20, "failed_baseline": 0, "fisher_p": 1e-9, "ok_n": 0, "ok_brown_forsythe_p": math.nan}
    text = verdict(row(**LESS_SPREAD, **failed, **undefined))
    assert "whether the spread differs among the runs that did not fail cannot be tested (0 and 20 runs)" in text


def test_what_holm_takes_back_is_not_settled():
    text = verdict(row(welch_p=0.01, welch_p_holm=0.08))
    assert text.startswith("Nothing is settled between reinit and adamw")
    assert "whether the means differ is not settled after Holm's correction" in text
    assert "Welch p = .010, Holm .080" in text


def test_adjusted_p_values_decide_and_are_shown():
    text = verdict(row(**HIGHER, welch_p_holm=0.003))
    assert "has a mean 3.1 points higher [2.2, 4.0] (Welch p < .001, Holm .003)" in text


def test_a_mean_that_a_permutation_test_does_not_settle_says_so():
    text = verdict(row(**HIGHER | {"permutation_p": 0.008, "permutation_p_holm": 0.095}))
    assert "a permutation test does not settle it, p = .008, Holm .095)" in text


def test_ranks_are_mentioned_where_means_are_not_settled():
    ranks = {"mann_whitney_p": 0.002, "a12": 0.81, "a12_low": 0.66, "a12_high": 0.9}
    text = verdict(row(**ranks))
    assert "reinit tends to score higher, run against run (A12 0.81 [0.66, 0.90]; Mann-Whitney p = .002)" in text
    assert "whether the means differ is not settled" in text
    assert "tends to score lower" in verdict(row(**ranks | {"a12": 0.19}))


def test_so_few_runs_that_no_count_could_settle_failures():
    text = verdict(row(n=3, n_baseline=3, failed=3, failed_baseline=0, fisher_p=0.1, ok_n=0, ok_n_baseline=3))
    assert "so few runs cannot settle whether one fails more often (3/3 runs against 0/3; Fisher p = .100)" in text


def test_unsettled_failures_of_enough_runs():
    text = verdict(row(failed=4, failed_baseline=1, fisher_p=0.34))
    assert "whether one fails more often is not settled (4/20 runs against 1/20; Fisher p = .340)" in text


def test_p_values_near_the_limit_stay_on_their_side():
    assert "p = .0499)" in verdict(row(**HIGHER | {"welch_p": 0.0499}))
    assert "p = .04998)" in verdict(row(**HIGHER | {"welch_p": 0.04998}))
    assert "p = .050)" in verdict(row(welch_p=0.05))
    assert "p = .0502" not in verdict(row(welch_p=0.0502))
    assert "p = 1)" in verdict(row(welch_p=1.0))


def test_a_small_settled_difference_does_not_read_zero():
    small = {"mean_difference": 0.0004, "mean_difference_low": 0.0001, "mean_difference_high": 0.0007}
    assert "has a mean 0.04 points higher [0.01, 0.07] (" in verdict(row(**HIGHER | small))


def compared(x, y, **columns):
    rows = [
        {"task": "rte", "arm": arm, "init_seed": seed, "order_seed": seed, "score": score, "degenerate": score <= 0.5}
        for arm, scores in (("base", y), ("arm", x))
        for seed, score in enumerate(scores)
    ]
    return compare(pd.DataFrame(rows).assign(**columns), "base").iloc[0]["verdict"]


def test_one_run_is_too_few():
    text = compared([0.7], [0.6, 0.65, 0.7])
    assert "means and spread cannot be compared with so few runs (1 against 3 runs, at least 2 are needed)" in text
    assert text.startswith("Nothing is settled")
    assert text.endswith(NOTHING)


def test_two_runs_have_means_but_no_test_of_spread():
    text = compared([0.7, 0.72], [0.6, 0.65, 0.7])
    assert "whether the spread differs cannot be tested with fewer than 3 runs an arm" in text
    assert "whether the means differ is not settled" in text


def test_ties():
    text = compared([0.7] * 5, [0.7] * 5)
    assert "no run of either failed (0/5 against 0/5); all runs of both have the same score. This is not" in text


def test_ties_of_unequal_numbers_are_no_difference():
    assert "all runs of both have the same score" in compared([0.7941] * 3, [0.7941] * 7)


def test_all_failed_in_both():
    text = compared([0.5] * 5, [0.5] * 4)
    assert "every run of both failed (5/5 against 4/4); all runs of both have the same score" in text
    assert text.startswith("Nothing is settled")


def test_two_arms_without_any_spread():
    text = compared([0.8] * 5, [0.7] * 5)
    assert "no two runs of an arm differ, and 10.0 points lie between the two scores, which no t-test can judge" in text
    assert "tends to score higher, run against run (A12 1.00 [0.57, 1.00]" in text


def test_missing_scores_settle_failures_alone():
    text = compared([np.nan] * 10, [0.6, 0.7, 0.8, 0.7, 0.65, 0.6, 0.7, 0.8, 0.7, 0.65], majority=np.nan)
    assert "fails more often (10/10 runs against 0/10" in text
    assert "some scores are missing, so that neither means nor spread can be compared" in text


def test_identical_samples_with_spread_settle_nothing():
    text = compared([0.6, 0.7, 0.8], [0.6, 0.7, 0.8])
    assert "whether the means differ is not settled (0.0 points" in text
    assert text.endswith(NOTHING)


@pytest.mark.parametrize("seed", range(20))
def test_random_comparisons_are_worded_as_their_numbers(seed):
    rng = np.random.default_rng(seed)
    rows = []
    for arm in "abcd":
        n, mean, sd, share = (
            rng.integers(1, 15),
            rng.choice([0.7, 0.73, 0.8]),
            rng.choice([0, 0.01, 0.05]),
            rng.random(),
        )
        for i in range(n):
            failed = rng.random() < share**3
            score = 0.5 if failed else rng.normal(mean, sd)
            rows.append({"task": "rte", "arm": arm, "init_seed": i, "order_seed": i, "score": score})
    runs = pd.DataFrame(rows)
    table = compare(runs.assign(degenerate=runs["score"] <= 0.5), "a")
    for numbers in table.to_dict("records"):
        text = numbers["verdict"]
        failures = re.search(r"Against a, . fails (more|less) often", text)
        assert bool(failures) == (numbers["fisher_p_holm"] < ALPHA)
        assert bool(re.search(r"has a mean [\d.]+ points (higher|lower)", text)) == (numbers["welch_p_holm"] < ALPHA)
        assert ("points higher" in text) <= (numbers["mean_difference"] > 0)
        assert ("points lower" in text) <= (numbers["mean_difference"] < 0)
        spread = numbers["brown_forsythe_p_holm"] < ALPHA
        if numbers["failed"] + numbers["failed_baseline"]:
            spread |= numbers["ok_brown_forsythe_p_holm"] < ALPHA
        assert bool(re.search(r"spreads (more|less|differently)", text)) == spread
        settled = spread or any(numbers[f"{test}_p_holm"] < ALPHA for test in ("fisher", "welch", "mann_whitney"))
        assert (NOTHING not in text) <= settled
        assert "nan" not in text
        assert text.endswith(".")
