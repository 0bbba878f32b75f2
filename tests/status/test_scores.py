"""The scores so far, in text: every run of every arm is seen, the failed ones as what they are."""

import io
import re
from pathlib import Path

import made_up
import pytest

from seedvar.cli.main import main
from seedvar.engine.plan import make_plan
from seedvar.files import read_json, write_json
from seedvar.status.scores import score_lines
from seedvar.status.state import Checker, study_state
from seedvar.study.grid import expand

STUDY = """
model: ./tiny
tasks: {tasks}
seeds: {seeds}
recipe: {{learning_rate: 1e-3}}
arms: {arms}
baseline: plain
"""
RESULTS = Path("results")


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Makes a study whose first cells are done with the scores given; returns its lines for a width of terminal."""
    monkeypatch.chdir(tmp_path)
    made_up.make_model(tmp_path / "tiny")
    Path("config/studies").mkdir(parents=True)
    write_json("config/config.yaml", {"study": "mine"})

    def start(scores, tasks="[syn-rte]", arms="{plain: {}, longer: {epochs: 5}}", seeds=8, width=100):
        Path("config/studies/mine.yaml").write_text(STUDY.format(tasks=tasks, arms=arms, seeds=seeds))
        plan = make_plan({"study": "mine"})
        tasks = {name: task.task for name, task in plan.tasks.items() if task.task}
        made_up.prepare(list(plan.cells.values()), Path("tiny"), RESULTS, tasks)
        for arm, cell in expand(plan.study):
            if scores.get(arm):
                score = scores[arm].pop(0)
                made_up.make_cells([cell], RESULTS, in_store=False, degenerate=score == "failed")
                path = RESULTS / cell.folder() / "result.json"
                record = read_json(path)
                split = "test" if "test" in record["majority"] else "validation"
                record["majority"][split] = 0.5
                record["scores"]["last"][split][record["metric"]] = 0.4 if score == "failed" else score
                write_json(path, record)
        checker = Checker(plan)
        return score_lines(study_state(checker), plan, width)

    return start


def test_a_strip_shows_every_run_between_the_majority_score_and_the_best(make):
    lines = make({"plain": [0.5, 0.7, 0.7, 0.9], "longer": ["failed", "failed", 0.4, 0.9]})
    assert lines[1] == "  syn-rte (synthetic), test accuracy: from 50 (majority) to 90 (best)"
    plain, longer = lines[2:]
    assert plain == "    plain   0/4 failed     |·" + " " * 18 + "2" + " " * 19 + "·|"
    assert longer == "    longer  2/4 failed  2x |·" + " " * 38 + "·|"


def test_nothing_is_drawn_of_a_study_that_has_just_begun(make):
    assert make({}) == []


def test_an_arm_with_forty_runs_and_one_task_fits_a_narrow_terminal(make):
    scores = [0.5 + 0.01 * (i % 40) for i in range(30)] + [0.75] * 9 + ["failed"]
    lines = make({"plain": scores}, arms="{plain: {}}", seeds=40, width=50)
    assert len(lines) == 3
    assert max(len(line) for line in lines[2:]) <= 50
    strip = re.search(r"\|(.*)\|", lines[2])[1]
    assert "1/40 failed  x |" in lines[2]
    assert "9" in strip
    assert lines[2].endswith("| 9: 11")  # so many runs are in the fullest place


def test_an_arm_whose_runs_all_failed_is_seen(make):
    lines = make({"plain": ["failed"] * 3, "longer": [0.6]})
    assert "    plain   3/3 failed  3x |" + " " * 40 + "|" in lines


def test_a_task_whose_score_is_an_error_has_the_best_on_the_right(make):
    for name, first in (("train", 0), ("validation", 100)):
        Path(f"{name}.csv").write_text("a,b\n" + "".join(f"word {i},{i}\n" for i in range(first, first + 50)))
    source = "{train: train.csv, validation: validation.csv}"
    task = f"{{own: {{source: {source}, text: a, label: b, labels: number, metric: mse}}}}"
    lines = make({"plain": [0.2, 0.45]}, tasks=task, arms="{plain: {}}")
    assert "from 0.5 (majority) to 0.2 (best)" in lines[1]
    assert "|" + " " * 6 + "·" + " " * 32 + "·|" in lines[2]


def test_status_draws_them_also_where_only_ascii_can_be_written(make, monkeypatch):
    make({"plain": [0.5, 0.7], "longer": ["failed"]})
    for encoding, strip in (("utf-8", "|·" + " " * 38 + "·|"), ("ascii", "|." + " " * 38 + ".|")):
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        with monkeypatch.context() as patch:
            patch.setattr("sys.stdout", stream)
            patch.setenv("COLUMNS", "120")
            assert main(["status", "mine"]) == 0
        stream.flush()
        assert strip in stream.buffer.getvalue().decode(encoding)
