"""Start many, stop early, continue some: plans played out on small curves."""

import numpy as np
import pandas as pd
import pytest

from seedvar.stats.early_stopping import plans, start_many, stopping_plans
from seedvar.stats.selection import expected_best


def rng():
    return np.random.default_rng(0)


def runs(validation):
    seeds = range(len(validation))
    run = {"task": "rte", "arm": "adamw", "init_seed": seeds, "order_seed": seeds}
    return pd.DataFrame(run | {"metric": "accuracy", "majority": 0.5, "validation_last": validation})


def test_every_plan_spends_the_budget_and_continues_a_run():
    assert plans(2, 4) == [(2, 0, 4), (5, 4, 1), (3, 2, 2)]
    for n_started, n_stopped, n_evaluations in plans(5, 6):
        assert (n_started - n_stopped) * 6 + n_stopped * n_evaluations == 30
        assert n_started > n_stopped


def test_stopping_early_finds_the_better_runs_where_the_start_tells_the_end():
    curves = np.outer(np.linspace(0.5, 0.9, 20), [1.0, 1.0])
    table = stopping_plans(curves, [1, 2], rng(), draws=20_000)
    assert table[["budget", "n_started", "n_stopped"]].to_numpy().tolist() == [[1, 1, 0], [2, 2, 0], [2, 3, 2]]
    best = expected_best(curves[:, -1])
    for row, n in zip(table.itertuples(), (1, 2, 3), strict=True):
        assert row.score == pytest.approx(best[n - 1], abs=4 * row.standard_error)


def test_a_plan_stops_the_worst_at_that_evaluation():
    curves = np.array([[0.5, 0.9], [0.6, 0.7]] * 2)  # who is ahead loses
    table = stopping_plans(curves, [2], rng(), draws=20_000)
    # Plain: 0.9 unless both are the second. Three started, one continued: 0.9 only if all are the first.
    assert table["score"].tolist() == pytest.approx([0.75 * 0.9 + 0.25 * 0.7, 0.9 / 8 + 0.7 * 7 / 8], abs=0.003)


def test_no_plan_starts_more_runs_than_were_recorded():
    table = stopping_plans(rng().random((6, 4)), [2, 6], rng())
    assert table[["budget", "n_started"]].to_numpy().tolist() == [[2, 2], [2, 5], [2, 3], [6, 6]]


def test_a_run_cut_short_counts_with_what_it_has():
    curves = np.array([[0.6, np.nan], [np.nan, np.nan]])
    table = stopping_plans(curves, [1], rng(), draws=20_000, stand_in=0.5)
    assert table["score"].item() == pytest.approx(0.55, abs=0.002)


def curves_of(scores, arm="adamw"):
    return pd.DataFrame(
        [
            {"task": "rte", "arm": arm, "init_seed": s, "order_seed": s, "update": 10 * (k + 1), "val_accuracy": score}
            for s, row in enumerate(scores)
            for k, score in enumerate(row)
        ]
    )


def test_every_budget_up_to_the_number_of_runs_has_its_best_plan():
    scores = [[0.5 + 0.02 * s] * 4 for s in range(6)]
    scores[0] = [0.5]
    table = start_many(runs([0.7] * 6), curves_of(scores), rng())
    assert table["budget"].tolist() == [1, 2, 3, 5]
    assert table["n_stopped"].iloc[0] == 0
    assert (table["score"] >= table["plain_score"] - 1e-12).all()
    assert table["n_started"].iloc[2] == 6


def test_runs_without_any_evaluation_get_the_score_of_the_trivial_predictor():
    table = start_many(runs([0.7, np.nan]), curves_of([[0.7, 0.7]]), rng())
    assert table["score"].iloc[0] == pytest.approx(0.6, abs=0.02)
    assert start_many(runs([np.nan]), curves_of([[0.7]], arm="other"), rng()).empty
