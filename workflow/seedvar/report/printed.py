"""Renders summary.csv and comparisons.csv for people: Markdown, LaTeX (booktabs) and HTML.

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
from seedvar.stats.settings import ALPHA, RESAMPLES
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


def render(table: pd.DataFrame, suffix: str, baseline: str | None = None, layout: str | None = None) -> str:
    """Renders a table.

    Args:
        table: summary.csv or comparisons.csv.
        suffix: `.md`, `.tex` or `.html`.
        baseline: For summary.csv: the arm that a dagger compares with; without it there are none.
        layout: `scores`, `summary` or `comparisons`; by default the table's own.

    Raises:
        UserError: Another format is asked for, or a layout that the table is not for.
    """
    formats = {".md": _markdown, ".tex": _latex, ".html": _html}
    if suffix not in formats:
        raise UserError(f"--out: a file that ends in '{suffix}' is not accepted; accepted: {', '.join(formats)}")
    statistic = "comparisons" if "baseline" in table else "summary"
    layout = layout or statistic
    if LAYOUTS[layout] != statistic:
        raise UserError(f"--layout: '{layout}' is not accepted for {statistic}.csv; accepted: {_layouts_of(statistic)}")
    if layout == "comparisons":
        return formats[suffix](_comparisons(table))
    return formats[suffix]((_scores if layout == "scores" else _summary)(table, baseline))


def _layouts_of(statistic: str) -> str:
    return ", ".join(name for name, of in LAYOUTS.items() if of == statistic)


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


def _marked_scores(table: pd.DataFrame, baseline: str | None) -> pd.Series:
    """Returns mean and SD of each row as text, with a dagger and in bold where they deserve it."""
    several = table.groupby("task")["arm"].transform("size") > 1
    upwards = table.assign(mean=table["mean"] * table["metric"].map(sign))  # the higher, the better
    best = several & pd.concat([equivalent_to_best(group) for _, group in upwards.groupby("task")])
    better = significantly_better(upwards, baseline)
    texts = []
    for index, row in table.iterrows():
        text = _mean_sd(row["metric"], row["mean"], row["sd"]) + ("†" if better[index] else "")
        texts.append(Bold(text) if best[index] else text)
    return pd.Series(texts, table.index, dtype=object)


def _marks(table: pd.DataFrame, baseline: str | None) -> str:
    """Explains bold type and dagger."""
    up = all(map(higher_is_better, table["metric"]))
    best = "highest mean and those that it does not exceed" if up else "best mean and those that it does not beat"
    text = (
        f"Bold, where a task has several arms: the {best} significantly "
        f"(Student's t-test, pooled variance, one-tailed, p ≥ {_level()}, not corrected for the number of tests)."
    )
    if baseline is not None:
        better = "higher" if up else "better"
        text += f" †: mean significantly {better} than that of {baseline} (the same test, p < {_level()})."
    return text


def _level() -> str:
    return f"{ALPHA:g}".removeprefix("0")


def _scores(table: pd.DataFrame, baseline: str | None) -> Layout:
    by_task = {task: rows.set_index("arm") for task, rows in table.groupby("task", sort=False)}
    firsts = [rows.iloc[0] for rows in by_task.values()]
    header = ["arm"]
    header += [f"{task_title(first['task'])}, {title(first['metric'])}{_way(first['metric'])}" for first in firsts]
    marked = table.assign(text=_marked_scores(table, baseline)).set_index(["task", "arm"])["text"]
    rows = []
    for arm in table["arm"].unique():
        rows.append([arm])
        for task, of_task in by_task.items():
            if arm not in of_task.index:
                rows[-1].append("–")
                continue
            row, score = of_task.loc[arm], marked[task, arm]
            failed = f" ({row['failed']}/{row['n']})" if row["failed"] else ""
            rows[-1].append(type(score)(score + failed))
    rows.append(["majority", *(_score(first["metric"], first["majority"]) for first in firsts)])
    splits = " and ".join(table["split"].unique())
    in_points, own = ([f["task"] for f in firsts if (factor(f["metric"]) == 100) is points] for points in (True, False))
    unit = " × 100" if not own else f" (× 100 for {all_titles(in_points)})" if in_points else ""
    caption = (
        f"Mean ± SD (ddof = 1) of the {splits} score{unit} over {_runs(table['n'])} of each task and arm, failed ones "
        f"included; (failed/runs) where runs failed. {_marks(table, baseline)} –: not defined."
    )
    return Layout(header, rows, caption, [], texts=1)


def _summary(table: pd.DataFrame, baseline: str | None) -> Layout:
    header = ["task and score", "arm", "failed [95 %]", "mean ± SD", "mean: 95 %", "SD: 95 %", "median", "IQM", "range"]
    header += ["majority", "mean ± SD without failed runs"]
    marked = _marked_scores(table, baseline)
    by_loss = (table["rules_disagree"] > 0).any()
    rows = []
    for index, row in table.iterrows():
        metric = row["metric"]
        rows.append(
            [
                f"{task_title(row['task'])}: {score_label(metric, row['split'])}",
                row["arm"],
                f"{row['failed']}/{row['n']} [{row['failed_low']:.2f}, {row['failed_high']:.2f}]",
                marked[index],
                *(
                    _limits(*(_score(metric, row[f"{name}_{end}"]) for end in ("low", "high")))
                    for name in ("mean", "sd")
                ),
                *(_score(metric, row[name]) for name in ("median", "iqm")),
                "–" if math.isnan(row["min"]) else f"{_score(metric, row['min'])} to {_score(metric, row['max'])}",
                _score(metric, row["majority"]),
                f"{_mean_sd(metric, row['ok_mean'], row['ok_sd'])} (n = {row['ok_n']})",
            ]
        )
        if by_loss:
            rows[-1].insert(3, f"{_count(row['failed_by_loss'])}/{row['n']} ({_count(row['rules_disagree'])})")
    if by_loss:
        header.insert(3, "failed by training loss (rules disagree)")
    caption = (
        f"{_runs(table['n'])} a task and arm. Failed runs with the 95 % Wilson interval of their share; mean and SD "
        f"(ddof = 1) of all runs, failed ones included, with 95 % BCa bootstrap intervals ({RESAMPLES:,} resamples; "
        f"too narrow with fewer than about 20 runs). {_marks(table, baseline)} –: not defined."
    )
    return Layout(header, rows, caption, [])


def _comparisons(table: pd.DataFrame) -> Layout:
    metrics = table["metric"] if "metric" in table else pd.Series("", table.index)
    in_points = all(factor(metric) == 100 for metric in metrics)  # so the header says it once
    up = all(map(higher_is_better, metrics))
    unit = " × 100" if in_points else ""
    header = ["task", "arm against baseline", f"difference of means{unit} [95 %]", "Welch p", "A12 [95 %]"]
    header += ["Mann-Whitney p", "failed", "Fisher p", "SD ratio [95 %]", "Brown-Forsythe p"]
    header += ["SD ratio without failed runs [95 %]", "Brown-Forsythe p without failed runs"]
    rows, remarks = [], []
    for row, metric in zip(table.to_dict("records"), metrics, strict=True):
        difference = _score(metric, row["mean_difference"], "+")
        low, high = (_score(metric, row[f"mean_difference_{end}"]) for end in ("low", "high"))
        score = "" if in_points and up else f": {_measure(metric)}{_way(metric)}"
        rows.append(
            [
                f"{task_title(row['task'])}{score}",
                f"{row['arm']} against {row['baseline']}",
                f"{difference} {_limits(low, high)}",
                _p(row["welch_p_holm"]),
                _interval(row, "a12"),
                _p(row["mann_whitney_p_holm"]),
                f"{row['failed']}/{row['n']} against {row['failed_baseline']}/{row['n_baseline']}",
                _p(row["fisher_p_holm"]),
                _interval(row, "sd_ratio"),
                _p(row["brown_forsythe_p_holm"]),
                _interval(row, "ok_sd_ratio"),
                _p(row["ok_brown_forsythe_p_holm"]),
            ]
        )
        remarks.append(f"{task_title(row['task'])}: {row['verdict']}")
        if isinstance(row["improvement_verdict"], str):
            chance = f"{_interval(row, 'improvement')} over {row['n_pairs']} pairs"
            remarks[-1] += f" Probability of improvement {chance}: {row['improvement_verdict']}."
    runs = _runs([*table["n"], *table["n_baseline"]]) if len(table) else "No runs"
    caption = (
        f"{runs} an arm. All tests are two-sided; their p-values are adjusted by Holm's procedure over all rows of "
        f"this table, test by test, and bold below {_level()}. 95 % intervals, not adjusted: Welch's for the "
        "difference of means; Wilson's with the variance of DeLong for A12, the chance that a run of the arm scores "
        f"{'higher' if up else 'better'} than one of the baseline; bootstrap percentiles ({RESAMPLES:,} resamples) for "
        "the ratio of SDs, arm / baseline. Runs "
        "count as independent; where they share an initialisation or order seed (crossed seeds), p-values are too "
        "small. –: not defined."
    )
    return Layout(header, rows, caption, remarks)


def _runs(counts) -> str:
    low, high = min(counts), max(counts)
    return f"{low} to {high} runs" if low < high else f"{low} run{'s' if low != 1 else ''}"


def _interval(row: dict, name: str) -> str:
    value, low, high = (_number(row[f"{name}{end}"]) for end in ("", "_low", "_high"))
    return "–" if value == "–" else f"{value} {_limits(low, high)}"


def _limits(low: str, high: str) -> str:
    return "[–]" if low == high == "–" else f"[{low}, {high}]"


def _number(value: float) -> str:
    return "–" if math.isnan(value) else "∞" if math.isinf(value) else f"{value:.2f}"


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


def _p(value: float) -> str:
    if math.isnan(value):
        return "–"
    text = f"{value:.3f}" if value >= 0.001 else f"{value:.0e}"
    return Bold(text) if value < ALPHA else text
