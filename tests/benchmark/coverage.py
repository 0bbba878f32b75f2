"""Whether statements are as sure as they say, by simulation: run with `make bench-coverage`.

Scores are made up: the runs that do not fail are normal, or as skewed as a gamma distribution of shape 4 (to the left:
there is more room below a good score than above), and a share of the runs fails, at the trivial predictor's score. How
often is anything settled that is not so? How often does an interval cover the truth? When do seeds stop being added,
and was it right?
"""

from __future__ import annotations

import argparse
import warnings
from unittest.mock import patch

import numpy as np
import pandas as pd

from seedvar.stats import permutation, rule
from seedvar.stats.rule import decide

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


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=1_000)
    parser.add_argument("--worlds", nargs="+", choices=list(MATTERS), default=list(MATTERS))
    arguments = parser.parse_args()
    simulations = arguments.simulations
    warnings.simplefilter("ignore")
    print("Studies with a false statement, %, at most 5: 2 tasks, 1 to 3 arms and a baseline, so many runs an arm")
    print(f"{'world':<7}{'scores':<8}{'failing':>8}" + "".join(f"{n:>7}" for n in RUNS))
    for world in arguments.worlds:
        for kind, share in SETTINGS:
            found = [false_statements(world, kind, n, share, 2, simulations) for n in RUNS]
            print(f"{world:<7}{kind:<8}{share:>8.0%}" + "".join(f"{100 * one:>7.1f}" for one in found), flush=True)


if __name__ == "__main__":
    main()
