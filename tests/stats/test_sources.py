"""How much of the spread each source of randomness makes."""

import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from seedvar.stats.sources import RESIDUAL, components, sources
from seedvar.stats.variance import two_way_anova

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmark"))
import coverage  # noqa: E402


def rng():
    return np.random.default_rng(0)


def test_two_sources_are_those_of_the_two_way_analysis():
    grid = rng().normal(0.8, 0.02, (6, 4)) + rng().normal(0, 0.05, (6, 1))
    found, known = components(grid, ["init", "order"], rng()).set_index("source"), two_way_anova(grid)
    assert list(found.index) == ["init", "order", RESIDUAL]
    for name in found.index:
        assert found.loc[name, "mean_square"] == pytest.approx(known[f"ms_{name}"])
        assert found.loc[name, "variance"] == pytest.approx(known.get(f"var_{name}_raw", known[f"var_{name}"]))
        assert found.loc[name, "share"] == pytest.approx(known[f"share_{name}"])


def test_mean_squares_of_three_sources_are_those_of_statsmodels():
    scores = rng().normal(size=(4, 3, 5))
    found = components(scores, list("abc"), rng()).set_index("source")
    table = pd.DataFrame([(*where, value) for where, value in np.ndenumerate(scores)], columns=["a", "b", "c", "s"])
    fit = anova_lm(ols("s ~ C(a) * C(b) * C(c)", table).fit())
    for size in (1, 2):
        for each in combinations("abc", size):
            wanted = fit.loc[":".join(f"C({name})" for name in each)]
            row = found.loc[" × ".join(each)]
            assert (row["df"], row["mean_square"]) == (wanted["df"], pytest.approx(wanted["mean_sq"]))
    assert found["df"].sum() == scores.size - 1


def test_the_mean_squares_are_expected_to_be_what_the_components_say():
    """The weights invert E[MS_S] = sum over T of runs that share a value of T times its component."""
    shape, names = (4, 3, 5), ["a", "b", "c"]
    total = np.zeros(7)
    draws = rng()
    for _ in range(300):
        made = draws.normal(size=(4, 1, 1)) + 0.7 * draws.normal(size=(1, 3, 5)) + 0.5 * draws.normal(size=shape)
        total += components(made, names, rng())["variance"].to_numpy()
    mean = dict(zip(["a", "b", "c", "ab", "ac", "bc", "residual"], total / 300, strict=True))
    assert mean["a"] == pytest.approx(1, abs=0.15)
    assert mean["bc"] == pytest.approx(0.49, abs=0.06)
    assert mean["residual"] == pytest.approx(0.25, abs=0.03)
    assert all(abs(mean[name]) < 0.06 for name in ("b", "c", "ab", "ac"))


@pytest.mark.parametrize("kind", ["normal", "skewed"])
def test_intervals_cover(kind):
    for shape, truth in [((5, 5), (1, 1, 1)), ((4, 4, 4), (1, 0, 0.5, 0, 0, 0.3, 1))]:
        assert coverage.of_components(kind, shape, truth, 100).min() >= 0.89  # 93 % less what 100 simulations may miss


def runs(**values) -> pd.DataFrame:
    """One run for each combination of values."""
    table = pd.MultiIndex.from_product(values.values(), names=list(values)).to_frame(index=False)
    score = 0.8 + rng().normal(0, 0.01, len(table))
    return table.assign(task="rte", degenerate=False, score=score)


def with_recipe(table: pd.DataFrame) -> pd.DataFrame:
    """Gives a table the columns of a recipe, as runs.csv has them, and an arm for each."""
    fields = [name for name in table if name in ("optimizer", "dropout_seed", "sample_seed")]
    about = table[fields].astype(str).agg("+".join, axis=1)
    table = table.assign(arm=about, slug=about, status="finished")
    return table[["task", "arm", "init_seed", "order_seed", "slug", *fields, "status", "degenerate", "score"]]


def test_arms_that_differ_in_seeds_alone_are_put_together():
    table = with_recipe(
        runs(optimizer=["adamw", "bertadam"], init_seed=range(3), order_seed=range(4), dropout_seed=range(2))
    )
    found = sources(table)
    assert list(found["group"].unique()) == ["optimizer adamw", "optimizer bertadam"]
    of_one = found[found["group"] == "optimizer adamw"]
    assert list(of_one["source"]) == [
        "init",
        "order",
        "dropout",
        "init × order",
        "init × dropout",
        "order × dropout",
        RESIDUAL,
    ]
    assert set(of_one["runs"]) == {24}
    assert set(of_one["arms"]) == {2}
    assert set(of_one["values"]) == {"3 × 4 × 2"}
    one = of_one.set_index("source")
    assert np.isnan(one.loc["dropout", "low"])  # one degree of freedom
    assert one.loc["dropout", "note"] == "no interval: fewer than 2 degrees of freedom"
    assert one.loc["init", "low"] <= max(one.loc["init", "variance"], 0) <= one.loc["init", "high"]


def test_one_seed_for_initialisation_and_order_is_one_source():
    table = with_recipe(runs(init_seed=range(3), sample_seed=range(3)).assign(order_seed=lambda t: t["init_seed"]))
    assert list(sources(table)["source"]) == ["seed", "sample", RESIDUAL]


def test_models_are_a_source():
    table = runs(model=["a", "b", "c"], init_seed=range(3), order_seed=range(3)).assign(arm=lambda t: t["model"])
    table = table.assign(slug="adamw", optimizer="adamw", status="finished")
    columns = ["task", "arm", "init_seed", "order_seed", "model", "slug", "optimizer", "status", "degenerate", "score"]
    assert "init × model" in list(sources(table[columns])["source"])


def test_a_table_without_recipes_is_split_by_arm():
    table = runs(arm=["x", "y"], init_seed=range(3), order_seed=range(3))
    found = sources(table)
    assert found.groupby("arm")["source"].apply(list).to_dict() == dict.fromkeys("xy", ["init", "order", RESIDUAL])


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (
            lambda t: t.iloc[1:],
            "not defined: 8 runs, and not one for each of 3 × 3 combinations of init_seed, order_seed",
        ),
        (lambda t: t[t["order_seed"] == 0], "not defined: needs two sources with two values each"),
        (lambda t: t.assign(score=np.nan), "not defined: a run has no score"),
    ],
)
def test_what_is_not_crossed_is_said(change, note):
    found = sources(change(runs(arm=["x"], init_seed=range(3), order_seed=range(3))))
    assert (list(found["note"]), list(found["source"])) == ([note], [""])


def test_with_failed_runs_there_is_no_interval():
    table = runs(arm=["x"], init_seed=range(3), order_seed=range(3))
    table.loc[0, ["score", "degenerate"]] = [0.5, True]
    found = sources(table)
    assert found["variance"].notna().all()
    assert found[["low", "high"]].isna().all(axis=None)
    assert set(found["note"]) == {"no interval: runs failed, and scores with two modes are not normal"}
    assert set(found["failed"]) == {1}


def test_equal_scores_have_no_components():
    found = sources(runs(arm=["x"], init_seed=range(3), order_seed=range(3)).assign(score=0.7))
    assert found[["variance", "share", "sd"]].isna().all(axis=None)
