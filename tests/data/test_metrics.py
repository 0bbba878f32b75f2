"""Scores by hand-computed examples; the rule for degenerate runs at its edges."""

import ast
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from seedvar.data import metrics, scoring, shown
from seedvar.data.known import package_declaration, package_tasks
from seedvar.data.metrics import ALSO, METRICS, load_metric
from seedvar.data.resolve import resolve
from seedvar.data.scoring import constant_loss, is_degenerate, majority_score, scores
from seedvar.data.task import Task
from seedvar.errors import UserError

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


# --------------------------------------------------------------------------- the list of metrics

PACKAGE = Path(metrics.__file__).parents[2]
CONTRACT = {
    *("REGRESSION", "NEEDS_POSITIVE", "HIGHER_IS_BETTER", "PERFECT", "CHANCE", "IN_POINTS"),
    *("score", "answer", "trivial", "failure", "weighted"),
}


def small(metric, classes=3, positive=1):
    numbers = load_metric(metric).REGRESSION
    return Task("x", "x", ("t",), () if numbers else tuple("abcdefg"[:classes]), metric, positive=positive)


@pytest.mark.parametrize("name", METRICS)
def test_every_listed_metric_has_all_that_a_metric_needs(name):
    module = load_metric(name)
    assert vars(module).keys() >= CONTRACT
    assert set(ALSO.get(name, ())) <= METRICS.keys()
    decides, _ = module.failure(np.array([0.0, 1.0, 1.0]), 1)
    assert decides in scoring.metric_names(name)


def test_every_module_of_a_metric_is_listed():
    files = {path.stem for path in Path(metrics.__file__).parent.glob("*.py")} - {"__init__"}
    assert files == METRICS.keys()


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_is_its_own_module_and_those_recorded_along_with_it(name):
    """So that a fingerprint can count the metrics that a cell uses, and no others."""
    tree = ast.parse(Path(load_metric(name).__file__).read_text(encoding="utf-8"))
    reached = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    ours = {module for module in reached if module.startswith("seedvar")}
    assert ours <= {f"seedvar.data.metrics.{other}" for other in ALSO.get(name, ())}


def test_no_other_module_knows_a_metric_by_its_name():
    found = []
    for path in PACKAGE.rglob("*.py"):
        if path.parent == Path(metrics.__file__).parent:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and node.value in METRICS:
                found.append(f"{path.relative_to(PACKAGE)}:{node.lineno}: {node.value}")
    assert found == []


def test_naming_the_metrics_loads_no_heavy_library():
    heavy = "pandas sklearn scipy datasets pyarrow transformers huggingface_hub torch"
    code = (
        "import sys, seedvar.data.known as k, seedvar.data.shown; [k.package_declaration(n) for n in k.package_tasks()]"
    )
    code += f"; print(*[m for m in '{heavy}'.split() if m in sys.modules])"
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (ran.stdout.strip(), ran.stderr) == ("", "")


@pytest.mark.parametrize("name", METRICS)
def test_a_perfect_run_has_the_perfect_score_and_has_not_failed(name):
    task = small(name)
    labels = np.array([0.0, 1.0, 2.0, 1.0])
    logits = labels[:, None] if task.is_regression else np.eye(3)[labels.astype(int)]
    measured = scores(task, labels, logits)
    assert measured[name] == pytest.approx(load_metric(name).PERFECT)
    assert not is_degenerate(task, measured, labels)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("constant", [0, 1, 2])
def test_a_run_that_has_collapsed_to_a_constant_has_failed(name, constant):
    task = small(name)
    labels = np.array([0.0, 1.0, 2.0, 1.0, 1.0])
    logits = np.full((5, 1), float(constant)) if task.is_regression else np.tile(np.eye(3)[constant], (5, 1))
    assert is_degenerate(task, scores(task, labels, logits), labels)
    answer = load_metric(name).answer(labels, 1)
    trivial = np.full((5, 1), answer) if task.is_regression else np.tile(np.eye(3)[int(answer)], (5, 1))
    score = scores(task, labels, trivial)[name]
    assert math.isnan(score) or score == pytest.approx(majority_score(task, labels))


