"""Tables for people, from small tables with known numbers."""

import io
import re
import shutil
import subprocess

import pandas as pd
import pytest

from seedvar.errors import UserError
from seedvar.report.printed import as_page, layout_of, render
from seedvar.stats import LAYOUTS
from seedvar.stats.describe import summarise
from seedvar.stats.rule import decide

pytestmark = pytest.mark.filterwarnings("error")


def table_of(scores_by_arm, task="rte", **columns):
    rows = [
        {"task": task, "arm": arm, "init_seed": seed, "order_seed": seed, "score": score, "degenerate": score <= 0.5}
        for arm, scores in scores_by_arm.items()
        for seed, score in enumerate(scores)
    ]
    return pd.DataFrame(rows).assign(metric="accuracy", split="test", majority=0.5, **columns)


RUNS = table_of({"adamw": [0.7, 0.72, 0.74], "bert_adam": [0.5, 0.5, 0.5]})


def rows_of(page):
    """The rows of a table in Markdown as lists of cells, the header first; and its caption."""
    lines = page.splitlines()
    end = lines.index("")
    assert len(lines) == end + 2  # below the table stands a caption of one paragraph, and nothing else
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[:end]]
    assert len({len(row) for row in table}) == 1
    return [table[0], *table[2:]], lines[end + 1]


def shown(table, layout=None, **options):
    return rows_of(render(table, ".md", layout=layout, **options))


def test_marks_are_those_of_the_rule():
    scores = {
        "base": [0.6 + i / 1000 for i in range(10)],
        "better": [0.8 + i / 1000 for i in range(10)],
        "worse": [0.55 + i / 1000 for i in range(10)],
        "alike": [0.6 + i / 1001 for i in range(10)],
        "fails": [0.5] * 9 + [0.6],
    }
    runs = table_of(scores)
    rows, caption = shown(summarise(runs), "scores", decisions=decide(runs, "base"))
    found = dict(rows[1:6])
    assert found["better"] == "**80.5 ± 0.3**"
    assert found["worse"] == "55.5 ± 0.3†"
    assert (found["alike"], found["base"]) == ("60.4 ± 0.3", "60.5 ± 0.3")
    assert found["fails"] == "51.0 ± 3.2† (9/10‡)"
    assert (
        "Bold: the mean of all runs is better than that of base; †: worse; ‡: they fail more or less often" in caption
    )
    rows, caption = shown(summarise(runs), "failures", decisions=decide(runs, "base"))
    found = dict(rows[1:])
    assert found["fails"] == "9/10‡ [55, 100]"
    assert found["worse"] == "0/10 [0, 31]"
    assert "‡: fails more or less often than base (exact tests, two-sided, p < .05 adjusted over all" in caption


def test_the_papers_marks_are_there_on_request_and_called_theirs():
    scores = {"best": [0.8, 0.82, 0.84], "close": [0.79, 0.82, 0.83], "far": [0.6, 0.62, 0.64]}
    rows, caption = shown(summarise(table_of(scores)), baseline="far", marks="papers")
    assert dict(rows[1:4]) == {"best": "**82.0 ± 2.0†**", "close": "**81.3 ± 2.1†**", "far": "62.0 ± 2.0"}
    assert "Marks as in Zhang et al. (2021), which are not this software's: bold" in caption
    assert "Student's t-test, pooled variance, one-tailed, p ≥ .05, not corrected" in caption
    assert "†: mean significantly higher than that of far" in caption


def test_a_task_with_one_arm_has_no_best():
    assert "**" not in render(summarise(table_of({"adamw": [0.7, 0.72]})), ".md", marks="papers")


def test_what_is_not_defined_is_a_dash():
    one = table_of({"adamw": [0.7]})
    assert shown(summarise(one))[0][1] == ["adamw", "70.0 ± –"]
    two = table_of({"a": [float("nan"), 0.7]}).assign(majority=float("nan"))
    rows, caption = shown(summarise(two))
    assert rows[1:] == [["a", "– (1/2)"], ["majority", "–"]]
    assert "–: not defined." in caption


def test_unequal_numbers_of_seeds_are_said():
    assert "over 2 to 3 runs of each" in render(summarise(table_of({"a": [0.6, 0.7], "b": [0.6, 0.7, 0.8]})), ".md")


