"""Descriptions by samples whose answer can be worked out by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from seedvar.stats.describe import describe, summarise, wilson_interval


def runs(scores, degenerate, task="rte", arm="adamw", majority=0.5):
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
        }
    )


def test_a_sample_is_described_with_n_minus_one():
    assert describe(np.array([1.0, 2.0, 3.0, 10.0])) == {
        "mean": 4.0,
        "sd": pytest.approx(math.sqrt(50 / 3)),
        "median": 2.5,
        "iqm": 2.5,
        "min": 1.0,
        "max": 10.0,
    }


def test_what_is_not_defined_is_nan_and_nothing_crashes():
    assert np.isnan(describe(np.array([0.7]))["sd"])
    assert all(np.isnan(value) for value in describe(np.array([])).values())


@pytest.mark.parametrize(("k", "n", "low", "high"), [(36, 50, 0.583, 0.825), (0, 50, 0.0, 0.0714), (5, 5, 0.566, 1.0)])
def test_wilson_intervals(k, n, low, high):
    assert wilson_interval(k, n) == (pytest.approx(low, abs=1e-3), pytest.approx(high, abs=1e-3))


def test_failed_runs_are_counted_and_set_apart_never_dropped():
    table = summarise(runs([0.5, 0.5, 0.7, 0.8], [True, True, False, False]))
    row = table.iloc[0]
    assert (row["n"], row["failed"], row["failed_share"], row["ok_n"]) == (4, 2, 0.5, 2)
    assert row["mean"] == pytest.approx(0.625)
    assert row["ok_mean"] == pytest.approx(0.75)


def test_an_arm_whose_runs_all_failed_has_a_row_with_nothing_among_the_rest():
    row = summarise(runs([0.5, 0.5], [True, True])).iloc[0]
    assert (row["failed"], row["ok_n"]) == (2, 0)
    assert np.isnan(row["ok_mean"])


def test_rows_keep_the_order_of_the_study():
    table = summarise(pd.concat([runs([0.6], [False], "rte", "z"), runs([0.6], [False], "cola", "a")]))
    assert list(table["task"]) == ["rte", "cola"]
