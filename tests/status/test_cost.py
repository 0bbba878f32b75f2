"""Counts agree with what training does; hours come from recorded cells; what is not known is said."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import made_up
import numpy as np
import pandas as pd
import pytest
from helpers import known_task

from seedvar.cells.cell import Cell
from seedvar.cells.recipe import Recipe
from seedvar.data.splits import split
from seedvar.data.task import Shares
from seedvar.engine.plan import make_plan
from seedvar.files import write_json
from seedvar.status.estimate import plan_lines
from seedvar.status.hours import Place, calibrate, expected_seconds, has_bfloat16, seconds_left, time_limits
from seedvar.status.state import Checker, study_state
from seedvar.status.work import DataSize, Sizes, Work, block_parameters, data_size, flops_of, work_of

CPU = Place("CPU", "cpu", 1)


def cell(task="rte", seed=0, model="tiny", **recipe):
    return Cell("synthetic" if task.startswith("syn-") else "glue", model, task, Recipe(**recipe), seed, seed)


SPLITS = {"none": None, "shares": Shares(0.1, 0.2), "test share": Shares(test=0.25)}


@pytest.mark.parametrize("task", ["rte", "stsb", "sst2", "mnli", *SPLITS])
@pytest.mark.parametrize(
    "recipe",
    [
        {},
        {"split": "dev", "batch_size": 7, "evaluations": 3},
        {"n_train": 100, "epochs": 5},
        {"n_train": 100, "steps": "full"},
        {"n_train": 101, "sampling": "random"},
        {"steps": 7},
    ],
)
def test_work_is_what_training_does(task, recipe):
    """The same numbers of examples and updates as `split` and the loop come to, on labels that are made up."""
    from seedvar.training.batches import Examples
    from seedvar.training.loop import number_of_updates

    n = {"train": 3000, "validation": 408}
    about = known_task("rte" if task in SPLITS else task)
    if task in SPLITS:
        about = replace(about, split=SPLITS[task])
        n |= {"test": 300} if task == "none" else {}
        n = {"train": 3000} if task == "shares" else n
    labels = {name: np.arange(size) % about.n_classes for name, size in n.items()}
    one = cell(**recipe)
    parts = split(about, labels, one.recipe.split, one.recipe.n_train, one.recipe.sampling == "balanced")
    n_train = len(parts["train"].rows)
    tokens = {name: SimpleNamespace(labels=values) for name, values in labels.items()}
    updates = number_of_updates(one.recipe, Examples(about, tokens, parts, 0))
    each = {"train": 10.0, "validation": 20.0, "test": 30.0}

    work = work_of(one, DataSize(n, each, about.n_classes, about.split, True))
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


@pytest.mark.parametrize(
    ("family", "parameters"),
    [
        ("bert", 2 * (4 * 16**2 + 2 * 16 * 32)),
        ("gpt2", 2 * (4 * 16**2 + 2 * 16 * 64)),
        ("xlnet", 2 * (5 * 16**2 + 3 * 16 + 2 * 16 + 2 * 16 * 32)),  # a matrix more for positions; biases of heads
        ("bart", (4 * 16**2 + 2 * 16 * 32) + (8 * 16**2 + 2 * 16 * 32)),  # a decoder's block attends twice
        ("llama", 2 * (2 * 16**2 + 2 * 16 * 8 + 3 * 16 * 32)),  # one head of keys for two of queries; three matrices
        ("modernbert", 2 * (4 * 16**2 + 3 * 16 * 32)),
    ],
)
def test_parameters_of_every_family_are_those_of_its_blocks_matrices(tiny_models, family, parameters):
    assert block_parameters(tiny_models(family), "x") == (parameters, 2, True)


def test_flops_are_six_a_parameter_and_token_and_two_for_evaluation():
    work = Work(updates=1, train_tokens=100, evaluation_tokens=10)
    assert flops_of(work, 1000, 4, Recipe()) == 1000 * (600 + 20)
    assert flops_of(work, 1000, 4, Recipe(frozen_layers=2)) == 1000 * (400 + 20)  # half of the blocks forward only
    for few in (Recipe(lora_rank=4), Recipe(biases_only=True)):  # no gradient of any matrix
        assert flops_of(work, 1000, 4, few) == 1000 * (400 + 20)


def records(tmp_path, cells, seconds, **changes):
    made_up.prepare(cells, tmp_path / "tiny", tmp_path)
    return [made_up.record_of(c, tmp_path, wall_time_s=s, **changes) for c, s in zip(cells, seconds, strict=True)]


SIZE = DataSize({"train": 480, "validation": 400}, {"train": 16.0, "validation": 16.0}, 2, "halves", True)


def test_a_line_is_found_again(tmp_path):
    made_up.make_model(tmp_path / "tiny")
    cells = [cell("syn-rte", epochs=epochs) for epochs in (1, 2, 5, 10)]
    seconds = [3 + 1e-4 * work_of(c, SIZE).passes for c in cells]
    model = calibrate(records(tmp_path, cells, seconds), lambda c: SIZE)
    assert model.places() == [CPU]
    line = model.line(cells[0], CPU)
    assert (line.start_s, line.pass_s, line.n) == (pytest.approx(3), pytest.approx(1e-4), 4)
    assert line.errors == pytest.approx((0, 0), abs=1e-6)
    other = cell("syn-rte", epochs=20)
    assert line.seconds(other, work_of(other, SIZE)) == pytest.approx(3 + 1e-4 * work_of(other, SIZE).passes)
    assert model.line(cell("syn-rte", precision="bfloat16"), CPU) is None
    assert model.line(cell("syn-rte", model="other"), CPU) is None
    assert model.line(cells[0], CPU._replace(threads=2)) is None


def test_the_line_says_how_far_it_is_off_and_cells_like_recorded_ones_take_as_long(tmp_path):
    made_up.make_model(tmp_path / "tiny")
    cells = [cell("syn-rte", seed) for seed in range(2)]
    line = calibrate(records(tmp_path, cells, [8.0, 12.0]), lambda c: SIZE).line(cells[0], CPU)
    assert line.start_s == 0  # one amount of work says nothing about the start
    assert line.errors[0] > 0.1
    assert line.seconds(cell("syn-rte", 5), work_of(cells[0], SIZE)) == 10


def test_only_cells_that_trained_to_their_end_count(tmp_path):
    made_up.make_model(tmp_path / "tiny")
    found = records(tmp_path, [cell("syn-rte")], [8.0], status="diverged")
    assert calibrate(found, lambda c: SIZE).lines == {}


def test_every_place_and_every_model_has_a_line_of_its_own(tmp_path):
    made_up.make_model(tmp_path / "tiny")
    cells = [cell("syn-rte", epochs=epochs) for epochs in (1, 2, 5)]
    larger = [replace(one, model="large") for one in cells]
    passes = [work_of(one, SIZE).passes for one in cells]
    found = []
    for where, what, rate in (
        ({"processor": "Ryzen"}, cells, 4e-4),
        ({"processor": "Xeon"}, cells, 2e-4),
        ({"processor": "Xeon", "threads": 2}, cells[:1], 1e-4),
        ({"device": "H100", "processor": "Xeon"}, cells[:2], 1e-5),
        ({"processor": "Ryzen"}, larger, 8e-4),
    ):
        found += records(tmp_path, what, [rate * p for p in passes[: len(what)]], **where)
    model = calibrate(found, lambda one: SIZE)
    ryzen, xeon, gpu = Place("CPU", "Ryzen", 1), Place("CPU", "Xeon", 1), Place("GPU", "H100", 1)
    assert model.places() == [ryzen, xeon, gpu, Place("CPU", "Xeon", 2)]  # those with the most cells first
    seconds = lambda one, place: expected_seconds(one, lambda _: SIZE, model, place)  # noqa: E731
    longer = cell("syn-rte", epochs=20)
    n = work_of(longer, SIZE).passes
    assert [seconds(longer, place) for place in (ryzen, xeon, gpu)] == pytest.approx([4e-4 * n, 2e-4 * n, 1e-5 * n])
    assert seconds(replace(longer, model="large"), ryzen) == pytest.approx(8e-4 * n)
    assert seconds(replace(longer, model="large"), xeon) is None
    assert seconds(cells[0], xeon) == pytest.approx(2e-4 * passes[0])


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """Returns a function that plans tasks and a cell of the first of them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEEDVAR_GLUE_DIR", raising=False)
    made_up.make_model(tmp_path / "tiny")

    def make(tasks, glue_dir=None, **recipe):
        study = {"model": "./tiny", "tasks": tasks, "seeds": 1, "arms": {"a": recipe}}
        write_json("s.yaml", study)
        plan = make_plan({"study": "s.yaml", "glue_dir": glue_dir})
        one = next(iter(plan.cells.values()))
        return one, plan, data_size(one, plan.results, plan.tasks[one.task])

    return make


