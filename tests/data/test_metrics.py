"""Scores by hand-computed examples; the rule for degenerate runs at its edges."""

import math

import numpy as np
import pytest

from seedvar.data.known import package_declaration, package_tasks
from seedvar.data.scoring import constant_loss, is_degenerate, majority_score, scores
from seedvar.data.task import resolve

TASKS = {name: resolve(package_declaration(name), name) for name in package_tasks()}


def one_hot(classes):
    return np.eye(2)[classes]


def test_scores_of_a_small_example():
    labels, logits = np.array([1, 1, 1, 0]), one_hot([1, 1, 0, 1])
    assert scores(TASKS["rte"], labels, logits) == {"accuracy": 0.5}
    mrpc = scores(TASKS["mrpc"], labels, logits)
    assert mrpc == {"f1": pytest.approx(2 / 3), "accuracy": 0.5}  # precision 2/3, recall 2/3
    assert scores(TASKS["cola"], labels, logits)["matthews"] == pytest.approx(-1 / 3)
    stsb = scores(TASKS["stsb"], np.array([0.0, 1.0, 5.0]), np.array([[0.1], [0.2], [0.3]]))
    assert stsb["spearman"] == pytest.approx(1.0)


def test_a_correlation_with_a_constant_is_nan_and_the_run_degenerate():
    score = scores(TASKS["stsb"], np.array([0.0, 1.0, 5.0]), np.full((3, 1), 2.5))["spearman"]
    assert math.isnan(score)
    assert is_degenerate(TASKS["stsb"], {"spearman": score}, np.array([0.0, 1.0, 5.0]))


def test_logits_that_are_not_finite_have_no_score():
    assert math.isnan(scores(TASKS["rte"], np.array([0, 1]), np.full((2, 2), np.nan))["accuracy"])


def test_majority_scores_are_those_of_the_trivial_predictor():
    labels = np.array([1] * 139 + [0] * 64)  # the validation half of MRPC
    assert majority_score(TASKS["mrpc"], labels) == pytest.approx(0.8129, abs=1e-4)
    assert majority_score(TASKS["rte"], np.array([0] * 73 + [1] * 65)) == pytest.approx(0.529, abs=1e-3)
    assert majority_score(TASKS["cola"], labels) == 0.0


LABELS = np.array([1, 1, 1, 0, 0])


@pytest.mark.parametrize(
    ("task", "measured", "expected"),
    [
        ("rte", {"accuracy": 0.6}, True),
        ("rte", {"accuracy": 0.61}, False),
        ("rte", {"accuracy": math.nan}, True),
        ("mrpc", {"f1": 0.75, "accuracy": 0.6}, True),
        ("mrpc", {"f1": 0.70, "accuracy": 0.61}, False),  # below the F1 of always "positive", and yet useful
        ("mrpc", {"f1": 0.0, "accuracy": 0.4}, True),
        ("cola", {"matthews": 0.0}, True),
        ("cola", {"matthews": -0.1}, True),
        ("cola", {"matthews": 0.01}, False),
        ("stsb", {"spearman": 0.1, "pearson": 0.9}, True),
        ("stsb", {"spearman": 0.11, "pearson": 0.0}, False),
    ],
)
def test_a_run_is_degenerate_when_it_is_no_better_than_the_trivial_predictor(task, measured, expected):
    assert is_degenerate(TASKS[task], measured, LABELS) is expected


def test_the_constant_loss_is_the_entropy_of_the_labels_or_their_variance():
    assert constant_loss(TASKS["rte"], np.array([0.0, 1.0])) == pytest.approx(math.log(2))
    assert constant_loss(TASKS["rte"], np.array([1.0, 1.0])) == 0.0
    assert constant_loss(TASKS["mnli"], np.array([0.0, 1.0, 2.0])) == pytest.approx(math.log(3))
    assert constant_loss(TASKS["stsb"], np.array([1.0, 5.0])) == 4.0
