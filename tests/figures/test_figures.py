"""Figures show every run, mark the failed ones, and come out the same every time."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from seedvar.errors import UserError
from seedvar.figures import FAILED_COLOUR, curves, diagnostics, distribution, save

ARMS, TASKS = ["bertadam", "adamw"], ["syn-rte", "cola", "mrpc"]


@pytest.fixture
def runs():
    rng = np.random.default_rng(0)
    rows = [
        {
            "task": task,
            "arm": arm,
            "init_seed": seed,
            "order_seed": seed,
            "metric": {"cola": "matthews", "mrpc": "f1"}.get(task, "accuracy"),
            "split": "test",
            "majority": 0.5,
            "degenerate": arm == "bertadam" and seed < 2,
            "score": 0.5 if arm == "bertadam" and seed < 2 else rng.uniform(0.6, 0.9),
        }
        for task in TASKS
        for arm in ARMS
        for seed in range(4)
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def curve_table(runs):
    rows = [
        {
            **run[["task", "arm", "init_seed", "order_seed"]],
            "update": update,
            "train_loss": 1 / update,
            "val_loss": 1.0,
            f"val_{run['metric']}": 0.5,
        }
        for _, run in runs.iterrows()
        for update in (10, 20)
    ]
    return pd.DataFrame(rows)


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_every_run_is_a_point_and_failed_runs_differ_in_shape_and_colour(runs):
    panels = [ax for ax in distribution.draw(runs).axes if ax.axison]
    assert [ax.get_title() for ax in panels] == ["syn-rte (synthetic)", "cola", "mrpc"]
    for ax in panels:
        points = [line for line in ax.lines if line.get_marker() == "o"]
        failed = [line for line in ax.lines if line.get_marker() == "X"]
        assert sum(len(line.get_xdata()) for line in points) == 6
        assert sum(len(line.get_xdata()) for line in failed) == 2
        assert {line.get_color() for line in failed if len(line.get_xdata())} == {FAILED_COLOUR}
        assert [label.get_text() for label in ax.get_xticklabels()] == ["bertadam\nfailed 2/4", "adamw\nfailed 0/4"]


def test_a_task_that_lacks_an_arm_says_so(runs):
    runs = runs[~((runs["task"] == "cola") & (runs["arm"] == "adamw"))]
    panel = distribution.draw(runs).axes[1]
    assert panel.get_xticklabels()[1].get_text() == "adamw\nno run"


def test_learning_curves_have_loss_and_score_for_every_task(runs, curve_table):
    figure = curves.draw(runs, curve_table)
    labels = [ax.get_ylabel() for ax in figure.axes]
    assert labels[:3] == ["training loss (nats)"] * 3
    assert labels[3:] == [f"validation {name} × 100" for name in ("accuracy", "MCC", "F1")]
    assert all(len(ax.lines) >= len(ARMS) for ax in figure.axes)


@pytest.fixture
def diagnostic_table(runs):
    rows = [
        {
            **run[["task", "arm", "init_seed", "order_seed"]],
            "update": update,
            "quantity": quantity,
            "block": block,
            "kind": "all",
            "value": 4.0 if quantity == "distance" else 3.0,
        }
        for _, run in runs.iterrows()
        for update in (1, 11)
        for quantity in ("gradient_norm", "update_ratio", "distance")
        for block in ("embeddings", "layer 1", "classifier")
    ]
    return pd.DataFrame(rows)


def test_gradient_norms_set_failed_runs_apart(runs, diagnostic_table):
    figure = diagnostics.draw_gradient_norms(runs, diagnostic_table)
    titles = [ax.get_title() for ax in figure.axes]
    assert titles[0] == "syn-rte (synthetic)\n2 failed runs"
    assert titles[3] == "syn-rte (synthetic)\n6 other runs"
    line = figure.axes[0].lines[1]
    assert line.get_label() == "layer 1"
    assert line.get_ydata() == pytest.approx([3.0, 3.0])


def test_weight_distance_is_that_of_the_last_measurement(runs, diagnostic_table):
    diagnostic_table.loc[(diagnostic_table["update"] == 1), "value"] = 100.0
    figure = diagnostics.draw_weight_distance(runs, diagnostic_table)
    assert len(figure.axes) == 3
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["embeddings", "layer 1", "classifier"]
    assert figure.axes[0].lines[0].get_ydata() == pytest.approx([4.0] * 3)


@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_the_same_tables_give_the_same_file(runs, tmp_path, suffix):
    for name in ("a", "b"):
        save(distribution.draw(runs), [tmp_path / f"{name}.{suffix}"])
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_another_file_type_is_refused(runs, tmp_path):
    with pytest.raises(UserError, match="accepted: a file that ends in .png or .pdf"):
        save(distribution.draw(runs), [tmp_path / "a.gif"])
