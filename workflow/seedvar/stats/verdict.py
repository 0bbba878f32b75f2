"""Puts the answers of `rule.decide` in words that claim no more than the rule settles."""

from __future__ import annotations

import math

import pandas as pd

from seedvar.data.shown import factor, higher_is_better
from seedvar.stats.rule import ALL_TASKS, FEWEST_FOR_SPREAD, ONE_TASK, QUESTIONS
from seedvar.stats.settings import ALPHA
from seedvar.words import all_titles


def verdicts(decisions: pd.DataFrame) -> pd.DataFrame:
    """Writes a verdict on every arm over all tasks, where there are several, and on every task.

    Args:
        decisions: The table of `rule.decide`.

    Returns:
        One row each: `task`, empty over all tasks; `arm`; `settled`, whether anything is; `verdict`.
    """
    rows = []
    for scope in (ALL_TASKS, ONE_TASK):
        keys = ["arm"] if scope == ALL_TASKS else ["task", "arm"]
        for _, group in decisions[decisions["scope"] == scope].groupby(keys, sort=False):
            answers = {row["question"]: row for row in group.to_dict("records")}
            first = answers[QUESTIONS[0]]
            row = {"task": first["task"] if scope == ONE_TASK else "", "arm": first["arm"]}
            said = any(answer["settled"] or answer["same"] for answer in answers.values())
            rows.append(row | {"settled": said, "verdict": verdict(answers)})
    return pd.DataFrame(rows, columns=["task", "arm", "settled", "verdict"])


def verdict(answers: dict[str, dict]) -> str:
    """Writes what is settled between an arm and the baseline, on a task or over all, and what is not.

    Args:
        answers: Rows of the table of `rule.decide`, by question.

    Returns:
        One to three sentences; differences of means in points, the score × 100, or in an error's own unit.
    """
    about = answers["failures"]
    clauses = [clause(answers[question], answers) for question in QUESTIONS]
    settled = [text for is_settled, text in clauses if text and is_settled]
    others = [text for is_settled, text in clauses if text and not is_settled]
    where = f" over {about['tasks']} tasks" if about["scope"] == ALL_TASKS else ""
    if settled:
        return f"Against {about['baseline']}{where}, {about['arm']} {'; '.join([*settled, *others])}."
    return (
        f"Nothing is settled between {about['arm']} and {about['baseline']}{where}: {'; '.join(others)}. "
        "This is not evidence that they are the same."
    )


def clause(answer: dict, answers: dict[str, dict]) -> tuple[bool, str]:
    """Returns whether an answer claims anything, and what it says; nothing where another answer says it already."""
    return CLAUSES[answer["question"]](answer, answers)


def any_failed(answers: dict[str, dict]) -> bool:
    """Whether any run of the two arms failed."""
    return bool(answers["failures"]["value"] > 0 or answers["failures"]["value_baseline"] > 0)


def _failures(answer: dict, _: dict) -> tuple[bool, str]:
    n, m = answer["n"], answer["n_baseline"]
    failed, theirs = (round(answer[value] * runs) for value, runs in (("value", n), ("value_baseline", m)))
    if failed + theirs == 0:
        return False, f"no run of either failed (0/{n} against 0/{m})"
    if failed + theirs == n + m:
        return False, f"every run of both failed ({n}/{n} against {m}/{m})"
    counts = f"{failed}/{n} runs against {theirs}/{m}; {p_in_words(answer)}"
    if answer["settled"]:
        return True, f"fails {_more(answer)} often ({counts})"
    return False, f"whether one fails more often is not settled ({counts})"


def _quality(answer: dict, answers: dict) -> tuple[bool, str]:
    if min(answer["n"], answer["n_baseline"]) == 0:
        return False, "where every run of an arm failed, there are no others to compare"
    whose = "of the runs that did not fail" if any_failed(answers) else "of its runs"
    runs = f"{answer['n']} and {answer['n_baseline']} runs"
    if math.isnan(answer["p"]):
        if answer["scope"] == ONE_TASK and abs(answer["difference"]) < 1e-12:
            return False, f"all runs {'that did not fail ' if any_failed(answers) else ''}of both have the same score"
        return False, f"so few runs cannot settle whether the means differ ({runs})"
    numbers = f"{_difference(answer)}{p_in_words(answer)}"
    if any_failed(answers):
        numbers = f"{runs}; {numbers}"
    if answer["settled"]:
        same = f", and by less than {_matters(answer)}" if answer["same"] else ""
        return True, f"has a {_higher(answer)} mean {whose} ({numbers}){same}"
    if answer["same"]:
        p = _p(answer["p_same"] * answer["factor"])
        return True, f"has the same mean {whose} to within {_matters(answer)} ({numbers}; two one-sided tests: p {p})"
    return False, f"whether the means {whose.replace('its runs', 'their runs')} differ is not settled ({numbers})"


