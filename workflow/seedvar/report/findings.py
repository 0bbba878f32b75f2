"""What a study's numbers support, in three to seven sentences: summary.csv and decisions.csv in words.

Every sentence of difference is one that the rule of `stats/rule.py` settles, with the words of `stats/verdict.py`; the
others describe the runs that there are, or say what is not settled.
"""

from __future__ import annotations

import math
import textwrap

import numpy as np
import pandas as pd

from seedvar.data.shown import factor, title
from seedvar.stats.rule import ALL_TASKS, ONE_TASK, QUESTIONS
from seedvar.stats.settings import ALPHA
from seedvar.stats.verdict import any_failed, clause
from seedvar.words import task_title

MOST = 7
MOST_CLAIMS = 4  # of them of differences


def findings(summary: pd.DataFrame, decisions: pd.DataFrame | None) -> list[dict]:
    """Writes the findings of a study.

    Args:
        summary: The table of `describe.summarise`.
        decisions: That of `rule.decide`; None for a study of one arm.

    Returns:
        Three to seven, the most telling first. Each has its `sentence`; the `kind`: failures, quality, spread, mean,
        same, range, runs or open; its `numbers`; the `test`, empty for a description; `n`, the runs that it is about;
        and the `table` and `row` (column: value) that it comes from.
    """
    found = [_failed_runs(summary)]
    claims, unsettled = ([], []) if decisions is None or not len(decisions) else _claims(decisions)
    found += claims[:MOST_CLAIMS]
    if (widest := _widest(summary)) is not None:
        found.append(widest)
    if decisions is not None and len(decisions):
        found.append(_open(decisions, len(claims), unsettled))
    if len(found) < 3:
        found.append(_unseen_failures(summary))
    return found[:MOST]


def lines(found: list[dict]) -> list[str]:
    """Writes findings for a terminal, each with the row that it comes from."""
    shown = []
    for number, finding in enumerate(found, 1):
        shown += textwrap.wrap(f"{number}. {finding['sentence']}", 110, subsequent_indent="   ", break_long_words=False)
        shown.append(f"   ({source(finding)})")
    return shown


def source(finding: dict) -> str:
    """Says which row a finding comes from, and how many runs it is about."""
    row = ", ".join(f"{name} {value}" for name, value in finding["row"].items() if value != "")
    return f"{finding['table']}{': ' + row if row else ''}; n = {finding['n']}"


def _finding(kind: str, sentence: str, numbers: dict, n: int, table: str, row: dict, test: str = "") -> dict:
    plain = {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in numbers.items()}
    return {"kind": kind, "sentence": sentence, "numbers": plain, "test": test, "n": int(n), "table": table, "row": row}


def _failed_runs(summary: pd.DataFrame) -> dict:
    failed, n = int(summary["failed"].sum()), int(summary["n"].sum())
    arms = summary.groupby("arm", sort=False)[["failed", "n"]].sum()
    if failed == 0:
        text = f"None of the {n} runs failed."
    else:
        which = [f"{row['failed']} of {row['n']} of {arm}" for arm, row in arms.iterrows() if row["failed"]]
        more = f"{len(which) - 4} more {'arm' if len(which) == 5 else 'arms'}"
        shown = ", ".join(which[:4]) + (f", and some of {more}" if len(which) > 4 else "")
        text = f"{failed} of {n} runs failed: {shown}." if len(arms) > 1 else f"{failed} of {n} runs failed."
    return _finding("runs", text, {"failed": failed, "n": n}, n, "summary.csv", {})


def _claims(decisions: pd.DataFrame) -> tuple[list[dict], int]:
    """Returns what is settled, over all tasks before single ones; and how many pairs of arm and task it leaves open."""
    found, said = [], set()
    several = (decisions["scope"] == ALL_TASKS).any()
    for scope in (ALL_TASKS, ONE_TASK):
        rows = decisions[decisions["scope"] == scope]
        groups = list(rows.groupby(["arm"] if scope == ALL_TASKS else ["task", "arm"], sort=False))
        of_scope = []
        for _, group in groups:
            answers = {row["question"]: row for row in group.to_dict("records")}
            for question in QUESTIONS:
                answer = answers[question]
                if not (answer["settled"] or answer["same"]) or (several and (question, answer["arm"]) in said):
                    continue
                is_same = bool(answer["same"] and not answer["settled"])
                text = clause(answer, answers)[1]
                if question == "mean" and not any_failed(answers):
                    continue  # the mean without failed runs says the same
                where = f"over {answer['tasks']} tasks" if scope == ALL_TASKS else f"on {task_title(answer['task'])}"
                of_scope.append((answer, is_same, f"Against {answer['baseline']}, {where}, {answer['arm']} {text}."))
                if not is_same:
                    said.add((question, answer["arm"]))
        of_scope.sort(key=lambda each: (each[1], QUESTIONS.index(each[0]["question"]), each[0]["p_adjusted"]))
        found += [_claim(*each) for each in of_scope]
    one = decisions[decisions["scope"] == ONE_TASK]
    settled = one[one["settled"] | one["same"]].drop_duplicates(["task", "arm"])
    return found, len(one.drop_duplicates(["task", "arm"])) - len(settled)


