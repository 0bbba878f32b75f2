"""Figures show every run, mark the failed ones, and come out the same every time."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from seedvar.errors import UserError
from seedvar.figures import (
    FIGURES,
    distribution,
    forgetting,
    gradient_norms,
    learning_curves,
    saturation_and_entropy,
    step_multiple,
    surface,
    update_ratios,
    weight_distance,
)
from seedvar.figures.style import FAILED_COLOUR, arm_colours, jitter, save

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
            "optimizer": arm,
            "status": "finished",
            "updates": 20,
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
    panels = [ax for ax in distribution.draw(distribution.numbers(runs)).axes if ax.axison]
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
    panel = distribution.draw(distribution.numbers(runs)).axes[1]
    assert panel.get_xticklabels()[1].get_text() == "adamw\nno run"


def test_learning_curves_have_loss_and_score_for_every_task(runs, curve_table):
    figure = learning_curves.draw(learning_curves.numbers(runs, curve_table))
    labels = [ax.get_ylabel() for ax in figure.axes]
    assert labels[:3] == ["training loss (nats)"] * 3
    assert labels[3:] == [f"validation {name} × 100" for name in ("accuracy", "MCC", "F1")]
    assert all(len(ax.lines) >= len(ARMS) for ax in figure.axes)


def test_learning_curves_keep_failed_and_other_runs_apart(runs, curve_table):
    is_failed = curve_table["arm"].eq("bertadam") & curve_table["init_seed"].lt(2)
    curve_table.loc[is_failed, "train_loss"] = 0.7
    figure = learning_curves.draw(learning_curves.numbers(runs, curve_table))
    lines = {line.get_label(): line for line in figure.axes[0].lines if not line.get_label().startswith("_")}
    assert list(lines) == ["bertadam, other (n = 2/2/2)", "bertadam, failed (n = 2/2/2)", "adamw, other (n = 4/4/4)"]
    failed, other = lines["bertadam, failed (n = 2/2/2)"], lines["bertadam, other (n = 2/2/2)"]
    assert (failed.get_linestyle(), other.get_linestyle()) == (":", "-")
    assert failed.get_ydata() == pytest.approx([0.7, 0.7])
    assert other.get_ydata() == pytest.approx([0.1, 0.05])
    assert len(figure.axes[0].lines) == 3 + 8  # every run has a thin line


def test_of_many_arms_each_has_a_panel_of_learning_curves(runs, curve_table):
    names = [f"arm{i}" for i in range(8)]
    of_task = [table[table["task"].eq("cola") & table["arm"].eq("bertadam")] for table in (runs, curve_table)]
    tables = [pd.concat([table.assign(arm=name) for name in names]) for table in of_task]
    panels = [ax for ax in learning_curves.draw(learning_curves.numbers(*tables)).axes if ax.axison]
    assert [ax.get_title() for ax in panels] == [f"{name}\n2 failed, 2 other" for name in names] * 2
    for ax in panels:
        assert sum(line.get_color() == learning_curves.GREY for line in ax.lines) == 16


def test_the_mean_of_learning_curves_ends_where_the_first_run_ends(runs, curve_table):
    short = curve_table["arm"].eq("adamw") & curve_table["init_seed"].eq(0) & curve_table["update"].eq(20)
    numbers = learning_curves.numbers(runs, curve_table[~short])
    means = numbers[numbers["arm"].eq("adamw") & numbers["init_seed"].isna()]
    assert set(means["update"]) == {10}
    assert set(means["n"]) == {4}


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
    figure = gradient_norms.draw(gradient_norms.numbers(runs, diagnostic_table))
    titles = [ax.get_title() for ax in figure.axes]
    assert titles[0] == "syn-rte, bertadam (synthetic)\nfailed run, seed 0"
    assert titles[3] == "syn-rte, bertadam (synthetic)\nother run, seed 2"
    line = figure.axes[0].lines[1]
    assert line.get_label() == "layer 1"
    assert line.get_ydata() == pytest.approx(3.0)
    assert list(line.get_xdata()) == [1, 11]
    assert figure.axes[3].get_xlabel() == "updates"


def test_gradient_norms_are_means_where_all_runs_of_every_arm_went_alike(runs, diagnostic_table):
    runs["degenerate"] = runs["arm"] == "bertadam"
    figure = gradient_norms.draw(gradient_norms.numbers(runs, diagnostic_table))
    titles = [ax.get_title() for ax in figure.axes]
    assert (titles[0], titles[3]) == ("syn-rte (synthetic)\n4 failed runs", "syn-rte (synthetic)\n4 other runs")
    assert figure.axes[3].get_xlabel() == "share of training, %"


def test_weight_distances_have_a_panel_a_block_and_end_with_the_first_run_of_the_arm(runs, diagnostic_table):
    diagnostic_table.loc[(diagnostic_table["update"] == 1), "value"] = 1.0
    short = diagnostic_table["arm"].eq("adamw") & diagnostic_table["init_seed"].eq(0)
    diagnostic_table = diagnostic_table[~(short & diagnostic_table["update"].eq(11))]
    table = weight_distance.numbers(runs, diagnostic_table)
    assert set(table["n"]) == {4}
    axes = weight_distance.draw(table).axes
    assert [ax.get_title() for ax in axes] == ["embeddings", "layer 1", "classifier"] * 3
    for ax in axes:
        lines = {line.get_label(): line for line in ax.lines}
        assert lines["bertadam"].get_xydata().tolist() == [[1, 1], [11, 4]]
        assert lines["adamw"].get_xydata().tolist() == [[1, 1]]


@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_the_same_tables_give_the_same_file(runs, tmp_path, suffix):
    for name in ("a", "b"):
        save(distribution.draw(distribution.numbers(runs)), [tmp_path / f"{name}.{suffix}"])
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_another_file_type_is_refused(runs, tmp_path):
    with pytest.raises(UserError, match="accepted: files that end in .png, .pdf, .svg or .csv"):
        save(distribution.draw(distribution.numbers(runs)), [tmp_path / "a.gif"])


def test_update_ratios_leave_out_updates_at_a_learning_rate_of_zero(runs, diagnostic_table):
    diagnostic_table.loc[diagnostic_table["update"] == 1, "value"] = 0.0
    table = update_ratios.numbers(runs, diagnostic_table)
    assert set(table["n"]) == {2, 6}
    assert table["geometric_mean"].to_numpy() == pytest.approx(3.0)
    assert len(update_ratios.draw(table).axes) == 6


def quantity_table(runs, values):
    """Diagnostics with the given (quantity, kind, value) at two updates of every run."""
    rows = [
        {**run[["task", "arm", "init_seed", "order_seed"]], "update": update, "quantity": q, "kind": k, "value": v}
        for _, run in runs.iterrows()
        for update in (1, 11)
        for q, k, v in values
    ]
    return pd.DataFrame(rows).assign(block="all")


def test_saturation_and_entropy_keep_failed_runs_apart(runs):
    table = quantity_table(runs, [("saturation", "0.99", 0.2), ("saturation", "0.85", 0.4), ("entropy", "all", 0.6)])
    figure = saturation_and_entropy.draw(saturation_and_entropy.numbers(runs, table))
    assert len(figure.axes) == 6
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    assert set(lines) == {"failed runs", "other runs"}
    assert lines["failed runs"].get_linestyle() == ":"
    assert lines["other runs"].get_ydata() == pytest.approx(0.2)


def test_where_short_runs_end_no_mean_changes_its_sample(runs):
    """Two lengths and two levels: the median between them stays, and n says all runs, to the end."""
    runs.loc[runs["arm"] == "adamw", "updates"] = 100
    table = quantity_table(runs, [("entropy", "all", 0.6)])
    longer = table[table["arm"].eq("adamw") & table["update"].eq(11)]
    table = pd.concat([table, longer.assign(update=91)])
    table.loc[table["arm"] == "adamw", "value"] = 0.2
    other = saturation_and_entropy.numbers(runs, table).query("~degenerate")
    assert set(other["n"]) == {6}
    assert (other["share"].min(), other["share"].max()) == (0, 100)
    assert other["median"].nunique() == 1


def test_saturation_is_left_out_where_a_family_has_none(runs):
    table = quantity_table(runs, [("entropy", "all", 0.6)])
    assert len(saturation_and_entropy.draw(saturation_and_entropy.numbers(runs, table)).axes) == 3


def test_the_step_multiple_shows_theory_and_measurement_of_each_optimizer(runs):
    table = quantity_table(runs, [("step_multiple", "measured", 4.0), ("step_multiple", "analytic", 4.1)])
    numbers = step_multiple.numbers(runs, table)
    assert numbers[["optimizer", "median", "analytic", "n"]].iloc[0].tolist() == ["adamw", 4.0, 4.1, 12]
    ax, inverse = step_multiple.draw(numbers).axes
    assert (ax.get_xlabel(), ax.get_xscale()) == ("update t", "log")
    theory, inverted = ax.lines[0], inverse.lines[0]
    assert (theory.get_xdata()[0], theory.get_xdata()[-1]) == (1, 1e6)
    assert [theory.get_ydata()[0], theory.get_ydata().max()] == pytest.approx([3.162, 6.5685], abs=1e-3)
    assert inverted.get_ydata() == pytest.approx(1 / theory.get_ydata())
    for panel in (ax, inverse):  # all tasks train for 20 updates
        assert [text.get_text() for text in panel.texts] == ["syn-rte, cola, mrpc"]
        assert any(list(line.get_xdata()) == [20, 20] for line in panel.lines)
    assert ax.get_title() == "syn-rte (synthetic), cola, mrpc"


def test_forgetting_draws_a_line_a_run_and_the_pretrained_model(runs):
    table = pd.DataFrame(
        {
            **run[["task", "arm", "init_seed", "order_seed"]],
            "replaced_layers": k,
            "perplexity": 9.0 - k,
            "masked_tokens": 50,
        }
        for _, run in runs[runs["task"] == "cola"].iterrows()
        for k in (0, 1, 2)
    )
    ax = forgetting.draw(forgetting.numbers(runs, table)).axes[0]
    assert len(ax.lines) == 8 + 1
    assert sum(line.get_linestyle() == ":" for line in ax.lines) == 2
    assert ax.lines[-1].get_ydata()[0] == 7.0


def test_the_surface_marks_its_three_points_and_says_which_run_failed(runs):
    points = [(a, b) for a in (0, 0.5, 1) for b in (0, 0.5, 1)]
    grid = pd.DataFrame({"a": a, "b": b, "loss": 0.5 + a * a + b * b, "gradient_norm": 1.0 + a} for a, b in points)
    about = {"task": "cola", "first_arm": "bertadam", "first_init_seed": 0, "first_order_seed": 0}
    about |= {"second_arm": "adamw", "second_init_seed": 1, "second_order_seed": 1}
    figure = surface.draw(surface.numbers(runs, grid.assign(**about)))
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["start", "bertadam, seed 0 (failed)", "adamw, seed 1"]


def test_every_figure_of_the_list_is_a_module_that_draws_from_its_tables():
    import importlib
    import inspect

    for name, kind in FIGURES.items():
        module = importlib.import_module(f"seedvar.figures.{name.replace('-', '_')}")
        arguments = [name for name in inspect.signature(module.numbers).parameters if name != "baseline"]
        assert arguments == [file.split(".")[0] for file in kind.tables], name
        assert list(inspect.signature(module.draw).parameters)[0] == "numbers"
        assert kind.caption.endswith(".")


def test_runs_with_one_score_stand_beside_one_another(runs):
    """Five failed runs are five crosses, and fifty fifty."""
    for n in (1, 2, 5, 50):
        shifts = np.sort(jitter(n))
        assert len(shifts) == n
        assert (np.diff(shifts) > 0.3 / n).all()
        assert np.abs(shifts).max(initial=0) <= 0.16


@pytest.mark.parametrize("module", [update_ratios, gradient_norms])
def test_blocks_and_tasks_stand_in_their_order_however_many_rows_there_are(module):
    """An unstable sort once put the top of the network at its bottom, and so the wrong shades."""
    blocks = ["embeddings", *(f"layer {n}" for n in range(1, 9)), "pooler", "classifier"]
    keys = ["task", "arm", "init_seed", "order_seed"]
    runs = pd.DataFrame([(task, "a", seed, seed) for task in ("rte", "cola") for seed in range(3)], columns=keys)
    runs = runs.assign(degenerate=False, updates=90)
    steps = [(u, q, b) for u in range(1, 91, 10) for q in ("gradient_norm", "update_ratio") for b in blocks]
    measured = pd.DataFrame(steps, columns=["update", "quantity", "block"]).assign(kind="all", value=1.0)
    figure = module.draw(module.numbers(runs, runs[keys].merge(measured, how="cross")))
    lower = figure.axes[2]  # the runs that did not fail, of the first task
    assert lower.get_title() == "rte\n3 other runs"
    assert [line.get_label() for line in lower.lines] == blocks
    brightness = [sum(line.get_color()[:3]) for line in lower.lines]
    assert brightness[0] < brightness[5] < brightness[-1]


def test_an_arm_keeps_its_colour_in_a_figure_of_some_arms():
    runs = pd.DataFrame({"task": "cola", "arm": ["a", "b", "c"], "init_seed": 0, "order_seed": 0, "degenerate": False})
    probed = runs[runs["arm"] == "c"][["task", "arm", "init_seed", "order_seed"]]
    table = probed.merge(pd.DataFrame({"replaced_layers": [0, 1], "perplexity": [9.0, 5.0]}), how="cross")
    ax = forgetting.draw(forgetting.numbers(runs, table)).axes[0]
    assert ax.lines[0].get_color() == arm_colours(["a", "b", "c"])["c"]
