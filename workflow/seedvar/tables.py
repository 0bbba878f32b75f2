"""Renders summary.csv and comparisons.csv for people: Markdown, LaTeX (booktabs) and HTML."""

from __future__ import annotations

import math

import pandas as pd

from seedvar.errors import UserError
from seedvar.figures import METRIC_NAMES, task_title

STYLE = """<meta charset="utf-8">
<style>
body { font: 14px sans-serif; margin: 1em; }
table { border-collapse: collapse; }
th, td { padding: .3em .6em; text-align: right; border-bottom: 1px solid #ddd; }
th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left; }
</style>
"""


def render(table: pd.DataFrame, suffix: str) -> str:
    """Renders a table.

    Args:
        table: summary.csv or comparisons.csv.
        suffix: `.md`, `.tex` or `.html`.

    Raises:
        UserError: Another format is asked for.
    """
    header, rows = _comparisons(table) if "baseline" in table else _summary(table)
    if suffix == ".md":
        lines = [header, ["---"] * len(header), *rows]
        return "".join("| " + " | ".join(line) + " |\n" for line in lines)
    if suffix == ".tex":
        body = "".join(" & ".join(map(_tex, row)) + r" \\" + "\n" for row in rows)
        head = " & ".join(map(_tex, header)) + r" \\"
        columns = "ll" + "r" * (len(header) - 2)
        return f"\\begin{{tabular}}{{{columns}}}\n\\toprule\n{head}\n\\midrule\n{body}\\bottomrule\n\\end{{tabular}}\n"
    if suffix == ".html":
        return STYLE + pd.DataFrame(rows, columns=header).to_html(index=False, border=0)
    raise UserError(f"--out: a file that ends in '{suffix}' is not accepted; accepted: .md, .tex, .html")


def _summary(table: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    header = ["task and score", "arm", "failed [95 % Wilson]", "mean ± SD", "median", "IQM", "min", "max"]
    header += ["majority", "mean ± SD of the runs that did not fail"]
    rows = []
    for row in table.to_dict("records"):
        rows.append(
            [
                f"{task_title(row['task'])}: {row['split']} {METRIC_NAMES.get(row['metric'], row['metric'])} × 100",
                row["arm"],
                f"{row['failed']}/{row['n']} [{row['failed_low']:.2f}, {row['failed_high']:.2f}]",
                _mean_sd(row["mean"], row["sd"]),
                *(_percent(row[name]) for name in ("median", "iqm", "min", "max", "majority")),
                f"{_mean_sd(row['ok_mean'], row['ok_sd'])} (n = {row['ok_n']})",
            ]
        )
    return header, rows


def _comparisons(table: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    header = [
        "task",
        "arm against baseline",
        "difference of means × 100 [95 %]",
        "Welch p (Holm)",
        "A12",
        "Mann-Whitney p (Holm)",
    ]
    header += ["failed", "Fisher p (Holm)", "SD ratio [95 %]", "Brown-Forsythe p (Holm)"]
    rows = []
    for row in table.to_dict("records"):
        low, high = row["mean_difference_low"], row["mean_difference_high"]
        rows.append(
            [
                task_title(row["task"]),
                f"{row['arm']} against {row['baseline']}",
                f"{100 * row['mean_difference']:+.1f} [{_percent(low)}, {_percent(high)}]",
                _p(row["welch_p_holm"]),
                f"{row['a12']:.2f}",
                _p(row["mann_whitney_p_holm"]),
                f"{row['failed']}/{row['n']} against {row['failed_baseline']}/{row['n_baseline']}",
                _p(row["fisher_p_holm"]),
                f"{_number(row['sd_ratio'])} [{_number(row['sd_ratio_low'])}, {_number(row['sd_ratio_high'])}]",
                _p(row["brown_forsythe_p_holm"]),
            ]
        )
    return header, rows


def _number(value: float) -> str:
    return "–" if math.isnan(value) else "∞" if math.isinf(value) else f"{value:.2f}"


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.1f}"


def _mean_sd(mean: float, sd: float) -> str:
    return "–" if math.isnan(mean) else f"{_percent(mean)} ± {_percent(sd)}"


def _p(value: float) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:.3f}" if value >= 0.001 else f"{value:.0e}"


def _tex(text: str) -> str:
    for character, command in (
        ("%", r"\%"),
        ("×", r"$\times$"),
        ("ρ", r"$\rho$"),
        ("_", r"\_"),
        ("±", r"$\pm$"),
        ("∞", r"$\infty$"),
        ("–", "--"),
    ):
        text = text.replace(character, command)
    return text