def _claim(answer: dict, is_same: bool, sentence: str) -> dict:
    names = ["value", "value_baseline", "difference", "low", "high", "p", "p_adjusted"]
    names += ["smallest_difference", "p_same"] if is_same else []
    task = answer["task"] if answer["scope"] == ONE_TASK else ""
    row = {"question": answer["question"], "scope": answer["scope"], "task": task, "arm": answer["arm"]}
    return _finding(
        "same" if is_same else answer["question"],
        sentence,
        {name: answer[name] for name in names},
        answer["n"] + answer["n_baseline"],
        "decisions.csv",
        row,
        "two one-sided Welch tests" if is_same else answer["test"],
    )


def _widest(summary: pd.DataFrame) -> dict | None:
    """Says how far apart the runs of one recipe lie, failed ones left out."""
    several = summary[summary["ok_n"] >= 3]
    if not len(several):
        return None
    n_several, scale = len(several), several["metric"].map(factor)
    in_points = several[scale == 100]
    several = in_points if len(in_points) else several
    ranges = several["ok_max"] - several["ok_min"]
    row = several.loc[ranges.idxmax()]
    more = "no less" if np.isclose(ranges, ranges.max(), rtol=1e-9).sum() > 1 else "more"
    low, high = (factor(row["metric"]) * row[name] for name in ("ok_min", "ok_max"))
    text = (
        f"Seeds alone move the {title(row['metric'])} of {row['arm']} on {task_title(row['task'])} from {low:.3g} to "
        f"{high:.3g} among its {row['ok_n']} runs that did not fail"
    )
    if len(several) == len(summary) > 1:
        text += f", {more} than that of any other arm and task"
    elif len(several) > 1:  # a range of two runs says little, and one in other units cannot be compared
        in_unit = " on tasks with scores in points" if len(several) < n_several else ""
        text += f", {more} than in the {len(several) - 1} other pairs of arm and task with 3 such runs{in_unit}"
    text += "."
    numbers = {"lowest": row["ok_min"], "highest": row["ok_max"], "sd": row["ok_sd"]}
    return _finding("range", text, numbers, row["ok_n"], "summary.csv", {"task": row["task"], "arm": row["arm"]})


def _open(decisions: pd.DataFrame, n_claims: int, unsettled: int) -> dict:
    one = decisions[decisions["scope"] == ONE_TASK].drop_duplicates(["task", "arm"])
    runs = f"{one['n'].min()}" if one["n"].min() == one["n"].max() else f"{one['n'].min()} to {one['n'].max()}"
    more = n_claims - MOST_CLAIMS
    more = (
        f" {more} more {'statement stands' if more == 1 else 'statements stand'} in decisions.csv." if more > 0 else ""
    )
    pairs = "comparison" if len(one) == 1 else "comparisons"
    text = (
        f"Nothing is settled in {unsettled} of {len(one)} {pairs} of an arm with the baseline on a task, with {runs} "
        f"runs an arm; that is no evidence that they are the same.{more}"
    )
    if unsettled == 0:
        every = "The one" if len(one) == 1 else f"Each of the {len(one)}"
        text = f"{every} {pairs} of an arm with the baseline on a task settles something.{more}"
    n = int(one["n"].sum() + one["n_baseline"].sum())
    return _finding("open", text, {"open": unsettled, "comparisons": len(one), "level": ALPHA}, n, "decisions.csv", {})


def _unseen_failures(summary: pd.DataFrame) -> dict:
    row = summary.loc[summary["failed_high"].idxmin()]
    share = f"up to {100 * row['failed_high']:.0f} %"
    if (summary["failed"] == summary["n"]).all():
        row = summary.loc[summary["failed_low"].idxmax()]
        share = f"only {100 * row['failed_low']:.0f} %"
    text = (
        f"{row['failed']} failed {'run' if row['failed'] == 1 else 'runs'} of {row['n']}, as of {row['arm']} on "
        f"{task_title(row['task'])}, still {'allows' if row['failed'] == 1 else 'allow'} that {share} "
        "would fail."
    )
    numbers = {"low": row["failed_low"], "high": row["failed_high"]}
    return _finding("failures", text, numbers, row["n"], "summary.csv", {"task": row["task"], "arm": row["arm"]})
