"""The findings of a study on the terminal and in a file, and the keys of a study file that they rest on."""

import json
from pathlib import Path

import pandas as pd
import pytest

from seedvar.cli.main import main
from seedvar.errors import UserError
from seedvar.report.findings import findings
from seedvar.stats import STATISTICS
from seedvar.stats.describe import summarise
from seedvar.study.reading import read_study
from seedvar.tables.read import read_table

QUICKSTART = Path(__file__).parents[2] / "results" / "published" / "quickstart"
TABLE = """
runs:
  file: scores.csv
  columns: {{arm: method{seed}}}
  scale: 100
  {more}
  tasks: {{rte: {{metric: accuracy, score: acc, majority: 52{validation}}}}}
baseline: old
{matters}
"""


@pytest.fixture
def table_study(tmp_path):
    def read(more="", matters="", seed="", validation=""):
        path = tmp_path / "mine.yaml"
        path.write_text(TABLE.format(more=more, matters=matters, seed=seed, validation=validation))
        return read_study(path)

    return read


def test_findings_are_printed_and_written(tmp_path, capsys):
    assert main(["findings", str(QUICKSTART)]) == 0
    printed = capsys.readouterr().out
    assert "Against adamw, over 4 tasks, bertadam fails more often" in printed
    assert main(["findings", str(QUICKSTART), "--out", str(tmp_path / "findings.json")]) == 0
    found = json.loads((tmp_path / "findings.json").read_text())
    assert found == json.loads((QUICKSTART / "findings.json").read_text())
    assert 3 <= len(found) <= 7
    assert all(" ".join(finding["sentence"].split()[:4]) in printed for finding in found)


@pytest.mark.parametrize("study", ["quickstart", "microcosm", "table1_small"])
def test_the_widest_range_is_the_widest_of_those_that_the_sentence_names(study):
    """`bertadam` has a wider range on syn-stsb, of two runs that did not fail: `any other arm and task` was false."""
    folder = QUICKSTART.parent / study
    summary = read_table(folder / "summary.csv")
    said = next(one for one in findings(summary, read_table(folder / "decisions.csv")) if one["kind"] == "range")
    ranges = (summary["ok_max"] - summary["ok_min"]).where(summary["ok_n"] >= 2)
    of_three = ranges[summary["ok_n"] >= 3]
    own = (summary["task"] == said["row"]["task"]) & (summary["arm"] == said["row"]["arm"])
    assert of_three[own].item() == of_three.max()
    if len(of_three) == len(summary):
        assert said["sentence"].endswith(", more than that of any other arm and task.")
    else:
        others = f", more than in the {len(of_three) - 1} other pairs of arm and task with 3 such runs."
        assert said["sentence"].endswith(others)


def test_of_equally_wide_ranges_none_is_said_to_be_the_widest():
    runs = pd.DataFrame(
        {
            "task": "rte", "arm": arm, "init_seed": seed, "order_seed": seed, "metric": "accuracy", "split": "test",
            "score": score + seed / 1000, "majority": 0.5, "degenerate": False,
        }
        for arm, score in (("a", 0.7), ("b", 0.6)) for seed in range(6)
    )  # fmt: skip
    said = next(one for one in findings(summarise(runs), None) if one["kind"] == "range")
    assert said["sentence"].endswith(", no less than that of any other arm and task.")


@pytest.mark.parametrize(("failing", "end"), [(5, "and some of 1 more arm."), (6, "and some of 2 more arms.")])
def test_many_failing_arms_are_counted(failing, end):
    runs = pd.DataFrame(
        {
            "task": "rte", "arm": f"arm{arm}", "init_seed": seed, "order_seed": seed, "metric": "accuracy",
            "split": "test", "score": 0.5 if seed == 0 else 0.7, "majority": 0.5, "degenerate": seed == 0,
        }
        for arm in range(failing) for seed in range(3)
    )  # fmt: skip
    assert findings(summarise(runs), None)[0]["sentence"].endswith(end)


def test_a_study_that_has_not_run_is_one_sentence(tmp_path, capsys):
    assert main(["findings", "quickstart", "--results", str(tmp_path)]) == 2
    assert "summary.csv: is missing; accepted: a study that has been run" in capsys.readouterr().err


def test_what_matters_is_in_the_unit_of_our_tables(table_study):
    assert table_study().what_matters() is None
    assert table_study(matters="smallest_difference: 0.5").what_matters() == 0.005
    assert table_study(matters="smallest_difference: {rte: 2.0}").what_matters() == {"rte": 0.02}
    with pytest.raises(UserError, match="smallest_difference: unknown task 'cola'; accepted: rte"):
        table_study(matters="smallest_difference: {cola: 2.0}")
    with pytest.raises(UserError, match="smallest_difference: 0 is not accepted"):
        table_study(matters="smallest_difference: 0")


def test_seeds_are_comparable_only_where_there_are_seeds(table_study):
    assert not table_study().runs.comparable_seeds
    assert table_study("comparable_seeds: true", seed=", seed: s").runs.comparable_seeds
    with pytest.raises(UserError, match="runs.comparable_seeds: there are no seeds"):
        table_study("comparable_seeds: true")


def test_nothing_is_expected_of_runs_without_a_validation_score(table_study):
    assert not STATISTICS["expected"].when(table_study())
    assert STATISTICS["expected"].when(table_study(validation=", validation: dev"))


@pytest.mark.parametrize("word", ["0", "x", "rte=nan"])
def test_a_wrong_smallest_difference_is_one_sentence(word, tmp_path, capsys):
    arguments = ["statistics", "decisions", str(QUICKSTART / "runs.csv"), "--baseline", "adamw"]
    assert main([*arguments, "--smallest-difference", word, "--out", str(tmp_path / "x.csv")]) == 2
    assert f"--smallest-difference: '{word}' is not accepted; accepted: a number above 0" in capsys.readouterr().err
