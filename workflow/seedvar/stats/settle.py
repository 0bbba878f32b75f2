"""What so many runs can settle at best, before any is trained."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.stats import beta, nct, t

from seedvar.stats.exact import failures_p, stratified_failures_p
from seedvar.stats.permutation import smallest_means_p
from seedvar.stats.planning import POWER
from seedvar.stats.rule import asked, family_size
from seedvar.stats.settings import ALPHA


class Best(NamedTuple):
    """What can be settled at best by comparing one arm with the baseline, on one task or over all together.

    Attributes:
        tasks: How many.
        failures_p: The smallest adjusted p-value for failures: all runs of one arm and none of the other.
        means_p: The smallest one for the means of runs that do not fail.
        failures: The smallest share of failing runs that is told from none with power .8; NaN where none is.
        means: The smallest difference of means in SDs over seeds, likewise, of normal scores.
        spread: Whether spread is asked at all.
    """

    tasks: int
    failures_p: float
    means_p: float
    failures: float
    means: float
    spread: bool


def best(n: int, arms: int, tasks: int, over: int = 1, looks: int = 1) -> Best:
    """Says what can be settled at best.

    Args:
        n: Runs of every arm on every task.
        arms: Arms but for the baseline.
        tasks: Tasks of the study.
        over: On how many of them together the question is asked: 1 or all.
        looks: How often the study may ask while it adds seeds.
    """
    factor = looks * family_size([(n, n)] * (arms * tasks)) / over
    level = ALPHA / factor
    of_failures = [_failures_p(k, n, over) for k in range(n * over + 1)]
    of_means = smallest_means_p(n, n, over, level)
    enough = [k for k, p in enumerate(of_failures) if p < level]
    share = _share(min(enough), n * over) if enough else np.nan
    means = _means(n, over, level) if of_means < level else np.nan
    lowest = [min(1.0, factor * p) for p in (min(of_failures), of_means)]
    return Best(over, *lowest, share, means, "spread" in asked(n, n))


def _failures_p(failed: int, n: int, over: int) -> float:
    """Returns the p-value of so many failures of the arm, spread evenly over the tasks, against none."""
    if over == 1:
        return failures_p(failed, n, 0, n)
    counts = [failed // over + (task < failed % over) for task in range(over)]
    return stratified_failures_p([(count, n, 0, n) for count in counts])[0]


def _share(fewest: int, n: int) -> float:
    """Returns the failure rate with which at least so many of n runs fail with a chance of `POWER`."""
    return float(beta.ppf(POWER, fewest, n - fewest + 1))


def _means(n: int, over: int, level: float) -> float:
    """Returns the difference in SDs that Student's test finds with a chance of `POWER`, the same on all tasks."""
    freedom = over * (2 * n - 2)
    limit = t.isf(level / 2, freedom)
    missing = lambda size: nct.sf(limit, freedom, size * np.sqrt(over * n / 2)) - POWER  # noqa: E731
    return float(brentq(missing, 1e-6, 1e3 / np.sqrt(over * n / 2)))


def settle_lines(
    n: int, arms: int, tasks: int, baseline: str, matters: dict | float | None = None, looks: int = 1
) -> list[str]:
    """Writes what can be settled at best.

    Args:
        n: Runs of every arm on every task, or the most that there may be.
        arms: Arms but for the baseline.
        tasks: Tasks.
        baseline: Its name.
        matters: The smallest difference of means that would matter, for the SD that it asks for.
        looks: How often the study may ask while it adds seeds.
    """
    family = family_size([(n, n)] * (arms * tasks))
    asked_again = f", asked up to {looks} times" if looks > 1 else ""
    others = "1 arm" if arms == 1 else f"{arms} arms"
    lines = [f"What {n} runs an arm can settle at best, {others} against {baseline}, {family} questions{asked_again}:"]
    if n < 2:
        return [*lines, "  nothing: at least 2 runs an arm are needed"]
    for over in dict.fromkeys((tasks, 1)):
        found = best(n, arms, tasks, over, looks)
        where = "on one task" if over == 1 else f"over all {over} tasks"
        parts = [f"failures {_in_words(found.failures_p)}", f"means {_in_words(found.means_p)}"]
        lines.append(f"  {where}: smallest adjusted p: {', '.join(parts)}")
        shown = [f"{100 * found.failures:.0f} % failed runs against none"] if found.failures == found.failures else []
        if found.means == found.means:
            shown.append(f"means that are {found.means:.2g} SDs over seeds apart")
            smallest = min(matters.values()) if isinstance(matters, dict) else matters
            if smallest is not None:
                shown[-1] += f" (smallest_difference {smallest:g}: up to an SD of {smallest / found.means:.2g})"
        text = f"with power {POWER:g}: {', '.join(shown)}" if shown else "no difference, however large"
        lines.append(f"    {text}")
    if not best(n, arms, tasks).spread:
        lines.append("  spread is not asked with fewer than 10 runs an arm")
    return lines


def _in_words(p: float) -> str:
    text = "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0") if p < 1 else "1"
    return text if p < ALPHA else f"{text} (cannot be settled)"
