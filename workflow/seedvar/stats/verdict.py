"""Puts a row of comparisons.csv in words that claim no more than its numbers do.

Something is settled if its p-value, adjusted by Holm over all rows of the table, is below `ALPHA`:
Fisher's for failures, Welch's for means, Mann-Whitney's for ranks, Brown-Forsythe's for spread.
"""

from __future__ import annotations

import math

from scipy.stats import fisher_exact

from seedvar.data.shown import factor, higher_is_better
from seedvar.stats.settings import ALPHA


def verdict(row: dict, metric: str = "") -> str:
    """Writes what a comparison of an arm with the baseline settles, and what it does not.

    Args:
        row: A row of `compare`, by column name. Without a column `<test>_p_holm`, `<test>_p` decides.
        metric: The score, for its unit and direction.

    Returns:
        One to three sentences; differences of means in points, the score × 100, or in an error's own unit.
    """
    clauses = [_failures(row), *_scores(row, metric)]
    settled = [text for is_settled, text in clauses if is_settled]
    others = [text for is_settled, text in clauses if not is_settled]
    if settled:
        return f"Against {row['baseline']}, {row['arm']} {'; '.join([*settled, *others])}."
    return (
        f"Nothing is settled between {row['arm']} and {row['baseline']}: {'; '.join(others)}. "
        "This is not evidence that they are the same."
    )


def _failures(row: dict) -> tuple[bool, str]:
    failed, n, failed_baseline, n_baseline = (row[name] for name in ("failed", "n", "failed_baseline", "n_baseline"))
    if failed + failed_baseline == 0:
        return False, f"no run of either failed (0/{n} against 0/{n_baseline})"
    counts = f"{failed}/{n} runs against {failed_baseline}/{n_baseline}; {_test(row, 'fisher', 'Fisher')}"
    if failed + failed_baseline == n + n_baseline:
        return False, f"every run of both failed ({n}/{n} against {n_baseline}/{n_baseline})"
    if _is_settled(row, "fisher"):
        more = failed / n > failed_baseline / n_baseline
        return True, f"fails {'more' if more else 'less'} often ({counts})"
    if fisher_exact([[n, 0], [0, n_baseline]]).pvalue >= ALPHA:
        return False, f"so few runs cannot settle whether one fails more often ({counts})"
    return False, f"whether one fails more often is {_not_settled(row, 'fisher')} ({counts})"


def _scores(row: dict, metric: str) -> list[tuple[bool, str]]:
    """Returns the clauses on means, ranks and spread."""
    if math.isnan(row["mean_difference"]):
        return [(False, "some scores are missing, so that neither means nor spread can be compared")]
    smaller = min(row["n"], row["n_baseline"])
    if smaller < 2:
        counts = f"{row['n']} against {row['n_baseline']} runs"
        return [(False, f"means and spread cannot be compared with so few runs ({counts}, at least 2 are needed)")]
    if math.isnan(row["sd_ratio"]):
        if abs(row["mean_difference"]) < 1e-12:  # equal but for rounding
            return [(False, "all runs of both have the same score")]
        (gap,), unit = _points(metric, abs(row["mean_difference"]))
        text = f"no two runs of an arm differ, and {gap}{unit} lie between the two scores, which no t-test can judge"
        return [*_ranks(row, metric), (False, text)]
    return [*_means(row, metric), *_spread(row)]


def _means(row: dict, metric: str) -> list[tuple[bool, str]]:
    difference, low, high = (row[f"mean_difference{end}"] for end in ("", "_low", "_high"))
    test = _test(row, "welch", "Welch")
    if row["failed"] + row["failed_baseline"]:
        test += "; failed runs included"
    if not _is_settled(row, "welch"):
        (value, low, high), unit = _points(metric, difference, low, high)
        numbers = f"{'+' if float(value) > 0 else ''}{value}{unit} [{low}, {high}]; {test}"
        return [*_ranks(row, metric), (False, f"whether the means differ is {_not_settled(row, 'welch')} ({numbers})")]
    if not _is_settled(row, "permutation"):
        test += f"; a permutation test does not settle it, {_test(row, 'permutation')}"
    (value, low, high), unit = _points(metric, abs(difference), *sorted((abs(low), abs(high))))
    direction = "higher" if difference > 0 else "lower"
    return [(True, f"has a mean {value}{unit} {direction} [{low}, {high}] ({test})")]