def _spread(answer: dict, answers: dict) -> tuple[bool, str]:
    others = "among the runs that did not fail " if any_failed(answers) else ""
    if math.isnan(answer["p"]):
        enough = min(answer["n"], answer["n_baseline"]) >= FEWEST_FOR_SPREAD
        if enough and 0 in (answer["value"], answer["value_baseline"]):
            return False, "where all runs of an arm have the same score, no test of spread is defined"
        fewest = f"fewer than {FEWEST_FOR_SPREAD} runs an arm"
        return False, f"whether the spread {others}differs is not tested with {fewest}"
    numbers = f"{_ratio(answer)}{p_in_words(answer)}"
    if answer["settled"]:
        return True, f"spreads {_more(answer)} {others}({numbers})"
    return False, f"whether the spread {others}differs is not settled ({numbers})"


def _mean(answer: dict, answers: dict) -> tuple[bool, str]:
    if not any_failed(answers) or math.isnan(answer["p"]):
        return False, ""
    numbers = f"{_difference(answer)}{p_in_words(answer)}"
    if answer["settled"]:
        return True, f"has a {_higher(answer)} mean of all runs, failed ones included ({numbers})"
    return False, f"whether the means of all runs differ is not settled ({numbers})"


CLAUSES = {"failures": _failures, "quality": _quality, "spread": _spread, "mean": _mean}


def _more(answer: dict) -> str:
    return "more" if answer["direction"] > 0 else "less"


def _higher(answer: dict) -> str:
    """Over all tasks, whose metrics may go either way, a mean is better or worse; on one task the number is higher.

    Where that is worse, as of an error, it is said.
    """
    if answer["scope"] == ALL_TASKS:  # scores of errors are turned round there
        return "better" if answer["direction"] > 0 else "worse"
    word = "higher" if answer["direction"] > 0 else "lower"
    if higher_is_better(answer["metric"]):
        return word
    return f"{word} ({'worse' if word == 'higher' else 'better'})"


def _difference(answer: dict) -> str:
    if math.isnan(answer["difference"]):
        return ""
    metric = answer["metric"] if answer["scope"] == ONE_TASK else ""
    (value, low, high), unit = points(metric, answer["difference"], answer["low"], answer["high"])
    limits = "" if math.isnan(answer["low"]) else f" [{low}, {high}]"
    average = " on average" if answer["scope"] == ALL_TASKS else ""
    return f"{'+' if float(value) > 0 else ''}{value}{unit}{average}{limits}; "


def _ratio(answer: dict) -> str:
    limits = "" if math.isnan(answer["low"]) else f" [{answer['low']:.2f}, {answer['high']:.2f}]"
    return f"SD ratio {answer['difference']:.2f}{limits}; "


def _matters(answer: dict) -> str:
    (value,), unit = points(answer["metric"], answer["smallest_difference"])
    return f"{value}{unit}"


def p_in_words(answer: dict) -> str:
    """Writes the test of an answer, its p-value and the adjusted one."""
    return f"{answer['test']} p {_p(answer['p'])}, adjusted {_p(answer['p_adjusted']).removeprefix('= ')}"


def where_of(answer: dict) -> str:
    """Says which tasks an answer is about."""
    return all_titles([answer["task"]]) if answer["scope"] == ONE_TASK else f"{answer['tasks']} tasks"


def _p(p: float) -> str:
    return f"= {p_text(p)}" if p >= 0.001 else p_text(p)


def p_text(p: float) -> str:
    """Writes a p-value to three decimals, or to as many as keep it on its side of `ALPHA`; nearly 1 is 1."""
    if math.isnan(p):
        return "–"
    if p < 0.001:
        return "< .001"
    decimals = 3
    while (round(p, decimals) < ALPHA) != (p < ALPHA):
        decimals += 1
    return f"{p:.{decimals}f}".removeprefix("0") if p < 0.9995 else "1"


def points(metric: str, *values: float) -> tuple[list[str], str]:
    """Writes differences × 100 to one decimal, or to as many (at most 4) as keep any from reading 0, and their unit.

    Those of an error are written to three digits in its own unit.
    """
    if factor(metric) == 1:
        return [f"{value:.3g}" for value in values], ""
    scaled = [round(100 * value, 9) + 0.0 for value in values]  # + 0.0 makes −0 a 0
    decimals = 1
    while decimals < 4 and any(value and round(value, decimals) == 0 for value in scaled):
        decimals += 1
    return [f"{value:.{decimals}f}" for value in scaled], " points"


def better(answer: dict) -> int:
    """Returns 1 where what is settled favours the arm, −1 where it favours the baseline, 0 where nothing is settled."""
    if not answer["settled"]:
        return 0
    favours = answer["question"] in ("quality", "mean")  # more is better of these alone
    metric = answer["metric"] if isinstance(answer["metric"], str) else ""  # over all tasks there is none
    up = higher_is_better(metric) if answer["scope"] == ONE_TASK and favours else True
    return int(answer["direction"]) * (1 if favours and up else -1)
