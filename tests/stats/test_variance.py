"""Variance by seed: a 2 x 2 grid by hand, the published grid of Zhang et al. (2021), Fig. 9, statsmodels."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from seedvar.stats.variance import decompose, range_test, sd_within, two_way_anova

FIG9 = Path(__file__).parents[3] / "shared" / "data" / "published_runs" / "zhang2021_fig9_rte_val.csv"


@pytest.fixture
def fig9():
    """Validation accuracies in per cent by init and order seed, 10 x 10, published by Zhang et al."""
    if not FIG9.is_file():
        pytest.skip("no copy of the published grid beside the repository")
    table = pd.read_csv(FIG9)

    def grid(setting):
        chosen = table[table["setting"] == setting]
        return chosen.pivot(index="init_seed", columns="data_dropout_seed", values="val_acc_percent").to_numpy(float)

    return grid


def rng():
    return np.random.default_rng(0)


def runs(grid, arm="adamw"):
    rows = [
        {"task": "rte", "arm": arm, "init_seed": i, "order_seed": j, "score": score}
        for i, row in enumerate(grid)
        for j, score in enumerate(row)
    ]
    return pd.DataFrame(rows)


def test_a_small_grid_is_decomposed_as_by_hand():
    # Mean 5; init effects -2, +2; order effects -1, +1; residuals +-1
    row = two_way_anova(np.array([[3.0, 3.0], [5.0, 9.0]]))
    assert (row["ms_init"], row["ms_order"], row["ms_residual"]) == (16, 4, 4)
    assert (row["f_init"], row["f_order"]) == (4, 1)
    assert row["p_order"] == pytest.approx(0.5)  # F(1, 1)
    assert (row["var_init"], row["var_order"], row["var_residual"]) == (6, 0, 4)
    assert (row["share_init"], row["share_residual"]) == (0.6, 0.4)


def test_a_negative_component_is_reported_as_zero_and_kept():
    row = two_way_anova(np.array([[1.0, 2.0], [2.0, 1.0]]))
    assert (row["var_init"], row["var_init_raw"]) == (0, -0.5)
    assert row["share_residual"] == 1


def test_a_grid_without_spread_or_without_noise_has_a_value_or_nan():
    same = two_way_anova(np.full((3, 3), 0.1))
    assert (same["ms_init"], same["var_init"], same["ms_residual"]) == (0, 0, 0)
    assert np.isnan([same["f_init"], same["p_init"], same["share_init"]]).all()
    additive = two_way_anova(np.add.outer([0.1, 0.2, 0.4], [0.0, 0.0, 0.0]))
    assert (additive["f_init"], additive["p_init"]) == (np.inf, 0)
    assert np.isnan(additive["f_order"])


def test_the_published_grid_gives_the_known_analysis(fig9):
    standard, reinit = two_way_anova(fig9("standard")), two_way_anova(fig9("reinit5"))
    known = {"ms_init": 12.80, "f_init": 2.96, "p_init": 0.0043, "ms_order": 2.736, "f_order": 0.63, "p_order": 0.77}
    for name, value in {**known, "ms_residual": 4.328}.items():
        assert standard[name] == pytest.approx(value, rel=0.015)
    known = {"ms_init": 9.379, "f_init": 7.38, "p_init": 8.9e-8, "ms_order": 9.086, "f_order": 7.15, "p_order": 1.5e-7}
    for name, value in {**known, "ms_residual": 1.272}.items():
        assert reinit[name] == pytest.approx(value, rel=0.03 if name.startswith("p") else 0.002)
    assert standard["var_order"] == 0
    assert standard["var_order_raw"] < 0


def test_the_published_averaged_sds_are_found(fig9):
    assert sd_within(fig9("standard")) == pytest.approx(1.99, abs=0.005)
    rows = fig9("standard").std(axis=1, ddof=1)
    assert sd_within(fig9("reinit5")) == pytest.approx(1.40, abs=0.005)
    assert rows == pytest.approx([2.16, 2.34, 2.30, 2.82, 2.00, 1.18, 1.52, 1.74, 2.16, 1.69], abs=0.007)


def test_the_analysis_agrees_with_statsmodels():
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    grid = rng().normal(size=(4, 6)) + np.arange(4)[:, None]
    table = anova_lm(ols("score ~ C(init_seed) + C(order_seed)", runs(grid)).fit())
    row = two_way_anova(grid)
    for name, source in (("init", "C(init_seed)"), ("order", "C(order_seed)"), ("residual", "Residual")):
        assert row[f"ms_{name}"] == pytest.approx(table.loc[source, "mean_sq"])
        if name != "residual":
            assert row[f"f_{name}"] == pytest.approx(table.loc[source, "F"])
            assert row[f"p_{name}"] == pytest.approx(table.loc[source, "PR(>F)"])


def test_components_recover_what_made_the_scores():
    draw = rng()
    estimates = []
    for _ in range(200):
        grid = draw.normal(0, 2, (10, 1)) + draw.normal(0, 1, (1, 10)) + draw.normal(0, 3, (10, 10))
        row = two_way_anova(grid)
        estimates.append([row["var_init_raw"], row["var_order_raw"], row["var_residual"]])
    assert np.mean(estimates, axis=0) == pytest.approx([4, 1, 9], abs=0.4)


def test_the_range_test_counts_every_permutation():
    # Of the 6 ways to split {0, 0, 1, 1} into two rows, 2 have a range of 1.
    assert range_test(np.array([[0.0, 0.0], [1.0, 1.0]]), rng()) == pytest.approx(1 / 3, abs=0.02)
    assert range_test(np.array([[0.0, 1.0], [0.0, 1.0]]), rng()) == 1.0
    assert range_test(np.full((3, 3), 0.1), rng()) == 1.0


def test_the_range_test_is_never_below_one_in_all_permutations():
    grid = np.arange(10)[:, None] + rng().normal(0, 0.01, (10, 10))
    assert range_test(grid, rng(), 999) == 1 / 1000


def test_the_range_test_and_the_anova_agree_on_the_published_grid(fig9):
    assert range_test(fig9("standard"), rng()) < 0.05
    assert range_test(fig9("standard").T, rng()) > 0.3
    assert range_test(fig9("reinit5"), rng()) < 0.01


def test_each_arm_has_a_row_and_an_incomplete_grid_a_note():
    grid = rng().normal(size=(3, 4))
    table = pd.concat(
        [
            runs(grid, "crossed"),
            runs(grid, "incomplete").iloc[:-1],
            runs(grid, "diagonal").query("init_seed == order_seed"),
            runs(grid[:1], "one row"),
            pd.concat([runs(grid, "twice")] * 2),
        ]
    )
    result = decompose(table).set_index("arm")
    assert result.loc["crossed", "note"] == ""
    assert result.loc["crossed", "sd_order"] == pytest.approx(grid.std(axis=1, ddof=1).mean())
    assert result.loc["crossed", "sd_init"] == pytest.approx(grid.std(axis=0, ddof=1).mean())
    assert result.loc["incomplete", "note"] == "not defined: 1 of 3 x 4 runs are missing"
    assert "not crossed" in result.loc["diagonal", "note"]
    assert result.drop("crossed")["note"].str.startswith("not defined").all()
    assert result.drop("crossed")[["ms_init", "p_order", "range_p_init"]].isna().all(axis=None)


def test_runs_that_all_failed_alike_have_a_row():
    row = decompose(runs(np.full((3, 3), 0.5))).iloc[0]
    assert (row["sd_init"], row["var_residual"], row["range_p_order"]) == (0, 0, 1)
    pd.testing.assert_frame_equal(decompose(runs(np.eye(3))), decompose(runs(np.eye(3))))
