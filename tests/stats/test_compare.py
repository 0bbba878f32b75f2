"""Comparisons: small samples by hand, real runs against known values, Holm against statsmodels."""

import numpy as np
import pandas as pd
import pytest

from seedvar.errors import UserError
from seedvar.stats.compare import TESTS, a12, compare, compare_samples, holm, sd_ratio_interval


def sample(scores, failed=None):
    return pd.DataFrame({"score": scores, "degenerate": failed if failed is not None else [False] * len(scores)})


def rng():
    return np.random.default_rng(0)


def test_a12_is_the_chance_of_a_higher_score_with_ties_half():
    assert a12(np.array([3.0, 2.0]), np.array([1.0, 2.0])) == pytest.approx(3.5 / 4)
    assert a12(np.array([1.0]), np.array([1.0])) == 0.5


def test_holm_agrees_with_statsmodels():
    from statsmodels.stats.multitest import multipletests

    p = rng().uniform(0, 0.2, 20)
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_holm_leaves_out_what_is_not_defined():
    assert holm(np.array([0.01, np.nan, 0.03])) == pytest.approx([0.02, np.nan, 0.03], nan_ok=True)


def test_the_interval_of_the_sd_ratio_covers_the_truth_and_repeats():
    x, y = rng().normal(0, 2, 200), np.random.default_rng(1).normal(0, 1, 200)
    low, high = sd_ratio_interval(x, y, rng())
    assert low < 2 < high
    assert high - low < 0.8
    assert (low, high) == sd_ratio_interval(x, y, rng())


def test_a_sample_without_spread_has_an_infinite_or_undefined_ratio():
    spread, none = np.array([0.1, 0.2, 0.3]), np.array([0.5, 0.5, 0.5])
    assert sd_ratio_interval(spread, none, rng())[1] == np.inf
    assert np.isnan(sd_ratio_interval(none, none, rng())).all()
    rounding = np.array([0.7941, 0.7941, 0.8267])  # two resampled thirds have a mean that rounds
    assert sd_ratio_interval(spread, rounding, rng())[1] == np.inf


@pytest.mark.parametrize(
    ("x", "y"), [([0.5], [0.6, 0.7]), ([0.5, 0.5], [0.5, 0.5]), ([0.5, 0.5, 0.5], [0.6, 0.7, 0.8]), ([0.5], [0.5])]
)
def test_edge_cases_give_a_row_and_no_crash(x, y):
    row = compare_samples(sample(x), sample(y), rng())
    assert row["n"] == len(x)
    assert 0 <= row["a12"] <= 1
    if len(x) == 1 or (np.ptp(x) == 0 and np.ptp(y) == 0):
        assert np.isnan(row["welch_p"])
    for name in TESTS:
        assert np.isnan(row[f"{name}_p"]) or 0 <= row[f"{name}_p"] <= 1


def test_every_arm_but_the_baseline_has_a_row_a_task():
    rows = [
        {"task": task, "arm": arm, "score": score, "degenerate": False}
        for task in ("rte", "cola")
        for arm, scores in (("a", [0.5, 0.6, 0.7]), ("b", [0.8, 0.9, 0.7]))
        for score in scores
    ]
    table = compare(pd.DataFrame(rows), "a")
    assert list(zip(table["task"], table["arm"], strict=True)) == [("rte", "b"), ("cola", "b")]
    assert table["mean_difference"].tolist() == pytest.approx([0.2, 0.2])
    assert table["welch_p_holm"].tolist() == pytest.approx([2 * p for p in table["welch_p"]])


def test_an_unknown_baseline_is_refused():
    with pytest.raises(UserError, match="unknown arm 'x'; accepted: a"):
        compare(pd.DataFrame({"task": ["rte"], "arm": ["a"], "score": [0.5], "degenerate": [False]}), "x")


COLUMN = {"RTE": "acc", "MRPC": "f1", "CoLA": "mcc"}


@pytest.fixture
def published(published_runs):
    """600 runs of BERT-large by the official code of Zhang et al. (2021), a replication."""

    def select(task, method, checkpoint="best"):
        table = published_runs[(published_runs["task"] == task) & (published_runs["method"] == method)]
        scores = table[f"{checkpoint}_test_{COLUMN[task]}"].to_numpy()
        failing = {"RTE": ("acc", 0.5253), "MRPC": ("acc", 140 / 205 + 1e-4), "CoLA": ("mcc", 0.0)}[task]
        return sample(scores, list(table[f"last_test_{failing[0]}"] <= failing[1]))

    return select


@pytest.mark.parametrize(
    ("task", "welch", "mann_whitney", "expected_a12"),
    [("RTE", 3.5e-19, 3.3e-14, 0.9372), ("MRPC", 1.1e-10, 2.5e-7, 0.7960), ("CoLA", 1.7e-7, 3.3e-12, 0.9032)],
)
def test_bias_correction_in_the_published_runs(published, task, welch, mann_whitney, expected_a12):
    row = compare_samples(published(task, "standard_debiased"), published(task, "not_debiased"), rng())
    assert row["welch_p"] == pytest.approx(welch, rel=0.05)
    assert row["mann_whitney_p"] == pytest.approx(mann_whitney, rel=0.05)
    assert row["a12"] == pytest.approx(expected_a12, abs=1e-4)


@pytest.mark.parametrize(("task", "failed", "fisher"), [("RTE", 36, 9.49e-16), ("MRPC", 28, 3.55e-11)])
def test_failures_in_the_published_runs(published, task, failed, fisher):
    row = compare_samples(published(task, "not_debiased"), published(task, "standard_debiased"), rng())
    assert (row["failed"], row["failed_baseline"]) == (failed, 0)
    assert row["fisher_p"] == pytest.approx(fisher, rel=0.01)


@pytest.mark.parametrize(
    ("task", "brown_forsythe", "welch", "expected_a12"),
    [("RTE", 0.00694, 3.8e-9, 0.8392), ("MRPC", 8.2e-4, 6.1e-6, 0.7424), ("CoLA", 0.80, 0.086, 0.3986)],
)
def test_re_initialisation_in_the_published_runs(published, task, brown_forsythe, welch, expected_a12):
    row = compare_samples(published(task, "reinit_debiased"), published(task, "standard_debiased"), rng())
    assert row["brown_forsythe_p"] == pytest.approx(brown_forsythe, rel=0.02)
    assert row["welch_p"] == pytest.approx(welch, rel=0.02)
    assert row["a12"] == pytest.approx(expected_a12, abs=1e-4)
