"""The figures of comparisons, depth, length, learning rate and selection draw what their tables say."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from seedvar.cells.recipe import Recipe
from seedvar.errors import UserError
from seedvar.figures import (
    comparisons,
    distribution,
    expected_performance,
    learning_curves,
    learning_rates,
    loss_against_score,
    performance_profiles,
    real_or_noise,
    reinit_depth,
    seed_grid,
    seeds_needed,
    sources,
    training_length,
)
from seedvar.figures.style import FAILED_COLOUR, GREY, alike_but_for, short_names
from seedvar.stats.aggregate import performance_profile
from seedvar.stats.describe import summarise
from seedvar.stats.planning import seeds_needed as compute_seeds_needed
from seedvar.stats.rule import decide
from seedvar.stats.selection import expected_performance as compute_expected
from seedvar.stats.sources import sources as compute_sources


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def make_runs(arms, tasks=("cola", "syn-rte"), seeds=4, crossed=False):
    """Makes runs of recipes; the last seed of bertadam fails."""
    rng = np.random.default_rng(0)
    pairs = [(i, o) for i in range(2) for o in range(seeds)] if crossed else [(i, i) for i in range(seeds)]
    rows = []
    for task in tasks:
        for arm, changes in arms.items():
            recipe = Recipe(**changes)
            for init, order in pairs:
                failed = recipe.optimizer == "bertadam" and order == seeds - 1
                score = 0.5 if failed else rng.uniform(0.6, 0.9)
                rows.append(
                    {
                        "task": task, "arm": arm, "init_seed": init, "order_seed": order,
                        "slug": recipe.slug(), **recipe.model_dump(), "status": "finished", "degenerate": failed,
                        "metric": "accuracy", "split": "test", "score": score, "majority": 0.5,
                        "validation_last": score, "test_last": score, "train_loss": 1 - score,
                        "updates": (recipe.steps or 10 * recipe.epochs),
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)


TWO = {"bertadam": {"optimizer": "bertadam"}, "adamw": {}}


def crosses(ax):
    return sum(
        len(line.get_xdata()) for line in ax.lines if line.get_marker() == "X" and line.get_color() == FAILED_COLOUR
    )


def test_like_is_compared_with_like():
    runs = make_runs({**TWO, "reinit1": {"reinit_layers": 1}, "long": {"epochs": 9}, "llrd": {"layerwise_decay": 0.9}})
    alike = alike_but_for(runs, ["reinit_layers"], ["optimizer"])
    assert set(alike["arm"]) == {"bertadam", "adamw", "reinit1"}
    assert set(alike_but_for(runs, ["epochs"], ["optimizer"])["arm"]) == {"bertadam", "adamw", "long"}


def test_depths_stand_in_order_and_failed_runs_are_crosses():
    arms = {**TWO, "two": {"reinit_layers": 2}, "pooler": {"reinit_pooler": True}, "one": {"reinit_layers": 1}}
    numbers = reinit_depth.numbers(make_runs(arms))
    assert list(numbers["depth"].unique()) == ["standard", "pooler", "1", "2"]
    figure = reinit_depth.draw(numbers)
    assert [ax.get_title() for ax in figure.axes] == ["cola", "syn-rte (synthetic)"]
    assert [crosses(ax) for ax in figure.axes] == [1, 1]


def test_lengths_have_a_line_for_each_way_to_train():
    arms = {
        "short": {},
        "long": {"epochs": 9},
        "re": {"reinit_layers": 2},
        "re_long": {"reinit_layers": 2, "epochs": 9},
    }
    numbers = training_length.numbers(make_runs(arms))
    assert set(numbers["line"]) == {"adamw", "adamw + reinit 2"}
    lines = {line.get_label(): line for line in training_length.draw(numbers).axes[0].lines}
    assert list(lines["adamw"].get_xdata()) == [30, 90]
    arms = {"plain": {"optimizer": "bertadam"}, "long": {"optimizer": "bertadam", "epochs": 9}}
    failed = training_length.draw(training_length.numbers(make_runs(arms))).axes[2]  # below the first
    assert failed.get_ylabel() == "failed, %"
    assert list(failed.lines[0].get_ydata()) == [25, 25]


def test_the_best_depth_of_each_task_is_one_line_and_the_panel_says_which():
    of_task = [
        make_runs({"re": {"reinit_layers": depth}, "re_long": {"reinit_layers": depth, "epochs": 9}}, tasks=[task])
        for task, depth in (("cola", 1), ("rte", 6))
    ]
    numbers = training_length.numbers(pd.concat(of_task))
    assert set(numbers["line"]) == {"adamw + reinit"}
    figure = training_length.draw(numbers)
    assert [ax.get_title() for ax in figure.axes if ax.get_title()] == ["cola, reinit 1", "rte, reinit 6"]


def test_of_many_arms_the_expected_best_has_a_panel_each_on_test():
    runs = make_runs({f"arm{i}": {"learning_rate": 1e-5 * (i + 1)} for i in range(8)}, tasks=["cola"])
    numbers = expected_performance.numbers(runs, compute_expected(runs))
    panels = [ax for ax in expected_performance.draw(numbers).axes if ax.axison]
    assert [ax.get_title() for ax in panels] == [f"arm{i}" for i in range(8)]
    assert all(len(ax.lines) == 8 for ax in panels)
    for ax, arm in zip(panels, numbers["arm"].unique(), strict=True):
        (own,) = [line for line in ax.lines if line.get_color() != GREY]
        assert own.get_ydata() == pytest.approx(100 * numbers.loc[numbers["arm"] == arm, "test"].to_numpy())


def test_of_many_arms_loss_against_score_has_one_colour():
    runs = make_runs({f"arm{i}": {"learning_rate": 1e-5 * (i + 1)} for i in range(8)}, tasks=["cola"])
    figure = loss_against_score.draw(loss_against_score.numbers(runs))
    assert [text.get_text() for text in figure.legends[0].texts] == ["a run, whatever its arm", "a failed run"]
    assert sum(len(line.get_xdata()) for line in figure.axes[0].lines) == len(runs)


def test_learning_rates_stand_side_by_side_by_optimizer_and_length():
    arms = {f"{o}{r}": {"optimizer": o, "learning_rate": r} for o in ("bertadam", "adamw") for r in (1e-5, 2e-5)}
    figure = learning_rates.draw(learning_rates.numbers(make_runs(arms)))
    assert [ax.get_title() for ax in figure.axes] == ["cola\n3 epochs", "syn-rte (synthetic)\n3 epochs"]
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["1e-05", "2e-05"]
    assert crosses(figure.axes[0]) == 2


def test_the_grid_has_a_row_an_initialisation_and_marks_failed_runs():
    runs = make_runs(TWO, crossed=True)
    figure = seed_grid.draw(seed_grid.numbers(runs))
    first, second = figure.axes[:2]
    assert first.images[0].get_array().shape == (4, 6)  # the last two rows and columns are means and SDs
    assert crosses(first) == 2
    assert len(first.texts) == 6 + 7 + 6
    grid = 100 * runs[(runs["task"] == "cola") & (runs["arm"] == "adamw")].pivot(
        index="init_seed", columns="order_seed", values="score"
    )
    said = {text.get_position(): text for text in second.texts}
    assert [said[5, i].get_text() for i in range(2)] == [f"{sd:.1f}" for sd in grid.std(axis=1)]
    assert [said[j, 3].get_text() for j in range(4)] == [f"{sd:.1f}" for sd in grid.std(axis=0)]
    bold = {place for place, text in said.items() if text.get_weight() == "bold"}
    assert bold == {(int(grid.iloc[i].argmax()), i) for i in range(2)}
    for ax, arm in ((first, "bertadam"), (second, "adamw")):
        scores = 100 * runs[(runs["task"] == "cola") & (runs["arm"] == arm)].groupby("init_seed")["score"].mean()
        assert np.asarray(ax.images[0].get_array())[:2, 4] == pytest.approx(scores.to_numpy())


def test_loss_against_score_says_the_correlation_of_the_runs_that_did_not_fail():
    figure = loss_against_score.draw(loss_against_score.numbers(make_runs(TWO)))
    assert figure.axes[0].get_title() == "cola\nρ = -1.00 (7 runs that did not fail)"
    assert crosses(figure.axes[0]) == 1


def test_runs_without_a_training_loss_leave_a_note():
    runs = make_runs(TWO).assign(train_loss=np.nan)
    ax = loss_against_score.draw(loss_against_score.numbers(runs)).axes[0]
    assert [text.get_text() for text in ax.texts] == ["no run has a training loss"]
    assert not ax.axison  # there is nothing to read off


LONG = "learning_rate3e-5-warmup0.1-weight_decay0.01-layerwise_decay0.95-reinit_layers4-mixout0.9-epochs"


@pytest.mark.parametrize("module", [comparisons, distribution, seeds_needed])
def test_names_as_long_as_they_may_be_stand_in_nobodys_way(module):
    """Names may have 100 characters; the texts of a figure must be inside of it, and none upon another."""
    arms = {"adamw": {}, f"{LONG}1": {}, f"{LONG}2": {"reinit_layers": 1}, "x": {"reinit_layers": 2}}
    runs = make_runs(arms, tasks=("reviews_of_a_shop_" * 5, "b"))
    tables = {
        comparisons: [runs, decide(runs, "adamw")],
        distribution: [runs],
        seeds_needed: [compute_seeds_needed(summarise(runs), "adamw")],
    }
    drawn = module.draw(short_names(module.numbers(*tables[module])))
    drawn.canvas.draw()
    texts = [ax.title for ax in drawn.axes]
    texts += [label for ax in drawn.axes for label in (*ax.get_yticklabels(), *ax.get_xticklabels())]
    names = {label.get_text().split("\n")[0] for label in texts if "…" in label.get_text()}
    assert len({name for name in names if name.startswith("learning")}) == 2  # told apart
    assert all(len(name) <= 36 + len(", against adamw") for name in names)
    boxes = [text.get_window_extent() for text in texts if text.get_text() and text.get_visible()]
    if module is not distribution:  # whose labels are turned
        assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]
    page = drawn.get_tightbbox(drawn.canvas.get_renderer()).transformed(drawn.dpi_scale_trans)
    assert all(page.x0 - 1 <= box.x0 and box.x1 <= page.x1 + 1 for box in boxes)


def test_comparisons_fill_what_is_significant_and_tell_failures():
    runs = make_runs(TWO, seeds=12)
    table = decide(runs, "adamw")
    ax = comparisons.draw(comparisons.numbers(runs, table)).axes[0]
    assert ax.get_xlabel() == "test accuracy × 100 without failed runs:\ndifference from adamw, which failed 0/12"
    assert ax.texts[0].get_text().endswith("failed 1/12")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["bertadam"]
    point = next(line for line in ax.lines if line.get_marker() == "o")
    settled = table[(table["question"] == "quality") & (table["task"] == "cola")]["settled"].item()
    assert (point.get_markerfacecolor() == "white") == (not settled)


def test_expected_performance_has_test_above_validation_and_only_validation_without_test():
    expected = compute_expected(make_runs(TWO))
    assert len(expected_performance.draw(expected_performance.numbers(make_runs(TWO), expected)).axes) == 4
    expected = compute_expected(make_runs(TWO).assign(test_last=np.nan, split="validation"))
    figure = expected_performance.draw(expected_performance.numbers(make_runs(TWO), expected))
    assert [ax.get_ylabel() for ax in figure.axes] == ["validation accuracy × 100"] * 2


def test_profiles_and_seeds_needed_are_drawn_for_any_study():
    runs = make_runs(TWO)
    profiles = performance_profile(runs)
    ax = performance_profiles.draw(performance_profiles.numbers(runs, profiles)).axes[0]
    assert ax.get_title() == "cola, syn-rte (synthetic)"
    assert len(ax.lines) == 3
    needed = compute_seeds_needed(summarise(runs), "adamw")
    figure = seeds_needed.draw(seeds_needed.numbers(needed))
    assert figure.axes[0].get_title() == "cola, against adamw"
    assert figure.axes[0].get_xlabel() == "runs an arm for 80 % power"


@pytest.mark.parametrize("kind", ["box", "violin", "points"])
def test_a_distribution_is_drawn_in_any_kind_with_every_run_shown(kind):
    ax = distribution.draw(distribution.numbers(make_runs(TWO)), kind=kind).axes[0]
    points = [line for line in ax.lines if line.get_marker() in ("o", "X") and len(line.get_xdata())]
    assert sum(len(line.get_xdata()) for line in points) == 8
    with pytest.raises(UserError, match="--kind: 'bar' is not accepted; accepted: box, violin, points"):
        distribution.draw(distribution.numbers(make_runs(TWO)), kind="bar")


@pytest.mark.parametrize("module", [distribution, reinit_depth, training_length, learning_rates, seed_grid])
def test_one_seed_one_arm_and_equal_scores_are_drawn(module):
    runs = make_runs({"adamw": {}}, tasks=("cola",), seeds=1)
    module.draw(module.numbers(runs))
    module.draw(module.numbers(make_runs(TWO, seeds=3).assign(score=0.5, degenerate=True)))


def as_errors(runs):
    """The same runs with squared errors between 2 and 30 instead of accuracies."""
    error = {name: 60 * (1 - runs[name]) for name in ("score", "majority", "validation_last", "test_last")}
    return runs.assign(metric="mse", **error)


def test_an_error_stands_on_its_axis_in_its_own_unit():
    runs = as_errors(make_runs(TWO, tasks=("cola",)))
    ax = distribution.draw(distribution.numbers(runs)).axes[0]
    assert ax.get_ylabel() == "test mean squared error (lower is better)"
    drawn = np.concatenate([line.get_ydata() for line in ax.lines if line.get_marker() in ("o", "X")])
    assert sorted(drawn) == pytest.approx(sorted(runs["score"]))
    ax = comparisons.draw(comparisons.numbers(runs, decide(runs, "adamw"))).axes[0]
    label = "test mean squared error (lower is better) without failed runs:\ndifference from adamw, which failed 0/4"
    assert ax.get_xlabel() == label
    means = runs[~runs["degenerate"]].groupby("arm")["score"].mean()
    point = next(line for line in ax.lines if line.get_marker() == "o")
    assert point.get_xdata() == pytest.approx([means["bertadam"] - means["adamw"]])
    keys = ["task", "arm", "init_seed", "order_seed"]
    curves = runs[keys].assign(update=10, train_loss=1.0, val_mse=runs["score"])
    figure = learning_curves.draw(learning_curves.numbers(runs, curves))
    labels = ["training loss (squared error)", "validation mean squared error (lower is better)"]
    assert [ax.get_ylabel() for ax in figure.axes] == labels


@pytest.mark.parametrize("module", [reinit_depth, training_length, learning_rates, seed_grid, loss_against_score])
def test_errors_are_drawn_wherever_scores_are(module):
    figure = module.draw(module.numbers(as_errors(make_runs(TWO))))
    words = [figure.get_supylabel(), *(f"{ax.get_ylabel()} {ax.get_xlabel()} {ax.get_title()}" for ax in figure.axes)]
    assert "mean squared error" in " ".join(words)
    assert "× 100" not in " ".join(words)


def test_several_models_have_a_panel_each():
    runs = make_runs({**TWO, "one": {"reinit_layers": 1}}, tasks=("cola",))
    both = pd.concat([runs.assign(model="small"), runs.assign(model="large")], ignore_index=True)
    figure = reinit_depth.draw(reinit_depth.numbers(both))
    assert [ax.get_title() for ax in figure.axes if ax.axison] == ["cola, small", "cola, large"]
    assert set(alike_but_for(both.assign(model="small"), ["reinit_layers"], [])["task"]) == {"cola"}


def test_sources_show_each_component_as_an_sd_with_its_interval():
    runs = make_runs({"adamw": {}}, crossed=True)
    table = compute_sources(runs)
    drawn = sources.numbers(table, runs)
    assert list(drawn["source"]) == ["init", "order", "residual"] * 2
    assert np.allclose(drawn["sd_high"].dropna() ** 2, table["high"].dropna())
    figure = sources.draw(drawn)
    assert [ax.get_title() for ax in figure.axes] == ["cola, adamw\n8 runs", "syn-rte (synthetic), adamw\n8 runs"]
    assert figure.axes[0].get_xlabel() == "SD of test accuracy × 100"
    bars = [bar.get_width() for bar in figure.axes[0].patches]
    assert np.allclose(bars, 100 * drawn["sd"][:3])


def test_sources_say_which_panels_are_left_out_and_when_there_is_none():
    arms = {f"a{i}": {"epochs": i + 1} for i in range(7)}
    runs = make_runs(arms, crossed=True)
    figure = sources.draw(sources.numbers(compute_sources(runs), runs))
    assert figure.get_suptitle() == "The first 12 of 14; sources.csv has them all"
    runs = make_runs(TWO)
    assert "no task and arm" in sources.draw(sources.numbers(compute_sources(runs), runs)).axes[0].get_title()


def test_real_and_noise_stand_beside_the_spread_of_the_runs_that_did_not_fail():
    row = {"task": "cola", "metric": "accuracy", "split": "test", "examples": 1000, "ok_sd": 0.02, "ok_sd_real": 0.012}
    row |= {"ok_sd_noise": 0.016, "ok_sd_real_low": 0.005, "ok_sd_real_high": 0.03, "ok_runs": 5}
    row |= {"ok_sd_noise_low": np.nan, "ok_sd_noise_high": np.nan, "sd": 0.4}
    figure = real_or_noise.draw(real_or_noise.numbers(pd.DataFrame([row | {"arm": arm} for arm in ("a", "b")])))
    (ax,) = figure.axes
    assert ax.get_title() == "cola\n1,000 examples"
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a (n = 5)", "b (n = 5)"]
    assert [list(line.get_xdata()) for line in ax.lines] == [pytest.approx([x, x]) for x in (2.0, 1.2, 1.6)]