def test_a_comparison_is_a_row_of_six_columns_with_a_true_minus():
    (header, row), caption = shown(decide(RUNS, "adamw"))
    assert header == ["task", "arm", "failed", "mean, others [95 %]", "SD ratio, others", "mean, all"]
    assert row == ["rte", "bert_adam", "3/3, 0/3 (.062)", "–", "–", "−22.0 (.100)"]
    assert caption.startswith("Each arm against adamw, 3 runs an arm: failed runs of both")
    assert "two-sided and adjusted over all questions of the study" in caption
    assert "Differences are × 100." in caption
    assert "-22" not in caption + str(row)


def test_what_is_settled_is_bold_and_what_was_not_asked_has_no_p():
    apart = {"a": [0.7, 0.71, 0.72, 0.73, 0.74, 0.75], "b": [0.8, 0.81, 0.82, 0.83, 0.84, 0.85]}
    (_, row), _ = shown(decide(table_of(apart), "a"))
    assert row[2] == "0/6, 0/6 (1)"  # of no failure
    assert re.fullmatch(r"\*\*\+10\.0 \[7\.\d, 12\.\d\] \(\.004\)\*\*", row[3])
    assert row[4] == "1.00"
    assert row[5] == row[3]  # without failed runs it is the same question


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.0498, ".0498"), (0.04996, ".04996"), (0.0502, ".050"), (0.0512, ".051"), (8e-7, "< .001"), (0.9997, "1")],
)
def test_a_p_value_is_rounded_by_one_rule_and_never_across_the_level(p, text):
    decisions = decide(RUNS, "adamw")
    decisions["p_adjusted"] = p
    assert shown(decisions)[0][1][2].strip("*") == f"3/3, 0/3 ({text})"


def test_comparisons_without_a_row_are_an_empty_table():
    rows, caption = shown(decide(table_of({"a": [0.7, 0.72]}), "a"))
    assert len(rows) == 1
    assert "no runs an arm" in caption


@pytest.mark.parametrize("suffix", [".md", ".tex"])
@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_a_table_read_from_a_file_is_rendered_the_same(layout, suffix):
    runs = pd.concat([RUNS, table_of({"adamw": [0.7], "bert_adam": [0.6, 0.61]}, "cola")])
    made = {"summary": summarise(runs), "decisions": decide(runs, "adamw")}
    read = {name: pd.read_csv(io.StringIO(table.to_csv(index=False))) for name, table in made.items()}
    pages = [
        render(tables[LAYOUTS[layout][0]], suffix, layout=layout, decisions=tables["decisions"])
        for tables in (made, read)
    ]
    assert pages[0] == pages[1]


def test_a_page_has_every_row_and_the_caption():
    page = as_page(layout_of(summarise(RUNS), "scores"))
    assert page.count("<tr") == 4
    assert "<td>72.0 ± 2.0</td>" in page
    assert "ddof = 1" in page.partition("</table>")[2]
    long = table_of({f"{'x' * 80}<b>": [0.7, 0.8]})
    assert f"<td>{'x' * 80}&lt;b&gt;</td>" in as_page(layout_of(summarise(long), "scores"))  # not cut off


def test_names_are_no_markup_in_markdown():
    assert r"a\<b\|c" in render(summarise(table_of({"a<b|c": [0.7, 0.8]})), ".md")


def test_other_formats_and_layouts_are_refused():
    with pytest.raises(UserError, match="accepted: .md, .tex"):
        render(summarise(RUNS), ".docx")
    with pytest.raises(UserError, match="'comparisons' is not accepted for summary.csv; accepted: scores, failures"):
        render(summarise(RUNS), ".md", layout="comparisons")
    with pytest.raises(UserError, match="'scores' is not accepted for decisions.csv; accepted: comparisons"):
        render(decide(RUNS, "adamw"), ".md", layout="scores")


@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_synthetic_tasks_are_called_synthetic(layout):
    for task, expected in (("syn-rte", True), ("rte", False)):
        runs = RUNS.assign(task=task)
        table = decide(runs, "adamw") if layout == "comparisons" else summarise(runs)
        assert ("Tasks syn-… are synthetic." in render(table, ".md", layout=layout)) == expected