def _ranks(row: dict, metric: str) -> list[tuple[bool, str]]:
    if not _is_settled(row, "mann_whitney"):
        return []
    higher = (row["a12"] > 0.5) == higher_is_better(metric)
    numbers = f"A12 {row['a12']:.2f} [{row['a12_low']:.2f}, {row['a12_high']:.2f}]"
    test = _test(row, "mann_whitney", "Mann-Whitney")
    return [(True, f"tends to score {'higher' if higher else 'lower'}, run against run ({numbers}; {test})")]


def _spread(row: dict) -> list[tuple[bool, str]]:
    if min(row["n"], row["n_baseline"]) < 3:
        return [(False, "whether the spread differs cannot be tested with fewer than 3 runs an arm")]
    any_failed = row["failed"] + row["failed_baseline"] > 0
    ok_counts = f"{row['ok_n']} and {row['ok_n_baseline']} runs"
    ok_numbers = f"{ok_counts}; {_spread_numbers(row, 'ok_')}"
    ok_settled = any_failed and _is_settled(row, "ok_brown_forsythe")
    if _is_settled(row, "brown_forsythe"):
        text = f"{_spread_word(row, '')} ({_spread_numbers(row, '')})"
        if not any_failed:
            return [(True, text)]
        if ok_settled and _spread_word(row, "ok_") == _spread_word(row, ""):
            return [(True, f"{text}, also among the runs that did not fail ({ok_numbers})")]
        if not ok_settled:
            return [(True, text), (False, _ok_not_settled(row, ok_counts, ok_numbers))]
    else:
        text = f"whether the spread differs is {_not_settled(row, 'brown_forsythe')} ({_spread_numbers(row, '')})"
        if not ok_settled:
            return [(False, text)]
    ok_text = f"{_spread_word(row, 'ok_')} among the runs that did not fail ({ok_numbers})"
    return [(_is_settled(row, "brown_forsythe"), text), (True, ok_text)]


def _ok_not_settled(row: dict, counts: str, numbers: str) -> str:
    if math.isnan(row["ok_brown_forsythe_p"]):
        return f"whether the spread differs among the runs that did not fail cannot be tested ({counts})"
    words = _not_settled(row, "ok_brown_forsythe")
    return f"whether the spread differs among the runs that did not fail is {words} ({numbers})"


def _spread_word(row: dict, prefix: str) -> str:
    if row[f"{prefix}sd_ratio_low"] > 1:
        return "spreads more"
    if row[f"{prefix}sd_ratio_high"] < 1:
        return "spreads less"
    return "spreads differently"  # about the median, while the interval of the SD ratio holds 1


def _spread_numbers(row: dict, prefix: str) -> str:
    ratio, low, high = (_ratio(row[f"{prefix}sd_ratio{end}"]) for end in ("", "_low", "_high"))
    return f"SD ratio {ratio} [{low}, {high}]; {_test(row, f'{prefix}brown_forsythe', 'Brown-Forsythe')}"


def _adjusted(row: dict, test: str) -> float:
    return row.get(f"{test}_p_holm", row[f"{test}_p"])


def _is_settled(row: dict, test: str) -> bool:
    return _adjusted(row, test) < ALPHA  # false for NaN


def _not_settled(row: dict, test: str) -> str:
    return "not settled after Holm's correction" if row[f"{test}_p"] < ALPHA else "not settled"


def _test(row: dict, test: str, name: str = "") -> str:
    p, adjusted = row[f"{test}_p"], _adjusted(row, test)
    if math.isnan(p):
        return f"{name} not defined"
    text = f"{name} p {_p(p)}".strip()
    return text if adjusted == p else f"{text}, Holm {_p(adjusted).removeprefix('= ')}"


def _p(p: float) -> str:
    """Writes a p-value to three decimals, or to as many as keep it on its side of `ALPHA`."""
    if p < 0.001:
        return "< .001"
    decimals = 3
    while (round(p, decimals) < ALPHA) != (p < ALPHA):
        decimals += 1
    return "= " + (f"{p:.{decimals}f}".removeprefix("0") if p < 1 else "1")


def _points(metric: str, *values: float) -> tuple[list[str], str]:
    """Writes differences × 100 to one decimal, or to as many (at most 4) as keep any from reading 0, and their unit.

    Those of an error are written to three digits in its own unit.
    """
    if factor(metric) == 1:
        return [f"{value:.3g}" for value in values], ""
    points = [round(100 * value, 9) + 0.0 for value in values]  # + 0.0 makes −0 a 0
    decimals = 1
    while decimals < 4 and any(value and round(value, decimals) == 0 for value in points):
        decimals += 1
    return [f"{value:.{decimals}f}" for value in points], " points"


def _ratio(value: float) -> str:
    return "–" if math.isnan(value) else "∞" if math.isinf(value) else f"{value:.2f}"
