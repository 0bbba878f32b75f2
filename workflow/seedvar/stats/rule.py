"""The one rule that decides: what is settled between each arm and the baseline, and what is not.

Of every arm three questions are asked first: does it fail more or less often (`failures`), do its runs that do not fail
score higher or lower (`quality`), and, where both arms have `FEWEST_FOR_SPREAD` runs, do these spread more or less
(`spread`)? A fourth follows from the first two: is the mean of all its runs, failed ones included, higher or lower
(`mean`)? Each is asked once over all tasks together, and then task by task. All of a study are one family: the chance
that any answer is settled falsely is at most `ALPHA`. docs/statistics.md, decisions.csv, gives the reasons.

Where M questions are asked task by task, those of `mean` not counted, p-values are multiplied as in Meinshausen's tree
of hypotheses (2008):

- on one task by M, and no adjusted p-value is below that of the same question over all tasks;
- over all tasks by M / T, where the question is asked on T of the arm's tasks;
- of the mean of all runs by M / 2 (over T tasks too), and none is below the smaller of the adjusted ones of failures
  and of quality. If one of those two differs and the other does not, then so does the mean: of the three at most one
  can be settled falsely once another is settled rightly, and twice the level is left for it (Shaffer 1986).

A study that looks at its comparisons while it adds seeds (`seeds: {until: decided}`) multiplies all p-values by the
number of its looks too: whenever it stops, the chance is at most `ALPHA`.

An answer is settled if its adjusted p-value is below `ALPHA` and its interval, where it has one, excludes equality.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from seedvar.data.shown import factor, sign
from seedvar.stats.describe import fill_undefined, quiet, require_baseline, standard_deviation
from seedvar.stats.exact import BOSCHLOO_LIMIT, failures_p, stratified_failures_p
from seedvar.stats.intervals import NONE, means_apart, sds_apart, shares_apart
from seedvar.stats.permutation import means_p
from seedvar.stats.settings import ALPHA, SEED

LEADING = ("failures", "quality", "spread")
QUESTIONS = (*LEADING, "mean")
FEWEST_FOR_SPREAD = 10  # runs an arm: with fewer, spread cannot be settled, and asking would cost the other questions
FEWEST_OK_FOR_SPREAD = 5  # of them not failed: with 4, Brown-Forsythe's tail is up to three times too heavy
ALL_TASKS = "all tasks"
ONE_TASK = "task"


class Answer(NamedTuple):
    """What is known of a question, before the family is thought of.

    Attributes:
        n: Runs of the arm that it is about.
        n_baseline: Those of the baseline.
        value: Of the arm: share of failed runs, mean or SD of its scores.
        value_baseline: Of the baseline.
        difference: Of the two; of SDs their ratio.
        interval: Of the difference.
        test: Name of the test.
        p: Its p-value; NaN where it is not defined.
        direction: 1 where the arm has more, −1 where it has less, 0.
        p_same: Of the test that the means are closer than the smallest difference of interest.
    """

    n: int
    n_baseline: int
    value: float = np.nan
    value_baseline: float = np.nan
    difference: float = np.nan
    interval: tuple[float, float] = NONE
    test: str = ""
    p: float = np.nan
    direction: float = 0
    p_same: float = np.nan


def decide(
    runs: pd.DataFrame,
    baseline: str,
    smallest_difference: dict[str, float] | float | None = None,
    looks: int = 1,
) -> pd.DataFrame:
    """Decides what is settled between every other arm and the baseline arm.

    Args:
        runs: The runs table (see `collect.py`).
        baseline: Name of the baseline arm.
        smallest_difference: The smallest difference of means that would matter, in units of the score, for all tasks
            or by task; without it nothing is called the same.
        looks: How often the study may ask while it adds seeds.

    Returns:
        One row a question, arm and task, and one a question and arm over `all tasks` where there are several; see
        docs/statistics.md, decisions.csv.

    Raises:
        UserError: No run has that arm.
    """
    require_baseline(runs, baseline)
    runs = fill_undefined(runs)
    by_task = {task: dict(list(group.groupby("arm", sort=False))) for task, group in runs.groupby("task", sort=False)}
    metrics = runs.groupby("task", sort=False)["metric"].first() if "metric" in runs else {}
    arms = {
        arm: [task for task, group in by_task.items() if arm in group and baseline in group]
        for arm in runs["arm"].unique()
        if arm != baseline
    }
    groups = {
        arm: {task: (Scores.of(by_task[task][arm]), Scores.of(by_task[task][baseline])) for task in tasks}
        for arm, tasks in arms.items()
    }
    family = looks * family_size([(len(a.every), len(b.every)) for arm in groups.values() for a, b in arm.values()])
    level = ALPHA / max(family, 1)
    rows = []
    for arm, of_arm in groups.items():
        about, whole = {"arm": arm, "baseline": baseline}, {}
        if len(of_arm) > 1:
            found = _over_tasks(of_arm, level, metrics)
            about_all = about | {"task": "", "scope": ALL_TASKS, "tasks": len(of_arm), "metric": ""}
            whole = _add(rows, found, about_all, _factors(family, of_arm.values()), {})
        for task, (ours, theirs) in of_arm.items():
            matters = smallest_difference.get(task) if isinstance(smallest_difference, dict) else smallest_difference
            found = _on_task(ours, theirs, level, matters)
            about_task = about | {"task": task, "scope": ONE_TASK, "tasks": 1, "metric": metrics.get(task, "")}
            _add(rows, found, about_task, _factors(family, [(ours, theirs)]), whole, matters)
    table = pd.DataFrame(rows, columns=COLUMNS)
    order = {question: place for place, question in enumerate(QUESTIONS)}
    return table.sort_values(
        ["scope", "question"], key=lambda column: column.map(order | {ALL_TASKS: 0, ONE_TASK: 1}), kind="stable"
    ).reset_index(drop=True)


COLUMNS = ["question", "scope", "task", "arm", "baseline", "tasks", "metric", "n", "n_baseline", "value"]
COLUMNS += ["value_baseline", "difference", "low", "high", "test", "p", "factor", "p_adjusted", "direction", "settled"]
COLUMNS += ["smallest_difference", "p_same", "same"]


class Scores(NamedTuple):
    """The scores of an arm on a task, as they are: those of the runs that did not fail, and of all."""

    ok: np.ndarray
    every: np.ndarray

    @classmethod
    def of(cls, group: pd.DataFrame) -> Scores:
        """Takes them out of rows of the runs table."""
        scores, failed = group["score"].to_numpy(float), group["degenerate"].to_numpy(bool)
        return cls(scores[~failed], scores)

    @property
    def failed(self) -> int:
        """Number of failed runs."""
        return len(self.every) - len(self.ok)


def asked(n: int, n_baseline: int) -> tuple[str, ...]:
    """Returns the leading questions that are asked of two arms with so many runs each on a task."""
    return LEADING if min(n, n_baseline) >= FEWEST_FOR_SPREAD else LEADING[:2]


def family_size(pairs: list[tuple[int, int]]) -> int:
    """Returns M, how many questions are asked task by task, from the runs of both arms for each arm and task."""
    return sum(len(asked(*pair)) for pair in pairs)


def _factors(family: int, tasks) -> dict[str, float]:
    """Returns what the p-value of each question that is asked is multiplied by, once for some tasks together."""
    counts = {name: sum(name in asked(len(a.every), len(b.every)) for a, b in tasks) for name in LEADING}
    return {name: family / count for name, count in counts.items() if count} | {"mean": family / 2}


def _add(rows: list[dict], found: dict[str, Answer], about: dict, factors: dict, whole: dict, matters=None) -> dict:
    """Adds a row for each answer and returns the adjusted p-values.

    Args:
        rows: Is added to.
        found: The answers.
        about: Columns that all of them have.
        factors: See `_factors`.
        whole: The adjusted p-values of the same questions over all tasks; empty where there are none.
        matters: The smallest difference of interest.
    """
    adjusted = {}
    for question, answer in found.items():
        times = factors.get(question, np.nan)
        p = min(1.0, times * answer.p) if not np.isnan(times * answer.p) else np.nan
        least = [whole.get(question, 0.0)]
        if question == "mean":
            least.append(min(each for each in (adjusted["failures"], adjusted["quality"], 1.0) if not np.isnan(each)))
        adjusted[question] = p if np.isnan(p) else max(p, *np.nan_to_num(least))
        low, high = answer.interval
        equal = 1 if question == "spread" else 0
        excludes = np.isnan(low) or low > equal or high < equal
        agrees = np.isnan(answer.difference) or np.sign(answer.difference - equal) == answer.direction
        row = about | {"question": question, **answer._asdict(), "low": low, "high": high, "factor": times}
        row |= {"p_adjusted": adjusted[question]}
        row["settled"] = bool(adjusted[question] < ALPHA and excludes and agrees)
        row["smallest_difference"] = matters if question == "quality" and matters is not None else np.nan
        row["same"] = bool(answer.p_same * times < ALPHA)
        rows.append(row)
    return adjusted


def _on_task(ours: Scores, theirs: Scores, level: float, matters: float | None) -> dict[str, Answer]:
    n, m = len(ours.every), len(theirs.every)
    shares = ours.failed / n, theirs.failed / m
    quality = _means(ours.ok, theirs.ok, level)
    # Without failed runs it is the same question, with the same answer; with them no interval of it holds.
    mean = _means(ours.every, theirs.every, level)._replace(interval=NONE) if ours.failed + theirs.failed else quality
    return {
        "failures": Answer(
            *(n, m, *shares, shares[0] - shares[1], shares_apart(ours.failed, n, theirs.failed, m)),
            test="Boschloo" if n * m <= BOSCHLOO_LIMIT else "Fisher",
            p=failures_p(ours.failed, n, theirs.failed, m),
            direction=np.sign(shares[0] - shares[1]),
        ),
        "quality": quality._replace(p_same=_closer_p(ours.ok, theirs.ok, matters)),
        "spread": _spread(ours, theirs),
        "mean": mean,
    }


def _means(x: np.ndarray, y: np.ndarray, level: float) -> Answer:
    if min(len(x), len(y)) == 0 or np.isnan(x).any() or np.isnan(y).any():
        return Answer(len(x), len(y), test="permutation")
    difference = x.mean() - y.mean()
    p, _ = means_p([(x, y)], np.random.default_rng(SEED), level)  # no row changes because another is added
    return Answer(
        *(len(x), len(y), x.mean(), y.mean(), difference, means_apart(x, y)),
        test="permutation",
        p=p,
        direction=np.sign(difference) if abs(difference) > 1e-12 else 0,
    )


def _closer_p(x: np.ndarray, y: np.ndarray, matters: float | None) -> float:
    """Returns the p-value of two one-sided Welch tests (Schuirmann 1987): the means are closer than what matters."""
    if matters is None or min(len(x), len(y)) < 3 or not (np.ptp(x) > 0 or np.ptp(y) > 0):
        return np.nan
    with quiet():
        below = stats.ttest_ind(x + matters, y, equal_var=False, alternative="greater").pvalue
        above = stats.ttest_ind(x - matters, y, equal_var=False, alternative="less").pvalue
    return float(max(below, above))


def _spread(ours: Scores, theirs: Scores) -> Answer:
    x, y = ours.ok, theirs.ok
    sds = standard_deviation(x), standard_deviation(y)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = float(np.divide(*sds)) if min(sds) > 0 else np.nan
    answer = Answer(len(x), len(y), *sds, ratio, sds_apart(x, y), "Brown-Forsythe")
    is_asked = "spread" in asked(len(ours.every), len(theirs.every))
    if not is_asked or min(len(x), len(y)) < FEWEST_OK_FOR_SPREAD or not min(sds) > 0:
        return answer
    with quiet():
        test = stats.levene(x, y)
    # So many runs may be equally far from their middle, but for rounding: then any difference looks certain.
    if not test.statistic < 1e12:
        return answer
    distances = [np.abs(scores - np.median(scores)).mean() for scores in (x, y)]
    return answer._replace(p=float(test.pvalue), direction=np.sign(distances[0] - distances[1]))


def _over_tasks(of_arm: dict[str, tuple[Scores, Scores]], level: float, metrics) -> dict[str, Answer]:
    """Answers each question once for all tasks; in means, of an error the lower counts as the higher."""
    groups, up = list(of_arm.values()), [sign(metrics.get(task, "")) for task in of_arm]
    in_points = all(factor(metrics.get(task, "")) == 100 for task in of_arm)
    counts = [(ours.failed, len(ours.every), theirs.failed, len(theirs.every)) for ours, theirs in groups]
    failed, n, failed_baseline, m = (sum(column) for column in zip(*counts, strict=True))
    p, more = stratified_failures_p(counts)
    shares = failed / n, failed_baseline / m
    found = {
        "failures": Answer(
            *(n, m, *shares, shares[0] - shares[1]), test="exact stratified", p=p, direction=np.sign(round(more, 9))
        )
    }
    turned = [(s * ours.ok, s * theirs.ok) for (ours, theirs), s in zip(groups, up, strict=True)]
    found["quality"] = _means_over_tasks(turned, level, in_points)
    spreads = [_spread(ours, theirs) for ours, theirs in groups]
    found["spread"] = Answer(
        *(sum(each) for each in zip(*((one.n, one.n_baseline) for one in spreads), strict=True)),
        test="Brown-Forsythe combined",
    )
    if tested := [one for one in spreads if not np.isnan(one.p)]:
        one_sided = [one.p / 2 if one.direction > 0 else 1 - one.p / 2 for one in tested]
        combined = stats.combine_pvalues(np.clip(one_sided, 1e-300, 1 - 1e-16), method="stouffer").pvalue
        ratio = np.exp(np.mean([np.log(one.difference) for one in tested]))
        found["spread"] = found["spread"]._replace(
            difference=ratio, p=float(min(1.0, 2 * min(combined, 1 - combined))), direction=np.sign(0.5 - combined)
        )
    found["mean"] = found["quality"]
    if failed + failed_baseline:
        turned = [(s * ours.every, s * theirs.every) for (ours, theirs), s in zip(groups, up, strict=True)]
        found["mean"] = _means_over_tasks(turned, level, in_points)
    return found


def _means_over_tasks(samples: list, level: float, in_points: bool) -> Answer:
    both = [(x, y) for x, y in samples if len(x) and len(y) and not (np.isnan(x).any() or np.isnan(y).any())]
    n, m = sum(len(x) for x, _ in both), sum(len(y) for _, y in both)
    if not both:
        return Answer(n, m, test="stratified permutation")
    p, t = means_p(both, np.random.default_rng(SEED), level)
    difference = float(np.mean([x.mean() - y.mean() for x, y in both])) if in_points else np.nan
    return Answer(
        *(n, m), difference=difference, test="stratified permutation", p=p, direction=np.sign(np.nan_to_num(t))
    )
