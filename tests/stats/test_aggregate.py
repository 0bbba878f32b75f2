"""Aggregates over tasks: tables by hand, rliable, a multi-bootstrap in plain loops."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from rliable import metrics

from seedvar.errors import UserError
from seedvar.stats.aggregate import (
    AGGREGATES,
    aggregate,
    aggregates,
    averaged,
    compare_on_resamples,
    improvement,
    multi_bootstrap,
    normalise,
    performance_profile,
)
from seedvar.stats.agreement import weighted_scores


def rng():
    return np.random.default_rng(0)


def runs(scores, arm="adamw", majority=0.0):
    rows = [
        {"task": task, "arm": arm, "init_seed": s, "order_seed": s, "score": score, "majority": majority}
        | {"degenerate": score <= majority}
        for task, values in scores.items()
        for s, score in enumerate(values)
    ]
    return pd.DataFrame(rows)


def test_zero_is_the_trivial_predictor_and_one_is_perfect():
    assert normalise(np.array([0.6, 0.8, 1.0, 0.4]), 0.6) == pytest.approx([0, 0.5, 1, -0.5])
    assert normalise(np.array([0.5, 1.0]), np.array([0.0, 1.0])) == pytest.approx([0.5, np.nan], nan_ok=True)


def test_two_tasks_are_summarised_as_by_hand():
    scores = [np.array([0.0, 0.4, 0.5, 0.9]), np.array([1.0, 0.8, 1.2, 0.6])]
    iqm, mean, median, gap = aggregates(scores).values()
    assert iqm == pytest.approx((0.5 + 0.6 + 0.8 + 0.9) / 4)
    assert (mean, median) == pytest.approx((0.675, 0.675))
    assert gap == pytest.approx(1 - (0.45 + 0.85) / 2)


@pytest.mark.parametrize("n", [5, 10])
def test_aggregates_agree_with_rliable(n):
    scores = rng().normal(0.8, 0.3, (n, 3))
    ours = list(aggregates(list(scores.T)).values())
    theirs = [getattr(metrics, f"aggregate_{name}")(scores) for name in AGGREGATES]
    assert ours == pytest.approx(theirs)
    other = np.round(scores + 0.1, 1)
    table = pd.concat([runs(dict(enumerate(scores.T))), runs(dict(enumerate(other.T)), "b")])
    row = improvement(table, "adamw").iloc[0]
    assert row["improvement"] == pytest.approx(metrics.probability_of_improvement(other, scores))


def test_scores_are_normalised_unless_asked_otherwise():
    table = runs({"rte": [0.75, 0.75]}, majority=0.5)
    assert aggregate(table)["mean"].item() == 0.5
    assert aggregate(table, normalised=False)["mean"].item() == 0.75


def test_one_run_and_unequal_tasks_give_a_row():
    table = pd.concat([runs({"rte": [0.7], "cola": [0.5, 0.6, 0.7]}), runs({"rte": [0.5, 0.5]}, "failed", 0.5)])
    result = aggregate(table).set_index("arm")
    assert result.loc["adamw", ["tasks", "runs"]].tolist() == [2, 4]
    assert result.loc["adamw", "mean"] == pytest.approx(0.65)
    assert result.loc["failed", ["iqm", "mean", "optimality_gap"]].tolist() == [0, 0, 1]
    assert np.isnan(result.loc["adamw", "mean_low"])  # of one run nothing is known


def test_an_interval_of_an_average_is_that_of_independent_parts():
    low, high = averaged([0.5, 0.7], [(0.2, 0.9), (0.3, 0.7)])
    assert (low, high) == pytest.approx((0.6 - 0.25, 0.6 + 0.2))
    assert np.isnan(averaged([0.5, 0.7], [(0.2, 0.9), (np.nan, np.nan)])).all()


def test_the_mean_over_tasks_allows_for_failures_that_were_not_seen():
    row = aggregate(runs({"rte": [0.8, 0.81, 0.82, 0.83, 0.84], "cola": [0.6, 0.61, 0.62, 0.63, 0.64]})).iloc[0]
    assert row["mean_low"] < 0.5 < row["mean"] < row["mean_high"] < 0.8


def test_the_profile_is_the_share_of_runs_above_each_level():
    table = runs({"rte": [0.2, 0.4, 0.6, 0.8], "cola": [0.5, 0.7]})
    profile = performance_profile(table, np.array([0.0, 0.5, 0.8]))
    assert profile["share"].tolist() == [1, 0.5, 0]
    assert profile["low"].tolist()[0] == pytest.approx(0.025 ** (1 / 6))
    assert profile["low"].tolist()[1] < 0.5 < profile["high"].tolist()[1]


def test_improvement_counts_ties_half_and_common_tasks_only():
    table = pd.concat(
        [runs({"rte": [1.0, 2.0], "cola": [0.0]}), runs({"rte": [2.0, 3.0]}, "b"), runs({"mrpc": [2.0]}, "c")]
    )
    result = improvement(table, "adamw")
    assert result["arm"].tolist() == ["b"]
    assert result["improvement"].item() == pytest.approx(3.5 / 4)
    assert result["improvement_low"].item() < 0.5
    assert result["improvement_high"].item() <= 1
    for refuses in (lambda: improvement(table, "x"), lambda: compare_on_resamples(None, table, "x", rng())):
        with pytest.raises(UserError, match="unknown arm 'x'; accepted: adamw, b, c"):
            refuses()


def test_a_row_does_not_change_because_another_arm_is_added():
    one, two = runs({"rte": rng().random(9)}), runs({"rte": rng().random(7)}, "b")
    for table in (aggregate, performance_profile):
        alone = table(one)
        among = table(pd.concat([two, one])).query("arm == 'adamw'")
        pd.testing.assert_frame_equal(alone, among.reset_index(drop=True))


def test_an_undefined_score_counts_as_the_trivial_predictors():
    assert aggregate(runs({"rte": [np.nan, 1.0]}, majority=0.5))["mean"].item() == 0.5


def answers(n_runs, n_examples, accuracy, draw):
    labels = np.tile([0, 1], n_examples // 2)
    right = draw.random((n_runs, n_examples)) < accuracy
    return labels, np.eye(2)[np.where(right, labels, 1 - labels)]


@pytest.mark.parametrize("paired", [True, False])
def test_the_multi_bootstrap_agrees_with_plain_loops(paired):
    def f1(labels, predicted):
        return 2 * (labels & predicted).sum() / (labels.sum() + predicted.sum())

    labels, ours = answers(6, 60, 0.8, rng())
    theirs = answers(6, 60, 0.7, np.random.default_rng(1))[1]
    result = multi_bootstrap(partial(weighted_scores, "f1"), labels, (ours, theirs), rng(), paired, resamples=4000)
    draw, differences = rng(), []
    for _ in range(4000):
        examples, ours_drawn = draw.integers(60, size=60), draw.integers(6, size=6)
        theirs_drawn = ours_drawn if paired else draw.integers(6, size=6)
        means = [
            np.mean([f1(labels[examples], logits[r][examples].argmax(axis=1)) for r in drawn])
            for logits, drawn in ((ours, ours_drawn), (theirs, theirs_drawn))
        ]
        differences.append(means[0] - means[1])
    assert result["se"] == pytest.approx(np.std(differences), rel=0.05)
    low, high = np.quantile(differences, [0.025, 0.975])
    assert (result["low"], result["high"]) == pytest.approx((low, high), abs=0.01)


def test_the_share_of_either_source_of_chance_is_known():
    labels, ours = answers(10, 200, 0.8, rng())
    theirs = answers(10, 200, 0.7, np.random.default_rng(1))[1]
    theirs[:] = theirs[0]  # runs that differ in nothing
    result = multi_bootstrap(partial(weighted_scores, "accuracy"), labels, (ours, theirs), rng(), False)
    accuracy = (ours.argmax(axis=2) == labels).mean(axis=1)
    assert result["se_seeds"] == pytest.approx(accuracy.std() / np.sqrt(10), rel=0.1)
    right = (ours.argmax(axis=2) == labels).mean(axis=0) - (theirs[0].argmax(axis=1) == labels)
    assert result["se_examples"] == pytest.approx(right.std() / np.sqrt(200), rel=0.1)
    assert result["se"] > max(result["se_seeds"], result["se_examples"])


def test_equal_arms_have_no_difference_and_a_p_of_one():
    labels, ours = answers(3, 20, 0.8, rng())
    result = multi_bootstrap(partial(weighted_scores, "matthews"), labels, (ours, ours), rng(), True)
    assert (result["difference"], result["low"], result["high"], result["p"]) == (0, 0, 0, 1)


def predictions_of(arm, logits, labels, seeds, metric="accuracy"):
    tables = [
        pd.DataFrame(
            {"task": "rte", "arm": arm, "init_seed": seed, "order_seed": seed, "checkpoint": "last", "split": "test"}
            | {"example": np.arange(len(labels)), "label": labels}
            | {f"logit_{k}": one[:, k] for k in range(one.shape[1])}
        )
        for seed, one in zip(seeds, logits, strict=True)
    ]
    table = {"task": "rte", "arm": arm, "init_seed": seeds, "order_seed": seeds, "metric": metric, "split": "test"}
    return pd.concat(tables), pd.DataFrame(table)


def test_arms_are_paired_where_they_have_the_same_seeds():
    labels, ours = answers(4, 40, 0.9, rng())
    theirs = answers(4, 40, 0.6, rng())[1]
    for seeds, paired in (([0, 1, 2, 3], True), ([4, 5, 6, 7], False)):
        a, b = predictions_of("a", theirs, labels, [0, 1, 2, 3]), predictions_of("b", ours, labels, seeds)
        row = compare_on_resamples(pd.concat([a[0], b[0]]), pd.concat([a[1], b[1]]), "a", rng()).iloc[0]
        assert (row["arm"], row["runs"], row["examples"], row["paired"]) == ("b", 4, 40, paired)
        expected = (ours.argmax(axis=2) == labels).mean() - (theirs.argmax(axis=2) == labels).mean()
        assert row["difference"] == pytest.approx(expected)
        assert row["se"] > 0
        assert "p" not in row  # nor an interval: with 4 runs neither holds


@pytest.mark.parametrize(
    ("metric", "trivial"), [("accuracy", 0.5), ("f1", 2 / 3), ("matthews", 0.0), ("spearman", 0.0)]
)
def test_a_diverged_run_counts_as_the_trivial_predictor(metric, trivial):
    labels, ours = answers(2, 40, 1.0, rng())
    classes = 1 if metric == "spearman" else 2
    ours = ours[:, :, ::-1][:, :, :1] if classes == 1 else ours
    gone = ours.copy()
    gone[1] = np.nan
    a, b = predictions_of("a", ours, labels, [0, 1], metric), predictions_of("b", gone, labels, [0, 1], metric)
    row = compare_on_resamples(pd.concat([a[0], b[0]]), pd.concat([a[1], b[1]]), "a", rng(), 50).iloc[0]
    assert row["difference"] == pytest.approx((1 + trivial) / 2 - 1)


def test_a_large_study_is_summarised_within_seconds():
    from time import process_time

    draw = rng()
    arms = [runs({task: draw.random(50) for task in range(4)}, arm) for arm in "abcde"]
    start = process_time()
    aggregate(pd.concat(arms))
    assert process_time() - start < 15  # 1,000 runs; a loop over resamples would take minutes
