"""How much of the spread over seeds is real, and how much is noise of a finite test set?

Runs differ by more on a small test set than they would on all the examples that there could be: each run is lucky on
other examples. Jordan (ICLR 2024, arXiv 2304.01910, section 3.3, Eq. 3) takes the two apart for accuracy. With R runs
and N examples, c_ri = 1 where run r is right on example i, and V the variance over runs of their accuracies,

    real = N / (N − 1) · [V − Σ_i Var_r(c_ri) / N²],    noise = V − real,

is unbiased if the examples are drawn independently from what they stand for, and the runs by independent seeds. It is
the component of runs in an analysis of variance of runs × examples. Here the values that a jackknife gives to the
examples take the place of c_ri; they are c_ri for accuracy, and make the same split for F1, MCC and correlations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from scipy import stats

from seedvar.data.metrics import SIMULATED
from seedvar.stats.aggregate import with_trivial_runs
from seedvar.stats.agreement import Outputs, positive_class, read_outputs, weighted_scores
from seedvar.stats.describe import fill_undefined, require_baseline
from seedvar.stats.settings import CONFIDENCE, SEED
from seedvar.words import SEEDS

MOST_GROUPS = 500  # else examples beyond as many are left out in groups
FEW_GROUPS = 30  # groups that are left out two by two: 435 pairs
BLOCK = 4_000_000  # weights that are held at once: 32 MB
TAIL = (1 - CONFIDENCE) / 2
FEWEST_RUNS = 5  # for an interval
FEWEST_FOR_NOISE = 20  # runs for an interval of the noise, which with fewer covers too much or too little


@dataclass(frozen=True)
class Jackknife:
    """Scores of runs on a test set, and without some of its examples.

    Attributes:
        scores: On all examples, shape (runs,).
        values: What each group of examples adds to them, Tukey's pseudo-values: G · score − (G − 1) · the score
            without the group, shape (runs, groups). Their mean over groups is the score but for its bias, their
            variance over groups / G the variance that comes from the examples (Efron 1982, chapter 3).
        without: Without each of `FEW_GROUPS` larger groups, shape (runs, few).
        without_pairs: Without two of these, shape (runs, few, few); NaN on the diagonal.
    """

    scores: np.ndarray
    values: np.ndarray
    without: np.ndarray
    without_pairs: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)

    def of(self, runs: np.ndarray) -> Jackknife:
        """Keeps some runs."""
        return Jackknife(self.scores[runs], self.values[runs], self.without[runs], self.without_pairs[runs])

    def minus(self, other: Jackknife) -> Jackknife:
        """Takes the differences of runs that are pairs."""
        return Jackknife(
            self.scores - other.scores,
            self.values - other.values,
            self.without - other.without,
            self.without_pairs - other.without_pairs,
        )


def leave_out(
    score: Callable, labels: np.ndarray, logits: np.ndarray, rng: np.random.Generator, most: int | None = MOST_GROUPS
) -> Jackknife:
    """Scores runs without each example, or each group of them.

    Args:
        score: `weighted_scores` of a metric: of labels, logits and weights.
        labels: Shape (examples,), at least 2.
        logits: Shape (runs, examples, classes), finite.
        rng: Draws the groups.
        most: Groups at most that give values; None: each example is one.
    """
    examples = len(labels)
    size = 1 if most is None else -(-examples // most)
    few = min(FEW_GROUPS, examples)
    order = rng.permutation(examples)
    small, large = np.arange(examples) if size == 1 else order % (examples // size), order % few
    scores = score(labels, logits, np.ones((examples, 1)))
    without = _scores_without(score, labels, logits, [small == group for group in range(examples // size)])
    first, second = np.triu_indices(few, 1)
    by_large = [large == group for group in range(few)]
    pairs = np.full((len(scores), few, few), np.nan)
    pairs[:, first, second] = pairs[:, second, first] = _scores_without(
        score, labels, logits, [by_large[one] | by_large[other] for one, other in zip(first, second, strict=True)]
    )
    groups = without.shape[1]
    values = groups * scores - (groups - 1) * without
    return Jackknife(scores[:, 0], values, _scores_without(score, labels, logits, by_large), pairs)


def _scores_without(score: Callable, labels: np.ndarray, logits: np.ndarray, left_out: list[np.ndarray]) -> np.ndarray:
    """Returns the scores without each of some sets of examples, shape (runs, sets)."""
    block = max(1, BLOCK // len(labels))
    blocks = [left_out[start : start + block] for start in range(0, len(left_out), block)]
    return np.concatenate([score(labels, logits, 1.0 - np.array(masks).T) for masks in blocks], axis=1)


def _noise(values: np.ndarray) -> np.ndarray:
    """Returns the variance over runs that the choice of examples adds: of values of shape (…, runs, groups)."""
    groups = values.shape[-1]
    centred = values - values.mean(axis=-1, keepdims=True)
    return centred.var(axis=-2, ddof=1).sum(axis=-1) / (groups * (groups - 1))


def split_spread(jackknife: Jackknife) -> dict[str, float]:
    """Splits the variance of runs into what any test set would show and what is noise of this one.

    Returns:
        `variance` (ddof = 1) on this test set; `variance_real`, what an endless test set would show, which may come
        out negative; `variance_noise`, what a test set of this size adds; and the 95 % intervals `real_interval` and
        `noise_interval` of the latter two, NaN for fewer than 4 runs.
    """
    scores, values, runs = jackknife.scores, jackknife.values, len(jackknife)
    names = ("variance", "variance_real", "variance_real_low", "variance_real_high")
    row = dict.fromkeys([*names, "variance_noise", "variance_noise_low", "variance_noise_high"], np.nan)
    if runs < 2 or values.shape[1] < 3:
        return row
    variance = scores.var(ddof=1) if np.ptp(scores) > 0 else 0.0
    noise = float(_noise(values))
    row |= {"variance": variance, "variance_noise": noise, "variance_real": variance - noise}
    if runs > 3 and variance > 0 and noise > 0:
        row["variance_real_low"], row["variance_real_high"] = real_interval(jackknife)
        row["variance_noise_low"], row["variance_noise_high"] = noise_interval(values)
    return row


def real_interval(jackknife: Jackknife) -> tuple[float, float]:
    """Returns the 95 % interval of the real variance, not below 0.

    V · ν / χ²_ν − noise at both quantiles, as of the variance of a normal sample of runs, with fewer degrees of freedom
    ν than runs − 1 (Satterthwaite 1946):

        2 / ν = 2 / (runs − 1) + w · max(g2, 0) / runs + T / V²

    g2 is the excess kurtosis of the scores, w = runs / (runs + 30) shrinks it where it is hardly known, and T is how
    much the real variance varies with the examples that are in the test set.
    """
    scores, runs = jackknife.scores, len(jackknife)
    variance, noise = scores.var(ddof=1), float(_noise(jackknife.values))
    kurtosis = runs / (runs + 30) * max(stats.kurtosis(scores, bias=False), 0.0)
    df = 2 / (2 / (runs - 1) + kurtosis / runs + _between_test_sets(jackknife) / variance**2)
    low, high = (max(variance * df / stats.chi2.ppf(q, df) - noise, 0.0) for q in (1 - TAIL, TAIL))
    return low, high


def _between_test_sets(jackknife: Jackknife) -> float:
    """Returns the variance of the real variance over test sets: the smaller of two estimates, and at least 0.

    The first is 4 Var_i(h_i) / groups, h_i being the covariance over runs of the values of group i with the rest of
    the score (Hoeffding 1948: the split is a U-statistic, and this its projection), which overstates it for
    correlations. The second is a jackknife over a few groups, which is rough. Off either goes what so few runs would
    show by chance.
    """
    scores, values, runs = jackknife.scores, jackknife.values, len(jackknife)
    groups, variance, noise = values.shape[1], scores.var(ddof=1), float(_noise(values))
    centred = values - values.mean(axis=1, keepdims=True)
    of_groups = centred.var(axis=0, ddof=1)
    h = (scores - scores.mean()) @ (centred - centred.mean(axis=0)) / (runs - 1) - of_groups / groups
    projected = 4 / groups * (h.var(ddof=1) - (of_groups * variance + h**2).mean() / (runs - 1))
    few = jackknife.without.shape[1]
    off = ~np.eye(few, dtype=bool)
    others = np.array([jackknife.without_pairs[:, group, off[group]] for group in range(few)])
    noises = _noise((few - 1) * jackknife.without.T[:, :, None] - (few - 2) * others)  # without each group
    reals = jackknife.without.var(axis=0, ddof=1) - noises
    by_chance = (4 * max(variance - noise, 0.0) * noise + 2 * noise**2) / (runs - 1)
    return max(min(projected, (few - 1) ** 2 / few * reals.var(ddof=1) - by_chance), 0.0)


def noise_interval(values: np.ndarray) -> tuple[float, float]:
    """Returns the 95 % interval of the noise: Student's of its logarithm, with Satterthwaite's degrees of freedom.

    The noise is a mean over groups of examples, and varies with them; and it varies with the runs, one of which is
    left out after another (a jackknife), less the interaction of both, which would count twice.

    Args:
        values: Shape (runs, groups).
    """
    runs, groups = values.shape
    centred = values - values.mean(axis=1, keepdims=True)
    # What each run and group adds to the noise, relative to it: these parts have a mean of 1.
    parts = (centred - centred.mean(axis=0)) ** 2
    parts = parts / parts.mean()
    by_groups = parts.mean(axis=0).var(ddof=1) / groups
    without = (runs - parts.mean(axis=1)) * (runs - 1) / (runs * (runs - 2))  # the noise without each run
    residual = parts - parts.mean(axis=0) - parts.mean(axis=1, keepdims=True) + 1
    interaction = (residual**2).sum() / ((runs - 1) * (groups - 1) * runs * groups)
    by_runs = (runs - 1) ** 2 / runs * np.log(np.maximum(without, 1e-9)).var(ddof=1)
    by_runs = max(by_runs - interaction, 0.0)
    df = (by_runs + by_groups) ** 2 / (by_runs**2 / (runs - 1) + by_groups**2 / (groups - 1))
    half, noise = stats.t.ppf(1 - TAIL, df) * np.sqrt(by_runs + by_groups), float(_noise(values))
    return noise * np.exp(-half), noise * np.exp(half)


def generalise(ours: Jackknife, theirs: Jackknife, paired: bool) -> dict[str, float]:
    """Judges whether the difference of two arms holds beyond their runs, beyond their examples, beyond both.

    New seeds on this test set: the difference of means varies by V / runs of either arm, as in Welch's test. New
    examples for these runs: by the variance over examples of the difference of their mean values, / examples. Both at
    once: by the sum of the two, less the noise of the test set / runs, which would count twice. If runs are paired,
    their differences are one sample of runs.

    Args:
        ours: Runs of the arm.
        theirs: Runs of the baseline, without the same groups of examples.
        paired: Run i of both has the same seed.

    Returns:
        `difference` of the means (arm − baseline); for `<new>` of seeds, examples and both its standard error
        `se_<new>` and its 95 % interval, `<new>_low` and `<new>_high`, by Student's t with the degrees of freedom of
        Satterthwaite (1946). NaN for seeds and both where an arm has one run.
    """
    difference = ours.scores.mean() - theirs.scores.mean()
    of_means = ours.values.mean(axis=0) - theirs.values.mean(axis=0)
    samples = [ours.minus(theirs)] if paired else [ours, theirs]
    splits = [split_spread(sample) for sample in samples]
    runs = np.array([len(sample) for sample in samples])
    by_run = np.array([split["variance"] for split in splits]) / runs
    by_seeds, by_examples = by_run.sum(), of_means.var(ddof=1) / len(of_means)
    twice = sum(split["variance_noise"] / n for split, n in zip(splits, runs, strict=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        of_seeds, of_examples = (by_run**2 / (runs - 1)).sum(), by_examples**2 / (len(of_means) - 1)
        both = max(by_seeds + by_examples - twice, 0.5 * max(by_seeds, by_examples))  # it is at least either
        kinds = {
            "seeds": (by_seeds, by_seeds**2 / of_seeds),
            "examples": (by_examples, by_examples**2 / of_examples),
            "both": (both, both**2 / (of_seeds + of_examples)),
        }
    row = {"difference": difference}
    for name, (variance, df) in kinds.items():
        half = stats.t.ppf(1 - TAIL, df) * np.sqrt(variance) if variance > 0 else np.nan
        row |= {f"se_{name}": np.sqrt(variance), f"{name}_low": difference - half, f"{name}_high": difference + half}
    return row


def noise(predictions: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Splits the SD over seeds of every task and arm into what is real and what is noise of the test set.

    Args:
        predictions: The table of predictions (see `collect.py`).
        runs: The runs table.

    Returns:
        One row a task and arm, on the judged split at the judged checkpoint: number of `runs`, of which `failed`
        did, and of `examples`; the columns of `SPLIT`, over all runs and, with the prefix `ok_`, over the `ok_runs`
        that did not fail. An interval is NaN where simulations do not show that it holds: with fewer than 5 runs (of
        the noise 20) or 100 examples (of correlations 500), of metrics that were not simulated, and where a failed run
        is among the runs, whose scores then have two modes. In place of a diverged run stands the trivial predictor.
    """
    rows = []
    for (task, arm), outputs in read_outputs(predictions, runs).items():
        about = runs[(runs["task"] == task) & (runs["arm"] == arm)]
        failed = _failed(outputs, about)
        scored = _scored(outputs, about)
        metric = about["metric"].iloc[0]
        too_few = len(outputs.examples) < SIMULATED[metric].fewest_examples
        split = lambda kept: _split_row(scored.of(kept), failed[kept].any(), metric, too_few)  # noqa: B023, E731
        every, ok = split(failed >= 0), split(~failed)
        row = {"task": task, "arm": arm, "metric": metric, "split": about["split"].iloc[0]}
        row |= {"runs": len(scored), "failed": int(failed.sum()), "examples": len(outputs.examples), **every}
        rows.append(row | {"ok_runs": int((~failed).sum()), **{f"ok_{name}": value for name, value in ok.items()}})
    return pd.DataFrame(rows)


