"""Tables for people, from small tables with known numbers."""

import io
import math
import shutil
import subprocess

import pandas as pd
import pytest

from seedvar.errors import UserError
from seedvar.report.printed import render
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


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_summary_in_markdown():
    lines = render(summarise(RUNS), ".md").splitlines()
    assert "| rte: test accuracy × 100 | adamw | 0/3 [0.00, 0.71] | 72.0 ± 2.0 | [53.4, 79.2] |" in lines[2]
    assert "3/3 [0.29, 1.00] | 50.0 ± 0.0 | [–] | 50.0 | 50.0 | 50.0 to 50.0 |" in lines[3]
    assert lines[3].endswith("| – (n = 0) | [–] | [–] |")
    assert len(cells(lines[0])) == len(cells(lines[2])) <= 12


def test_a_summary_says_what_its_numbers_are():
    lines = render(summarise(RUNS), ".md").splitlines()
    assert lines[4] == ""
    for words in (
        "3 runs a task and arm",
        "exact 95 % interval",
        "ddof = 1",
        "failures that were not seen",
        "Student's",
    ):
        assert words in lines[5]
    assert "†" not in lines[5]


def test_a_summary_says_with_how_much_slack_runs_failed_by_their_loss():
    runs = table_of({"a": [0.7, 0.72], "b": [0.5, 0.5]}, train_loss=0.68, constant_loss=0.6931)
    by_loss = summarise(runs, loss_slack=0.03)
    assert render(by_loss, ".md", loss_slack=0.03).rstrip().endswith("from 97 % of a constant prediction's on.")
    assert "constant prediction" not in render(by_loss, ".md")
    assert "constant prediction" not in render(
        summarise(RUNS), ".md", loss_slack=0.03
    )  # the rules agree, or know nothing


def test_marks_are_those_of_the_rule():
    scores = {
        "base": [0.6 + i / 1000 for i in range(10)],
        "better": [0.8 + i / 1000 for i in range(10)],
        "worse": [0.55 + i / 1000 for i in range(10)],
        "alike": [0.6 + i / 1001 for i in range(10)],
        "fails": [0.5] * 9 + [0.6],
    }
    runs = table_of(scores)
    lines = render(summarise(runs), ".md", layout="scores", decisions=decide(runs, "base")).splitlines()
    found = {cells(line)[0]: cells(line)[1] for line in lines[2:7]}
    assert found["better"] == "**80.5 ± 0.3**"
    assert found["worse"] == "55.5 ± 0.3†"
    assert (found["alike"], found["base"]) == ("60.4 ± 0.3", "60.5 ± 0.3")
    assert found["fails"] == "51.0 ± 3.2† (9/10‡)"
    assert (
        "Bold: the mean of all runs is better than that of base; †: worse; ‡: they fail more or less often" in lines[9]
    )


def test_the_papers_marks_are_there_on_request_and_called_theirs():
    scores = {"best": [0.8, 0.82, 0.84], "close": [0.79, 0.82, 0.83], "far": [0.6, 0.62, 0.64]}
    lines = render(summarise(table_of(scores)), ".md", baseline="far", marks="papers").splitlines()
    assert "| **82.0 ± 2.0†** |" in lines[2]
    assert "| **81.3 ± 2.1†** |" in lines[3]
    assert "| 62.0 ± 2.0 |" in lines[4]
    assert "Marks as in Zhang et al. (2021), which are not this software's: bold" in lines[6]
    assert "Student's t-test, pooled variance, one-tailed, p ≥ .05, not corrected" in lines[6]
    assert "†: mean significantly higher than that of far" in lines[6]


def test_a_task_with_one_arm_has_no_best():
    assert "**" not in render(summarise(table_of({"adamw": [0.7, 0.72]})), ".md", marks="papers")


def test_a_summary_of_one_seed_shows_what_is_not_defined():
    line = render(summarise(table_of({"adamw": [0.7]})), ".md").splitlines()[2]
    assert "| 70.0 ± – | [–] | 70.0 | 70.0 | 70.0 to 70.0 |" in line


def test_undefined_scores_without_a_trivial_one_are_dashes():
    line = render(summarise(table_of({"a": [math.nan, 0.7]}).assign(majority=math.nan)), ".md").splitlines()[2]
    assert "| a | 1/2 [0.01, 0.99] | – | [–] | – | – | – | – | 70.0 ± – (n = 1) | [–] | [–] |" in line


def test_the_rule_on_the_training_loss_is_shown_where_it_disagrees():
    agreeing = RUNS.assign(train_loss=[0.1, 0.1, 0.1, 0.7, 0.7, 0.7], constant_loss=0.69)
    assert "training loss" not in render(summarise(agreeing), ".md")
    lines = render(summarise(agreeing.assign(train_loss=[0.1, 0.1, 0.7, 0.7, 0.7, 0.7])), ".md").splitlines()
    assert cells(lines[0])[3] == "failed by training loss (rules disagree)"
    assert [cells(line)[3] for line in lines[2:4]] == ["1/3 (1)", "3/3 (0)"]


def test_unequal_numbers_of_seeds_are_said():
    assert "2 to 3 runs a task and arm." in render(summarise(table_of({"a": [0.6, 0.7], "b": [0.6, 0.7, 0.8]})), ".md")


def test_a_summary_in_latex():
    scores = {"base": [0.6, 0.62, 0.64], "far": [0.8, 0.82, 0.84]}
    text = render(summarise(table_of(scores)), ".tex", baseline="base", marks="papers")
    assert r"\textbf{82.0 $\pm$ 2.0$^\dagger$}" in text
    assert r"exact 95 \% interval" in text
    assert r"p $\geq$ .05" in text


