"""Counts agree with what training does; hours come from recorded cells; what is not known is said."""

from pathlib import Path

import made_up
import numpy as np
import pandas as pd
import pytest

from seedvar.cells.cell import Cell
from seedvar.cells.recipe import Recipe
from seedvar.data.splits import split
from seedvar.data.tasks import TASKS
from seedvar.engine.plan import make_plan
from seedvar.files import write_json
from seedvar.status.hours import calibrate
from seedvar.status.work import DataSize, Work, block_parameters, data_size, flops_of, work_of


def cell(task="rte", seed=0, **recipe):
    return Cell(TASKS[task].data, "tiny", task, Recipe(**recipe), seed, seed)


@pytest.mark.parametrize("task", ["rte", "stsb", "sst2", "mnli"])
@pytest.mark.parametrize(
    "recipe",
    [
        {},
        {"split": "dev", "batch_size": 7, "evaluations": 3},
        {"n_train": 100, "epochs": 5},
        {"n_train": 100, "steps": "full"},
        {"steps": 7},
    ],
)
def test_work_is_what_training_does(task, recipe):
    """The same numbers of examples and updates as `split` and the loop come to, on labels that are made up."""
    from types import SimpleNamespace

    from seedvar.training.loop import number_of_updates

    n = {"train": 3001, "validation": 408}
    labels = {name: np.arange(size) % TASKS[task].n_classes for name, size in n.items()}
    one = cell(task, **recipe)
    parts = split(TASKS[task], labels, one.recipe.split, one.recipe.n_train)
    n_train = len(parts["train"].rows)
    tokens = {name: SimpleNamespace(labels=values) for name, values in labels.items()}
    updates = number_of_updates(one.recipe, TASKS[task], tokens, n_train)
    each = {"train": 10.0, "validation": 20.0}

    work = work_of(one, DataSize(n, each, True))
    assert work.updates == updates
    epochs = updates / np.ceil(n_train / one.recipe.batch_size)
    assert work.train_tokens == pytest.approx(epochs * n_train * 10)
    evaluated = min(updates, one.recipe.evaluations) * len(parts["validation"].rows) * each[parts["validation"].source]
    if "test" in parts:
        evaluated += 2 * len(parts["test"].rows) * each[parts["test"].source]
    assert work.evaluation_tokens == pytest.approx(evaluated)


def test_parameters_are_those_of_the_blocks(tmp_path):
    write_json(tmp_path / "config.json", {"num_hidden_layers": 2, "hidden_size": 3, "intermediate_size": 5})
    assert block_parameters(tmp_path, "x") == (2 * (4 * 9 + 2 * 3 * 5), 2, True)
    assert block_parameters(None, "bert-large-uncased") == (24 * 12 * 1024**2, 24, False)
    assert block_parameters(None, "somebody--something") is None


def test_flops_are_six_a_parameter_and_token_and_two_for_evaluation():
    work = Work(updates=1, train_tokens=100, evaluation_tokens=10)
    assert flops_of(work, 1000, 4) == 1000 * (600 + 20)
    assert flops_of(work, 1000, 4, frozen=2) == 1000 * (400 + 20)  # half of the blocks forward only


def records(tmp_path, cells, seconds, **changes):
    made_up.prepare(cells, tmp_path / "tiny", tmp_path)
    return [made_up.record_of(c, tmp_path, wall_time_s=s, **changes) for c, s in zip(cells, seconds, strict=True)]


SIZE = DataSize({"train": 480, "validation": 400}, {"train": 16.0, "validation": 16.0}, True)


def test_a_line_is_found_again(tmp_path):
    made_up.make_model(tmp_path / "tiny")
    cells = [cell("syn-rte", epochs=epochs) for epochs in (1, 2, 5, 10)]
    seconds = [3 + 1e-4 * work_of(c, SIZE).passes for c in cells]
    model = calibrate(records(tmp_path, cells, seconds), lambda c: SIZE)
    assert model.devices() == [("cpu", 1)]
    line = model.line(cells[0], ("cpu", 1))
    assert (line.start_s, line.pass_s, line.n) == (pytest.approx(3), pytest.approx(1e-4), 4)
    assert line.errors == pytest.approx((0, 0), abs=1e-6)
    other = cell("syn-rte", epochs=20)
    assert line.seconds(other, work_of(other, SIZE)) == pytest.approx(3 + 1e-4 * work_of(other, SIZE).passes)
    assert model.line(cell("syn-rte", precision="bfloat16"), ("cpu", 1)) is None


def test_the_line_says_how_far_it_is_off_and_cells_like_recorded_ones_take_as_long(tmp_path):
    made_up.make_model(tmp_path / "tiny")
    cells = [cell("syn-rte", seed) for seed in range(2)]
    line = calibrate(records(tmp_path, cells, [8.0, 12.0]), lambda c: SIZE).line(cells[0], ("cpu", 1))
    assert line.start_s == 0  # one amount of work says nothing about the start
    assert line.errors[0] > 0.1
    assert line.seconds(cell("syn-rte", 5), work_of(cells[0], SIZE)) == 10


