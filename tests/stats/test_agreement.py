"""Agreement of runs: answers by hand, pairs listed one by one, statsmodels, scikit-learn, SciPy."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.special import softmax
from scipy.stats import spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from seedvar.errors import UserError
from seedvar.stats.agreement import (
    MEASURES,
    churn,
    class_counts,
    disagreement,
    fleiss_kappa,
    instability,
    jensen_shannon,
    weighted_scores,
)


def rng():
    return np.random.default_rng(0)


def tables(answers, labels, arm="adamw", metric="accuracy", task="rte", first_seed=0):
    """Predictions and runs of an arm from logits of shape (runs, examples, classes)."""
    rows = []
    for seed, logits in enumerate(answers):
        for checkpoint in ("last", "best"):
            for split in ("validation", "test"):
                wanted = checkpoint == "last" and split == "test"
                rows.append(
                    pd.DataFrame(
                        {
                            "task": task,
                            "arm": arm,
                            "init_seed": first_seed + seed,
                            "order_seed": first_seed + seed,
                            "checkpoint": checkpoint,
                            "split": split,
                            "example": np.arange(len(labels))[::-1],
                            "label": np.asarray(labels, float),
                            **{f"logit_{k}": logits[:, k] if wanted else 0.0 for k in range(logits.shape[1])},
                        }
                    )
                )
    runs = pd.DataFrame(
        {
            "task": task,
            "arm": arm,
            "init_seed": first_seed + np.arange(len(answers)),
            "order_seed": first_seed + np.arange(len(answers)),
            "metric": metric,
            "split": "test",
        }
    )
    return pd.concat(rows, ignore_index=True), runs


def test_the_predictions_of_the_judged_checkpoint_count():
    predictions, runs = tables(logits_of([[1, 0], [1, 1], [1, 1]]), [1, 1])
    assert instability(predictions, runs.assign(checkpoint="last"))["flipped"].tolist() == [0.5]
    assert instability(predictions, runs.assign(checkpoint="best"))["flipped"].tolist() == [0.0]


def logits_of(classes, n_classes=2):
    """Logits of runs that answer these classes, shape (runs, examples) to (runs, examples, classes)."""
    return 3.0 * (np.asarray(classes)[:, :, None] == np.arange(n_classes))


def joined(*pairs):
    return tuple(pd.concat(each, ignore_index=True) for each in zip(*pairs, strict=True))


def test_three_runs_on_two_examples_as_by_hand():
    predictions, runs = tables(logits_of([[1, 0], [1, 1], [1, 1]]), [1, 1])
    row = instability(predictions, runs).iloc[0]
    assert (row["runs"], row["left_out"], row["examples"], row["split"]) == (3, 0, 2, "test")
    assert row["disagreement"] == pytest.approx((0 + 2 / 3) / 2)
    assert row["kappa"] == pytest.approx((2 / 3 - 26 / 36) / (1 - 26 / 36))
    assert row["example_variance"] == pytest.approx((0 + 2 / 9) / 2)
    assert row["flipped"] == 0.5
    assert row["mean_score"] == pytest.approx(5 / 6)
    assert row["ensemble_gain"] == pytest.approx(1 / 6)
    assert np.isnan(row["prediction_sd"])


def test_disagreement_is_the_mean_over_all_pairs():
    predicted = rng().integers(3, size=(6, 40))
    pairs = [np.mean(a != b) for a, b in combinations(predicted, 2)]
    assert disagreement(class_counts(predicted, 3)) == pytest.approx(np.mean(pairs))


def test_kappa_agrees_with_statsmodels():
    from statsmodels.stats.inter_rater import fleiss_kappa as reference

    counts = class_counts(rng().choice(3, p=[0.6, 0.3, 0.1], size=(7, 50)), 3)
    assert fleiss_kappa(counts) == pytest.approx(reference(counts))


def test_kappa_is_not_defined_if_every_answer_is_the_same():
    assert np.isnan(fleiss_kappa(class_counts(np.ones((4, 5), int), 2)))
    assert fleiss_kappa(class_counts(np.tile([0, 1], (4, 1)), 2)) == 1


def test_the_divergence_agrees_with_scipy_pair_by_pair():
    probabilities = softmax(rng().normal(size=(5, 30, 3)), axis=2)
    pairs = [(jensenshannon(a, b, axis=1) ** 2).mean() for a, b in combinations(probabilities, 2)]
    assert jensen_shannon(probabilities) == pytest.approx(np.mean(pairs))
    certain = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    assert jensen_shannon(certain) == pytest.approx(np.log(2))


@pytest.mark.parametrize(
    ("metric", "reference"),
    [("accuracy", accuracy_score), ("f1", f1_score), ("matthews", matthews_corrcoef)],
)
def test_a_weighted_score_is_that_of_the_repeated_examples(metric, reference):
    labels, logits = rng().integers(2, size=30), rng().normal(size=(3, 30, 2))
    weights = rng().integers(4, size=(30, 5))
    scores = weighted_scores(metric, labels, logits, weights)
    for r in range(3):
        for b in range(5):
            rows = np.repeat(np.arange(30), weights[:, b])
            assert scores[r, b] == pytest.approx(reference(labels[rows], logits[r, rows].argmax(axis=1)))


def test_a_weighted_rank_correlation_is_that_of_the_repeated_examples():
    labels, logits = rng().integers(6, size=30) / 2, np.round(rng().normal(size=(3, 30, 1)), 1)
    weights = rng().integers(4, size=(30, 5))
    scores = weighted_scores("spearman", labels, logits, weights)
    for r in range(3):
        for b in range(5):
            rows = np.repeat(np.arange(30), weights[:, b])
            assert scores[r, b] == pytest.approx(spearmanr(labels[rows], logits[r, rows, 0]).statistic)


@pytest.mark.parametrize("metric", ["f1", "matthews", "spearman"])
def test_a_score_that_is_not_defined_is_zero(metric):
    assert weighted_scores(metric, np.zeros(4), np.zeros((2, 4, 1)), np.ones((4, 1))).tolist() == [[0], [0]]


def test_an_unknown_metric_is_refused():
    with pytest.raises(UserError, match="unknown metric 'bleu'; accepted: accuracy, f1"):
        weighted_scores("bleu", np.zeros(2), np.zeros((1, 2, 2)), np.ones((2, 1)))


def test_a_diverged_run_is_left_out_and_counted():
    answers = logits_of([[1, 0], [1, 1], [0, 0]])
    answers[2] = np.nan
    row = instability(*tables(answers, [1, 1])).iloc[0]
    assert (row["runs"], row["left_out"], row["disagreement"]) == (3, 1, 0.5)


@pytest.mark.parametrize("kept", [0, 1])
def test_agreement_of_one_run_or_none_is_not_defined(kept):
    answers = logits_of([[1, 0], [1, 1]])
    answers[kept:] = np.nan
    row = instability(*tables(answers, [1, 1])).iloc[0]
    assert row["left_out"] == 2 - kept
    assert row[["disagreement", "kappa", "jsd", "flipped", "example_variance"]].isna().all()
    assert np.isnan(row["mean_score"]) == (kept == 0)


def test_regression_has_the_sd_of_its_predictions_in_place_of_flips():
    answers = np.array([[[1.0], [2.0], [3.0]], [[3.0], [2.0], [5.0]]])
    row = instability(*tables(answers, [1.0, 2.0, 4.0], metric="spearman")).iloc[0]
    assert row["prediction_sd"] == pytest.approx((np.sqrt(2) + 0 + np.sqrt(2)) / 3)
    assert row["ensemble_score"] == pytest.approx(spearmanr([1, 2, 4], [2, 2, 4]).statistic)
    assert row[["disagreement", "kappa", "jsd", "flipped", "example_variance"]].isna().all()


def test_tasks_with_different_numbers_of_classes_share_a_table():
    two = tables(logits_of([[1, 0], [1, 1]]), [1, 1])
    three = tables(logits_of([[2, 0], [2, 1]], 3), [2, 1], task="mnli")
    one = tables(np.array([[[1.0], [2.0]], [[1.0], [3.0]]]), [1.0, 2.0], task="stsb", metric="spearman")
    table = instability(*joined(two, three, one)).set_index("task")
    assert table.loc["rte"].drop("split").equals(instability(*two).set_index("task").loc["rte"].drop("split"))
    assert table.loc["mnli", "disagreement"] == 0.5
    assert table.loc["stsb", "prediction_sd"] == pytest.approx(np.sqrt(2) / 4)
    assert [name for name in MEASURES if name not in table.columns] == []


def test_churn_pairs_runs_by_seed():
    ours = tables(logits_of([[1, 0, 0], [1, 1, 1]]), [1, 1, 0], arm="reinit2")
    theirs = tables(logits_of([[1, 1, 1], [1, 1, 0]]), [1, 1, 0])
    row = churn(*joined(theirs, ours), "adamw").iloc[0]
    assert (row["arm"], row["pairs"], row["paired"], row["examples"]) == ("reinit2", 2, True, 3)
    assert row["churn"] == pytest.approx((2 / 3 + 1 / 3) / 2)
    assert row["broken"] == pytest.approx((1 / 3 + 1 / 3) / 2)
    assert row["repaired"] == pytest.approx((1 / 3 + 0) / 2)
    assert row["baseline_disagreement"] == pytest.approx(1 / 3)


def test_churn_of_runs_without_a_common_seed_is_over_all_pairs():
    ours = tables(logits_of([[1, 0], [1, 1]]), [1, 1], arm="reinit2", first_seed=7)
    theirs = tables(logits_of([[1, 1], [0, 1], [1, 1]]), [1, 1])
    row = churn(*joined(theirs, ours), "adamw").iloc[0]
    assert (row["pairs"], row["paired"]) == (6, False)
    assert row["churn"] == pytest.approx(np.mean([1 / 2, 1, 1 / 2, 0, 1 / 2, 0]))
    assert row["broken"] == pytest.approx(3 / 12)


def test_churn_compares_only_examples_that_both_arms_have():
    ours, runs = tables(logits_of([[1, 0, 0]]), [1, 1, 0], arm="reinit2")
    theirs = tables(logits_of([[1, 1, 1]]), [1, 1, 0])
    both = joined(theirs, (ours[ours["example"] != 0], runs))
    assert churn(*both, "adamw").iloc[0][["examples", "churn"]].tolist() == [2, 0.5]


def test_churn_in_regression_is_a_shift_and_without_runs_undefined():
    ours = tables(np.array([[[1.0], [2.0]]]), [1.0, 2.0], "reinit2", "spearman", "stsb")
    theirs = tables(np.array([[[1.5], [1.5]]]), [1.0, 2.0], "adamw", "spearman", "stsb")
    row = churn(*joined(theirs, ours), "adamw").iloc[0]
    assert row["shift"] == 0.5
    assert np.isnan(row["churn"])
    gone = tables(np.full((1, 2, 1), np.nan), [1.0, 2.0], "adamw", "spearman", "stsb")
    row = churn(*joined(gone, ours), "adamw").iloc[0]
    assert row["pairs"] == 0
    assert np.isnan(row["shift"])


def test_an_unknown_baseline_is_refused():
    with pytest.raises(UserError, match="unknown arm 'x'; accepted: adamw"):
        churn(*tables(logits_of([[1, 0]]), [1, 1]), "x")


def test_fifty_runs_of_a_thousand_examples_take_a_moment():
    from time import process_time

    answers = rng().normal(size=(50, 1000, 2))
    predictions, runs = tables(answers, rng().integers(2, size=1000))
    start = process_time()
    instability(predictions, runs)
    assert process_time() - start < 5  # a tenth of a second; pair by pair it would take a minute
