"""Comparisons: small samples by hand, published runs against known values, other packages' tests."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from seedvar.errors import UserError
from seedvar.stats.compare import (
    TESTS,
    a12,
    a12_interval,
    benjamini_hochberg,
    compare,
    compare_failures,
    compare_means,
    compare_pairs,
    compare_ranks,
    compare_samples,
    compare_spread,
    holm,
    improvement,
)
from seedvar.stats.intervals import means_apart

pytestmark = pytest.mark.filterwarnings("error")  # no warning of NumPy or SciPy may leak


def sample(scores, failed=None, seeds=None):
    table = pd.DataFrame({"score": scores, "degenerate": failed if failed is not None else [False] * len(scores)})
    return table if seeds is None else table.assign(init_seed=seeds, order_seed=seeds)


def runs(scores_by_arm, task="rte", first_seed=None):
    """A runs table; arms have the seeds 0, 1, … or from `first_seed[arm]` on."""
    rows = []
    for arm, scores in scores_by_arm.items():
        for seed, score in enumerate(scores, start=(first_seed or {}).get(arm, 0)):
            row = {"task": task, "arm": arm, "init_seed": seed, "order_seed": seed, "score": score}
            rows.append(row | {"degenerate": score <= 0.5, "majority": 0.5})
    return pd.DataFrame(rows)


def rng():
    return np.random.default_rng(0)


def normal(n, mean=0.7, sd=0.02, seed=0):
    return np.random.default_rng(seed).normal(mean, sd, n)


def test_a12_is_the_chance_of_a_higher_score_with_ties_half():
    assert a12(np.array([3.0, 2.0]), np.array([1.0, 2.0])) == pytest.approx(3.5 / 4)
    assert a12(np.array([1.0]), np.array([1.0])) == 0.5


def test_the_interval_of_a12_is_symmetric_and_never_a_single_point():
    x, y = normal(12, 0.72), normal(15, 0.7, seed=1)
    low, high = a12_interval(x, y)
    assert low < a12(x, y) < high
    assert a12_interval(y, x) == pytest.approx((1 - high, 1 - low))
    low, high = a12_interval(np.array([0.8, 0.81, 0.82, 0.83, 0.84]), np.full(5, 0.5))
    assert (low, high) == (pytest.approx(0.566, abs=1e-3), 1.0)  # Wilson's interval of 5 / 5
    assert a12_interval(np.full(5, 0.5), np.full(5, 0.5))[0] < 0.5


@pytest.mark.parametrize(("shift", "n"), [(0.0, 10), (1.0, 10), (2.5, 5), (2.5, 50)])
def test_the_interval_of_a12_covers_the_truth(shift, n):
    truth = stats.norm.cdf(shift / np.sqrt(2))
    source = rng()
    covered = 0
    for _ in range(300):
        low, high = a12_interval(source.normal(shift, 1, n), source.normal(0, 1, n))
        covered += low <= truth <= high
    assert covered / 300 > 0.92


def test_means_by_hand():
    row = compare_means(np.array([0.8, 0.9, 1.0]), np.array([0.5, 0.6, 0.7]))
    assert row["mean_difference"] == pytest.approx(0.3)
    t = 0.3 / np.sqrt(2 * 0.01 / 3)
    assert (row["welch_t"], row["welch_df"]) == pytest.approx((t, 4))
    assert row["student_one_tailed_p"] == pytest.approx(stats.t.sf(t, 4))


def test_the_one_tailed_test_asks_whether_the_arm_is_higher():
    high, low = np.array([0.8, 0.9, 1.0]), np.array([0.5, 0.6, 0.7])
    assert compare_means(high, low)["student_one_tailed_p"] < 0.05
    assert compare_means(low, high)["student_one_tailed_p"] > 0.95


def test_tests_of_means_agree_with_statsmodels():
    from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

    x, y = normal(12, 0.71), normal(20, 0.7, 0.04, seed=1)
    row = compare_means(x, y)
    theirs = CompareMeans(DescrStatsW(x), DescrStatsW(y))
    found = (row["welch_t"], row["welch_p"], row["welch_df"])
    assert found == pytest.approx(theirs.ttest_ind(usevar="unequal"))
    assert means_apart(x, y) == pytest.approx(theirs.tconfint_diff(usevar="unequal"))
    assert row["student_one_tailed_p"] == pytest.approx(theirs.ttest_ind(alternative="larger")[1])


def test_ranks_agree_with_statsmodels():
    from statsmodels.stats.nonparametric import rank_compare_2indep

    x, y = np.round(normal(12, 0.71), 2), np.round(normal(20, 0.7, 0.04, seed=1), 2)
    row = compare_ranks(x, y)
    theirs = rank_compare_2indep(x, y)
    assert row["a12"] == pytest.approx(theirs.prob1)
    assert row["brunner_munzel_p"] == pytest.approx(theirs.pvalue)
    assert row["brunner_munzel_w"] == pytest.approx(theirs.statistic)
    assert np.sign(row["brunner_munzel_w"]) == np.sign(row["a12"] - 0.5)


def test_complete_separation_leaves_brunner_munzel_undefined():
    row = compare_ranks(np.array([0.8, 0.81, 0.83]), np.array([0.5, 0.52, 0.55]))
    assert np.isnan(row["brunner_munzel_p"])
    assert row["a12"] == 1
    assert row["mann_whitney_p"] == pytest.approx(0.1)


def test_failures_by_hand():
    row = compare_failures(5, 5, 0, 5)
    assert row["fisher_p"] == pytest.approx(2 / 252)
    assert row["boschloo_p"] == pytest.approx(2 * 0.5**10, rel=1e-3)  # both shares 1/2: the least favourable
    assert compare_failures(0, 5, 0, 7)["boschloo_p"] == compare_failures(5, 5, 7, 7)["boschloo_p"] == 1


def test_boschloo_is_never_less_powerful_than_fisher():
    for counts in [(1, 20, 6, 20), (3, 10, 9, 12), (24, 50, 1, 50)]:
        row = compare_failures(*counts)
        assert row["boschloo_p"] <= row["fisher_p"]


def test_boschloo_is_left_out_where_it_would_take_minutes():
    assert np.isnan(compare_failures(100, 1000, 120, 1000)["boschloo_p"])


def test_equal_scores_have_an_sd_of_zero_without_rounding():
    equal = np.full(6, 0.7941)
    row = compare_spread(equal, normal(6))
    assert np.isnan(row["sd_ratio"])  # "0.00 [0.00, 0.00]" says nothing that "all runs score the same" does not
    assert np.isnan(row["bartlett_p"])  # its logarithm of 0 would make any difference certain


@pytest.mark.parametrize(("x", "y"), [([0.5, 0.6], [0.6, 0.9]), ([0.1, 0.1, 0.3, 0.3], [0.2, 0.2, 0.9, 0.9])])
def test_equal_distances_from_the_middle_do_not_make_a_difference_certain(x, y):
    row = compare_spread(np.array(x), np.array(y))
    assert np.isnan(row["brown_forsythe_p"])
    assert np.isnan(row["levene_p"])
    assert np.isnan(row["sd_ratio"]) if len(x) == 2 else row["sd_ratio"] > 0


def test_tests_of_spread_by_their_formulas():
    x, y = normal(12), normal(20, 0.7, 0.04, seed=1)
    row = compare_spread(x, y)
    for name, centre in (("brown_forsythe", np.median), ("levene", np.mean)):
        anova = stats.f_oneway(np.abs(x - centre(x)), np.abs(y - centre(y)))
        assert (row[f"{name}_w"], row[f"{name}_p"]) == pytest.approx((anova.statistic, anova.pvalue))
    variances, degrees = np.array([x.var(ddof=1), y.var(ddof=1)]), np.array([11, 19])
    pooled = (degrees @ variances) / degrees.sum()
    correction = 1 + ((1 / degrees).sum() - 1 / degrees.sum()) / 3
    bartlett = (degrees.sum() * np.log(pooled) - degrees @ np.log(variances)) / correction
    assert (row["bartlett_t"], row["bartlett_p"]) == pytest.approx((bartlett, stats.chi2.sf(bartlett, 1)))


def test_pairs_share_both_seeds():
    arm = sample([0.7, 0.8, 0.9, 0.6], seeds=[0, 1, 2, 3])
    baseline = sample([0.5, 0.65, 0.55], seeds=[3, 1, 0])
    row = compare_samples(arm, baseline)
    assert row["n_pairs"] == 3
    differences = [0.7 - 0.55, 0.8 - 0.65, 0.6 - 0.5]
    assert row["paired_difference"] == pytest.approx(np.mean(differences))
    assert row["wilcoxon_p"] == pytest.approx(2 / 8)


def test_seeds_that_are_not_comparable_make_no_pair():
    arms = [sample([0.7, 0.8], seeds=[0, 1]).assign(comparable_seeds=known) for known in (True, False)]
    assert compare_samples(*arms)["n_pairs"] == 0
    assert compare_samples(arms[0], arms[0])["n_pairs"] == 2


def test_pairs_of_a_failed_run_are_left_out_of_differences():
    arm, baseline = sample([0.5, 0.8, 0.9], [True, False, False], [0, 1, 2]), sample([0.7, 0.7, 0.7], seeds=[0, 1, 2])
    row = compare_samples(arm, baseline)
    assert (row["n_pairs"], row["ok_pairs"], row["improvement"]) == (3, 2, pytest.approx(2 / 3))
    assert row["paired_difference"] == pytest.approx(0.15)


def test_ranks_of_few_runs_with_ties_are_exact():
    row = compare_ranks(np.full(3, 0.9), np.full(3, 0.8))
    assert row["mann_whitney_p"] == pytest.approx(0.1)  # the normal approximation says .047


def test_a_seed_that_an_arm_has_twice_makes_no_pair():
    row = compare_samples(sample([0.7, 0.8, 0.9], seeds=[0, 0, 1]), sample([0.5, 0.6], seeds=[0, 1]))
    assert row["n_pairs"] == 1


def test_paired_tests_agree_with_scipy():
    x, y = np.round(normal(20, 0.71), 2), np.round(normal(20, seed=1), 2)
    row = compare_pairs(x, y)
    paired = stats.ttest_rel(x, y)
    interval = paired.confidence_interval()
    assert (row["paired_t_t"], row["paired_t_p"]) == pytest.approx((paired.statistic, paired.pvalue))
    assert (row["paired_difference_low"], row["paired_difference_high"]) == pytest.approx((interval.low, interval.high))
    expected = stats.wilcoxon(np.round(x - y, 12))
    assert (row["wilcoxon_w"], row["wilcoxon_p"]) == (expected.statistic, expected.pvalue)


@pytest.mark.parametrize("digits", [2, 12], ids=["with ties", "without ties"])
@pytest.mark.parametrize("n", [4, 6, 9])
def test_wilcoxon_of_few_pairs_agrees_with_scipy(n, digits):
    differences = np.round(normal(n, 0.01, 0.02, seed=n), digits)
    row = compare_pairs(differences, np.zeros(n))
    method = stats.PermutationMethod(n_resamples=np.inf) if digits == 2 else "exact"
    expected = stats.wilcoxon(differences[differences != 0], method=method)
    assert (row["wilcoxon_w"], row["wilcoxon_p"]) == pytest.approx((expected.statistic, expected.pvalue))


def test_pairs_without_any_difference_cannot_be_tested():
    row = compare_pairs(np.array([0.5, 0.6]), np.array([0.5, 0.6]))
    assert (row["ok_pairs"], row["paired_difference"]) == (2, 0)
    assert np.isnan(row["paired_t_p"])
    assert np.isnan(row["wilcoxon_p"])


@pytest.mark.parametrize("pairs", [2, 5, 6])
def test_a_few_pairs_that_all_agree_are_not_certain(pairs):
    row = improvement(np.full(pairs, 0.8), np.full(pairs, 0.7))
    assert (row["improvement"], row["improvement_high"]) == (1, 1)
    assert row["improvement_low"] == pytest.approx(0.025 ** (1 / pairs))


def test_ties_are_no_improvement():
    row = improvement(np.full(30, 0.5), np.full(30, 0.5))
    assert row["improvement"] == 0.5
    assert row["improvement_low"] < 0.5 < row["improvement_high"]


def test_holm_and_benjamini_hochberg_agree_with_statsmodels():
    from statsmodels.stats.multitest import multipletests

    p = rng().uniform(0, 0.2, 20)
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    assert benjamini_hochberg(p) == pytest.approx(multipletests(p, method="fdr_bh")[1])


def test_adjustments_leave_out_what_is_not_defined():
    p = np.array([0.01, np.nan, 0.03])
    assert holm(p) == pytest.approx([0.02, np.nan, 0.03], nan_ok=True)
    assert benjamini_hochberg(p) == pytest.approx([0.02, np.nan, 0.03], nan_ok=True)
    assert np.isnan(benjamini_hochberg(np.array([np.nan]))).all()


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([0.5], [0.6, 0.7]),
        ([0.5, 0.5], [0.5, 0.5]),
        ([0.5, 0.5, 0.5], [0.6, 0.7, 0.8]),
        ([0.5], [0.5]),
        ([0.5, 0.5, 0.5], [0.7, 0.7, 0.7]),
        ([np.nan, 0.7, 0.8], [0.6, 0.7, 0.8]),
        ([np.nan, np.nan], [np.nan, np.nan]),
        ([0.7, 0.8, 0.75], [0.6, 0.7, 0.8, 0.65, 0.9, 0.5]),
        ([0.7, 0.8], [0.6, 0.65]),
    ],
)
@pytest.mark.parametrize("majority", [0.5, np.nan])
def test_edge_cases_give_a_row_and_no_crash(x, y, majority):
    table = compare(runs({"base": y, "arm": x}).assign(majority=majority), "base")
    row = table.iloc[0]
    assert row["n"] == len(x)
    assert np.isnan(row["a12"]) or 0 <= row["a12"] <= 1
    if len(x) == 1 or (np.ptp(x) == 0 and np.ptp(y) == 0):
        assert np.isnan(row["welch_p"])
    for name in TESTS:
        assert np.isnan(row[f"{name}_p"]) or 0 <= row[f"{name}_p"] <= 1


def test_undefined_scores_are_never_dropped():
    row = compare(runs({"base": [0.6, 0.7, 0.8], "arm": [np.nan, 0.7, 0.8]}), "base").iloc[0]
    assert row["mean_difference"] == pytest.approx((0.5 + 0.7 + 0.8) / 3 - 0.7)
    assert (row["failed"], row["ok_n"]) == (1, 2)
    without = compare(runs({"base": [0.6, 0.7, 0.8], "arm": [np.nan, 0.7, 0.8]}).drop(columns="majority"), "base")
    assert np.isnan(without["mean_difference"].iloc[0])
    assert without["failed"].iloc[0] == 1


def test_spread_without_the_failed_runs():
    arm, baseline = [0.5, 0.5, 0.7, 0.72, 0.75], [0.7, 0.71, 0.74, 0.78]
    row = compare(runs({"base": baseline, "arm": arm}), "base").iloc[0]
    good = compare_spread(np.array(arm[2:]), np.array(baseline))
    assert (row["ok_n"], row["ok_n_baseline"]) == (3, 4)
    assert row["ok_sd_ratio"] == pytest.approx(good["sd_ratio"])
    assert row["ok_brown_forsythe_p"] == pytest.approx(good["brown_forsythe_p"])
    assert row["sd_ratio"] > 2 * row["ok_sd_ratio"]


def test_an_arm_in_which_all_runs_failed_has_no_spread_without_them():
    row = compare(runs({"base": [0.7, 0.71, 0.75], "arm": [0.5, 0.48, 0.46]}), "base").iloc[0]
    assert (row["failed"], row["ok_n"]) == (3, 0)
    assert np.isnan(row["ok_sd_ratio"])
    assert np.isnan(row["ok_brown_forsythe_p"])
    assert row["mean_difference"] < 0


def test_arms_that_share_no_seed_are_compared_without_pairs():
    scores = {"base": [0.6, 0.7, 0.8], "arm": [0.7, 0.75, 0.9]}
    row = compare(runs(scores, first_seed={"arm": 10}), "base").iloc[0]
    assert row["n_pairs"] == 0
    assert np.isnan(row[["paired_t_p", "wilcoxon_p", "improvement"]].astype(float)).all()
    assert row["welch_p"] < 1


def test_a_task_with_the_baseline_alone_has_no_row():
    only, both = runs({"base": [0.6, 0.7]}, "cola"), runs({"base": [0.6, 0.7], "arm": [0.6, 0.8]})
    assert compare(pd.concat([only, both]), "base")["task"].tolist() == ["rte"]
    assert list(compare(only, "base").columns) == ["task", "arm", "baseline"]
    assert len(compare(only, "base")) == 0


def test_every_arm_but_the_baseline_has_a_row_a_task():
    scores = {"a": [0.5, 0.6, 0.7], "b": [0.8, 0.9, 0.7]}
    table = compare(pd.concat([runs(scores, "rte"), runs(scores, "cola")]), "a")
    assert list(zip(table["task"], table["arm"], strict=True)) == [("rte", "b"), ("cola", "b")]
    assert table["mean_difference"].tolist() == pytest.approx([0.2, 0.2])
    assert table["welch_p_holm"].tolist() == pytest.approx([2 * p for p in table["welch_p"]])
    assert table["welch_p_bh"].tolist() == pytest.approx(table["welch_p"].tolist())
    assert {f"{test}_p{ending}" for test in TESTS for ending in ("", "_holm", "_bh")} <= set(table)


def test_a_row_does_not_change_because_an_arm_is_added():
    scores = {"a": normal(10), "b": normal(10, seed=1), "c": normal(10, seed=2)}
    alone, beside = compare(runs({arm: scores[arm] for arm in "ac"}), "a"), compare(runs(scores), "a")
    unadjusted = [name for name in alone if not name.endswith(("_holm", "_bh"))]
    pd.testing.assert_series_equal(alone[unadjusted].iloc[0], beside[unadjusted].iloc[1], check_names=False)


def test_an_unknown_baseline_is_refused():
    with pytest.raises(UserError, match="unknown arm 'x'; accepted: a"):
        compare(pd.DataFrame({"task": ["rte"], "arm": ["a"], "score": [0.5], "degenerate": [False]}), "x")


COLUMN = {"RTE": "acc", "MRPC": "f1", "STS-B": "spearmanr", "CoLA": "mcc"}
FAILING = {
    "RTE": ("acc", 73 / 139 + 1e-4),  # printed to four decimals
    "MRPC": ("acc", 140 / 205 + 1e-4),
    "STS-B": ("spearmanr", 0.0),
    "CoLA": ("mcc", 0.0),
}


@pytest.fixture
def published(published_runs):
    """600 runs of BERT-large by the official code of Zhang et al. (2021), a replication."""

    def select(task, method, checkpoint="best"):
        table = published_runs[(published_runs["task"] == task) & (published_runs["method"] == method)]
        name, threshold = FAILING[task]
        failed = ~(table[f"last_test_{name}"] > threshold)
        scores = table[f"{checkpoint}_test_{COLUMN[task]}"].to_numpy()
        return sample(scores, failed.to_numpy(), table["seed"].to_numpy()).assign(majority=0.0)

    return select


@pytest.mark.parametrize(
    ("task", "welch", "mann_whitney", "expected_a12"),
    [("RTE", 3.5e-19, 3.3e-14, 0.9372), ("MRPC", 1.1e-10, 2.5e-7, 0.7960), ("CoLA", 1.7e-7, 3.3e-12, 0.9032)],
)
def test_bias_correction_in_the_published_runs(published, task, welch, mann_whitney, expected_a12):
    row = compare_samples(published(task, "standard_debiased"), published(task, "not_debiased"))
    assert row["welch_p"] == pytest.approx(welch, rel=0.05)
    assert row["mann_whitney_p"] == pytest.approx(mann_whitney, rel=0.05)
    assert row["a12"] == pytest.approx(expected_a12, abs=1e-4)
    assert row["a12_low"] < row["a12"] < row["a12_high"]
    assert row["n_pairs"] == 50
    assert row["improvement_low"] > 0.5


@pytest.mark.parametrize(
    ("task", "failed", "fisher"),
    [("RTE", 36, 9.49e-16), ("MRPC", 28, 3.55e-11), ("CoLA", 18, 1.18e-6), ("STS-B", 6, 0.0267)],
)
def test_failures_in_the_published_runs(published, task, failed, fisher):
    row = compare_samples(published(task, "not_debiased"), published(task, "standard_debiased"))
    assert (row["failed"], row["failed_baseline"]) == (failed, 0)
    assert row["fisher_p"] == pytest.approx(fisher, rel=0.01)
    assert row["boschloo_p"] < row["fisher_p"]


def test_tests_of_spread_disagree_on_scores_with_two_modes(published):
    row = compare_samples(published("RTE", "standard_debiased"), published("RTE", "not_debiased"))
    found = [row[f"{name}_p"] for name in ("brown_forsythe", "levene", "bartlett", "fligner")]
    assert found == pytest.approx([1.4e-3, 3.8e-8, 1.0e-9, 0.025], rel=0.04)
    assert row["ok_brown_forsythe_p"] > 0.05  # failures make the spread


def test_spread_of_the_published_correlations_with_and_without_undefined_ones(published):
    failing, baseline = published("STS-B", "not_debiased"), published("STS-B", "standard_debiased")
    dropped = compare_spread(failing["score"].dropna().to_numpy(), baseline["score"].to_numpy())
    found = [dropped[f"{name}_p"] for name in ("brown_forsythe", "levene", "bartlett")]
    assert found == pytest.approx([0.26, 0.05, 1e-59], rel=0.1)
    counted = compare_samples(failing, baseline)
    assert counted["brown_forsythe_p"] == pytest.approx(0.0102, rel=0.01)


@pytest.mark.parametrize(
    ("task", "brown_forsythe", "welch", "expected_a12"),
    [
        ("RTE", 0.00694, 3.8e-9, 0.8392),
        ("MRPC", 8.2e-4, 6.1e-6, 0.7424),
        ("STS-B", 5.4e-6, 7.6e-15, 0.8990),
        ("CoLA", 0.80, 0.086, 0.3986),
    ],
)
def test_re_initialisation_in_the_published_runs(published, task, brown_forsythe, welch, expected_a12):
    row = compare_samples(published(task, "reinit_debiased"), published(task, "standard_debiased"))
    assert row["brown_forsythe_p"] == pytest.approx(brown_forsythe, rel=0.02)
    assert row["welch_p"] == pytest.approx(welch, rel=0.02)
    assert row["a12"] == pytest.approx(expected_a12, abs=1e-4)
    assert row["fisher_p"] == row["boschloo_p"] == 1


FIGURE_9 = Path(__file__).parents[3] / "shared" / "data" / "published_runs" / "zhang2021_fig9_rte_val.csv"


@pytest.mark.skipif(not FIGURE_9.is_file(), reason="no copy of the published runs beside the repository")
def test_the_runs_of_zhang_et_al_figure_9():
    table = pd.read_csv(FIGURE_9).rename(columns={"setting": "arm", "data_dropout_seed": "order_seed"})
    table = table.assign(task="rte", score=table["val_acc_percent"] / 100, degenerate=False)
    row = compare(table, "standard").iloc[0]
    assert (row["welch_t"], row["welch_df"]) == pytest.approx((11.2741, 182.5158), rel=1e-5)
    assert row["welch_p"] == pytest.approx(1.033e-22, rel=1e-3)
    assert (row["levene_w"], row["levene_p"]) == pytest.approx((7.9696, 0.005243), rel=1e-3)
    assert (row["brown_forsythe_w"], row["brown_forsythe_p"]) == pytest.approx((6.1426, 0.014032), rel=1e-3)
    assert (row["bartlett_t"], row["bartlett_p"]) == pytest.approx((8.7326, 0.003126), rel=1e-3)
    assert row["a12"] == pytest.approx(0.87405)
    assert row["n_pairs"] == 100