def test_only_cells_that_trained_to_their_end_count(tmp_path):
    made_up.make_model(tmp_path / "tiny")
    found = records(tmp_path, [cell("syn-rte")], [8.0], status="diverged")
    assert calibrate(found, lambda c: SIZE).lines == {}


def test_sizes_are_read_or_estimated_or_not_known(tmp_path, monkeypatch):
    made_up.make_model(tmp_path / "tiny")
    made_up.prepare([cell("syn-rte")], tmp_path / "tiny", tmp_path)
    assert data_size(cell("syn-rte"), tmp_path) == SIZE
    synthetic = data_size(cell("syn-cola"), tmp_path)
    assert (synthetic.examples, synthetic.known) == ({"train": 480, "validation": 400}, False)
    assert 5 < synthetic.tokens_each["train"] < 20
    hub = data_size(cell("rte", max_length=32), tmp_path)
    assert (hub.examples["train"], hub.tokens_each["train"]) == (2490, 32)

    folder = tmp_path / "glue" / "rte"
    folder.mkdir(parents=True)
    frame = pd.DataFrame({"sentence1": ["a" * 45] * 4, "sentence2": ["b" * 45] * 4, "label": [0, 1] * 2})
    for name in ("train", "validation"):
        frame.to_parquet(folder / f"{name}-00000-of-00001.parquet")
    local = data_size(cell("rte"), tmp_path, tmp_path / "glue")
    assert (local.examples["train"], local.tokens_each["train"]) == (4, 3 + 90 / 4.5)
    assert data_size(cell("cola"), tmp_path, tmp_path / "glue") is None


STUDY = """
data: synthetic
model: ./tiny
tasks: [syn-rte, syn-mrpc]
seeds: 2
recipe: {epochs: 2}
arms: {plain: {}, longer: {epochs: 4}}
baseline: plain
"""


def test_a_plan_gives_hours_only_where_cells_are_recorded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made_up.make_model(tmp_path / "tiny")
    Path("s.yaml").write_text(STUDY)

    def lines():
        checker = status.Checker(make_plan({"study": "s.yaml"}))
        return "\n".join(cost.plan_lines(status.study_state(checker), checker.plan, checker.store))

    said = lines()
    assert "8 cells; 0 are done, 0 more are in the store, 8 are to be trained" in said
    assert "Jobs, from nothing: 1 model, 2 data, 8 train, and short ones" in said
    assert "Updates: 360, of them to do 360" in said  # 15 an epoch; 4 cells of 2 epochs, 4 of 4
    assert "Tokens (estimated for syn-mrpc, syn-rte, not tokenised yet)" in said
    assert "Hours: not known, no cell of this model is recorded" in said

    cells = list(make_plan({"study": "s.yaml"}).cells.values())
    made_up.prepare(cells, Path("tiny"), Path("results"))
    made_up.make_cells(cells[:2], Path("results"), in_store=False)
    made_up.make_cells(cells[2:3], Path("results"), in_folder=False)
    said = lines()
    assert "2 are done, 1 more are in the store, 5 are to be trained" in said
    assert "Updates: 360, of them to do 240" in said
    assert "Tokens: 184,320 trained" in said
    assert "CPU-hours: 0.01 on cpu, threads: 1. Calibrated on 3 cells" in said
    assert "(as 3 recorded cells)" in said


def test_a_time_limit_is_three_times_what_cells_took_and_at_least_ten_minutes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made_up.make_model(tmp_path / "tiny")
    write_json("s.yaml", {"data": "synthetic", "model": "./tiny", "tasks": ["syn-rte", "syn-mrpc"], "seeds": 3,
                          "recipe": {"learning_rate": 1e-3},
                          "arms": {"plain": {}, "longer": {"epochs": 6}}, "baseline": "plain"})  # fmt: skip
    plan = make_plan({"study": "s.yaml"})
    assert cost.time_limits(plan) == {}
    cells = {(each.task, each.recipe.slug()): each for each in plan.cells.values()}
    made_up.prepare(list(cells.values()), Path("tiny"), Path("results"))
    plain = [each for each in cells.values() if each.recipe.epochs == 3]
    made_up.make_cells(plain[:1], Path("results"), wall_time_s=1000.0)
    limits = cost.time_limits(plan)
    assert limits.keys() == cells.keys()
    assert {limits[each.task, each.recipe.slug()] for each in plain} <= {50, 51}
    assert all(50 < minutes < 100 for key, minutes in limits.items() if "epochs6" in key[1])

    # What a GPU took does not shorten the limit, unless only GPUs are asked for.
    made_up.make_cells(plain[1:2], Path("results"), device="a GPU", wall_time_s=20.0)
    assert set(cost.time_limits(plan).values()) == set(limits.values())
    gpus = make_plan({"study": "s.yaml", "device": "cuda"})
    assert set(cost.time_limits(gpus).values()) == {10}

    # Of a colleague's task nothing is known here, and nothing is said.
    (result,) = [path for path in Path("results/store").glob("*/*/result.json") if "a GPU" in path.read_text()]
    result.write_text(result.read_text().replace("syn-", "their-").replace("learning_rate", "their_field"))
    assert cost.time_limits(gpus)
    assert set(cost.time_limits(plan).values()) == set(limits.values())
