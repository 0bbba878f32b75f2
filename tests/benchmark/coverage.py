"""Whether statements are as sure as they say, by simulation: run with `make bench-coverage`.

Scores are made up: the runs that do not fail are normal, or as skewed as a gamma distribution of shape 4 (to the left:
there is more room below a good score than above), and a share of the runs fails, at the trivial predictor's score. How
often is anything settled that is not so? How often does an interval cover the truth? When do seeds stop being added,
and was it right?
"""

from __future__ import annotations

import argparse
import warnings
from itertools import combinations
from unittest.mock import patch

import numpy as np
import pandas as pd

from seedvar.stats import permutation, rule
from seedvar.stats.compare import a12_interval
from seedvar.stats.intervals import (
    mean_interval,
    means_apart,
    mixture_interval,
    sd_interval,
    sds_apart,
    share_interval,
    shares_apart,
)
from seedvar.stats.rule import decide
from seedvar.stats.sequential import look_interval, width
from seedvar.stats.settings import SEED
from seedvar.stats.sources import components

RUNS = (5, 10, 20, 50)
SETTINGS = [("normal", 0.0), ("skewed", 0.0), ("normal", 0.05), ("normal", 0.1), ("normal", 0.3), ("skewed", 0.1)]
MEAN, SD, MAJORITY = 0.8, 0.02, 0.5
KINDS = {
    "normal": lambda rng, size: rng.standard_normal(size),
    "skewed": lambda rng, size: (4 - rng.gamma(4, size=size)) / 2,
}
FEW_PERMUTATIONS = 500  # in place of 10,000: a test is as exact with fewer, and only coarser


def scores(rng, kind: str, size, share: float, mean: float = MEAN, sd: float = SD) -> np.ndarray:
    """Makes up scores."""
    good = mean + sd * KINDS[kind](rng, size)
    return np.where(rng.random(size) < share, MAJORITY, good)


# What is not so of the arms of each world: their share of failures, mean and SD in place of the baseline's.
# `same`: all are like the baseline. `mixed`: one fails more, one is better, one is like the baseline. `wider`: one has
# half as many runs, three times the spread and the same mean.
def _worlds(share: float) -> dict[str, dict[str, dict]]:
    return {
        "same": {"a": {}, "b": {}, "c": {}},
        "mixed": {"fails": {"share": min(share + 0.4, 1)}, "better": {"mean": MEAN + 0.05}, "same": {}},
        "wider": {"wider": {"sd": 3 * SD, "few": True}, "same": {}},
    }


TRUE = {"fails": {"failures", "mean"}, "better": {"quality", "mean"}, "wider": {"spread"}}


