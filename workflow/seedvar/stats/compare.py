"""Compares every arm with the baseline arm, task by task, by every test that one may ask for.

What is said to differ is decided elsewhere, by the one rule of `rule.py`. Tests are two-sided unless
their name says otherwise. A value that is not defined, such as a t-test of two samples without
spread, is NaN.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import comb

from seedvar.data.shown import higher_is_better
from seedvar.stats.describe import fill_undefined, quiet, require_baseline, standard_deviation, upwards
from seedvar.stats.exact import BOSCHLOO_LIMIT, boschloo_table
from seedvar.stats.intervals import means_apart, sds_apart
from seedvar.stats.settings import CONFIDENCE
from seedvar.words import SEEDS

TESTS = [
    *("welch", "student_one_tailed", "mann_whitney", "brunner_munzel", "fisher", "boschloo"),
    *("brown_forsythe", "levene", "bartlett", "fligner", "ok_brown_forsythe", "paired_t", "wilcoxon"),
]
EXACT_RANKS = 20_000  # two arms of 8 runs
TAILS = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]


def compare_means(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Compares the means of two samples of scores.

    Args:
        x: Scores of the arm, shape (n,).
        y: Scores of the baseline, shape (m,).

    Returns:
        `mean_difference` (x − y); Welch's t; Student's t with pooled variance, one-tailed for "x has the
        higher mean", the test of Zhang et al. (2021).
    """
    row = _undefined("mean_difference", "welch_t", "welch_df", "welch_p")
    row |= _undefined("student_one_tailed_t", "student_one_tailed_p")
    if not _complete(x, y):
        return row
    row["mean_difference"] = x.mean() - y.mean()
    if min(len(x), len(y)) < 2 or not (np.ptp(x) > 0 or np.ptp(y) > 0):
        return row
    with quiet():
        welch = stats.ttest_ind(x, y, equal_var=False)
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
    ours, theirs = _wins(x, y), 1 - _wins(y, x)  # of every run, averaged over those of the other arm
    share, smaller = ours.mean(), min(len(x), len(y))
    if share in (0, 1) or smaller < 2:
        size = smaller
    else:
        variance = ours.var(ddof=1) / len(x) + theirs.var(ddof=1) / len(y)
        size = share * (1 - share) / max(variance, share * (1 - share) / (3 * smaller))
    z = stats.norm.ppf(TAILS[1])
    centre = share + z**2 / (2 * size)
    half = z * np.sqrt(share * (1 - share) / size + z**2 / (4 * size**2))
    low, high = (centre - half) / (1 + z**2 / size), (centre + half) / (1 + z**2 / size)
    return max(low, 0.0), min(high, 1.0)


