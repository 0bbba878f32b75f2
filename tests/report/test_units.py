"""Scores stand in tables for people in the unit of their metric, and a table says where the lower is the better."""

import math

import pandas as pd
import pytest

from seedvar.report.printed import _mean_sd, render
from seedvar.stats.describe import summarise
from seedvar.stats.rule import decide

pytestmark = pytest.mark.filterwarnings("error")

# Squared units of the label: `close` errs least, `far` a hundred times as much, and trivial is 2,500.
ERRORS = {"far": [1200.0, 1210.0, 1220.0], "close": [12.0, 12.1, 12.2]}
SHARES = {"far": [0.6, 0.61, 0.62], "close": [0.8, 0.81, 0.82]}


def table_of(scores_by_arm, task, metric, majority):
    rows = [
        {"task": task, "arm": arm, "init_seed": seed, "order_seed": seed, "score": score, "degenerate": False}
        for arm, scores in scores_by_arm.items()
        for seed, score in enumerate(scores)
    ]
    return pd.DataFrame(rows).assign(metric=metric, split="test", majority=majority)


HOMES = table_of(ERRORS, "homes", "mse", 2500.0)
PAIRS = table_of(SHARES, "pairs", "f1", 0.5)


def rows_of(table, layout=None, baseline=None):
    """The lines of a table in Markdown as lists of cells, without the rule below the header; and its caption."""
    marks = "rule" if baseline is None else "papers"
    lines = render(table, ".md", baseline=baseline, layout=layout, marks=marks).splitlines()
    end = lines.index("")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[:end]]
    return [cells[0], *cells[2:]], lines[end + 1]


def test_an_error_stands_in_its_own_unit_with_the_lowest_mean_in_bold():
    (header, far, close, majority), caption = rows_of(summarise(HOMES), baseline="far")
    assert header == ["arm", "homes, mean squared error, lower is better"]
    assert (far[1], close[1], majority[1]) == ("1,210 ± 10", "**12.10 ± 0.10†**", "2,500")
    assert "the best mean and those that it does not beat significantly" in caption
    assert "†: mean significantly better than that of far" in caption


def test_points_stand_as_ever():
    (_, far, close, _), caption = rows_of(summarise(PAIRS), baseline="far")
    assert (far[1], close[1]) == ("61.0 ± 1.0", "**81.0 ± 1.0†**")
    assert "the highest mean and those that it does not exceed significantly" in caption
    assert "†: mean significantly higher than that of far" in caption


def test_scores_of_several_tasks_stand_each_in_its_unit():
    (header, far, close, majority), caption = rows_of(summarise(pd.concat([PAIRS, HOMES])), "scores")
    assert header == ["arm", "pairs, F1", "homes, mean squared error, lower is better", "all tasks, failed"]
    assert far == ["far", "61.0 ± 1.0", "1,210 ± 10", "0/6"]
    assert close == ["close", "81.0 ± 1.0", "12.10 ± 0.10", "0/6"]
    assert majority == ["majority", "50.0", "2,500", ""]
    assert caption.startswith("Mean ± SD (ddof = 1) of the test score (× 100 for pairs) over 3 runs")


@pytest.mark.parametrize(("runs", "unit"), [(HOMES, "the test score over"), (PAIRS, "the test score × 100 over")])
def test_scores_of_one_unit_say_it_once(runs, unit):
    assert unit in rows_of(summarise(runs), "scores")[1]


def test_a_difference_of_errors_is_one_of_the_numbers_as_they_are():
    (_, row), caption = rows_of(decide(HOMES, "far"))
    assert row[0] == "homes: mean squared error, lower is better"
    assert row[3].startswith("−1,198 [−1,22")
    assert "× 100" not in caption


def test_differences_of_several_units_name_the_score_of_each_row():
    (_, whole, pairs, homes), caption = rows_of(decide(pd.concat([PAIRS, HOMES]), "far"))
    assert (whole[0], whole[3].strip("*")[0]) == ("all 2 tasks", "–")  # points and squared units have no average
    assert pairs[0] == "pairs: F1 × 100"
    assert pairs[3].startswith("+20.0 [")
    assert homes[0] == "homes: mean squared error, lower is better"
    assert "Differences are × 100" not in caption


def test_differences_in_points_say_it_once():
    (_, row), caption = rows_of(decide(PAIRS, "far"))
    assert (row[0], row[3][:5]) == ("pairs", "+20.0")
    assert "Differences are × 100." in caption


@pytest.mark.parametrize(
    ("mean", "sd", "text"),
    [
        (19.44, 0.889, "19.44 ± 0.89"),
        (0.01234, 0.0045, "0.0123 ± 0.0045"),
        (1234.6, 56.2, "1,235 ± 56"),
        (-3.21, 12.3, "−3 ± 12"),
        (2.5, 0.0, "2.5 ± 0"),
        (3e-9, 1e-10, "3e−09 ± 1e−10"),
        (7.0, math.nan, "7 ± –"),
    ],
)
def test_a_mean_in_its_own_unit_has_as_many_decimals_as_its_sd(mean, sd, text):
    assert _mean_sd("mse", mean, sd) == text
