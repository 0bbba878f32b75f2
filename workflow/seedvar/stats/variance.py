"""Splits the spread of crossed runs into what comes from the init seed and what from the order seed."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import f as f_distribution

from seedvar.stats.settings import RESAMPLES, SEED
from seedvar.words import SEEDS


def two_way_anova(scores: np.ndarray) -> dict[str, float]:
    """Analyses the variance of a grid of runs, one run a cell of the grid (no replication).

    Model: score = mean + init effect + order effect + residual, both effects random. With I init
    and J order seeds, the components are (MS_init − MS_residual) / J, (MS_order − MS_residual) / I
    and MS_residual. A run's own noise and the interaction of the seeds are both in the residual.

    Args:
        scores: Shape (init seeds, order seeds), at least 2 × 2, no NaN.

    Returns:
        For each `source` of init, order and residual: `ms_<source>`, the mean square;
        `var_<source>`, the variance component in squared units of the score, a negative estimate
        set to 0; `share_<source>`, its share of their sum. For init and order also `f_<source>`,
        `p_<source>` and the estimate as it came, `var_<source>_raw`. NaN where a value is not
        defined: all but the mean squares and components of a grid without any spread.
    """
    n_init, n_order = scores.shape
    centred = scores - scores.mean() if np.ptp(scores) > 0 else np.zeros_like(scores)
    init, order = centred.mean(axis=1), centred.mean(axis=0)
    residual = centred - init[:, None] - order
    df = {"init": n_init - 1, "order": n_order - 1, "residual": (n_init - 1) * (n_order - 1)}
    squares = {
        "init": n_order * (init**2).sum(),
        "order": n_init * (order**2).sum(),
        "residual": (residual**2).sum(),
    }
    total = sum(squares.values())
    # A sum of squares that is only the rounding error of the others is 0.
    mean_square = {name: (square if square > 1e-20 * total else 0.0) / df[name] for name, square in squares.items()}
    noise = mean_square["residual"]
    row = {f"ms_{name}": value for name, value in mean_square.items()}
    for name, runs_per_seed in (("init", n_order), ("order", n_init)):
        with np.errstate(divide="ignore", invalid="ignore"):
            row[f"f_{name}"] = float(np.divide(mean_square[name], noise))  # 0 / 0 is not defined
        row[f"p_{name}"] = float(f_distribution.sf(row[f"f_{name}"], df[name], df["residual"]))
        row[f"var_{name}_raw"] = (mean_square[name] - noise) / runs_per_seed
        row[f"var_{name}"] = max(row[f"var_{name}_raw"], 0.0)
    row["var_residual"] = noise
    components = {name: row[f"var_{name}"] for name in df}
    whole = sum(components.values())
    return row | {f"share_{name}": value / whole if whole > 0 else np.nan for name, value in components.items()}


def range_test(scores: np.ndarray, rng: np.random.Generator, permutations: int = RESAMPLES) -> float:
    """Tests whether the rows of a grid differ, by a permutation test on the range of their means.

    The test of Dodge et al. (2020): under the null hypothesis any run could stand in any place.
    For the columns, give it the transposed grid.

    Args:
        scores: Shape (rows, columns), no NaN.
        rng: Draws the permutations.
        permutations: How many.

    Returns:
        p = (1 + permutations with at least the observed range) / (1 + permutations).
    """
    observed = np.ptp(scores.mean(axis=1))
    shuffled = rng.permuted(np.broadcast_to(scores.ravel(), (permutations, scores.size)), axis=1)
    ranges = np.ptp(shuffled.reshape(permutations, *scores.shape).mean(axis=2), axis=1)
    rounding = 1e-9 * np.ptp(scores)  # equal means differ by their rounding error
    return (1 + np.count_nonzero(ranges >= observed - rounding)) / (1 + permutations)


def sd_within(scores: np.ndarray) -> float:
    """Returns the SD (ddof = 1) within a row, averaged over rows (Zhang et al. 2021, appendix B)."""
    return float(scores.std(axis=1, ddof=1).mean()) if np.ptp(scores) > 0 else 0.0


def grid_of(runs: pd.DataFrame) -> tuple[np.ndarray | None, str]:
    """Arranges the scores of one task and arm by seeds.

    Returns:
        Shape (init seeds, order seeds) and an empty note; or None and why there is no such grid.
    """
    n_init, n_order = runs["init_seed"].nunique(), runs["order_seed"].nunique()
    if min(n_init, n_order) < 2:
        return None, "not defined: needs at least two init seeds and two order seeds"
    if runs.duplicated(SEEDS).any():
        return None, "not defined: several runs have the same two seeds"
    if len(runs) == max(n_init, n_order):
        return None, "not defined: init and order seeds are not crossed"
    if len(runs) < n_init * n_order:
        return None, f"not defined: {n_init * n_order - len(runs)} of {n_init} x {n_order} runs are missing"
    grid = runs.pivot(index="init_seed", columns="order_seed", values="score").to_numpy(float)
    if np.isnan(grid).any():
        return None, "not defined: a run has no score"
    return grid, ""


def decompose(runs: pd.DataFrame, rng: np.random.Generator | None = None) -> pd.DataFrame:
    """Splits the variance of the scores by seed, for every task and arm whose seeds are crossed.

    Args:
        runs: The runs table (see `collect.py`). Failed runs take part like all others.
        rng: Draws the permutations; by default always the same ones.

    Returns:
        One row a task and arm: numbers of seeds; the columns of `two_way_anova`; `sd_init`, the SD
        over init seeds with the order seed fixed, and `sd_order`, the reverse, each averaged;
        `range_p_init` and `range_p_order` of `range_test`. Where the grid of seeds is not complete
        these are NaN and `note` says why.
    """
    seed = SEED if rng is None else rng.integers(2**63)  # of every row, so that none changes because another is added
    rows = []
    for (task, arm), group in runs.groupby(["task", "arm"], sort=False):
        grid, note = grid_of(group)
        row = {"task": task, "arm": arm, "runs": len(group)}
        row |= {"init_seeds": group["init_seed"].nunique(), "order_seeds": group["order_seed"].nunique(), "note": note}
        measured = dict.fromkeys(COLUMNS, np.nan)
        if grid is not None:
            measured |= two_way_anova(grid)
            measured |= {"sd_init": sd_within(grid.T), "sd_order": sd_within(grid)}
            for name, by_seed in (("init", grid), ("order", grid.T)):
                measured[f"range_p_{name}"] = range_test(by_seed, np.random.default_rng(seed))
        rows.append(row | measured)
    return pd.DataFrame(rows)


COLUMNS = [*two_way_anova(np.zeros((2, 2))), "sd_init", "sd_order", "range_p_init", "range_p_order"]
