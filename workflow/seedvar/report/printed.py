"""Renders summary.csv and decisions.csv for people: Markdown, LaTeX (booktabs) and HTML.

Marks are those of the one rule (`stats/rule.py`). The papers' own, one-tailed and not corrected, are there on request.

`scores` has the form of Zhang et al. (2021), Tables 1 and 2: a row an arm, a column a task. Scores stand in the unit
of their metric, × 100 where people read them so; where the lower is the better, the table says so.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import pandas as pd

from seedvar.data.shown import factor, higher_is_better, score_label, sign, title
from seedvar.errors import UserError
from seedvar.report.escape import as_html, as_latex, as_markdown
from seedvar.stats import LAYOUTS
from seedvar.stats.published import equivalent_to_best, significantly_better
from seedvar.stats.rule import ALL_TASKS, ONE_TASK
from seedvar.stats.settings import ALPHA
from seedvar.stats.verdict import better, p_text, verdicts
from seedvar.words import all_titles, task_title

STYLE = """<meta charset="utf-8">
<style>
body { font: 14px sans-serif; margin: 1em; }
table { border-collapse: collapse; }
th, td { padding: .3em .6em; text-align: right; border-bottom: 1px solid #ddd; }
.text { text-align: left; }
p, ul { max-width: 60em; }
</style>
"""


class Bold(str):
    """A cell to be set in bold."""


class Layout(NamedTuple):
    """What a table says, before it has a format.

    Attributes:
        header: Names of the columns.
        rows: Texts of the cells.
        caption: What the numbers and marks mean.
        remarks: A sentence on each row; not in LaTeX, whose tables go into papers.
        texts: So many columns, from the left, have texts and not numbers.
    """

    header: list[str]
    rows: list[list[str]]
    caption: str
    remarks: list[str]
    texts: int = 2


def render(
    table: pd.DataFrame,
    suffix: str,
    baseline: str | None = None,
    layout: str | None = None,
    decisions: pd.DataFrame | None = None,
    marks: str = "rule",
    loss_slack: float = 0.0,
) -> str:
    """Renders a table.

    Args:
        table: summary.csv or decisions.csv.
        suffix: `.md`, `.tex` or `.html`.
        baseline: For the papers' marks: the arm that a dagger compares with; without it there are none.
        layout: `scores`, `summary` or `comparisons`; by default the table's own.
        decisions: For summary.csv: decisions.csv, for its marks; without it there are none.
        marks: `rule`, or `papers` for those of Zhang et al. (2021).
        loss_slack: For summary.csv: the slack that runs were judged with by their training loss.

    Raises:
        UserError: Another format is asked for, or a layout that the table is not for.
    """
    formats = {".md": _markdown, ".tex": _latex, ".html": _html}
    if suffix not in formats:
        raise UserError(f"--out: a file that ends in '{suffix}' is not accepted; accepted: {', '.join(formats)}")
    statistic = "decisions" if "question" in table else "summary"
    layout = layout or ("comparisons" if statistic == "decisions" else "summary")
    if LAYOUTS[layout][0] != statistic:
        raise UserError(f"--layout: '{layout}' is not accepted for {statistic}.csv; accepted: {_layouts_of(statistic)}")
    if layout == "comparisons":
        return formats[suffix](_comparisons(table))
    marked = _papers_marks(table, baseline) if marks == "papers" else _marks(table, decisions)
    if layout == "scores":
        return formats[suffix](_scores(table, marked, decisions))
    return formats[suffix](_summary(table, marked, decisions, loss_slack))


def _layouts_of(statistic: str) -> str:
    return ", ".join(name for name, of in LAYOUTS.items() if of[0] == statistic)


def _markdown(layout: Layout) -> str:
    def line(cells: list[str]) -> str:
        texts = map(as_markdown, cells)
        marked = (f"**{text}**" if isinstance(cell, Bold) else text for cell, text in zip(cells, texts, strict=True))
        return "| " + " | ".join(marked) + " |\n"

    rule = f"| {' | '.join(['---'] * len(layout.header))} |\n"
    table = "".join([line(layout.header), rule, *map(line, layout.rows)])
    remarks = "".join(f"- {as_markdown(remark)}\n" for remark in layout.remarks)
    return f"{table}\n{as_markdown(layout.caption)}\n" + (f"\n{remarks}" if remarks else "")


def _latex(layout: Layout) -> str:
    def line(cells: list[str]) -> str:
        texts = map(as_latex, cells)
        marked = (
            rf"\textbf{{{text}}}" if isinstance(cell, Bold) else text for cell, text in zip(cells, texts, strict=True)
        )
        row = " & ".join(marked)
        if row.startswith(("[", "*")):  # after the end of a row, it would be taken for its option
            row = f"{{{row[0]}}}{row[1:]}"
        return f"{row} \\\\\n"

    columns = "l" * layout.texts + "r" * (len(layout.header) - layout.texts)
    body = "".join(map(line, layout.rows))
    table = f"\\begin{{tabular}}{{{columns}}}\n\\toprule\n{line(layout.header)}\\midrule\n{body}\\bottomrule\n"
    return f"{table}\\end{{tabular}}\n\n\\smallskip\n{{\\footnotesize {as_latex(layout.caption)}\\par}}\n"


def _html(layout: Layout) -> str:
    def line(cells: list[str], tag: str) -> str:
        texts = [f"<b>{as_html(cell)}</b>" if isinstance(cell, Bold) else as_html(cell) for cell in cells]
        left = "".join(f'<{tag} class="text">{text}</{tag}>' for text in texts[: layout.texts])
        return f"<tr>{left}" + "".join(f"<{tag}>{text}</{tag}>" for text in texts[layout.texts :]) + "</tr>\n"

    body = "".join(line(row, "td") for row in layout.rows)
    table = f"<table>\n<thead>\n{line(layout.header, 'th')}</thead>\n<tbody>\n{body}</tbody>\n</table>\n"
    remarks = "".join(f"<li>{as_html(remark)}</li>\n" for remark in layout.remarks)
    return f"{STYLE}{table}<p>{as_html(layout.caption)}</p>\n" + (f"<ul>\n{remarks}</ul>\n" if remarks else "")


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
    header += [f"{task_title(first['task'])}, {title(first['metric'])}{_way(first['metric'])}" for first in firsts]
    marked = table.assign(text=_marked_scores(table, marks), sign=marks.failed).set_index(["task", "arm"])
    rows = []
    for arm in table["arm"].unique():
        rows.append([arm])
        for task, of_task in by_task.items():
            if arm not in of_task.index:
                rows[-1].append("–")
                continue
            row, score = of_task.loc[arm], marked.loc[(task, arm), "text"]
            failed = f" ({row['failed']}/{row['n']}{marked.loc[(task, arm), 'sign']})" if row["failed"] else ""
            rows[-1].append(type(score)(score + failed))
    rows.append(["majority", *(_score(first["metric"], first["majority"]) for first in firsts)])
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
    unit = " × 100" if not own else f" (× 100 for {all_titles(in_points)})" if in_points else ""
    caption = (
        f"Mean ± SD (ddof = 1) of the {splits} score{unit}{_checkpoint(table)} over {_runs(table['n'])} of each task "
        f"and arm, failed ones included; (failed/runs) where runs failed. {marks.caption}{about_all} –: not defined."
    )
    return Layout(header, rows, caption.replace(".  –", ". –"), [], texts=1)


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


def _summary(table: pd.DataFrame, marks: Marks, decisions: pd.DataFrame | None, loss_slack: float = 0.0) -> Layout:
    header = ["task and score", "arm", "failed [95 %]", "mean ± SD", "mean: 95 %", "median", "IQM", "range", "majority"]
    header += ["mean ± SD without failed runs", "that mean: 95 %", "that SD: 95 %"]
    marked = _marked_scores(table, marks)
    by_loss = (table["rules_disagree"] > 0).any()
    rows = []
    for index, row in table.iterrows():
        metric = row["metric"]
        mean, ok_mean, ok_sd = (
            _limits(*(_score(metric, row[f"{name}_{end}"]) for end in ("low", "high")))
            for name in ("mean", "ok_mean", "ok_sd")
        )
        rows.append(
            [
                f"{task_title(row['task'])}: {score_label(metric, row['split'])}",
                row["arm"],
                f"{row['failed']}/{row['n']}{marks.failed[index]} [{row['failed_low']:.2f}, {row['failed_high']:.2f}]",
                marked[index],
                mean,
                *(_score(metric, row[name]) for name in ("median", "iqm")),
                "–" if math.isnan(row["min"]) else f"{_score(metric, row['min'])} to {_score(metric, row['max'])}",
                _score(metric, row["majority"]),
                f"{_mean_sd(metric, row['ok_mean'], row['ok_sd'])} (n = {row['ok_n']})",
                *(ok_mean, ok_sd),
            ]
        )
        if by_loss:
            rows[-1].insert(3, f"{_count(row['failed_by_loss'])}/{row['n']} ({_count(row['rules_disagree'])})")
    if by_loss:
        header.insert(3, "failed by training loss (rules disagree)")
    caption = (
        f"{_runs(table['n'])} a task and arm{_checkpoint(table)}. Failed runs with the exact 95 % interval of their "
        "share; mean and SD (ddof = 1) of all runs, failed ones included, with an interval of that mean that allows "
        "for failures that were not seen; mean and SD without failed runs with Student's and Bonett's intervals, for "
        "scores with one mode. "
        f"{marks.caption} –: not defined."
    )
    if by_loss and loss_slack:
        caption += f" Failed by training loss: from {100 * (1 - loss_slack):.10g} % of a constant prediction's on."
    return Layout(header, rows, caption.replace(".  –", ". –"), [])


def _comparisons(table: pd.DataFrame) -> Layout:
    in_points = all(factor(metric) == 100 for metric in _metrics(table))  # so the header says it once
    unit = " × 100" if in_points else ""
    header = ["task", "arm against baseline", "failed", "p", f"mean without failed runs{unit} [95 %]", "p"]
    header += ["SD ratio without failed runs [95 %]", "p", f"mean of all runs{unit}", "p"]
    words = verdicts(table)
    rows, remarks = [], []
    for _, said in words.iterrows():
        whole = said["task"] == ""
        mine = (table["arm"] == said["arm"]) & (table["scope"] == (ALL_TASKS if whole else ONE_TASK))
        if not whole:
            mine &= table["task"] == said["task"]
        answers = {row["question"]: row for row in table[mine].to_dict("records")}
        first = answers["failures"]
        metric = first["metric"] if not whole else ""
        score = "" if whole or (in_points and higher_is_better(metric)) else f": {_measure(metric)}{_way(metric)}"
        task = f"all {first['tasks']} tasks" if whole else task_title(said["task"])
        failed, failed_baseline = (
            f"{round(first[value] * first[n])}/{first[n]}"
            for value, n in (("value", "n"), ("value_baseline", "n_baseline"))
        )
        row = [f"{task}{score}", f"{said['arm']} against {first['baseline']}", f"{failed} against {failed_baseline}"]
        row += [_p(first), _difference(metric, answers["quality"]), _p(answers["quality"])]
        row += [_ratio(answers["spread"]), _p(answers["spread"])]
        row += [_difference(metric, answers["mean"]), _p(answers["mean"])]
        rows.append(row)
        remarks.append(f"{task}: {said['verdict']}")
    counts = table.loc[(table["question"] == "failures") & (table["scope"] == ONE_TASK), ["n", "n_baseline"]]
    runs = _runs(counts.to_numpy().ravel()) if len(counts) else "No runs"
    caption = (
        f"{runs} an arm. Differences and ratios are of the arm and the baseline. p-values are two-sided and adjusted "
        f"over all questions of this table (see docs/statistics.md, decisions.csv), so that the chance of any false "
        f"claim is at most {100 * ALPHA:g} %; bold where settled. Boschloo's exact test for failures, a permutation "
        "test of Welch's t for means, Brown-Forsythe's for spread, from 10 runs an arm; over all tasks their "
        "stratified forms. 95 % intervals, not adjusted: Welch's, and Bonett's for SDs. Runs count as independent; "
        "where they share an initialisation or order seed (crossed seeds), p-values are too small. –: not defined or "
        "not asked."
    )
    return Layout(header, rows, caption, remarks)


OF = ("", "_baseline")  # endings of columns: of the arm, of the baseline


def _metrics(table: pd.DataFrame) -> list[str]:
    return [metric if isinstance(metric, str) else "" for metric in table.loc[table["scope"] == ONE_TASK, "metric"]]


def _difference(metric: str, answer: dict) -> str:
    if math.isnan(answer["difference"]):
        return "–"
    low, high = (_score(metric, answer[end]) for end in ("low", "high"))
    text = _score(metric, answer["difference"], "+")
    return text if low == high == "–" else f"{text} {_limits(low, high)}"


def _ratio(answer: dict) -> str:
    if math.isnan(answer["difference"]):
        return "–"
    limits = "" if math.isnan(answer["low"]) else f" [{answer['low']:.2f}, {answer['high']:.2f}]"
    return f"{answer['difference']:.2f}{limits}"


def _runs(counts) -> str:
    low, high = min(counts), max(counts)
    return f"{low} to {high} runs" if low < high else f"{low} run{'s' if low != 1 else ''}"


def _limits(low: str, high: str) -> str:
    return "[–]" if low == high == "–" else f"[{low}, {high}]"


def _count(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.0f}"


def _score(metric: str, value: float, plus: str = "") -> str:
    """Writes a score or a difference in the unit of its metric: in points to one decimal, else to three digits."""
    if math.isnan(value):
        return "–"
    if factor(metric) == 100:
        return f"{100 * value:{plus}.1f}"
    return f"{value:{plus}.3g}" if abs(value) < 999.5 else f"{value:{plus},.0f}"


def _mean_sd(metric: str, mean: float, sd: float) -> str:
    return "–" if math.isnan(mean) else f"{_score(metric, mean)} ± {_score(metric, sd)}"


def _measure(metric: str) -> str:
    return f"{title(metric)} × 100" if factor(metric) == 100 else title(metric)


def _way(metric: str) -> str:
    """Says which way is better where that is not up."""
    return "" if higher_is_better(metric) else ", lower is better"


def _p(answer: dict) -> str:
    text = p_text(answer["p_adjusted"])
    return Bold(text) if answer["settled"] else text