SPLIT = ["sd", "sd_real", "sd_real_low", "sd_real_high", "sd_noise", "sd_noise_low", "sd_noise_high", "real_share"]


def _split_row(scored: Jackknife, any_failed: bool, metric: str, too_few: bool) -> dict[str, float]:
    """Returns the roots of the variances of `split_spread`, and the intervals that hold."""
    split = split_spread(scored)
    row = {name: np.sqrt(max(split[name.replace("sd", "variance")], 0.0)) for name in SPLIT[:-1]}
    row |= {"sd": np.sqrt(split["variance"])}
    if any_failed or len(scored) < FEWEST_RUNS or too_few:
        row |= {name: np.nan for name in SPLIT if name.endswith(("_low", "_high"))}
    if not SIMULATED[metric].noise or len(scored) < FEWEST_FOR_NOISE:
        row |= {"sd_noise_low": np.nan, "sd_noise_high": np.nan}
    with np.errstate(divide="ignore", invalid="ignore"):
        return row | {"real_share": np.divide(split["variance_real"], split["variance"])}


NEW = ("seeds", "examples", "both")
DIFFERENCE = ["difference", *(name for new in NEW for name in (f"se_{new}", f"{new}_low", f"{new}_high"))]


def generalisation(predictions: pd.DataFrame, runs: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Judges for every arm whether its difference from the baseline holds for new seeds, new examples, and both.

    Args:
        predictions: The table of predictions (see `collect.py`).
        runs: The runs table.
        baseline: Name of the baseline arm.

    Returns:
        One row a task and arm: numbers of `runs`, of `failed` ones and of common `examples`; `paired`, if both arms
        have the same seeds; the columns of `generalise` over all runs and, with the prefix `ok_`, over those that
        did not fail, of pairs those of which neither did. Intervals for new seeds and for both are NaN with fewer
        than 5 runs or a failed one; those for new examples and for both with fewer than 100 examples and for metrics
        whose differences were not simulated.
    """
    require_baseline(runs, baseline)
    outputs = read_outputs(predictions, runs)
    rows = []
    for (task, arm), ours in outputs.items():
        if arm == baseline or (task, baseline) not in outputs:
            continue
        theirs = outputs[task, baseline]
        common = np.intersect1d(ours.examples, theirs.examples)
        if len(common) < 2 or ours.logits.shape[2] != theirs.logits.shape[2]:
            continue
        paired = ours.seeds == theirs.seeds
        abouts = [runs[(runs["task"] == task) & (runs["arm"] == name)] for name in (arm, baseline)]
        both = [outputs.on(common) for outputs in (ours, theirs)]
        scored = [_scored(*one) for one in zip(both, abouts, strict=True)]
        failed = [_failed(*one) for one in zip(both, abouts, strict=True)]
        left_out = [failed[0] | failed[1]] * 2 if paired else failed
        row = {"task": task, "arm": arm, "baseline": baseline, "metric": abouts[0]["metric"].iloc[0]}
        row |= {"runs": len(ours.seeds), "runs_baseline": len(theirs.seeds), "failed": int(failed[0].sum())}
        row |= {"failed_baseline": int(failed[1].sum()), "examples": len(common), "paired": paired}
        too_few = len(common) < SIMULATED[row["metric"]].fewest_for_difference
        row |= _generalised(scored, [one >= 0 for one in failed], paired, left_out, too_few)
        ok = _generalised(scored, [~one for one in left_out], paired, left_out, too_few)
        row |= {"ok_runs": int((~left_out[0]).sum()), "ok_runs_baseline": int((~left_out[1]).sum())}
        rows.append(row | {f"ok_{name}": value for name, value in ok.items()})
    return pd.DataFrame(rows)


def _generalised(
    scored: list[Jackknife], kept: list[np.ndarray], paired: bool, failed: list[np.ndarray], too_few: bool
) -> dict[str, float]:
    """Returns `generalise` of some runs of both arms, without the intervals that do not hold."""
    ours, theirs = (one.of(keep) for one, keep in zip(scored, kept, strict=True))
    fewest = min(len(ours), len(theirs))
    if fewest == 0:
        return dict.fromkeys(DIFFERENCE, np.nan)
    row = generalise(ours, theirs, paired)
    modes = any((one & keep).any() for one, keep in zip(failed, kept, strict=True))
    hidden = ["seeds", "both"] if modes or fewest < FEWEST_RUNS else []
    hidden += ["examples", "both"] if too_few else []
    return row | {f"{name}{end}": np.nan for name in hidden for end in ("_low", "_high")}


def _scored(outputs: Outputs, about: pd.DataFrame) -> Jackknife:
    """Scores the runs of a task and arm without some examples, always with the same groups."""
    metric, positive = about["metric"].iloc[0], positive_class(about)
    logits = with_trivial_runs(outputs, metric, positive)
    score = partial(weighted_scores, metric, positive=positive)
    most = None if SIMULATED[metric].is_mean else MOST_GROUPS
    return leave_out(score, outputs.labels, logits, np.random.default_rng(SEED), most)


def _failed(outputs: Outputs, about: pd.DataFrame) -> np.ndarray:
    """Says which runs of a task and arm failed, in the order of the outputs."""
    failed = fill_undefined(about).set_index(SEEDS)["degenerate"]
    return np.array([bool(failed.loc[seeds]) for seeds in outputs.seeds], dtype=bool)
