"""How much of the spread each source of randomness makes: seeds that are crossed, and models, taken apart.

A study crosses initialisation and order seeds (`seeds: {init: …, order: …}`), and in its grid seeds of dropout, of the
choice of a few training examples, of validation and test, and models, whose pre-training is one more draw. With
every value of each source together with every value of the others, once,

    score = mean + sum over sets S of sources of an effect of S,

effects independent, normal and of mean 0: an analysis of variance with random effects (Searle, Casella and McCulloch,
*Variance Components*, 1992, chapter 4). The effect of all sources together can not be told from a run's own noise: it
is the residual. Of the mean squares MS_T, each over all sets T that contain S,

    E[MS_S] = sum over T ⊇ S of (number of runs that share a value of T) · σ²_T,

whose inverse gives the components. Intervals are generalised ones (Weerahandi 1993): each mean square is drawn again as
MS · df / χ²(df), and the component's middle 99 % taken, since effects may be skewed.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from seedvar.stats.settings import SEED
from seedvar.words import SEEDS, recipe_columns

FURTHER = ["dropout_seed", "sample_seed", "split_seed"]  # fields of a recipe that are seeds
SOURCES = [*SEEDS, *FURTHER, "model"]
RESIDUAL = "residual"
DRAWS = 20_000
LEVEL = 0.99  # of the generalised intervals; `make bench-coverage` says what they hold
FEWEST_DF = 2  # degrees of freedom of a component with an interval
COLUMNS = ["df", "mean_square", "variance", "low", "high", "share", "sd", "note"]


def components(scores: np.ndarray, names: list[str], rng: np.random.Generator) -> pd.DataFrame:
    """Estimates the variance components of a crossed design.

    Args:
        scores: One run for each combination of values, shape (values of the first source, of the second, …); at least
            two of each, no NaN.
        names: Of the sources.
        rng: Draws mean squares, for the intervals.

    Returns:
        One row a set of sources, the smallest first, the residual last: `source`, `df`, `mean_square`, `variance` (may
        be negative), `low` and `high`; with negative ones set to 0, `share`, of the sum of all, and `sd`, the root.
        All but `df` NaN where no score differs from another.
    """
    k, shape = scores.ndim, scores.shape
    sets = [each for size in range(1, k + 1) for each in combinations(range(k), size)]
    centred = scores - scores.mean() if np.ptp(scores) > 0 else np.zeros(shape)
    square, df = {}, {}
    for each in sets:
        others = tuple(i for i in range(k) if i not in each)
        means = centred.mean(axis=others, keepdims=True)
        # The mean over the others, without what smaller sets explain
        for smaller in range(len(each)):
            for part in combinations(each, smaller):
                away = tuple(i for i in range(k) if i not in part)
                sign = (-1) ** (len(each) - smaller)
                means = means + sign * centred.mean(axis=away, keepdims=True)
        df[each] = int(np.prod([shape[i] - 1 for i in each]))
        square[each] = float((np.broadcast_to(means, shape) ** 2).sum()) / df[each]
    whole = sum(square[each] * df[each] for each in sets)
    mean_squares = np.array([square[each] if square[each] * df[each] > 1e-20 * whole else 0.0 for each in sets])
    weights = np.array([[_weight(each, other, shape) for other in sets] for each in sets])
    freedom = np.array([df[each] for each in sets])
    drawn = (mean_squares * freedom / rng.chisquare(freedom, (DRAWS, len(sets)))) @ weights.T
    found = weights @ mean_squares
    found[np.abs(found) < 1e-12 * mean_squares.max()] = 0.0  # the rounding error of larger ones
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    low, high = np.quantile(np.maximum(drawn, 0), tails, axis=0)
    table = pd.DataFrame({"source": [" × ".join(names[i] for i in each) for each in sets], "df": freedom})
    table.loc[len(sets) - 1, "source"] = RESIDUAL
    table = table.assign(mean_square=mean_squares, variance=found, low=low, high=high)
    kept = np.maximum(found, 0)
    with np.errstate(invalid="ignore"):
        table = table.assign(share=kept / kept.sum(), sd=np.sqrt(kept))
    if whole == 0:
        table[["mean_square", "variance", "low", "high", "share", "sd"]] = np.nan
    return table


def _weight(each: tuple[int, ...], other: tuple[int, ...], shape: tuple[int, ...]) -> float:
    """Returns what a mean square counts in the component of a set: (−1)^(more sources) / runs that share a value."""
    if not set(each) <= set(other):
        return 0.0
    sharing = np.prod([n for i, n in enumerate(shape) if i not in each])
    return (-1) ** (len(other) - len(each)) / float(sharing)


def sources(runs: pd.DataFrame) -> pd.DataFrame:
    """Splits the variance of the scores by its sources, for every task and for arms that differ in sources alone.

    Args:
        runs: The runs table (see `collect.py`). Failed runs take part like all others.

    Returns:
        One row a task, group of arms and source, see docs/statistics.md, sources.csv.
    """
    rows = []
    varied = [name for name in SOURCES if name in runs and runs[name].nunique() > 1]
    if {*SEEDS} <= {*varied} and (runs["init_seed"] == runs["order_seed"]).all():
        varied.remove("order_seed")  # one seed for both
    recipe = recipe_columns(list(runs.columns))
    alike = ["task", *(name for name in recipe if name not in SOURCES)] if recipe else ["task", "arm"]
    shown = [name for name in alike if name not in ("task", "arm") and runs[name].astype(str).nunique() > 1]
    for _, group in runs.groupby(alike, sort=False, dropna=False):
        first = group.iloc[0]
        about = {"task": first["task"], "arm": first["arm"], "arms": group["arm"].nunique()}
        about["group"] = ", ".join(f"{name} {first[name]}" for name in shown) if about["arms"] > 1 else ""
        about |= {"runs": len(group), "failed": int(group["degenerate"].astype(bool).sum())}
        rows += _rows(group, varied, about)
    return pd.DataFrame(rows, columns=[*KEYS_OF_GROUP, "source", "values", *COLUMNS])


KEYS_OF_GROUP = ["task", "arm", "arms", "group", "runs", "failed"]


def _rows(group: pd.DataFrame, varied: list[str], about: dict) -> list[dict]:
    names = [name for name in varied if group[name].nunique() > 1]
    sizes = [group[name].nunique() for name in names]
    values = " × ".join(map(str, sizes))
    if len(names) < 2:
        return [about | {"source": "", "values": values, "note": "not defined: needs two sources with two values each"}]
    if group[names].isna().any(axis=None) or group.duplicated(names).any() or len(group) != np.prod(sizes):
        note = f"not defined: {len(group)} runs, and not one for each of {values} combinations of {', '.join(names)}"
        return [about | {"source": "", "values": values, "note": note}]
    scores = group.sort_values(names)["score"].to_numpy(float).reshape(sizes)
    if np.isnan(scores).any():
        return [about | {"source": "", "values": values, "note": "not defined: a run has no score"}]
    called = [name.removesuffix("_seed") for name in names]
    if called[0] == "init" and "order" not in called and (group["init_seed"] == group["order_seed"]).all():
        called[0] = "seed"
    table = components(scores, called, np.random.default_rng(SEED))
    table["note"] = ""
    ends = ["low", "high"]
    if about["failed"]:
        table[ends], table["note"] = np.nan, "no interval: runs failed, and scores with two modes are not normal"
    else:
        few = table["df"] < FEWEST_DF
        table.loc[few, ends], table.loc[few, "note"] = np.nan, f"no interval: fewer than {FEWEST_DF} degrees of freedom"
    return [about | {"values": values} | row for row in table.to_dict("records")]