def two_tasks():
    return pd.concat(
        [
            table_of({"a": [0.8, 0.82], "b": [0.6, 0.61]}, "rte"),
            table_of({"a": [0.5, 0.5], "c": [0.8, 0.82]}, "cola").assign(metric="matthews"),
        ]
    )


def test_scores_have_a_row_an_arm_and_a_column_a_task():
    rows, caption = shown(summarise(two_tasks()), "scores")
    assert rows == [
        ["arm", "rte, accuracy", "cola, MCC", "all tasks, failed"],
        ["a", "81.0 ± –", "50.0 ± – (2/2)", "2/4"],
        ["b", "60.5 ± –", "–", "0/2"],
        ["c", "–", "81.0 ± –", "0/2"],
        ["majority", "50.0", "50.0", ""],
    ]
    assert "2 runs of each task and arm" in caption


def test_failures_have_their_exact_interval():
    rows, caption = shown(summarise(two_tasks()), "failures")
    assert rows == [
        ["arm", "rte", "cola", "all tasks"],
        ["a", "0/2 [0, 84]", "2/2 [16, 100]", "2/4"],
        ["b", "0/2 [0, 84]", "–", "0/2"],
        ["c", "–", "0/2 [0, 84]", "0/2"],
    ]
    assert "exact 95 % interval of their share in %" in caption
    assert "‡" not in caption  # there is no baseline


def test_in_latex_a_table_has_rules_a_caption_and_a_label():
    page = render(decide(RUNS, "adamw"), ".tex")
    for word in (r"\begin{table}", r"\caption{Each arm against adamw", r"\label{tab:comparisons}", r"\end{table}"):
        assert word in page
    assert page.index(r"\toprule") < page.index(r"\midrule") < page.index("3/3, 0/3") < page.index(r"\bottomrule")
    assert r"rte & bert\_adam & 3/3, 0/3 (.062) & -- & -- & $-$22.0 (.100) \\" in page
    assert r"p $<$ .05" in page
    scores = {"base": [0.6, 0.62, 0.64], "a&b_{c}%\\": [0.8, 0.82, 0.84]}
    page = render(summarise(table_of(scores)), ".tex", baseline="base", marks="papers")
    assert r"a\&b\_\{c\}\%\textbackslash{} & \textbf{82.0 $\pm$ 2.0$^\dagger$} \\" in page


def test_in_latex_a_table_that_no_page_has_room_for_may_break():
    runs = table_of({f"arm{i}": [0.6, 0.7] for i in range(50)})
    assert r"\begin{longtable}" in render(summarise(runs), ".tex")
    assert r"\begin{table}" in render(summarise(RUNS), ".tex")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex on this machine")
def test_latex_takes_every_table(tmp_path):
    names = {"a_b": [0.7, 0.8, 0.9], "50%": [0.5, 0.5, 0.5], "[2cm] ~^": [0.4, 0.8, 0.9]}
    runs = pd.concat([table_of(names, task) for task in ("rte", "syn-cola")])
    many = table_of({f"arm{i}": [0.6, 0.7, 0.5] for i in range(50)})
    pages = []
    for data, base in ((runs, "50%"), (many, "arm3")):
        summary, decisions = summarise(data), decide(data, base)
        for layout in LAYOUTS:
            pages.append(f"{layout}-{base[:3].strip('%')}")
            page = render(decisions if layout == "comparisons" else summary, ".tex", layout=layout, decisions=decisions)
            (tmp_path / f"{pages[-1]}.tex").write_text(page)
    inputs = "".join(f"\\input{{{page}}}\n\n" for page in pages)
    packages = "\\usepackage[a4paper,margin=2.5cm]{geometry}\n\\usepackage{booktabs}\n\\usepackage{longtable}\n"
    document = f"\\documentclass{{article}}\n{packages}\\begin{{document}}\n{inputs}\\end{{document}}\n"
    (tmp_path / "paper.tex").write_text(document)
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-1500:]
    assert (tmp_path / "paper.pdf").read_bytes()[:4] == b"%PDF"