def make_runs(rng, world: dict[str, dict], kind: str, n: int, share: float, tasks: int) -> pd.DataFrame:
    """Makes up a runs table of a world."""
    rows = []
    for task in range(tasks):
        for arm, about in ({"base": {}} | world).items():
            size = max(3, n // 2) if about.get("few") else n
            made = scores(rng, kind, size, about.get("share", share), about.get("mean", MEAN), about.get("sd", SD))
            rows += [(f"task{task}", arm, score) for score in made]
    runs = pd.DataFrame(rows, columns=["task", "arm", "score"])
    return runs.assign(metric="accuracy", majority=MAJORITY, degenerate=runs["score"] <= MAJORITY)


def false_statements(world: str, kind: str, n: int, share: float, tasks: int, simulations: int, seed: int = 0) -> float:
    """Returns the share of made-up studies of which the rule settles anything that is not so.

    Intervals are left out, for speed: they can only keep an answer from being settled, so that this is an upper bound.
    """
    rng, wrong = np.random.default_rng(seed), 0
    no_interval = dict.fromkeys(("means_apart", "sds_apart", "shares_apart"), lambda *_: (np.nan, np.nan))
    with patch.multiple(rule, **no_interval), patch.object(permutation, "RESAMPLES", FEW_PERMUTATIONS):
        for _ in range(simulations):
            table = decide(make_runs(rng, _worlds(share)[world], kind, n, share, tasks), "base", MATTERS[world])
            asked = zip(table["question"], table["arm"], strict=True)
            false = np.array([question not in TRUE.get(arm, ()) for question, arm in asked])
            same = table["same"] & (table["arm"] == "better")
            wrong += bool((table["settled"] & false).any() or same.any())
    return wrong / simulations


MATTERS = {"same": None, "mixed": 0.05, "wider": None}  # where the better arm is just as far as matters


def coverage(kind: str, n: int, share: float, simulations: int, seed: int = 0) -> dict[str, float]:
    """Returns how often each interval that is shown covers the truth, where it is defined."""
    rng, found = np.random.default_rng(seed), {}
    for _ in range(simulations):
        parts = []
        for _ in range(2):
            good, failed = scores(rng, kind, n, 0.0), rng.random(n) < share
            parts.append((good[~failed], np.full(failed.sum(), MAJORITY)))
        (ok, bad), (other, other_bad) = parts
        every, others = np.append(ok, bad), np.append(other, other_bad)
        truths = {
            "share": (share, share_interval(len(bad), n)),
            "mean": (MEAN * (1 - share) + MAJORITY * share, mixture_interval(ok, bad, MAJORITY)),
            "ok mean": (MEAN, mean_interval(ok)),
            "ok SD": (SD, sd_interval(ok)),
            "shares apart": (0.0, shares_apart(len(bad), n, len(other_bad), n)),
            "means apart": (0.0, means_apart(ok, other)),
            "SD ratio": (1.0, sds_apart(ok, other)),
            "A12": (0.5, a12_interval(every, others)),
        }
        for name, (truth, (low, high)) in truths.items():
            if not np.isnan(low):
                found.setdefault(name, []).append(low <= truth <= high)
    return {name: float(np.mean(hits)) for name, hits in found.items()}


def stopping(kind: str, share: float, statistic: str, wanted: float, sd: float, simulations: int) -> tuple:
    """Returns how often the interval at the end covers the truth, mean seeds, and how often the width was reached."""
    rng, truth = np.random.default_rng(0), MEAN * (1 - share) + MAJORITY * share if statistic == "mean" else MEAN
    covered, seeds, reached = [], [], []
    for _ in range(simulations):
        good, failed = scores(rng, kind, 50, 0.0, sd=sd), rng.random(50) < share
        for n in range(5, 55, 5):
            ok, bad = good[:n][~failed[:n]], np.full(failed[:n].sum(), MAJORITY)
            low, high = look_interval(ok, bad, MAJORITY, statistic)
            if width((low, high)) <= wanted:
                break
        covered.append(np.isnan(low) or low <= truth <= high)
        seeds.append(n)
        reached.append(width((low, high)) <= wanted)
    return float(np.mean(covered)), float(np.mean(seeds)), float(np.mean(reached))


LOOKS = (5, 10, 20, 40, 50)  # of `seeds: {until: decided}` as it comes


def deciding(kind: str, share: float, world: dict, simulations: int, seed: int = 0) -> tuple[float, float, float]:
    """Adds seeds until an arm's mean of all runs is settled, on two tasks.

    Args:
        kind: Of scores.
        share: Of failing runs.
        world: What the arm has in place of the baseline's share of failures and mean.
        simulations: Studies to make up.
        seed: Of what is made up.

    Returns:
        The share of studies in which anything false was settled at any look; the mean number of seeds; the share
        that was decided.
    """
    rng, truth = np.random.default_rng(seed), TRUE.get(next(iter(world)), ())
    false, seeds, reached = [], [], []
    no_interval = dict.fromkeys(("means_apart", "sds_apart", "shares_apart"), lambda *_: (np.nan, np.nan))
    with patch.multiple(rule, **no_interval), patch.object(permutation, "RESAMPLES", FEW_PERMUTATIONS):
        for _ in range(simulations):
            runs, wrong = make_runs(rng, world, kind, LOOKS[-1], share, 2), False
            number = runs.groupby(["task", "arm"]).cumcount()
            for n in LOOKS:
                table = decide(runs[number < n], "base", looks=len(LOOKS))
                settled = table[table["settled"]]
                wrong |= not set(settled["question"]) <= set(truth)
                if found := bool((settled["scope"].eq(rule.ALL_TASKS) & settled["question"].eq("mean")).any()):
                    break
            false.append(wrong)
            seeds.append(n)
            reached.append(found)
    return float(np.mean(false)), float(np.mean(seeds)), float(np.mean(reached))


def of_components(kind: str, shape: tuple[int, ...], truth: tuple[float, ...], simulations: int) -> np.ndarray:
    """Returns how often the interval of each variance component covers it.

    Args:
        kind: Of the effects.
        shape: Values of each source.
        truth: Variances of the effects: of each source, of two together, …, the residual's last.
        simulations: Studies to make up.
    """
    rng, k = np.random.default_rng(0), len(shape)
    sets = [each for size in range(1, k + 1) for each in combinations(range(k), size)]
    hits = []
    for _ in range(simulations):
        made = np.zeros(shape)
        for each, variance in zip(sets, truth, strict=True):
            size = [n if i in each else 1 for i, n in enumerate(shape)]
            made = made + np.sqrt(variance) * KINDS[kind](rng, size)
        table = components(made, list("abc"[:k]), np.random.default_rng(SEED))
        hits.append((table["low"] <= np.array(truth)) & (np.array(truth) <= table["high"]))
    return np.mean(hits, axis=0)


DESIGNS = [((5, 5), (1, 1, 1)), ((5, 5), (2, 0.1, 0.5)), ((10, 10), (1, 1, 1)), ((10, 10), (0, 0, 1))]
DESIGNS += [((10, 10), (2, 0.1, 0.5)), ((4, 4, 4), (1, 0, 0.5, 0, 0, 0.3, 1)), ((5, 3, 3), (1, 0, 0.5, 0, 0, 0.3, 1))]


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=1_000)
    parser.add_argument("--worlds", nargs="+", choices=list(MATTERS), default=list(MATTERS))
    arguments = parser.parse_args()
    simulations = arguments.simulations
    warnings.simplefilter("ignore")
    print("Intervals that cover the truth, %, at least 93")
    for kind, share in SETTINGS:
        for n in RUNS:
            found = coverage(kind, n, share, simulations)
            values = ", ".join(f"{name} {100 * value:.1f}" for name, value in found.items())
            print(f"{kind:<7}{share:>5.0%}{n:>4}: {values}", flush=True)
    print("Intervals of variance components that cover the truth, %, at least 93")
    for kind in KINDS:
        for shape, truth in DESIGNS:
            found = 100 * of_components(kind, shape, truth, simulations)
            print(f"{kind:<7}{shape} {truth}: {', '.join(f'{value:.1f}' for value in found)}", flush=True)
    print("Stopping at a width: covered %, at least 94.5; mean seeds; width reached %")
    for kind, share in SETTINGS:
        for statistic, wanted, sd in (("mean", 0.1, SD), ("mean", 0.1, 0.002), ("quality", 0.02, SD)):
            right, seeds, reached = stopping(kind, share, statistic, wanted, sd, simulations)
            about = f"{kind:<7}{share:>5.0%} {statistic:<8} width {wanted}, SD {sd}"
            print(f"{about}: {100 * right:.1f} {seeds:.1f} {100 * reached:.0f}", flush=True)
    print("Stopping when decided: false statements %, at most 5; mean seeds; decided %")
    for kind, share in SETTINGS:
        for name, world in (("same", {"a": {}}), ("better", {"better": {"mean": MEAN + SD}})):
            wrong, seeds, reached = deciding(kind, share, world, simulations)
            print(f"{kind:<7}{share:>5.0%} {name:<7}: {100 * wrong:.1f} {seeds:.1f} {100 * reached:.0f}", flush=True)
    print("Studies with a false statement, %, at most 5: 2 tasks, 1 to 3 arms and a baseline, so many runs an arm")
    print(f"{'world':<7}{'scores':<8}{'failing':>8}" + "".join(f"{n:>7}" for n in RUNS))
    for world in arguments.worlds:
        for kind, share in SETTINGS:
            found = [false_statements(world, kind, n, share, 2, simulations) for n in RUNS]
            print(f"{world:<7}{kind:<8}{share:>8.0%}" + "".join(f"{100 * one:>7.1f}" for one in found), flush=True)


if __name__ == "__main__":
    main()