def _wins(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns for each of x the share of y that it exceeds, ties half."""
    y = np.sort(y)
    return (np.searchsorted(y, x, side="left") + np.searchsorted(y, x, side="right")) / (2 * len(y))


def compare_ranks(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Compares two samples of scores of shape (n,), (m,) by their ranks.

    Returns:
        Mann-Whitney's U, its p-value exact up to two times 8 runs; Brunner and Munzel's test (2000),
        which allows unequal spread and is not defined where one sample is above the other throughout;
        A12 with `a12_interval`.
    """
    row = _undefined("mann_whitney_u", "mann_whitney_p", "a12", "a12_low", "a12_high")
    row |= _undefined("brunner_munzel_w", "brunner_munzel_p")
    if not _complete(x, y):
        return row
    with quiet():
        ranks = stats.mannwhitneyu(x, y, method=_ranks_method(x, y))
        munzel = stats.brunnermunzel(x, y) if min(len(x), len(y)) > 1 else None
    row |= {"mann_whitney_u": ranks.statistic, "mann_whitney_p": ranks.pvalue, "a12": a12(x, y)}
    row["a12_low"], row["a12_high"] = a12_interval(x, y)
    if munzel and np.isfinite(munzel.statistic):
        row |= {"brunner_munzel_w": -munzel.statistic, "brunner_munzel_p": munzel.pvalue}  # > 0: x is higher
    return row


def _ranks_method(x: np.ndarray, y: np.ndarray):
    """Chooses how SciPy finds the p-value of U: its default, with ties, is the normal one, far off for 5 runs."""
    if len(np.unique(np.concatenate([x, y]))) == len(x) + len(y) or min(len(x), len(y)) < 2:
        return "auto"
    exchanges = comb(len(x) + len(y), len(x), exact=True)
    return stats.PermutationMethod(n_resamples=exchanges) if exchanges <= EXACT_RANKS else "asymptotic"


def compare_failures(failed: int, n: int, failed_baseline: int, n_baseline: int) -> dict[str, float]:
    """Compares two counts of failed runs by Fisher's and by Boschloo's exact test.

    Boschloo's has more power, most in small samples, and is left out (NaN) above `BOSCHLOO_LIMIT`.
    """
    table = [[failed, n - failed], [failed_baseline, n_baseline - failed_baseline]]
    boschloo = np.nan
    if n * n_baseline <= BOSCHLOO_LIMIT:
        boschloo = float(boschloo_table(n, n_baseline)[failed, failed_baseline])
    return {
        "failed": failed,
        "failed_baseline": failed_baseline,
        "fisher_p": stats.fisher_exact(table).pvalue,
        "boschloo_p": boschloo,
    }


def compare_spread(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Compares the spread of two samples of scores.

    Args:
        x: Scores of the arm, shape (n,).
        y: Scores of the baseline, shape (m,).

    Returns:
        Brown-Forsythe's test (distances from the median), Levene's (from the mean), Bartlett's (for
        normal samples; it is far off for scores with two modes, and not defined for a sample
        without spread), Fligner and Killeen's (ranks of distances); `sd_ratio` (x / y, ddof = 1), not
        defined where an arm has no spread. All need 3 runs an arm.
    """
    row = _undefined("brown_forsythe_w", "brown_forsythe_p", "levene_w", "levene_p", "bartlett_t", "bartlett_p")
    row |= _undefined("fligner_x", "fligner_p", "sd_ratio")
    if not _complete(x, y) or min(len(x), len(y)) < 3 or (np.ptp(x) == 0 and np.ptp(y) == 0):
        return row
    with quiet():
        if np.ptp(x) > 0 and np.ptp(y) > 0:
            row["sd_ratio"] = standard_deviation(x) / standard_deviation(y)
        tests = {"brown_forsythe_w": stats.levene(x, y), "levene_w": stats.levene(x, y, center="mean")}
        if np.ptp(x) > 0 and np.ptp(y) > 0:
            tests["bartlett_t"] = stats.bartlett(x, y)
        tests["fligner_x"] = stats.fligner(x, y)
        for name, test in tests.items():
            # Runs may be equally far from their middle but for rounding: then the distances do not vary
            # within either arm, and any difference looks certain.
            if test.statistic < 1e12:
                row |= {name: test.statistic, f"{name[:-2]}_p": test.pvalue}
    return row


def compare_pairs(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Compares runs that share their seeds, hence classifier init and data order, pair by pair.

    Args:
        x: Scores of the arm, shape (pairs,).
        y: Scores of the baseline with the same seeds, shape (pairs,).

    Returns:
        `ok_pairs`; the mean difference (x − y) with its 95 % paired t interval; the paired t-test;
        Wilcoxon's signed-rank test.
    """
    row = {"ok_pairs": len(x)} | _undefined("paired_difference", "paired_difference_low", "paired_difference_high")
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


def improvement(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Describes the probability of improvement P(X > Y) over pairs (Bouthillier et al. 2021).

    A tied pair counts half, so that 0.5 always means "no difference".

    Args:
        x: Scores of the arm, shape (pairs,).
        y: Scores of the baseline with the same seeds, shape (pairs,).

    Returns:
        `improvement` with its 95 % interval of Clopper and Pearson; NaN without pairs.
    """
    if not _complete(x, y):
        return _undefined("improvement", "improvement_low", "improvement_high")
    wins, n = float(np.sum((x > y) + (x == y) / 2)), len(x)
    low = stats.beta.ppf(TAILS[0], wins, n - wins + 1) if wins > 0 else 0.0
    high = stats.beta.ppf(TAILS[1], wins + 1, n - wins) if wins < n else 1.0
    return {"improvement": wins / n, "improvement_low": low, "improvement_high": high}


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


def compare_samples(arm: pd.DataFrame, baseline: pd.DataFrame) -> dict:
    """Compares the runs of an arm with those of the baseline on one task.

    Args:
        arm: Rows of the runs table.
        baseline: Rows of the runs table.

    Returns:
        `n` and `n_baseline` runs and all that the functions above return; among the `ok_n` and
        `ok_n_baseline` runs that did not fail, with the prefix `ok_`, the difference of means with its 95 %
        Welch interval, Brown-Forsythe's test, and the SD ratio with its interval. `n_pairs` runs of each
        share their seeds; paired differences and their tests are of the `ok_pairs` of which neither run
        failed. Of an error the differences are those of the numbers as they are, and all that says
        which arm is better (A12, U, t, one-tailed tests, `improvement`) takes the lower for better.
    """
    metric = arm["metric"].iloc[0] if "metric" in arm else ""
    arm, baseline = fill_undefined(upwards(arm)), fill_undefined(upwards(baseline))
    x, y = arm["score"].to_numpy(), baseline["score"].to_numpy()
    failed_x, failed_y = arm["degenerate"].to_numpy(), baseline["degenerate"].to_numpy()
    spread = compare_spread(x, y)
    ok_x, ok_y = x[~failed_x], y[~failed_y]
    ok_spread = compare_spread(ok_x, ok_y) if failed_x.any() or failed_y.any() else spread
    ok_low, ok_high = means_apart(ok_x, ok_y)
    ok_sd_low, ok_sd_high = sds_apart(ok_x, ok_y)
    pairs = _pairs(arm, baseline)
    ok_pairs = pairs[~(pairs["degenerate_x"] | pairs["degenerate_y"])]
    row = {
        "n": len(x),
        "n_baseline": len(y),
        **compare_means(x, y),
        **compare_ranks(x, y),
        **compare_failures(int(failed_x.sum()), len(x), int(failed_y.sum()), len(y)),
        **spread,
        "ok_n": len(ok_x),
        "ok_n_baseline": len(ok_y),
        "ok_mean_difference": ok_x.mean() - ok_y.mean() if _complete(ok_x, ok_y) else np.nan,
        "ok_mean_difference_low": ok_low,
        "ok_mean_difference_high": ok_high,
        "ok_brown_forsythe_w": ok_spread["brown_forsythe_w"],
        "ok_brown_forsythe_p": ok_spread["brown_forsythe_p"],
        "ok_sd_ratio": ok_spread["sd_ratio"],
        "ok_sd_ratio_low": ok_sd_low,
        "ok_sd_ratio_high": ok_sd_high,
        "n_pairs": len(pairs),
        **compare_pairs(ok_pairs["score_x"].to_numpy(), ok_pairs["score_y"].to_numpy()),
        **improvement(pairs["score_x"].to_numpy(), pairs["score_y"].to_numpy()),
    }
    if not higher_is_better(metric):  # a difference stays one of the numbers as they are
        row["mean_difference"] = -row["mean_difference"]
        for name in ("ok_mean_difference", "paired_difference"):
            low, high = row[f"{name}_low"], row[f"{name}_high"]
            row |= {name: -row[name], f"{name}_low": -high, f"{name}_high": -low}
    return row


def _pairs(arm: pd.DataFrame, baseline: pd.DataFrame) -> pd.DataFrame:
    """Returns the runs of both arms that share both seeds: `score_x`, `degenerate_x` and those of the baseline, `_y`.

    There are none where the table has no seeds, or `comparable_seeds` says that equal ones mean nothing.
    """
    both = (arm, baseline)
    known = all({*SEEDS} <= {*runs} for runs in both)
    if not known or not all(runs["comparable_seeds"].all() for runs in both if "comparable_seeds" in runs):
        return pd.DataFrame({"score_x": [], "score_y": [], "degenerate_x": [], "degenerate_y": []}).astype(
            {"degenerate_x": bool, "degenerate_y": bool}
        )
    arm, baseline = (
        runs[[*SEEDS, "score", "degenerate"]].dropna(subset=SEEDS).drop_duplicates(SEEDS, keep=False) for runs in both
    )
    return arm.merge(baseline, on=SEEDS)


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
        of all rows of this table, each test a family of its own.

    Raises:
        UserError: No run has that arm.
    """
    require_baseline(runs, baseline)
    rows = []
    for task, group in runs.groupby("task", sort=False):
        reference = group[group["arm"] == baseline]
        for arm, others in group.groupby("arm", sort=False):
            if arm != baseline and len(reference):
                numbers = compare_samples(others, reference)
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
    return table
