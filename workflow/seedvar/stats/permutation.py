"""The permutation test of means: of one task, and of all tasks together."""

from __future__ import annotations

from itertools import combinations
from math import comb, prod

import numpy as np

from seedvar.stats.settings import RESAMPLES

EXACT_PERMUTATIONS = 20_000  # two arms of 8 runs; above it random ones
BLOCK = 4_000_000  # numbers that are held at once: 16 MB


def means_p(
    samples: list[tuple[np.ndarray, np.ndarray]], rng: np.random.Generator, level: float | None = None
) -> tuple[float, float]:
    """Tests whether two arms have equal means on every task, by exchanging runs of a task between them.

    The statistic is Welch's t, for one task, and for several t = Σ wᵢ dᵢ / √(Σ wᵢ² vᵢ), where dᵢ is the difference of
    the means on task i in units of the SD of all its runs, vᵢ = s²/n + s'²/n' its variance in Welch's way and
    wᵢ = n n' / (n + n'). Where both arms have the same distribution the p-value is exact, whatever that looks like;
    where they have equal means alone, it holds in large samples, because t is studentised (Janssen 1997, Chung and
    Romano 2013). For one task with as many runs of each arm it orders all exchanges as the mean difference does, so
    that the p-value is that of SciPy's `permutation_test` of it.

    Args:
        samples: For each task the scores of the arm, shape (n,), and of the baseline, shape (n',). A task with fewer
            than 2 runs of either, or with equal scores alone, says nothing and is left out.
        rng: Draws exchanges where there are more than `EXACT_PERMUTATIONS`.
        level: Where the p-value looks small enough for it, more are drawn, so that the smallest possible one,
            1 / (1 + draws), is at most a fifth of it.

    Returns:
        The two-sided p-value and t; NaN where no task says anything.
    """
    strata = []
    for x, y in samples:
        pooled = np.concatenate([x, y])
        if min(len(x), len(y)) >= 2 and np.ptp(pooled) > 0:
            strata.append(((pooled - pooled.mean()) / pooled.std(), len(x)))
    if not strata:
        return np.nan, np.nan
    t = _studentised([(z, n, np.arange(n)[None]) for z, n in strata])[0]
    limit = abs(t) * (1 - 1e-7)
    sizes = [comb(len(z), n) for z, n in strata]
    if prod(sizes) <= EXACT_PERMUTATIONS:
        chosen = _all_exchanges(strata, sizes)
        return float(np.mean(np.abs(_studentised(chosen)) >= limit)), t
    more = RESAMPLES if level is None else max(RESAMPLES, int(np.ceil(5 / level)))
    as_far = _as_far(strata, RESAMPLES, limit, rng)
    draws = RESAMPLES
    if level is not None and more > draws and (1 + as_far) / (1 + draws) < 5 * level:
        as_far, draws = as_far + _as_far(strata, more - draws, limit, rng), more
    return (1 + as_far) / (1 + draws), t


def smallest_means_p(n: int, n_baseline: int, tasks: int, level: float) -> float:
    """Returns the smallest p-value that `means_p` can give for so many runs of each arm on each of so many tasks."""
    if min(n, n_baseline) < 2:
        return np.nan
    exchanges = comb(n + n_baseline, n) ** tasks
    if exchanges <= EXACT_PERMUTATIONS:
        return (2 if n == n_baseline else 1) / exchanges  # the mirror image of an exchange is as far from 0
    return 1 / (1 + max(RESAMPLES, int(np.ceil(5 / level))))


def _all_exchanges(strata, sizes) -> list:
    """Returns every choice of runs of all tasks together, the choices of each task repeated for those of the others."""
    whole, before, chosen = prod(sizes), 1, []
    for (z, n), size in zip(strata, sizes, strict=True):
        choices = np.array(list(combinations(range(len(z)), n)))
        chosen.append((z, n, np.tile(np.repeat(choices, whole // (before * size), axis=0), (before, 1))))
        before *= size
    return chosen


def _as_far(strata, draws: int, limit: float, rng: np.random.Generator) -> int:
    """Counts random exchanges that are at least as far from 0."""
    found, block = 0, max(1, BLOCK // max(len(z) for z, _ in strata))
    for done in range(0, draws, block):
        size = min(block, draws - done)
        chosen = []
        for z, n in strata:
            few = min(n, len(z) - n)  # the smaller arm's runs are chosen; the others are the larger's
            places = np.argpartition(rng.random((size, len(z)), dtype=np.float32), few - 1, axis=1)
            chosen.append((z, n, places[:, :few] if few == n else places[:, few:]))
        found += int(np.count_nonzero(np.abs(_studentised(chosen)) >= limit))
    return found


def _studentised(chosen: list[tuple[np.ndarray, int, np.ndarray]]) -> np.ndarray:
    """Returns t for each choice of the runs that count as the arm's.

    Args:
        chosen: For each task its standardised scores, the number n of the arm's runs, and the places of the runs that
            count as such, shape (choices, n).
    """
    above, below = 0.0, 0.0
    for z, n, places in chosen:
        m = len(z) - n
        scores = z[places]
        first, squares = scores.sum(axis=1), (scores**2).sum(axis=1)
        second, others = z.sum() - first, (z**2).sum() - squares
        variance = np.maximum(squares - first**2 / n, 0) / (n * (n - 1))
        variance = variance + np.maximum(others - second**2 / m, 0) / (m * (m - 1))
        weight = n * m / (n + m)
        above = above + weight * (first / n - second / m)
        below = below + weight**2 * variance
    return above / np.sqrt(np.maximum(below, 1e-12))  # where no two runs of an arm differ
