"""Tables for people, from small tables with known numbers."""

import pandas as pd
import pytest

from seedvar.errors import UserError
from seedvar.stats.compare import compare
from seedvar.stats.describe import summarise
from seedvar.tables import render

RUNS = pd.DataFrame(
    [
        {
            "task": "rte",
            "arm": arm,
            "score": score,
            "degenerate": score <= 0.5,
            "metric": "accuracy",
            "split": "test",
            "majority": 0.5,
        }
        for arm, scores in (("adamw", [0.7, 0.72, 0.74]), ("bert_adam", [0.5, 0.5, 0.5]))
        for score in scores
    ]
)


def test_a_summary_in_markdown():
    lines = render(summarise(RUNS), ".md").splitlines()
    assert len(lines) == 4
    assert "| rte: test accuracy × 100 | adamw | 0/3 [0.00, 0.56] | 72.0 ± 2.0 | 72.0 |" in lines[2]
    assert "3/3 [0.44, 1.00] | 50.0 ± 0.0" in lines[3]
    assert lines[3].endswith("| – (n = 0) |")


def test_comparisons_in_latex():
    text = render(compare(RUNS, "adamw"), ".tex")
    assert text.startswith("\\begin{tabular}{llrr")
    assert "bert\\_adam against adamw" in text
    assert "-22.0" in text
    assert "3/3 against 0/3" in text
    assert text.count("\\\\") == 2


def test_the_report_gets_html_with_every_row():
    assert render(summarise(RUNS), ".html").count("<tr") == 3


def test_another_format_is_refused():
    with pytest.raises(UserError, match="accepted: .md, .tex, .html"):
        render(summarise(RUNS), ".docx")


def test_a_synthetic_task_is_called_synthetic():
    assert "| syn-rte (synthetic): test accuracy" in render(summarise(RUNS.assign(task="syn-rte")), ".md")