def test_comparisons_in_latex():
    text = render(decide(RUNS, "adamw"), ".tex")
    assert text.startswith("\\begin{tabular}{llrr")
    assert "bert\\_adam against adamw" in text
    assert "-22.0" in text
    assert "3/3 against 0/3" in text
    assert text.count("\\\\") == 2
    assert text.index("\\end{tabular}") < text.index("{\\footnotesize 3 runs an arm.")
    assert "verdict" not in text


def test_latex_commands_in_names_are_text():
    text = render(summarise(table_of({"a&b_{c}%\\": [0.7, 0.8]})), ".tex")
    assert r"a\&b\_\{c\}\%\textbackslash{}" in text


def test_comparisons_in_markdown_end_with_a_verdict_for_each_row():
    text = render(decide(RUNS, "adamw"), ".md")
    assert "3 runs an arm. Differences and ratios are of the arm and the baseline. p-values are two-sided" in text
    assert "so that the chance of any false claim is at most 5 %; bold where settled" in text
    last = text.splitlines()[-1]
    assert last.startswith("- rte: Nothing is settled between bert_adam and adamw: whether one fails more often is not")
    assert "mprovement" not in text


def test_what_is_settled_is_bold():
    apart = {"a": [0.7, 0.71, 0.72, 0.73, 0.74, 0.75], "b": [0.8, 0.81, 0.82, 0.83, 0.84, 0.85]}
    line = cells(render(decide(table_of(apart), "a"), ".md").splitlines()[2])
    assert line[5] == line[9] == "**.004**"
    assert line[3] == "1"  # of no failure


def test_comparisons_without_a_row_are_an_empty_table():
    text = render(decide(table_of({"a": [0.7, 0.72]}), "a"), ".md")
    assert len(text.splitlines()) == 4
    assert "No runs an arm." in text


@pytest.mark.parametrize("suffix", [".md", ".tex", ".html"])
def test_a_table_read_from_a_file_is_rendered_the_same(suffix):
    runs = pd.concat([RUNS, table_of({"adamw": [0.7], "bert_adam": [0.6, 0.61]}, "cola")])
    for table in (summarise(runs), decide(runs, "adamw")):
        read = pd.read_csv(io.StringIO(table.to_csv(index=False)))
        assert render(read, suffix) == render(table, suffix)


def test_the_report_gets_html_with_every_row():
    text = render(summarise(RUNS), ".html")
    assert text.count("<tr") == 3
    assert "<td>72.0 ± 2.0</td>" in text
    assert "<li>rte: " in render(decide(RUNS, "adamw"), ".html")


def test_names_are_no_markup_in_html_and_markdown():
    summary = summarise(table_of({"a<b|c": [0.7, 0.8]}))
    assert '<td class="text">a&lt;b|c</td>' in render(summary, ".html")
    assert r"a\<b\|c" in render(summary, ".md")


def test_another_format_is_refused():
    with pytest.raises(UserError, match="accepted: .md, .tex, .html"):
        render(summarise(RUNS), ".docx")


def test_a_synthetic_task_is_called_synthetic():
    runs = RUNS.assign(task="syn-rte")
    assert "| syn-rte (synthetic): test accuracy" in render(summarise(runs), ".md")
    assert "- syn-rte (synthetic): " in render(decide(runs, "adamw"), ".md")


def test_scores_have_a_row_an_arm_and_a_column_a_task():
    tasks = [
        table_of({"a": [0.8, 0.82], "b": [0.6, 0.61]}, "rte"),
        table_of({"a": [0.5, 0.5], "c": [0.8, 0.82]}, "cola").assign(metric="matthews"),
    ]
    table = summarise(pd.concat(tasks))
    lines = render(table, ".md", layout="scores").splitlines()
    assert cells(lines[0]) == ["arm", "rte, accuracy", "cola, MCC", "all tasks, failed"]
    assert cells(lines[2]) == ["a", "81.0 ± –", "50.0 ± – (2/2)", "2/4"]
    assert cells(lines[3]) == ["b", "60.5 ± –", "–", "0/2"]
    assert cells(lines[4]) == ["c", "–", "81.0 ± –", "0/2"]
    assert cells(lines[5]) == ["majority", "50.0", "50.0", ""]
    assert "2 runs of each task and arm" in lines[7]
    text = render(table, ".tex", layout="scores")
    assert r"\begin{tabular}{lrrr}" in text
    assert '<td class="text">a</td><td>' in render(table, ".html", layout="scores")
    with pytest.raises(
        UserError, match="--layout: 'comparisons' is not accepted for summary.csv; accepted: scores, su"
    ):
        render(table, ".md", layout="comparisons")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex on this machine")
def test_latex_takes_every_table(tmp_path):
    runs = pd.concat([table_of({"a_b": [0.7, 0.8, 0.9], "50%": [0.5, 0.5, 0.5]}, task) for task in ("rte", "cola")])
    for layout in ("scores", "summary", "comparisons"):
        table = decide(runs, "50%") if layout == "comparisons" else summarise(runs)
        (tmp_path / f"{layout}.tex").write_text(render(table, ".tex", baseline="50%", layout=layout))
    inputs = "".join(f"\\input{{{layout}}}\n\n" for layout in ("scores", "summary", "comparisons"))
    preamble = "\\documentclass{article}\n\\usepackage{booktabs}\n\\begin{document}\n"
    (tmp_path / "paper.tex").write_text(f"{preamble}{inputs}\\end{{document}}\n")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-1500:]
    assert (tmp_path / "paper.pdf").read_bytes()[:4] == b"%PDF"