def test_sizes_are_read_or_estimated_or_not_known(planned):
    one, plan, synthetic = planned(["syn-rte"])
    assert (synthetic.examples, synthetic.n_classes, synthetic.known) == ({"train": 480, "validation": 400}, 2, False)
    assert 5 < synthetic.tokens_each["train"] < 20
    made_up.prepare([one], Path("tiny"), plan.results)
    assert data_size(one, plan.results, plan.tasks["syn-rte"]) == Sizes(plan)(one) == SIZE

    _, _, hub = planned(["rte"], max_length=32)
    assert (hub.examples["train"], hub.tokens_each["train"]) == (2490, 32)

    folder = Path("glue/rte")
    folder.mkdir(parents=True)
    frame = pd.DataFrame({"sentence1": ["a" * 45] * 4, "sentence2": ["b" * 45] * 4, "label": [0, 1] * 2})
    for name in ("train", "validation"):
        frame.to_parquet(folder / f"{name}-00000-of-00001.parquet")
    _, _, local = planned(["rte"], glue_dir="glue")
    assert (local.examples["train"], local.tokens_each["train"]) == (4, 3 + 90 / 4.5)

    hub = {"source": {"hub": "somebody/something"}, "text": "body"}
    assert planned({"theirs": hub})[2] is None


