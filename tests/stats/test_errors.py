"""Of an error the lowest is the best: statistics of errors mirror those of the same numbers with the other sign."""

import numpy as np
import pandas as pd
import pytest

from seedvar.stats.aggregate import aggregate, improvement, normalise
from seedvar.stats.agreement import Outputs, measures
from seedvar.stats.compare import compare
from seedvar.stats.describe import summarise
from seedvar.stats.early_stopping import start_many
from seedvar.stats.rule import decide
from seedvar.stats.selection import expected_performance
from seedvar.stats.stochastic_order import stochastic_order
from seedvar.stats.verdict import verdicts

TRIVIAL = 4.0  # the variance of the labels
ERRORS = {"plain": [1.0, 1.2, 1.5, 4.0, 1.1, 1.3], "better": [0.5, 0.7, 0.6, 0.8, 1.15, 0.9]}


def rng():
    return np.random.default_rng(0)


def table_of(errors, metric="mse", up=1):
    rows = [
        {"task": "homes", "arm": arm, "init_seed": s, "order_seed": s, "score": up * error, "degenerate": error >= 4}
        for arm, values in errors.items()
        for s, error in enumerate(values)
    ]
    table = pd.DataFrame(rows).assign(metric=metric, split="test", majority=up * TRIVIAL)
    # Validation puts the runs in another order than test.
    return table.assign(validation_last=up * (2 - up * table["score"] / 4), test_last=table["score"])


ERROR = table_of(ERRORS)
MIRRORED = table_of(ERRORS, metric="a score that is not listed", up=-1)


def test_a_comparison_takes_the_lower_for_better_and_leaves_the_difference_as_it_is():
    error, mirrored = (compare(runs, "plain").iloc[0] for runs in (ERROR, MIRRORED))
    assert error["mean_difference"] == pytest.approx(0.775 - 10.1 / 6)
    assert error["mean_difference"] == -mirrored["mean_difference"]
    assert error["ok_mean_difference_low"] == -mirrored["ok_mean_difference_high"]
    assert error["a12"] == mirrored["a12"] > 0.9
    same = [name for name in error.index if name.endswith("_p") or name.startswith(("sd_ratio", "improvement"))]
    assert len(same) > 12
    for name in same:
        assert error[name] == mirrored[name] or np.isnan(error[name]), name


def test_a_verdict_on_errors_says_lower_in_their_own_unit():
    errors = {"plain": [1.0, 1.1, 1.2, 1.3, 1.4, 1.5], "better": [0.1, 0.11, 0.12, 0.13, 0.14, 0.15]}
    sentence = verdicts(decide(table_of(errors), "plain")).iloc[0]["verdict"]
    assert "has a lower (better) mean of its runs (-1.12 [" in sentence  # 1.25 and .125
    assert "points" not in sentence


def test_a_summary_of_errors_has_the_numbers_as_they_are():
    error, mirrored = (summarise(runs).iloc[1] for runs in (ERROR, MIRRORED))
    assert error["mean"] == pytest.approx(0.775)
    assert (error["min"], error["max"], error["failed"]) == (0.5, 1.15, 0)
    assert (error["mean_low"], error["mean_high"]) == pytest.approx((-mirrored["mean_high"], -mirrored["mean_low"]))


def test_the_best_of_n_runs_has_the_lowest_validation_error():
    error, mirrored = (expected_performance(runs) for runs in (ERROR, MIRRORED))
    for name in ("validation", "validation_unbiased", "test"):
        assert error[name].to_numpy() == pytest.approx(-mirrored[name].to_numpy()), name
    assert error["validation_lower"].to_numpy() == pytest.approx(-mirrored["validation_upper"].to_numpy())
    of_arm = error[error["arm"] == "better"]
    assert of_arm["validation"].is_monotonic_decreasing
    assert of_arm["validation_unbiased"].iloc[-1] == pytest.approx(2 - 1.15 / 4)  # the lowest of all six


def test_start_many_keeps_the_runs_with_the_lowest_validation_errors():
    keys = ["task", "arm", "init_seed", "order_seed"]
    tables = []
    for runs, up in ((ERROR, 1), (MIRRORED, -1)):
        metric = runs["metric"].iloc[0]
        steps = [runs[keys].assign(update=k, **{f"val_{metric}": runs["score"] + up * (2 - k)}) for k in (1, 2)]
        tables.append(start_many(runs, pd.concat(steps), rng()))
    error, mirrored = tables
    assert error["score"].to_numpy() == pytest.approx(-mirrored["score"].to_numpy())
    counts = ["budget", "n_started", "n_stopped", "n_evaluations"]
    assert error[counts].equals(mirrored[counts])
    of_arm = error[error["arm"] == "better"]["score"].to_list()
    assert of_arm == sorted(of_arm, reverse=True)  # the larger the budget, the lower the error


def test_order_and_improvement_take_the_lower_for_better():
    error, mirrored = (stochastic_order(runs, "plain", rng()).iloc[0] for runs in (ERROR, MIRRORED))
    assert error.equals(mirrored)
    assert error["epsilon"] < 0.1
    error, mirrored = (improvement(runs, "plain") for runs in (ERROR, MIRRORED))
    assert error.equals(mirrored)


def test_a_normalised_error_is_0_for_the_trivial_predictor_and_1_without_any():
    assert normalise(np.array([4.0, 0.0, 1.0]), TRIVIAL, 0.0).tolist() == [0.0, 1.0, 0.75]
    table = aggregate(ERROR).set_index("arm")
    assert table.loc["better", "mean"] == pytest.approx(1 - 0.775 / TRIVIAL)
    assert table.loc["better", "mean"] > table.loc["plain", "mean"]


def test_an_ensemble_gains_by_a_lower_error():
    logits = np.array([[[1.0], [2.0]], [[3.0], [4.0]]])  # of two runs on two examples
    outputs = Outputs([(0, 0), (1, 1)], np.array([0, 1]), np.array([2.0, 3.0]), logits)
    measured = measures(outputs, "mse")
    assert (measured["mean_score"], measured["ensemble_score"], measured["ensemble_gain"]) == (1.0, 0.0, 1.0)
    assert measured["prediction_sd"] == pytest.approx(2**0.5)
