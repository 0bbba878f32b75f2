"""The best of n: small samples by hand, published runs, a plain bootstrap."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest

from seedvar.stats.selection import (
    expected_best,
    expected_performance,
    expected_selected,
    selected_middle,
)


def rng():
    return np.random.default_rng(0)


def runs(validation, test=None, arm="adamw", majority=0.5):
    return pd.DataFrame(
        {
            "task": "rte",
            "arm": arm,
            "init_seed": range(len(validation)),
            "order_seed": range(len(validation)),
            "metric": "accuracy",
            "split": "validation" if test is None else "test",
            "majority": majority,
            "validation_last": validation,
            "test_last": np.nan if test is None else test,
        }
    )


def test_the_expected_best_of_three_runs_is_that_worked_out_by_hand():
    scores = np.array([3.0, 1.0, 2.0])
    assert expected_best(scores) == pytest.approx([2, (1 * 1 + 3 * 2 + 5 * 3) / 9, (1 + 7 * 2 + 19 * 3) / 27])
    assert expected_best(scores, replace=False) == pytest.approx([2, (2 + 3 + 3) / 3, 3])


def test_both_estimators_agree_with_listing_every_draw():
    scores = rng().normal(size=6)
    for n in (1, 2, 3, 4):
        with_replacement = np.mean([max(draw) for draw in product(scores, repeat=n)])
        without = np.mean([max(draw) for draw in combinations(scores, n)])
        assert expected_best(scores)[n - 1] == pytest.approx(with_replacement)
        assert expected_best(scores, replace=False)[n - 1] == pytest.approx(without)


def test_the_test_score_of_the_selected_run_averages_ties():
    validation, test = np.array([0.6, 0.8, 0.8]), np.array([0.9, 0.5, 0.7])
    assert expected_selected(validation, test)[:2] == pytest.approx([0.7, 0.9 / 9 + 0.6 * 8 / 9])


def test_the_middle_of_the_draws_is_that_of_listing_them_and_was_seen():
    scores = rng().normal(size=6)
    for n in (1, 2, 3):
        draws = np.sort([max(draw) for draw in product(scores, repeat=n)])
        low, high = selected_middle(scores, scores)[:, n - 1]
        assert (low, high) == tuple(np.quantile(draws, [0.16, 0.84], method="inverted_cdf"))
    assert selected_middle(scores, scores).max() == scores.max()


def test_a_run_without_a_score_is_selected_only_where_there_is_no_other():
    scores = np.array([np.nan, 0.7])
    assert expected_best(scores, stand_in=0.5) == pytest.approx([0.6, 0.7 * 3 / 4 + 0.5 / 4])
    assert expected_best(scores, replace=False, stand_in=0.9)[1] == pytest.approx(0.7)
    assert np.isnan(expected_best(scores)).all()
    assert expected_best(scores, replace=False) == pytest.approx([np.nan, 0.7], nan_ok=True)


def test_every_n_has_a_row_and_the_same_seed_gives_the_same_table():
    table = pd.concat([runs([0.6, 0.7, np.nan], [0.6, 0.8, np.nan]), runs([0.7, 0.8], arm="bertadam")])
    result = expected_performance(table)
    assert result["n"].tolist() == [1, 2, 3, 1, 2]
    assert result["validation"].iloc[0] == pytest.approx((0.6 + 0.7 + 0.5) / 3)
    assert result["test"].iloc[0] == pytest.approx((0.6 + 0.8 + 0.5) / 3)
    assert (result["validation_lower"] <= result["validation_upper"]).all()
    assert result["test"].isna().tolist() == [False] * 3 + [True] * 2
    pd.testing.assert_frame_equal(result, expected_performance(table))


def test_nothing_is_selected_by_a_score_that_nobody_measured():
    assert len(expected_performance(runs([np.nan, np.nan], [0.6, 0.7]))) == 0


def test_the_judged_checkpoint_is_chosen_by_and_both_splits_are_told_whichever_is_judged():
    table = runs([0.6, 0.7], [0.6, 0.8]).assign(checkpoint="best", split="validation", majority_test=0.4)
    table = table.assign(validation_best=[0.9, 0.8], test_best=[np.nan, 0.5])
    result = expected_performance(table)
    assert result["validation"].iloc[0] == pytest.approx(0.85)
    assert result["test"].iloc[0] == pytest.approx((0.4 + 0.5) / 2)


def test_of_many_runs_the_best_of_up_to_1000_is_told():
    table = expected_performance(runs(rng().normal(0.7, 0.01, 3_000)))
    assert table["n"].max() == 1_000


@pytest.mark.parametrize("validation", [[0.7], [0.7, 0.7, 0.7]])
def test_one_run_and_equal_runs_give_a_table(validation):
    result = expected_performance(runs(validation, validation))
    assert result["validation"].tolist() == pytest.approx([np.nan_to_num(validation[0], nan=0.5)] * len(validation))
    assert (result["validation_lower"] == result["validation_upper"]).all()


@pytest.mark.parametrize(
    ("method", "validation", "unbiased", "test"),
    [
        (
            "not_debiased",
            [55.797, 60.041, 66.121, 69.917, 72.097, 73.670],
            None,
            [54.835, 58.426, 63.488, 66.333, 67.489, 68.522],
        ),
        (
            "standard_debiased",
            [70.275, 71.703, 73.181, 73.969, 74.506, 75.004],
            [70.275, 71.733, 73.246, 74.066, 74.651, 75.362],
            [69.049, 69.694, 70.019, 70.177, 70.539, 71.442],
        ),
        (
            "reinit_debiased",
            [72.696, 73.621, 74.659, 75.252, 75.670, 75.989],
            None,
            [72.142, 72.057, 71.893, 71.686, 71.437, 71.256],
        ),
    ],
)
def test_the_published_runs_give_the_known_curves(published_runs, published_curves, method, validation, unbiased, test):
    def select(table):
        chosen = table[(table["task"] == "RTE") & (table["method"] == method)]
        return chosen.groupby("seed").last()

    last_validation = select(published_curves)["val_acc"].to_numpy()
    last_test = select(published_runs)["last_test_acc"].to_numpy()
    at = np.array([1, 2, 5, 10, 20, 50]) - 1
    assert 100 * expected_best(last_validation)[at] == pytest.approx(validation, abs=6e-4)
    assert 100 * expected_selected(last_validation, last_test)[at] == pytest.approx(test, abs=6e-4)
    if unbiased:
        assert 100 * expected_best(last_validation, replace=False)[at] == pytest.approx(unbiased, abs=6e-4)


@pytest.fixture
def published_curves():
    """Validation scores along 600 published runs, where they lie beside the repository."""
    from pathlib import Path

    path = Path(__file__).parents[3] / "shared" / "data" / "published_runs" / "zhang_replication_curves.csv"
    if not path.is_file():
        pytest.skip("no copy of the published curves beside the repository")
    return pd.read_csv(path)


def test_a_row_does_not_change_because_another_arm_is_added():
    one, two = runs([0.6, 0.7, 0.8]), runs([0.5, 0.6], arm="bertadam")
    pd.testing.assert_frame_equal(
        expected_performance(one),
        expected_performance(pd.concat([two, one])).iloc[2:].reset_index(drop=True),
    )
