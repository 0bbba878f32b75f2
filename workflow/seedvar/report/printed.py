"""Renders summary.csv and decisions.csv for people: Markdown, LaTeX (booktabs) and HTML.

pandas writes all three (great_tables writes no Markdown); what they say, and what is marked, is decided here.

Marks are those of the one rule (`stats/rule.py`). The papers' own, one-tailed and not corrected, are there on request.

`scores` has the form of Zhang et al. (2021), Tables 1 and 2: a row an arm, a column a task. Scores stand in the unit
of their metric, × 100 where people read them so; where the lower is the better, the table says so. What a table leaves
out is in the CSV.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from seedvar.data.shown import factor, higher_is_better, sign, title
from seedvar.errors import UserError
from seedvar.report.escape import as_html, as_latex, as_markdown
from seedvar.stats import LAYOUTS
from seedvar.stats.published import equivalent_to_best, significantly_better
from seedvar.stats.rule import ALL_TASKS, ONE_TASK, QUESTIONS
from seedvar.stats.settings import ALPHA
from seedvar.stats.verdict import better, p_text
from seedvar.words import SYNTHETIC, task_title

MOST_DECIMALS = 6  # of a mean and its SD, which have more digits in CSV
MOST_OF_A_PAGE = 40  # rows that a page has room for: a longer table in LaTeX may break


class Bold(str):
    """A cell to be set in bold."""


class Layout(NamedTuple):
    """What a table says, before it has a format.

    Attributes:
        name: What it is called.
        header: Names of the columns, no two alike.
        rows: Texts of the cells.
        caption: What the numbers and marks mean.
        texts: So many columns, from the left, have texts and not numbers.
    """

    name: str
    header: list[str]
    rows: list[list[str]]
    caption: str
    texts: int = 1


def render(
    table: pd.DataFrame,
    suffix: str,
    baseline: str | None = None,
    layout: str | None = None,
    decisions: pd.DataFrame | None = None,
    marks: str = "rule",
) -> str:
    """Renders a table.

    Args:
        table: summary.csv or decisions.csv.
        suffix: `.md` or `.tex`.
        baseline: For the papers' marks: the arm that a dagger compares with; without it there are none.
        layout: `scores`, `failures` or `comparisons`; by default scores of summary.csv, comparisons of decisions.csv.
        decisions: For summary.csv: decisions.csv, for its marks; without it there are none.
        marks: `rule`, or `papers` for those of Zhang et al. (2021).

    Raises:
        UserError: Another format is asked for, or a layout that the table is not for.
    """
    formats = {".md": _markdown, ".tex": _latex}
    if suffix not in formats:
        raise UserError(f"--out: a file that ends in '{suffix}' is not accepted; accepted: {', '.join(formats)}")
    return formats[suffix](layout_of(table, layout, decisions, baseline, marks))


def layout_of(
    table: pd.DataFrame,
    name: str | None = None,
    decisions: pd.DataFrame | None = None,
    baseline: str | None = None,
    marks: str = "rule",
) -> Layout:
    """Returns what a table says; arguments as of `render`.

    Raises:
        UserError: A layout is asked for that the table is not for.
    """
    statistic = "decisions" if "question" in table else "summary"
    name = name or _layouts_of(statistic)[0]
    if name not in _layouts_of(statistic):
        accepted = ", ".join(_layouts_of(statistic))
        raise UserError(f"--layout: '{name}' is not accepted for {statistic}.csv; accepted: {accepted}")
    if name == "comparisons":
        return _comparisons(table)
    if name == "failures":
        return _failures(table, decisions)
    return _scores(table, _papers_marks(table, baseline) if marks == "papers" else _marks(table, decisions), decisions)


def _layouts_of(statistic: str) -> list[str]:
    return [name for name, of in LAYOUTS.items() if of[0] == statistic]


def _frame(layout: Layout, escaped: Callable[[str], str], bold: str) -> pd.DataFrame:
    """Returns a table whose texts have a format; `bold` has {} in the place of a text."""
    rows = [
        [bold.format(escaped(cell)) if isinstance(cell, Bold) else escaped(cell) for cell in row] for row in layout.rows
    ]
    return pd.DataFrame(rows, columns=[escaped(name) for name in layout.header], dtype=object)


def _markdown(layout: Layout) -> str:
    sides = ["left"] * layout.texts + ["right"] * (len(layout.header) - layout.texts)
    table = _frame(layout, as_markdown, "**{}**").to_markdown(index=False, disable_numparse=True, colalign=sides)
    return f"{table}\n\n{as_markdown(layout.caption)}\n"


def _latex(layout: Layout) -> str:
    is_long = len(layout.rows) > MOST_OF_A_PAGE
    columns = "l" * layout.texts + "r" * (len(layout.header) - layout.texts)
    text = (
        _frame(layout, _latex_cell, r"\textbf{{{}}}")
        .style.hide(axis="index")
        .to_latex(
            hrules=True,
            column_format=f"@{{}}{columns}@{{}}",
            caption=as_latex(layout.caption),
            label=f"tab:{layout.name}",
            position=None if is_long else "tp",
            position_float=None if is_long else "centering",
            environment="longtable" if is_long else None,
        )
    )
    if is_long:
        return f"{{\\footnotesize\n{text}}}\n"
    return text.replace("\\centering\n", "\\centering\n\\footnotesize\n", 1)


def _latex_cell(text: str) -> str:
    text = as_latex(text)
    # After the end of a row these would be taken for its option.
    return f"{{{text[0]}}}{text[1:]}" if text.startswith(("[", "*")) else text


def as_page(layout: Layout) -> str:
    """Returns a table and its caption as HTML."""
    with pd.option_context("display.max_colwidth", None):
        table = _frame(layout, as_html, "<b>{}</b>").to_html(
            index=False, escape=False, border=0, justify="inherit", classes=f"texts-{layout.texts}"
        )
    return f"<div class='wide'>{table}</div>\n<p class='caption'>{as_html(layout.caption)}</p>\n"


class Marks(NamedTuple):
    """What is marked in a table of scores.

    Attributes:
        bold: For each row, whether it is set in bold.
        sign: For each row, what stands behind its mean and SD.
        failed: For each row, what stands behind its failed runs.
        caption: What that means.
    """

    bold: pd.Series
    sign: pd.Series
    failed: pd.Series
    caption: str


def _marks(table: pd.DataFrame, decisions: pd.DataFrame | None) -> Marks:
    """Marks what the rule settles."""
    plain = pd.Series("", table.index)
    if decisions is None or not len(decisions):
        return Marks(plain != "", plain, plain, "")
    known = {(row["question"], row["task"], row["arm"]): row for row in _rows_of(decisions, ONE_TASK)}
    place = list(zip(table["task"], table["arm"], strict=True))
    mean, failures = (
        pd.Series([better(known[key]) if (key := (name, *where)) in known else 0 for where in place], table.index)
        for name in ("mean", "failures")
    )
    signs = plain.where(mean >= 0, "†")
    return Marks(mean > 0, signs, plain.where(failures == 0, "‡"), _caption(decisions["baseline"].iloc[0]))


def _caption(baseline: str) -> str:
    return (
        f"Bold: the mean of all runs is better than that of {baseline}; †: worse; ‡: they fail more or less often "
        f"(permutation and exact tests, two-sided, p < {_level()} adjusted over all questions of the study)."
    )


def _rows_of(decisions: pd.DataFrame, scope: str) -> list[dict]:
    return decisions[decisions["scope"] == scope].to_dict("records")


def _papers_marks(table: pd.DataFrame, baseline: str | None) -> Marks:
    """Marks what Zhang et al. (2021), Tables 1 and 2, would mark."""
    several = table.groupby("task")["arm"].transform("size") > 1
    upwards = table.assign(mean=table["mean"] * table["metric"].map(sign))  # the higher, the better
    best = several & pd.concat([equivalent_to_best(group) for _, group in upwards.groupby("task")])
    better_than = significantly_better(upwards, baseline)
    up = all(map(higher_is_better, table["metric"]))
    highest = "highest mean and those that it does not exceed" if up else "best mean and those that it does not beat"
    text = (
        f"Marks as in Zhang et al. (2021), which are not this software's: bold, where a task has several arms: the "
        f"{highest} significantly (Student's t-test, pooled variance, one-tailed, p ≥ {_level()}, not corrected for "
        "the number of tests)."
    )
    if baseline is not None:
        higher = "higher" if up else "better"
        text += f" †: mean significantly {higher} than that of {baseline} (the same test, p < {_level()})."
    plain = pd.Series("", table.index)
    return Marks(best, plain.where(~better_than, "†"), plain, text)


def _marked_scores(table: pd.DataFrame, marks: Marks) -> pd.Series:
    """Returns mean and SD of each row as text, with the signs and in bold where they deserve it."""
    texts = []
    for index, row in table.iterrows():
        text = _mean_sd(row["metric"], row["mean"], row["sd"]) + marks.sign[index]
        texts.append(Bold(text) if marks.bold[index] else text)
    return pd.Series(texts, table.index, dtype=object)


def _level() -> str:
    return f"{ALPHA:g}".removeprefix("0")


def _scores(table: pd.DataFrame, marks: Marks, decisions: pd.DataFrame | None) -> Layout:
    by_task = {task: rows.set_index("arm") for task, rows in table.groupby("task", sort=False)}
    firsts = [rows.iloc[0] for rows in by_task.values()]
    header = ["arm"]
    header += [f"{first['task']}, {title(first['metric'])}{_way(first['metric'])}" for first in firsts]
    marked = table.assign(text=_marked_scores(table, marks), sign=marks.failed).set_index(["task", "arm"])

    def cell(task: str, arm: str) -> str:
        row, score = by_task[task].loc[arm], marked.loc[(task, arm), "text"]
        failed = f" ({row['failed']}/{row['n']}{marked.loc[(task, arm), 'sign']})" if row["failed"] else ""
        return type(score)(score + failed)

    rows = _row_an_arm(table, by_task, cell)
    rows.append(["majority", *(score_text(first["metric"], first["majority"]) for first in firsts)])
    about_all = ""
    if len(by_task) > 1:
        header.append("all tasks, failed")
        for row in rows[:-1]:
            row.append(_over_tasks(table, row[0], decisions, bool(marks.caption)))
        rows[-1].append("")
        if marks.caption and decisions is not None:
            about_all = " In the last column the same of all tasks together, by stratified tests."
    splits = " and ".join(table["split"].unique())
    in_points, own = ([f["task"] for f in firsts if (factor(f["metric"]) == 100) is points] for points in (True, False))
    which = ", ".join(map(task_title, dict.fromkeys(in_points)))
    unit = " × 100" if not own else f" (× 100 for {which})" if in_points else ""
    caption = (
        f"Mean ± SD (ddof = 1) of the {splits} score{unit}{_checkpoint(table)} over {_runs(table['n'])} of each task "
        f"and arm, failed ones included; (failed/runs) where runs failed. {marks.caption}{about_all} –: not defined."
        f"{_selected(table)}{_synthetic(by_task)}"
    )
    return Layout("scores", header, rows, caption.replace(".  –", ". –"))


def _row_an_arm(table: pd.DataFrame, by_task: dict[str, pd.DataFrame], cell: Callable[[str, str], str]) -> list[list]:
    """Returns for each arm its name and a text for each task; a dash where it has no run."""
    return [
        [arm, *(cell(task, arm) if arm in of_task.index else "–" for task, of_task in by_task.items())]
        for arm in table["arm"].unique()
    ]


def _selected(table: pd.DataFrame) -> str:
    """Says which arm was chosen where a study selects the best of some (`select`)."""
    if "trained_as" not in table:
        return ""
    chosen = table[table["trained_as"] != table["arm"]]
    return "".join(
        f" {arm} is the best by mean validation score: "
        + ", ".join(f"{task} {trained_as}" for task, trained_as in zip(rows["task"], rows["trained_as"], strict=True))
        + "."
        for arm, rows in chosen.groupby("arm", sort=False)
    )


def _synthetic(tasks) -> str:
    return f" Tasks {SYNTHETIC}… are synthetic." if any(task.startswith(SYNTHETIC) for task in tasks) else ""


def _checkpoint(table: pd.DataFrame) -> str:
    """Says which checkpoint is judged, where it is not the end of training."""
    is_best = "checkpoint" in table and (table["checkpoint"] == "best").all()
    return " at the checkpoint with the best validation score (failed: at the end of training)" if is_best else ""


def _over_tasks(table: pd.DataFrame, arm: str, decisions: pd.DataFrame | None, marked: bool) -> str:
    """Counts the failed runs of an arm on all tasks, with the marks of what the rule settles over them."""
    rows = table[table["arm"] == arm]
    text = f"{rows['failed'].sum()}/{rows['n'].sum()}"
    if decisions is None or not marked:
        return text
    known = {row["question"]: better(row) for row in _rows_of(decisions, ALL_TASKS) if row["arm"] == arm}
    text += ("‡" if known.get("failures") else "") + ("†" if known.get("mean", 0) < 0 else "")
    return Bold(text) if known.get("mean", 0) > 0 else text


def _failures(table: pd.DataFrame, decisions: pd.DataFrame | None) -> Layout:
    by_task = {task: rows.set_index("arm") for task, rows in table.groupby("task", sort=False)}
    several = len(by_task) > 1
    signs, known, baseline = {}, decisions is not None and len(decisions) > 0, None
    if known:
        baseline = decisions["baseline"].iloc[0]
        asked = decisions[decisions["question"] == "failures"].to_dict("records")
        signs = {(row["scope"], row["task"], row["arm"]): "‡" for row in asked if row["settled"]}

    def cell(task: str, arm: str) -> str:
        row = by_task[task].loc[arm]
        interval = f"[{100 * row['failed_low']:.0f}, {100 * row['failed_high']:.0f}]"
        return f"{row['failed']}/{row['n']}{signs.get((ONE_TASK, task, arm), '')} {interval}"

    rows = _row_an_arm(table, by_task, cell)
    settled = {arm for scope, _, arm in signs if scope == ALL_TASKS}
    for row in rows if several else []:
        of_arm = table[table["arm"] == row[0]]
        row.append(f"{of_arm['failed'].sum()}/{of_arm['n'].sum()}{'‡' if row[0] in settled else ''}")
    over_tasks = ", over all tasks stratified" if several else ""
    settles = (
        f" ‡: fails more or less often than {baseline} (exact tests{over_tasks}, two-sided, p < {_level()} adjusted "
        "over all questions of the study)."
    )
    caption = (
        "Failed runs of all runs, and the exact 95 % interval of their share in %. A run has failed if at the end of "
        "training it is no better than the trivial predictor, or by the rule that its study states."
        f"{settles if known else ''}{_synthetic(by_task)}"
    )
    return Layout("failures", ["arm", *by_task, *(["all tasks"] if several else [])], rows, caption)


def _comparisons(table: pd.DataFrame) -> Layout:
    in_points = all(factor(metric) == 100 and higher_is_better(metric) for metric in _metrics(table))
    rows = []
    for scope in (ALL_TASKS, ONE_TASK):
        for _, of_pair in table[table["scope"] == scope].groupby(["task", "arm"], sort=False, dropna=False):
            answers = {row["question"]: row for row in of_pair.to_dict("records")}
            rows.append(_comparison(answers, in_points))
    failures = table[table["question"] == "failures"]
    counts = failures.loc[failures["scope"] == ONE_TASK, ["n", "n_baseline"]]
    over_tasks = ", over all tasks their stratified forms" if (failures["scope"] == ALL_TASKS).any() else ""
    baseline = failures["baseline"].iloc[0] if len(failures) else "the baseline"
    caption = (
        f"Each arm against {baseline}, {_runs(counts.to_numpy().ravel()) if len(counts) else 'no runs'} an arm: failed "
        "runs of both; of the others, which did not fail, the difference of means with Welch's 95 % interval, not "
        "adjusted, and the ratio of SDs; the difference of the means of all runs, failed ones included."
        f"{' Differences are × 100.' if in_points and len(rows) else ''} In parentheses p, two-sided and adjusted over "
        f"all questions of the study (Meinshausen 2008); bold where something is settled (p < {_level()}): by "
        "Boschloo's exact test, permutation tests of Welch's t and, from 10 runs an arm, Brown and Forsythe's"
        f"{over_tasks}. Runs count as independent. –: not defined; no p: not asked."
        f"{_synthetic(task for task in table['task'] if isinstance(task, str))}"
    )
    header = ["task", "arm", "failed", "mean, others [95 %]", "SD ratio, others", "mean, all"]
    return Layout("comparisons", header, rows, caption, texts=2)


def _comparison(answers: dict[str, dict], in_points: bool) -> list[str]:
    """Returns the row of an arm on a task, or over all tasks."""
    first = answers["failures"]
    metric = first["metric"] if first["scope"] == ONE_TASK else ""
    task = first["task"] if metric else f"all {first['tasks']} tasks"
    score = "" if in_points or not metric else f": {_measure(metric)}{_way(metric)}"
    shown = {
        "failures": ", ".join(f"{round(first[f'value{of}'] * first[f'n{of}'])}/{first[f'n{of}']}" for of in OF),
        "quality": _difference(metric, answers["quality"]),
        "spread": "–" if math.isnan(ratio := answers["spread"]["difference"]) else f"{ratio:.2f}",
        "mean": _difference(metric, answers["mean"]),
    }
    return [f"{task}{score}", first["arm"], *(_with_p(shown[question], answers[question]) for question in QUESTIONS)]


OF = ("", "_baseline")  # endings of columns: of the arm, of the baseline


def _metrics(table: pd.DataFrame) -> list[str]:
    return [metric if isinstance(metric, str) else "" for metric in table.loc[table["scope"] == ONE_TASK, "metric"]]


def _difference(metric: str, answer: dict) -> str:
    if math.isnan(answer["difference"]):
        return "–"
    low, high = (score_text(metric, answer[end]) for end in ("low", "high"))
    text = score_text(metric, answer["difference"], "+")
    return text if low == high == "–" else f"{text} {_limits(low, high)}"


def _runs(counts) -> str:
    low, high = min(counts), max(counts)
    return f"{low} to {high} runs" if low < high else f"{low} run{'s' if low != 1 else ''}"


def _limits(low: str, high: str) -> str:
    return "[–]" if low == high == "–" else f"[{low}, {high}]"


def score_text(metric: str, value: float, plus: str = "") -> str:
    """Writes a score or a difference in the unit of its metric: in points to one decimal, else to three digits."""
    if math.isnan(value):
        return "–"
    if factor(metric) == 100:
        text = f"{round(100 * value, 1) + 0.0:{plus}.1f}"  # + 0.0 makes −0 a 0
    else:
        text = f"{value:{plus}.3g}" if abs(value) < 999.5 else f"{value:{plus},.0f}"
    return text.replace("-", "\N{MINUS SIGN}")


def _mean_sd(metric: str, mean: float, sd: float) -> str:
    """Writes both to the same decimal: in points to the first, else to the SD's second digit."""
    decimals = 1 - int(f"{sd:.1e}".partition("e")[2]) if sd > 0 and factor(metric) != 100 else math.inf
    if math.isnan(mean) or decimals > MOST_DECIMALS:
        return "–" if math.isnan(mean) else f"{score_text(metric, mean)} ± {score_text(metric, sd)}"
    texts = (f"{value:,.{max(0, decimals)}f}" for value in (mean, sd))
    return " ± ".join(texts).replace("-", "\N{MINUS SIGN}")


def _measure(metric: str) -> str:
    return f"{title(metric)} × 100" if factor(metric) == 100 else title(metric)


def _way(metric: str) -> str:
    """Says which way is better where that is not up."""
    return "" if higher_is_better(metric) else ", lower is better"


def _with_p(text: str, answer: dict) -> str:
    p = p_text(answer["p_adjusted"])
    text = text if p == "–" else f"{text} ({p})"
    return Bold(text) if answer["settled"] else text
