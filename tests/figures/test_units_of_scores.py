"""Figures show scores × 100, and errors in their own unit; what a metric is called comes from its module."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from seedvar.figures import (
    comparisons,
    distribution,
    expected_performance,
    learning_curves,
    loss_against_score,
    seed_grid,
    training_length,
)
from seedvar.stats.rule import decide
from seedvar.stats.selection import expected_performance as best_of_n


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def runs(metric, scores):
    rows = [
        {"task": "mine", "arm": arm, "init_seed": i, "order_seed": o, "metric": metric, "split": "test"}
        | {"score": score, "majority": 0.9, "degenerate": False, "train_loss": 0.3, "optimizer": "adamw"}
        | {"reinit_layers": 0, "epochs": 3 + arm_number, "steps": None, "updates": 10 * (1 + arm_number)}
        | {"validation_last": score, "test_last": score}
        for arm_number, arm in enumerate(("a", "b"))
        for (i, o), score in zip(((0, 0), (0, 1), (1, 0), (1, 1)), scores, strict=True)
    ]
    return pd.DataFrame(rows)


CASES = [
    ("mse", 1, "mean squared error (lower is better)"),
    ("macro_f1", 100, "macro-F1 × 100"),
    ("bleu", 100, "bleu × 100"),
]


@pytest.mark.parametrize(("metric", "factor", "label"), CASES)
def test_every_figure_of_scores_has_the_unit_of_the_metric(metric, factor, label):
    table = runs(metric, [0.2, 0.3, 0.25, 0.4])
    ax = distribution.draw(distribution.numbers(table)).axes[0]
    assert ax.get_ylabel() == f"test {label}"
    points = np.concatenate([line.get_ydata() for line in ax.lines if line.get_marker() == "o"])
    assert points.max() == pytest.approx(0.4 * factor)
    assert any(np.allclose(line.get_ydata(), 0.9 * factor) for line in ax.lines if line.get_linestyle() == "--")

    figure = comparisons.draw(comparisons.numbers(table, decide(table, "a")))
    assert figure.axes[0].get_xlabel().startswith(f"test {label} without failed runs:\ndifference from a")

    figure = expected_performance.draw(expected_performance.numbers(table, best_of_n(table)))
    assert [ax.get_ylabel() for ax in figure.axes] == [f"test {label}", f"validation {label}"]
    assert figure.axes[1].lines[0].get_ydata()[0] == pytest.approx(np.mean([0.2, 0.3, 0.25, 0.4]) * factor)

    ax = loss_against_score.draw(loss_against_score.numbers(table)).axes[0]
    assert ax.get_ylabel() == f"test {label}"
    assert max(line.get_ydata().max() for line in ax.lines if len(line.get_ydata())) == pytest.approx(0.4 * factor)

    above = training_length.draw(training_length.numbers(table)).axes[0]
    assert above.get_ylabel() == f"test {label}"
    assert above.lines[0].get_ydata()[0] == pytest.approx(np.mean([0.2, 0.3, 0.25, 0.4]) * factor)

    figure = seed_grid.draw(seed_grid.numbers(table))
    assert f"test {label}" in [ax.get_ylabel() for ax in figure.subfigs[0].axes]
    printed = {text.get_text() for ax in figure.subfigs[0].axes for text in ax.texts}
    assert ("0.4" if factor == 1 else "40") in printed


@pytest.mark.parametrize(
    ("metric", "undefined", "line"), [("mse", 0.9, None), ("pearson", 0.0, 0.0), ("f1", 0.0, None)]
)
def test_an_undefined_score_is_drawn_where_nothing_was_learned(metric, undefined, line):
    table = runs(metric, [0.2, 0.3, 0.25, 0.4])
    keys = ["task", "arm", "init_seed", "order_seed"]
    curves = pd.concat(
        [table[keys].assign(update=update, train_loss=0.5, **{f"val_{metric}": np.nan}) for update in (5, 10)]
    )
    numbers = learning_curves.numbers(table, curves)
    assert set(numbers.loc[numbers["quantity"] == metric, "value"]) == {undefined}
    below = learning_curves.draw(numbers).axes[1]
    flat = [drawn for drawn in below.lines if drawn.get_color() == "#333333"]
    assert [drawn.get_ydata()[0] for drawn in flat] == ([] if line is None else [line])
