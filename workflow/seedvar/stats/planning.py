"""How many seeds a claim needs: for means, spreads, failure rates, and for an interval of a given width."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
from scipy.stats import binom, binomtest, chi2, nct, norm, t
from scipy.stats import f as f_distribution

from seedvar.data.shown import factor
from seedvar.errors import UserError
from seedvar.stats.describe import require_baseline
from seedvar.stats.exact import fisher_table
from seedvar.stats.permutation import smallest_means_p
from seedvar.stats.rule import family_size
from seedvar.stats.settings import ALPHA, CONFIDENCE, MEANINGFUL, SEED

POWER = 0.8
MOST = 1_000  # runs an arm; more than this is infinitely many
SIMULATIONS = 2_000
FEWEST = 3  # runs an arm: of two there is no SD
# What is looked for where a study does not say what matters: means that are a point apart, SDs of this ratio, and these
# rates of failure.
POINT, RATIO, RATES = 0.01, 2.0, (0.2, 0.02)


def mean_power(difference: float, sd: float, sd_baseline: float, runs: int, alpha: float = ALPHA) -> float:
    """Returns the power of Welch's two-sided test of two normal samples, so many runs an arm.

    By the noncentral t distribution with Welch's degrees of freedom at the true SDs: for equal SDs the exact power of
    Student's test. Welch's own degrees vary with the samples and cost some power: .09 with 3 runs, .03 with 5.
    """
    variances = np.array([sd, sd_baseline]) ** 2
    if variances.sum() == 0:
        return float(difference != 0)
    freedom = (runs - 1) * variances.sum() ** 2 / (variances**2).sum()
    shift, limit = abs(difference) / np.sqrt(variances.sum() / runs), t.isf(alpha / 2, freedom)
    return float(nct.sf(limit, freedom, shift) + nct.cdf(-limit, freedom, shift))


def runs_for_means(
    difference: float, sd: float, sd_baseline: float | None = None, power: float = POWER, alpha: float = ALPHA
) -> float:
    """Returns the runs an arm that a two-sided comparison of means needs.

    The smallest number from `FEWEST` up whose exact power (`mean_power`) suffices.

    Args:
        difference: The true difference of the means that shall be detected.
        sd: SD over runs of the arm.
        sd_baseline: That of the baseline; by default the same.
        power: Chance to detect it.
        alpha: Chance to detect it where there is none.

    Returns:
        At least 3; infinity for no difference, or above a million; NaN where an argument is NaN.
    """
    sds = (sd, sd if sd_baseline is None else sd_baseline)
    if np.isnan([difference, *sds]).any():
        return np.nan
    if difference == 0:
        return np.inf
    normal = sum(each**2 for each in sds) * (norm.ppf(1 - alpha / 2) + norm.ppf(power)) ** 2 / difference**2
    if normal > 1_000_000:
        return np.inf
    runs = max(FEWEST, int(normal))  # the normal approximation is a few runs short
    while mean_power(difference, *sds, runs, alpha) < power:
        runs += 1
    return float(runs)


def spread_power(ratio: float, runs: int, rng: np.random.Generator, alpha: float = ALPHA) -> float:
    """Returns the power of the Brown-Forsythe test for two normal samples whose SDs have this ratio.

    By simulation, so within 1/√(4 · 2000) = 1.1 % (one standard error). Scores that cluster at a
    failed and a good level are not normal, and the power is then far lower: compare failure rates.

    Args:
        ratio: SD of one arm / SD of the other.
        runs: Runs an arm, at least 2.
        rng: Draws the samples.
        alpha: Level of the test.
    """
    scores = rng.standard_normal((2, SIMULATIONS, runs)) * np.array([ratio, 1.0])[:, None, None]
    spread = np.abs(scores - np.median(scores, axis=2, keepdims=True))
    within = ((spread - spread.mean(axis=2, keepdims=True)) ** 2).sum(axis=(0, 2)) / (2 * runs - 2)
    between = runs / 2 * np.diff(spread.mean(axis=2), axis=0)[0] ** 2
    return float(np.mean(between > f_distribution.isf(alpha, 1, 2 * runs - 2) * within))


@lru_cache(maxsize=256)
def runs_for_spread(ratio: float, power: float = POWER, alpha: float = ALPHA) -> float:
    """Returns about how many runs an arm a comparison of SDs by the Brown-Forsythe test needs.

    Starts from its large-sample formula under normality, n = (π − 2) (z_{1−α/2} + z_{power})² / ln² ratio,
    which is too small by a few runs, and then finds the smallest n whose simulated power suffices
    (`spread_power`); beyond 200 runs the formula stands.

    Args:
        ratio: SD of the arm / SD of the baseline.
        power: Chance to detect it.
        alpha: Chance to detect it where there is none.

    Returns:
        Infinity for equal SDs; NaN for a ratio that is 0, infinite or NaN.
    """
    if not (np.isfinite(ratio) and ratio > 0):
        return np.nan
    if ratio == 1:
        return np.inf
    size = abs(np.log(ratio))
    formula = np.ceil((np.pi - 2) * (norm.ppf(1 - alpha / 2) + norm.ppf(power)) ** 2 / size**2)
    if formula > MOST:
        return np.inf
    if formula > 200:
        return float(formula)
    # The same random numbers for every n: the search then repeats, and goes steadily up.
    return _smallest(lambda n: spread_power(np.exp(size), n, np.random.default_rng(SEED), alpha) >= power, first=3)


def _smallest(suffices, first: int) -> float:
    """Returns a number from `first` up that suffices where the one below does not; inf beyond MOST."""
    low, high = first - 1, first
    while not suffices(high):
        low, high = high, 2 * high
        if low >= MOST:
            return np.inf
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return float(high) if high <= MOST else np.inf


@lru_cache(maxsize=16)
def fisher_rejects(runs: int, alpha: float = ALPHA) -> np.ndarray:
    """Says which outcomes Fisher's two-sided exact test calls significant.

    Returns:
        Shape (runs + 1, runs + 1): at [k₁, k₂] for k₁ and k₂ failures of so many runs each.
    """
    return fisher_table(runs, runs) <= alpha


def failure_power(rate: float, rate_baseline: float, runs: int, alpha: float = ALPHA) -> float:
    """Returns the exact power of Fisher's test for two failure rates, so many runs an arm.

    The sum of the binomial probabilities of all outcomes that are significant.
    """
    k = np.arange(runs + 1)
    return float(binom.pmf(k, runs, rate) @ fisher_rejects(runs, alpha) @ binom.pmf(k, runs, rate_baseline))


@lru_cache(maxsize=256)
def runs_for_failures(rate: float, rate_baseline: float, power: float = POWER, alpha: float = ALPHA) -> float:
    """Returns the runs an arm that a two-sided Fisher exact test of two failure rates needs.

    By `failure_power`. The power goes up in n with small steps down; the number is one that suffices
    where one run fewer does not. Infinity for equal rates or more than 1,000 runs.
    """
    if np.isnan(rate) or np.isnan(rate_baseline):
        return np.nan
    # Below this difference the normal approximation already asks for more than `MOST`.
    z = norm.ppf(1 - alpha / 2) + norm.ppf(power)
    variance = rate * (1 - rate) + rate_baseline * (1 - rate_baseline)
    if rate == rate_baseline or variance * z**2 / (rate - rate_baseline) ** 2 > MOST:
        return np.inf
    return _smallest(lambda n: failure_power(rate, rate_baseline, n, alpha) >= power, first=FEWEST)


def noether_runs(improvement: float = MEANINGFUL, power: float = 0.95, alpha: float = ALPHA) -> float:
    """Returns the pairs of runs needed to show that P(arm > baseline) exceeds a half, one-sided.

    n = ((z_{1−α} + z_{power}) / (√6 (γ − 1/2)))², rounded up (Noether 1987; Bouthillier et al. 2021,
    who take γ = .75 and errors of 5 %: 29).
    """
    if np.isnan(improvement):
        return np.nan
    if improvement == 0.5:
        return np.inf
    return float(np.ceil(((norm.ppf(1 - alpha) + norm.ppf(power)) / (np.sqrt(6) * (improvement - 0.5))) ** 2))


def seeds_needed(
    summary: pd.DataFrame,
    baseline: str,
    smallest_difference: dict[str, float] | float | None = None,
    power: float = POWER,
    alpha: float | None = None,
) -> pd.DataFrame:
    """Says how many runs an arm it takes to settle a stated difference between each arm and the baseline.

    An observed difference is uncertain itself, and a number of runs that rests on it is more so: it is stated what
    shall be found, and only the spread is taken from the runs so far.

    Args:
        summary: The table of `describe.summarise`.
        baseline: Name of the baseline arm.
        smallest_difference: The difference of means to find, in units of the score, for all tasks or by task; by
            default a point, of an error the baseline's SD.
        power: Chance to find each.
        alpha: Two-sided level of each test; by default what the family of all questions leaves, see `rule.decide`.

    Returns:
        One row a task and arm: runs so far, `n` and `n_baseline`; the `level`; the `difference` and the SDs of the
        runs that did not fail, `sd` and `sd_baseline`, and with them `runs_for_mean` an arm that do not fail,
        at least so many that the permutation test can be that sure;
        `runs_for_spread` for SDs of the ratio `RATIO` and `runs_for_failures` for the `RATES`. Infinity stands for more
        than 1,000 runs in the latter two.
    """
    require_baseline(summary, baseline)
    reference = summary[summary["arm"] == baseline].set_index("task")
    others = summary[(summary["arm"] != baseline) & summary["task"].isin(reference.index)]
    pairs = [(one["n"], reference.loc[one["task"], "n"]) for _, one in others.iterrows()]
    level = ALPHA / max(family_size(pairs), 1) if alpha is None else alpha
    fewest = next(n for n in range(FEWEST, MOST) if smallest_means_p(n, n, 1, level) <= level)
    rows = []
    for _, one in others.iterrows():
        other, matters = reference.loc[one["task"]], smallest_difference
        if isinstance(matters, dict):
            matters = matters.get(one["task"])
        if matters is None:
            matters = POINT if factor(one["metric"]) == 100 else other["ok_sd"]
        row = {"task": one["task"], "arm": one["arm"], "baseline": baseline}
        row |= {"n": one["n"], "n_baseline": other["n"], "level": level, "difference": matters}
        row |= {"sd": one["ok_sd"], "sd_baseline": other["ok_sd"]}
        row["runs_for_mean"] = np.maximum(runs_for_means(matters, one["ok_sd"], other["ok_sd"], power, level), fewest)
        row["runs_for_spread"] = runs_for_spread(RATIO, power, level)
        row["runs_for_failures"] = runs_for_failures(*RATES, power, level)
        rows.append(row)
    return pd.DataFrame(rows)


def interval_half_width(scores: np.ndarray, statistic: str = "mean", confidence: float = CONFIDENCE) -> float:
    """Returns half the width of the confidence interval of a statistic.

    Args:
        scores: Shape (runs,), without NaN; for `share` 0 and 1.
        statistic: `mean`, by Student's t: t s / √n; `sd`, s √((n − 1) / χ²), which supposes normal
            scores; `share`, Wilson's score interval.
        confidence: Of the interval.

    Returns:
        In units of the scores. NaN where it is not defined: one run, no spread to judge by.
    """
    runs = len(scores)
    if statistic == "share":
        if runs == 0:
            return np.nan
        interval = binomtest(int(np.sum(scores)), runs).proportion_ci(confidence, method="wilson")
        return (interval.high - interval.low) / 2
    if statistic not in ("mean", "sd"):
        raise UserError(f"statistic: unknown statistic '{statistic}'; accepted: mean, sd, share")
    if runs < 2:
        return np.nan
    sd = np.std(scores, ddof=1) if np.ptp(scores) > 0 else 0.0
    return float(_half_width(sd, runs, statistic, confidence))


def _half_width(sd: float, runs: int, statistic: str, confidence: float) -> float:
    tail = (1 - confidence) / 2
    if statistic == "mean":
        return t.isf(tail, runs - 1) * sd / np.sqrt(runs)
    lower, upper = (sd * np.sqrt((runs - 1) / chi2.isf(p, runs - 1)) for p in (tail, 1 - tail))
    return (upper - lower) / 2


def more_seeds_for_width(
    scores: np.ndarray, width: float, statistic: str = "mean", confidence: float = CONFIDENCE
) -> float:
    """Returns about how many more seeds it takes until an interval is at most so wide, end to end.

    Args:
        scores: The scores so far, shape (runs,), without NaN.
        width: Wanted width, twice the half-width, in units of the scores.
        statistic: `mean` or `sd`, see `interval_half_width`.
        confidence: Of the interval.

    Returns:
        0 if it is that narrow already. The SD so far is taken as the truth, so for few runs the number
        is rough, and where runs have equal scores it is 0. NaN for fewer than two runs; infinity if a
        million runs did not suffice.
    """
    if not width > 0:
        raise UserError(f"width: {width} is not a width; accepted: a number above 0")
    if statistic not in ("mean", "sd"):
        raise UserError(f"statistic: unknown statistic '{statistic}'; accepted: mean, sd")
    runs = len(scores)
    if runs < 2:
        return np.nan
    sd = np.std(scores, ddof=1) if np.ptp(scores) > 0 else 0.0
    enough, too_few = runs, runs - 1
    while 2 * _half_width(sd, enough, statistic, confidence) > width:
        too_few, enough = enough, 2 * enough
        if too_few > 1_000_000:
            return np.inf
    while enough - too_few > 1:
        middle = (enough + too_few) // 2
        fits = 2 * _half_width(sd, middle, statistic, confidence) <= width if middle >= runs else False
        too_few, enough = (too_few, middle) if fits else (middle, enough)
    return float(enough - runs)
