"""Compares every arm with the baseline arm, task by task.

Tests are two-sided unless their name says otherwise. A value that is not defined, such as a t-test
of two samples without spread, is NaN.
"""

from __future__ import annotations

from math import comb

import numpy as np
import pandas as pd
from scipy import stats

from seedvar.data.shown import higher_is_better
from seedvar.stats.describe import (
    exact_interval,
    fill_undefined,
    quiet,
    require_baseline,
    standard_deviation,
    upwards,
)
from seedvar.stats.settings import CONFIDENCE, MEANINGFUL, RESAMPLES, SEED
from seedvar.stats.verdict import verdict
from seedvar.words import SEEDS

TESTS = [
    *("welch", "student_one_tailed", "permutation", "mann_whitney", "brunner_munzel", "fisher", "boschloo"),
    *("brown_forsythe", "levene", "bartlett", "fligner", "ok_brown_forsythe", "paired_t", "wilcoxon"),
]
EXACT_PERMUTATIONS = 20_000  # two arms of 8 runs; above it, RESAMPLES random ones
BOSCHLOO_LIMIT = 40_000  # n × m, two arms of 200 runs: 0.3 s; its time grows with the square
TAILS = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]


def compare_means(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
    """Compares the means of two samples of scores.

    Args:
        x: Scores of the arm, shape (n,).
        y: Scores of the baseline, shape (m,).
        rng: Source of the random permutations.

    Returns:
        `mean_difference` (x − y) with its 95 % Welch interval; Welch's t; Student's t with pooled
        variance, one-tailed for "x has the higher mean", the test of Zhang et al. (2021); the
        permutation test of the difference, exact for up to two times 8 runs.
    """
    row = _undefined(
        *("mean_difference", "mean_difference_low", "mean_difference_high", "welch_t", "welch_df", "welch_p"),
        *("student_one_tailed_t", "student_one_tailed_p", "permutation_p"),
    )
    if not _complete(x, y):
        return row
    row["mean_difference"] = x.mean() - y.mean()
    if min(len(x), len(y)) < 2:
        return row
    permutations = comb(len(x) + len(y), len(x))
    with quiet():
        row["permutation_p"] = stats.permutation_test(
            (x, y),
            lambda x, y, axis: x.mean(axis=axis) - y.mean(axis=axis),
            n_resamples=permutations if permutations <= EXACT_PERMUTATIONS else RESAMPLES,
            batch=max(1, 4_000_000 // (len(x) + len(y))),  # bounds the memory, not the result
            rng=rng,
        ).pvalue
        if np.ptp(x) > 0 or np.ptp(y) > 0:
            welch = stats.ttest_ind(x, y, equal_var=False)
            interval = welch.confidence_interval(CONFIDENCE)
            row |= {"mean_difference_low": interval.low, "mean_difference_high": interval.high}
            row |= {"welch_t": welch.statistic, "welch_df": welch.df, "welch_p": welch.pvalue}
            student = stats.ttest_ind(x, y, alternative="greater")
            row |= {"student_one_tailed_t": student.statistic, "student_one_tailed_p": student.pvalue}
    return row


def a12(x: np.ndarray, y: np.ndarray) -> float:
    """Returns Vargha and Delaney's A12 = P(X > Y) + P(X = Y) / 2 for samples of shape (n,), (m,)."""
    return stats.mannwhitneyu(x, y).statistic / (len(x) * len(y))


def a12_interval(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Returns a 95 % interval of A12.

    It is Wilson's interval of a share in N observations, where N makes the binomial variance that
    of DeLong et al. (1988); N is the smaller sample's size where one sample is above the other
    throughout, and at most three times as large. Seeds often separate two arms completely, and
    there the bootstrap and DeLong's own interval shrink to the single point 1: for a true A12 of
    .96 and 5 runs an arm they held it in 4 of 10 simulations, this one in more than 9 of 10.
    """
    wins = (x[:, None] > y) + (x[:, None] == y) / 2
    share, smaller = wins.mean(), min(wins.shape)
    if share in (0, 1) or smaller < 2:
        size = smaller
    else:
        variance = wins.mean(axis=1).var(ddof=1) / len(x) + wins.mean(axis=0).var(ddof=1) / len(y)
        size = share * (1 - share) / max(variance, share * (1 - share) / (3 * smaller))
    z = stats.norm.ppf(TAILS[1])
    centre = share + z**2 / (2 * size)
    half = z * np.sqrt(share * (1 - share) / size + z**2 / (4 * size**2))
    low, high = (centre - half) / (1 + z**2 / size), (centre + half) / (1 + z**2 / size)
    return max(low, 0.0), min(high, 1.0)


def compare_ranks(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Compares two samples of scores of shape (n,), (m,) by their ranks.

    Returns:
        Mann-Whitney's U; Brunner and Munzel's test (2000), which allows unequal spread and is not
        defined where one sample is above the other throughout; A12 with `a12_interval`.
    """
    row = _undefined("mann_whitney_u", "mann_whitney_p", "a12", "a12_low", "a12_high")
    row |= _undefined("brunner_munzel_w", "brunner_munzel_p")
    if not _complete(x, y):
        return row
    with quiet():
        ranks = stats.mannwhitneyu(x, y)
        munzel = stats.brunnermunzel(x, y) if min(len(x), len(y)) > 1 else None
    row |= {"mann_whitney_u": ranks.statistic, "mann_whitney_p": ranks.pvalue, "a12": a12(x, y)}
    row["a12_low"], row["a12_high"] = a12_interval(x, y)
    if munzel and np.isfinite(munzel.statistic):
        row |= {"brunner_munzel_w": -munzel.statistic, "brunner_munzel_p": munzel.pvalue}  # > 0: x is higher
    return row


def compare_failures(failed: int, n: int, failed_baseline: int, n_baseline: int) -> dict[str, float]:
    """Compares two counts of failed runs by Fisher's and by Boschloo's exact test.

    Boschloo's has more power, most in small samples, and is left out (NaN) above `BOSCHLOO_LIMIT`.
    """
    table = [[failed, n - failed], [failed_baseline, n_baseline - failed_baseline]]
    boschloo = np.nan
    if failed + failed_baseline in (0, n + n_baseline):
        boschloo = 1.0
    elif n * n_baseline <= BOSCHLOO_LIMIT:
        with quiet():
            boschloo = stats.boschloo_exact(table, n=8).pvalue  # n: points of its search, a power of 2
    return {
        "failed": failed,
        "failed_baseline": failed_baseline,
        "fisher_p": stats.fisher_exact(table).pvalue,
        "boschloo_p": boschloo,
    }


def sd_ratio_interval(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """Returns the 95 % bootstrap percentile interval of SD(x) / SD(y).

    Both samples, of shape (n,) and (m,), are resampled independently. Percentiles are the same for
    the ratio and its logarithm, and cover as well as BCa, which a resample without spread leaves
    undefined: it makes the ratio 0 or infinite, and the interval may end there.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = _resampled_sd(x, rng) / _resampled_sd(y, rng)
    ratios = np.sort(ratios[~np.isnan(ratios)])
    if len(ratios) == 0:
        return np.nan, np.nan
    return tuple(np.quantile(ratios, TAILS, method="nearest"))


def _resampled_sd(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    samples = x[rng.integers(len(x), size=(RESAMPLES, len(x)))]
    # Equal values have an SD of 0, not of the rounding error of their mean.
    return np.where(np.ptp(samples, axis=1) > 0, samples.std(axis=1, ddof=1), 0.0)


def compare_spread(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
    """Compares the spread of two samples of scores.

    Args:
        x: Scores of the arm, shape (n,).
        y: Scores of the baseline, shape (m,).
        rng: Source of the bootstrap's resamples.

    Returns:
        Brown-Forsythe's test (distances from the median), Levene's (from the mean), Bartlett's (for
        normal samples; it is far off for scores with two modes, and not defined for a sample
        without spread), Fligner and Killeen's (ranks of distances); `sd_ratio` (x / y, ddof = 1)
        with its bootstrap interval. Tests and interval need 3 runs an arm.
    """
    row = _undefined("brown_forsythe_w", "brown_forsythe_p", "levene_w", "levene_p", "bartlett_t", "bartlett_p")
    row |= _undefined("fligner_x", "fligner_p", "sd_ratio", "sd_ratio_low", "sd_ratio_high")
    if not _complete(x, y) or min(len(x), len(y)) < 2 or (np.ptp(x) == 0 and np.ptp(y) == 0):
        return row
    with quiet():
        row["sd_ratio"] = np.divide(standard_deviation(x), standard_deviation(y))
        if min(len(x), len(y)) > 2:
            row["sd_ratio_low"], row["sd_ratio_high"] = sd_ratio_interval(x, y, rng)
        tests = {"brown_forsythe_w": stats.levene(x, y), "levene_w": stats.levene(x, y, center="mean")}
        if np.ptp(x) > 0 and np.ptp(y) > 0:
            tests["bartlett_t"] = stats.bartlett(x, y)
        tests["fligner_x"] = stats.fligner(x, y)
        for name, test in tests.items():
            # Two runs are equally far from their middle, and so may more be but for rounding: then the
            # distances do not vary within either arm, and any difference looks certain.
            if min(len(x), len(y)) > 2 and test.statistic < 1e12:
                row |= {name: test.statistic, f"{name[:-2]}_p": test.pvalue}
    return row


def compare_pairs(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Compares runs that share their seeds, hence classifier init and data order, pair by pair.

    Args:
        x: Scores of the arm, shape (pairs,).
        y: Scores of the baseline with the same seeds, shape (pairs,).

    Returns:
        `n_pairs`; the mean difference (x − y) with its 95 % paired t interval; the paired t-test;
        Wilcoxon's signed-rank test.
    """
    row = {"n_pairs": len(x)} | _undefined("paired_difference", "paired_difference_low", "paired_difference_high")
    row |= _undefined("paired_t_t", "paired_t_p", "wilcoxon_w", "wilcoxon_p")
    if not _complete(x, y):
        return row
    differences = np.round(x - y, 12)  # equal differences of scores tie, whatever their last bits
    row["paired_difference"] = differences.mean()
    with quiet():
        if np.ptp(differences) > 0:
            paired = stats.ttest_1samp(differences, 0.0)
            interval = paired.confidence_interval(CONFIDENCE)
            row |= {"paired_difference_low": interval.low, "paired_difference_high": interval.high}
            row |= {"paired_t_t": paired.statistic, "paired_t_p": paired.pvalue}
        if len(x) > 1 and differences.any():
            row["wilcoxon_w"], row["wilcoxon_p"] = _wilcoxon(differences)
    return row


def _wilcoxon(differences: np.ndarray) -> tuple[float, float]:
    """Returns Wilcoxon's signed-rank statistic and p-value, without the differences of 0.

    Up to 13 pairs it goes through all signs at once, as SciPy does if there are ties, but one by one.
    """
    differences = differences[differences != 0]
    if len(differences) > 13:
        return tuple(stats.wilcoxon(differences))
    ranks = stats.rankdata(np.abs(differences))
    signs = np.arange(2 ** len(ranks))[:, None] >> np.arange(len(ranks)) & 1
    smaller = min(ranks[differences > 0].sum(), ranks[differences < 0].sum())
    return smaller, min(1.0, 2 * (signs @ ranks <= smaller).mean())


def improvement(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> dict[str, float | str | None]:
    """Judges the probability of improvement P(X > Y) over pairs (Bouthillier et al. 2021).

    A tied pair counts half, so that 0.5 always means "no difference". The interval is the
    percentile bootstrap's of the pairs. Where all pairs agree that has no width, and would call
    two wins out of two meaningful: there Clopper-Pearson's limits replace it.

    Args:
        x: Scores of the arm, shape (pairs,).
        y: Scores of the baseline with the same seeds, shape (pairs,).
        rng: Source of the bootstrap's resamples.

    Returns:
        `improvement` with its 95 % interval and `improvement_verdict`: "not significant" if the
        lower limit is at most 0.5; else "significant, not meaningful" if the upper limit is at
        most `MEANINGFUL`, or "significant and meaningful". None without pairs.
    """
    row = _undefined("improvement", "improvement_low", "improvement_high") | {"improvement_verdict": None}
    if not _complete(x, y):
        return row
    wins = (x > y) + (x == y) / 2
    share = wins.mean()
    if np.ptp(wins) > 0:
        low, high = np.quantile(wins[rng.integers(len(wins), size=(RESAMPLES, len(wins)))].mean(axis=1), TAILS)
    elif share == 0.5:
        low, high = np.nan, np.nan
    else:
        low, high = exact_interval(int(wins.sum()), len(wins))
    text = "not significant"
    if low > 0.5:
        text = "significant and meaningful" if high > MEANINGFUL else "significant, not meaningful"
    return {"improvement": share, "improvement_low": low, "improvement_high": high, "improvement_verdict": text}


def holm(p_values: np.ndarray) -> np.ndarray:
    """Adjusts p-values by Holm's step-down procedure (1979).

    The k-th smallest of m becomes the running maximum of (m − k + 1) p, at most 1. NaN, a test
    that is not defined, stays NaN and does not count in m.
    """
    p_values = np.asarray(p_values, float)
    adjusted = np.full(p_values.shape, np.nan)
    defined = np.flatnonzero(~np.isnan(p_values))
    order = defined[np.argsort(p_values[defined], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p_values[order]), 1.0)
    return adjusted


def benjamini_hochberg(p_values: np.ndarray) -> np.ndarray:
    """Adjusts p-values for the false discovery rate (Benjamini and Hochberg 1995); NaN as in `holm`."""
    p_values = np.asarray(p_values, float)
    defined = ~np.isnan(p_values)
    adjusted = np.full(p_values.shape, np.nan)
    if defined.any():
        adjusted[defined] = stats.false_discovery_control(p_values[defined])
    return adjusted


def compare_samples(arm: pd.DataFrame, baseline: pd.DataFrame, rng: np.random.Generator) -> dict:
    """Compares the runs of an arm with those of the baseline on one task.

    Args:
        arm: Rows of the runs table.
        baseline: Rows of the runs table.
        rng: Source of permutations and resamples.

    Returns:
        `n` and `n_baseline` runs and all that the functions above return; Brown-Forsythe's test
        and the SD ratio once more, with the prefix `ok_`, among the `ok_n` and `ok_n_baseline`
        runs that did not fail. Of an error the differences are those of the numbers as they are, and all
        that says which arm is better (A12, U, t, one-tailed tests, `improvement`) takes the lower for better.
    """
    metric = arm["metric"].iloc[0] if "metric" in arm else ""
    arm, baseline = fill_undefined(upwards(arm)), fill_undefined(upwards(baseline))
    x, y = arm["score"].to_numpy(), baseline["score"].to_numpy()
    failed_x, failed_y = arm["degenerate"].to_numpy(), baseline["degenerate"].to_numpy()
    spread = compare_spread(x, y, rng)
    ok_spread = spread
    if failed_x.any() or failed_y.any():
        ok_spread = compare_spread(x[~failed_x], y[~failed_y], rng)
    ok_columns = ("brown_forsythe_w", "brown_forsythe_p", "sd_ratio", "sd_ratio_low", "sd_ratio_high")
    pairs = _pairs(arm, baseline)
    row = {
        "n": len(x),
        "n_baseline": len(y),
        **compare_means(x, y, rng),
        **compare_ranks(x, y),
        **compare_failures(int(failed_x.sum()), len(x), int(failed_y.sum()), len(y)),
        **spread,
        "ok_n": int((~failed_x).sum()),
        "ok_n_baseline": int((~failed_y).sum()),
        **{f"ok_{name}": ok_spread[name] for name in ok_columns},
        **compare_pairs(*pairs),
        **improvement(*pairs, rng),
    }
    if not higher_is_better(metric):  # a difference stays one of the numbers as they are
        for name in ("mean_difference", "paired_difference"):
            low, high = row[f"{name}_low"], row[f"{name}_high"]
            row |= {name: -row[name], f"{name}_low": -high, f"{name}_high": -low}
    return row


def _pairs(arm: pd.DataFrame, baseline: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Returns the scores of the runs of both arms that share both seeds, each of shape (pairs,)."""
    if not {*SEEDS} <= {*arm} & {*baseline}:
        return np.empty(0), np.empty(0)
    arm, baseline = (
        runs[[*SEEDS, "score"]].dropna(subset=SEEDS).drop_duplicates(SEEDS, keep=False) for runs in (arm, baseline)
    )
    both = arm.merge(baseline, on=SEEDS)
    return both["score_x"].to_numpy(), both["score_y"].to_numpy()


def _complete(x: np.ndarray, y: np.ndarray) -> bool:
    return len(x) > 0 and len(y) > 0 and not (np.isnan(x).any() or np.isnan(y).any())


def _undefined(*names: str) -> dict[str, float]:
    return dict.fromkeys(names, np.nan)


def compare(runs: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Compares every other arm with the baseline arm on every task.

    All tests take the runs of an arm (or the pairs) as independent. With crossed seeds runs share
    an init or an order seed, and where those matter the p-values are too small.

    Args:
        runs: The runs table (see `collect.py`).
        baseline: Name of the baseline arm.

    Returns:
        One row a task and arm with its `metric` and the columns of `compare_samples`. For each test,
        `<test>_p_holm` and `<test>_p_bh` are adjusted (Holm; Benjamini-Hochberg) over the family
        of all rows of this table, each test a family of its own. `verdict` puts the row in words.

    Raises:
        UserError: No run has that arm.
    """
    require_baseline(runs, baseline)
    rows = []
    for task, group in runs.groupby("task", sort=False):
        reference = group[group["arm"] == baseline]
        for arm, others in group.groupby("arm", sort=False):
            if arm != baseline and len(reference):
                numbers = compare_samples(others, reference, np.random.default_rng(SEED))
                metric = {"metric": group["metric"].iloc[0]} if "metric" in group else {}
                rows.append({"task": task, "arm": arm, "baseline": baseline, **metric, **numbers})
    if not rows:
        return pd.DataFrame(columns=["task", "arm", "baseline"])
    table = pd.DataFrame(rows)
    for test in TESTS:
        column = f"{test}_p"
        p_values, position = table[column].to_numpy(), table.columns.get_loc(column)
        table.insert(position + 1, f"{column}_holm", holm(p_values))
        table.insert(position + 2, f"{column}_bh", benjamini_hochberg(p_values))
    return table.assign(verdict=[verdict(row, row.get("metric", "")) for row in table.to_dict("records")])