def test_an_error_just_below_the_variance_is_rounding_noise():
    labels = np.array([0.0, 2.0] * 10)
    assert majority_score(small("mse"), labels) == 1.0
    assert is_degenerate(small("mse"), {"mse": 0.991}, labels)
    assert not is_degenerate(small("mse"), {"mse": 0.989}, labels)
    assert is_degenerate(small("mse"), {"mse": math.nan}, labels)


def test_scores_of_three_classes_by_hand():
    labels, logits = np.array([0, 1, 2, 2]), np.eye(3)[[0, 2, 2, 2]]
    assert scores(small("macro_f1"), labels, logits)["macro_f1"] == pytest.approx((1 + 0 + 0.8) / 3)
    assert scores(small("f1", positive=2), labels, logits) == {"f1": pytest.approx(0.8), "accuracy": 0.75}
    assert majority_score(small("macro_f1"), labels) == pytest.approx(2 / 3 / 3)
    assert majority_score(small("f1", positive=2), labels) == pytest.approx(2 / 3)
    assert scores(small("mse"), np.array([1.0, 2.0]), np.array([[1.5], [2.5]])) == {"mse": 0.25}


def test_the_f1_of_two_classes_is_that_of_scikit_learn():
    from sklearn.metrics import f1_score

    draw = np.random.default_rng(0)
    for _ in range(50):
        labels, predicted = draw.integers(2, size=(2, 9))
        ours = load_metric("f1").score(labels.astype(np.float32), predicted)
        assert ours == f1_score(labels, predicted, zero_division=0.0)


@pytest.mark.parametrize("name", METRICS)
def test_weighted_scores_are_those_of_the_repeated_examples(name):
    task, module, draw = small(name), load_metric(name), np.random.default_rng(0)
    labels = draw.integers(3, size=40).astype(float)
    logits = np.round(draw.normal(size=(3, 40, task.n_classes)), 1)
    weights = draw.integers(4, size=(40, 5)).astype(float)
    weighted = module.weighted(labels, logits, weights, 2)
    assert weighted.shape == (3, 5)
    for run in range(3):
        for resample in range(5):
            rows = np.repeat(np.arange(40), weights[:, resample].astype(int))
            predicted = logits[run, rows, 0] if task.is_regression else logits[run, rows].argmax(axis=1)
            assert weighted[run, resample] == pytest.approx(module.score(labels[rows], predicted, 2))


def test_macro_f1_leaves_out_a_class_that_is_in_neither_labels_nor_answers():
    labels, logits = np.array([0.0, 1.0, 2.0]), np.eye(3)[[0, 0, 2]][None]
    weights = np.array([[1.0], [1.0], [0.0]])
    assert load_metric("macro_f1").weighted(labels, logits, weights)[0, 0] == pytest.approx((2 / 3 + 0) / 2)


def test_better_goes_by_the_direction_of_the_metric():
    assert scoring.better("accuracy", 0.6, 0.5)
    assert not scoring.better("accuracy", 0.5, 0.5)
    assert scoring.better("mse", 0.5, 0.6)
    assert not scoring.better("mse", math.nan, 0.6)
    assert scoring.better("mse", 9e9, scoring.worst("mse"))
    assert scoring.better("matthews", -1.0, scoring.worst("matthews"))


def test_a_metric_that_nobody_listed_is_shown_under_its_own_name():
    assert shown.score_label("bleu", "test") == "test bleu × 100"
    assert (shown.higher_is_better("bleu"), shown.perfect("bleu"), shown.chance("bleu")) == (True, 1.0, None)
    assert shown.loss_label("bleu") == "training loss (nats)"
    with pytest.raises(UserError, match="unknown metric 'bleu'; accepted: accuracy, f1, macro_f1"):
        shown.listed("bleu")


def test_labels_of_axes_say_the_unit():
    assert shown.score_label("f1", "test") == "test F1 × 100"
    assert shown.score_label("mse", "validation") == "validation mean squared error (lower is better)"
    assert shown.loss_label("pearson") == shown.loss_label("mse") == "training loss (squared error)"