def test_sizes_of_own_data_are_counted_and_their_splits_are_known(planned):
    pd.DataFrame({"body": ["a" * 9] * 50, "stars": [1, 2, 3, 4, 5] * 10}).to_csv("all.csv", index=False)
    shares = {
        "source": {"train": "all.csv"},
        "text": "body",
        "label": "stars",
        "split": {"validation": 0.2, "test": 0.2},
    }
    one, _, size = planned({"reviews": shares}, batch_size=10, evaluations=1, epochs=1)
    assert (size.examples, size.tokens_each, size.n_classes) == ({"train": 50}, {"train": 2 + 9 / 4.5}, 5)
    work = work_of(one, size)
    assert (work.updates, work.train_tokens) == (3, 30 * 4)
    assert work.evaluation_tokens == 10 * 4 + 2 * 10 * 4


STUDY = """
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
        checker = Checker(make_plan({"study": "s.yaml"}))
        return "\n".join(plan_lines(study_state(checker), checker.plan))

    said = lines()
    assert "8 cells; 0 are done, 0 more are in the store, 8 are to be trained" in said
    assert "Jobs, from nothing: 1 model, 2 data, 8 train, and short ones" in said
    assert "Updates: 360, of them to do 360" in said  # 15 an epoch; 4 cells of 2 epochs, 4 of 4
    assert "Tokens (estimated for syn-mrpc, syn-rte, not tokenised yet)" in said
    assert "Hours: not known, no cell of these models is recorded" in said

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
    write_json("s.yaml", {"model": "./tiny", "tasks": ["syn-rte", "syn-mrpc"], "seeds": 3,
                          "recipe": {"learning_rate": 1e-3},
                          "arms": {"plain": {}, "longer": {"epochs": 6}}, "baseline": "plain"})  # fmt: skip
    plan = make_plan({"study": "s.yaml"})
    assert time_limits(plan) == ({}, {})
    cells = {(each.model, each.task, each.recipe.slug()): each for each in plan.cells.values()}
    made_up.prepare(list(cells.values()), Path("tiny"), Path("results"))
    plain = [each for each in cells.values() if each.recipe.epochs == 3]
    made_up.make_cells(plain[:1], Path("results"), wall_time_s=1000.0)
    limits, probes = time_limits(plan)
    assert probes == {}
    assert limits.keys() == cells.keys()
    assert {limits[each.model, each.task, each.recipe.slug()] for each in plain} <= {50, 51}
    assert all(50 < minutes < 100 for key, minutes in limits.items() if "epochs6" in key[2])

    # What a GPU took does not shorten the limit, unless only GPUs are asked for.
    made_up.make_cells(plain[1:2], Path("results"), device="a GPU", wall_time_s=20.0)
    assert set(time_limits(plan)[0].values()) == set(limits.values())
    gpus = make_plan({"study": "s.yaml", "device": "cuda"})
    assert set(time_limits(gpus)[0].values()) == {10}

    # Of a colleague's task nothing is known here, and nothing is said.
    (result,) = [path for path in Path("results/store").glob("*/*/result.json") if "a GPU" in path.read_text()]
    result.write_text(result.read_text().replace("syn-", "their-").replace("learning_rate", "their_field"))
    assert time_limits(gpus)[0]
    assert set(time_limits(plan)[0].values()) == set(limits.values())


def test_where_more_cells_share_a_gpu_each_may_take_longer(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made_up.make_model(tmp_path / "tiny")
    write_json("s.yaml", {"model": "./tiny", "tasks": ["syn-rte"], "seeds": 2, "arms": {"plain": {}}})
    plan = make_plan({"study": "s.yaml", "device": "cuda"})
    cells = list(plan.cells.values())
    made_up.prepare(cells, Path("tiny"), Path("results"))
    made_up.make_cells(cells[:1], Path("results"), device="H100", cells_per_gpu=2, wall_time_s=720.0)
    assert set(time_limits(plan)[0].values()) == {36}
    shared = make_plan({"study": "s.yaml", "device": "cuda", "cells_per_gpu": 8})
    assert set(time_limits(shared)[0].values()) == {144}
    lines = plan_lines(study_state(Checker(plan)), plan)  # one cell of two that share a GPU is left
    assert any(line.startswith("GPU-hours: 0.10 on H100, threads: 1, 2 cells a GPU.") for line in lines)


def test_a_probe_may_take_three_times_what_cells_let_expect(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made_up.make_model(tmp_path / "tiny")
    run = {"arm": "plain", "seed": 0}
    surface = {"task": "syn-rte", "first": run, "second": {"arm": "plain", "seed": 1}, "examples": 480}
    study = {"model": "./tiny", "tasks": ["syn-rte"], "seeds": 2, "arms": {"plain": {}}, "recipe": {"evaluations": 1}}
    limits = []
    for points in (21, 210):
        write_json("s.yaml", study | {"probes": {"surface": surface | {"points": points}}})
        plan = make_plan({"study": "s.yaml"})
        cells = list(plan.cells.values())
        made_up.prepare(cells, Path("tiny"), Path("results"))
        made_up.make_cells(cells[:1], Path("results"), wall_time_s=600.0)
        limits.append(time_limits(plan)[1]["surface"])
    # A cell sees 480 examples three times and evaluates some; a row of 21 points sees them 21 times.
    assert 3 * 10 * 5 < limits[0] < 3 * 10 * 7
    assert limits[1] == pytest.approx(10 * limits[0], rel=0.01)


@pytest.mark.parametrize(
    ("text", "has"),
    [("flags\t\t: fpu avx512_bf16\n", True), ("flags : fpu avx2\n", False), ("Features : bf16\n", True), ("", None)],
)
def test_arithmetic_for_bfloat16_is_told_by_the_processor(tmp_path, text, has):
    (tmp_path / "cpuinfo").write_text(text)
    assert has_bfloat16(tmp_path / "cpuinfo") is has
    assert has_bfloat16(tmp_path / "not there") is None


@pytest.mark.parametrize(
    ("has", "precision", "said"),
    [
        (True, "float32", "bfloat16`, another recipe, matrix products were 2.3 times as fast"),
        (False, "bfloat16", "has no arithmetic for bfloat16"),
        (False, "float32", None),
        (True, "bfloat16", None),
        (None, "bfloat16", None),
    ],
)
def test_plan_says_where_the_other_precision_is_faster(tmp_path, monkeypatch, has, precision, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("seedvar.status.estimate.has_bfloat16", lambda: has)
    made_up.make_model(tmp_path / "tiny")
    study = {"model": "./tiny", "tasks": ["syn-rte"], "seeds": 2, "arms": {"plain": {}}}
    write_json("s.yaml", study | {"recipe": {"precision": precision}})
    plan = make_plan({"study": "s.yaml"})
    lines = [line for line in plan_lines(study_state(Checker(plan)), plan) if line.startswith("Precision: ")]
    assert [said in line for line in lines] == ([True] if said else [])


TWO_MODELS = {
    "tasks": ["syn-rte"], "seeds": 2, "baseline": "plain",
    "arms": {"plain": {"model": "./tiny"}, "other": {"model": "./large"}},
}  # fmt: skip


def test_hours_limits_and_time_left_are_those_of_each_cell_s_own_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("tiny", "large"):
        made_up.make_model(tmp_path / name)
    write_json("s.yaml", TWO_MODELS)
    plan = make_plan({"study": "s.yaml"})
    cells = list(plan.cells.values())
    made_up.prepare(cells, Path("tiny"), Path("results"))
    made_up.make_cells(cells[:1], Path("results"), wall_time_s=360.0)
    said = lambda: "\n".join(plan_lines(study_state(Checker(plan)), plan))  # noqa: E731
    assert "CPU-hours: 0.10 on cpu, threads: 1, without 2 cells of a model or a precision that was not rec" in said()
    assert "2 model, 2 data, 4 train" in said()
    assert "0.0 M parameters in the blocks of tiny, 0.0 M parameters in the blocks of large)" in said()
    assert seconds_left(study_state(Checker(plan)).cells, plan) is None
    assert time_limits(plan)[0] == {("tiny", "syn-rte", "adamw"): 18}

    made_up.make_cells(cells[2:3], Path("results"), wall_time_s=720.0)
    assert "CPU-hours: 0.30 on cpu, threads: 1. Calibrated on 2 cells" in said()
    assert seconds_left(study_state(Checker(plan)).cells, plan) == 360 + 720
    assert time_limits(plan)[0] == {("tiny", "syn-rte", "adamw"): 18, ("large", "syn-rte", "adamw"): 36}


def test_hours_are_given_for_every_place_that_cells_were_recorded_at(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made_up.make_model(tmp_path / "tiny")
    write_json("s.yaml", TWO_MODELS | {"arms": {"plain": {"model": "./tiny"}}, "seeds": 3})
    plan = make_plan({"study": "s.yaml"})
    cells = list(plan.cells.values())
    made_up.prepare(cells, Path("tiny"), Path("results"))
    made_up.make_cells(cells[:1], Path("results"), processor="Ryzen", threads=2, wall_time_s=360.0)
    made_up.make_cells(cells[1:2], Path("results"), device="H100", wall_time_s=36.0)
    lines = plan_lines(study_state(Checker(plan)), plan)
    assert any(line.startswith("CPU-hours: 0.20 on Ryzen, threads: 2.") for line in lines)  # of two cores
    assert any(line.startswith("GPU-hours: 0.01 on H100, threads: 1.") for line in lines)
