"""The loop: evaluations, checkpoints kept apart, divergence, and results that depend on the cell alone."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from seedvar.cells.recipe import Recipe
from seedvar.data.splits import Part
from seedvar.methods.diagnostics import blocks_of
from seedvar.models.families import FAMILIES
from seedvar.training import loop
from seedvar.training.batches import load_examples, make_batch
from seedvar.training.loop import fine_tune, predict
from seedvar.training.network import build_model

CPU = torch.device("cpu")


def quiet(line):
    pass


@pytest.fixture(scope="session")
def run(tiny_models, tiny_data):
    """Fine-tunes a tiny model on 40 examples of a synthetic task."""

    def fine_tune_tiny(task="syn-rte", family="bert", init_seed=0, order_seed=0, **recipe):
        recipe = Recipe(**{"learning_rate": 1e-3, "n_train": 40, "batch_size": 8, "evaluations": 3} | recipe)
        examples = load_examples(tiny_data(task, family), recipe)
        model = build_model(tiny_models(family), examples.task, recipe, init_seed)
        return model, fine_tune(model, examples, recipe, order_seed, CPU, log=quiet)

    return fine_tune_tiny


@pytest.fixture(scope="session")
def plain(run):
    """The run that others are compared with: made once, nothing of it is changed."""
    return run()[1]


def equal(first, second):
    return all(np.array_equal(first.logits[c][s], second.logits[c][s]) for c in first.logits for s in first.logits[c])


def test_evaluations_are_evenly_spaced_and_the_last_is_at_the_end(run):
    _, outcome = run(epochs=3)  # 5 updates an epoch
    assert [row["update"] for row in outcome.curve] == [5, 10, 15]
    assert [row["epoch"] for row in outcome.curve] == [1.0, 2.0, 3.0]
    assert outcome.updates == 15


@pytest.mark.parametrize(("best_by", "best_update"), [("metric", 10), ("accuracy", 15)])
def test_the_best_checkpoint_is_chosen_by_what_the_recipe_says(run, monkeypatch, best_by, best_update):
    order = iter([{"f1": 0.5, "accuracy": 0.7}, {"f1": 0.6, "accuracy": 0.6}, {"f1": 0.4, "accuracy": 0.9}])
    monkeypatch.setattr(loop, "scores", lambda task, y, z: next(order))
    _, outcome = run(task="syn-mrpc", best_by=best_by)
    assert [row["val_f1"] for row in outcome.curve] == [0.5, 0.6, 0.4]
    assert outcome.best_update == best_update


def test_more_evaluations_than_updates_evaluate_every_update(run):
    _, outcome = run(epochs=1, evaluations=10)
    assert [row["update"] for row in outcome.curve] == [1, 2, 3, 4, 5]


def test_the_learning_rate_warms_up_from_zero_and_falls(run):
    _, outcome = run(epochs=2, evaluations=10, warmup_ratio=0.4)
    rates = [row["learning_rate"] / 1e-3 for row in outcome.curve]
    assert rates == pytest.approx([0, 1 / 4, 2 / 4, 3 / 4, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6])


def test_a_run_is_repeated_bit_for_bit_whatever_ran_before(run, plain):
    torch.rand(1000)
    run(task="syn-cola", init_seed=5)
    _, again = run()
    assert equal(plain, again)
    assert plain.curve == again.curve


def test_init_and_order_seeds_act_independently(run, plain):
    _, other_init = run(init_seed=1)
    _, other_order = run(order_seed=1)
    assert not equal(plain, other_init)
    assert not equal(plain, other_order)
    assert not equal(other_init, other_order)


def test_dropout_and_the_few_examples_may_have_seeds_of_their_own(run, plain):
    assert equal(plain, run(dropout_seed=0)[1])  # as the order seed
    assert equal(plain, run(sample_seed=0)[1])
    other_dropout = run(dropout_seed=1)[1]
    assert not equal(plain, other_dropout)
    assert not equal(other_dropout, run(order_seed=1)[1])
    assert not equal(other_dropout, run(order_seed=1, dropout_seed=1)[1])  # dropout is the same, the order is not
    assert not equal(plain, run(sample_seed=1)[1])


def test_arms_with_one_seed_see_the_same_batches(run, monkeypatch):
    seen = []
    original = loop.micro_batches

    def spy(examples, part, rows, most):
        seen[-1].append(rows.copy())
        return original(examples, part, rows, most)

    monkeypatch.setattr(loop, "micro_batches", spy)
    for recipe in ({"optimizer": "bertadam"}, {"optimizer": "adamw", "reinit_layers": 2, "dropout": 0.3}):
        seen.append([])
        run(**recipe)
    assert len(seen[0]) == len(seen[1])
    assert all(np.array_equal(a, b) for a, b in zip(*seen, strict=True))
    epoch = np.concatenate(seen[0][:5])
    assert len(epoch) == len(set(epoch)) == 40  # every example once an epoch


def test_last_and_best_checkpoint_are_tested_with_their_own_weights(run, monkeypatch):
    """The best is forced to be the first evaluation; its test predictions must be of those weights."""
    order = iter([0.9, 0.5, 0.4])
    original = loop.scores
    monkeypatch.setattr(loop, "scores", lambda task, y, z: original(task, y, z) | {task.metric: next(order)})
    parts, used = [], []
    original_predict = loop.predict

    def spy(model, examples, part, *rest):
        parts.append(part)
        used.append(model.classifier.weight.detach().clone())
        return original_predict(model, examples, part, *rest)

    monkeypatch.setattr(loop, "predict", spy)
    _, outcome = run(epochs=3)
    assert outcome.best_update == 5
    assert parts == ["validation"] * 3 + ["test"] * 2  # test of the last and of the best
    assert torch.equal(used[3], used[2])
    assert torch.equal(used[4], used[0])
    assert not np.array_equal(outcome.logits["best"]["test"], outcome.logits["last"]["test"])


def test_when_the_last_is_the_best_both_are_the_same(run, monkeypatch):
    order = iter([0.1, 0.2, 0.3])
    original = loop.scores
    monkeypatch.setattr(loop, "scores", lambda task, y, z: original(task, y, z) | {task.metric: next(order)})
    _, outcome = run()
    assert outcome.best_update == outcome.updates
    assert np.array_equal(outcome.logits["best"]["test"], outcome.logits["last"]["test"])


def test_the_best_checkpoint_of_an_error_is_the_lowest(tiny_models, tiny_data, monkeypatch):
    order = iter([0.5, 0.2, 0.4])
    monkeypatch.setattr(loop, "scores", lambda task, y, z: {"mse": next(order)})
    recipe = Recipe(n_train=40, batch_size=8, evaluations=3)
    examples = load_examples(tiny_data("syn-stsb"), recipe)
    examples = dataclasses.replace(examples, task=dataclasses.replace(examples.task, metric="mse"))
    model = build_model(tiny_models("bert"), examples.task, recipe, 0)
    outcome = fine_tune(model, examples, recipe, 0, CPU, log=quiet)
    assert [row["val_mse"] for row in outcome.curve] == [0.5, 0.2, 0.4]
    assert outcome.best_update == 10


def test_divergence_ends_the_run_and_is_recorded(run, monkeypatch):
    original = loop.loss_of
    calls = []

    def explodes(logits, labels, task):
        calls.append(1)
        return original(logits, labels, task) * (math.inf if len(calls) == 9 else 1)

    monkeypatch.setattr(loop, "loss_of", explodes)
    _, outcome = run(epochs=3)
    assert outcome.status == "diverged"
    assert outcome.updates == 7  # one of the nine losses was a validation loss
    assert np.isnan(outcome.logits["last"]["test"]).all()
    assert np.isfinite(outcome.logits["best"]["test"]).all()  # from update 5


def test_weights_that_the_last_update_spoils_are_a_divergence_too(run, monkeypatch):
    calls = []
    original = loop.predict

    def spoiled(*arguments):
        calls.append(1)
        logits = original(*arguments)
        return np.full_like(logits, np.nan) if len(calls) >= 3 else logits

    monkeypatch.setattr(loop, "predict", spoiled)
    _, outcome = run(epochs=3)
    assert (outcome.status, outcome.updates) == ("diverged", 15)


def test_divergence_before_the_first_evaluation_has_no_best(run, monkeypatch):
    monkeypatch.setattr(loop, "loss_of", lambda logits, labels, task: logits.sum() * math.nan)
    _, outcome = run()
    assert (outcome.status, outcome.updates, outcome.curve) == ("diverged", 0, [])
    assert np.isnan(outcome.logits["best"]["test"]).all()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("task", ["syn-cola", "syn-stsb"])
def test_every_family_trains(run, family, task):
    _, outcome = run(task=task, family=family, epochs=1, evaluations=1)
    assert outcome.status == "finished"
    assert np.isfinite(outcome.logits["last"]["test"]).all()


def test_bfloat16_computes_otherwise_and_keeps_weights_in_float32(run, plain):
    model, outcome = run(precision="bfloat16")
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert not equal(outcome, plain)
    assert np.abs(outcome.logits["last"]["test"] - plain.logits["last"]["test"]).max() < 0.1


@pytest.mark.parametrize("family", ["bert", "xlnet", "bart", "gpt2", "llama"])
def test_a_tiny_model_learns_its_training_set(run, family):
    _, outcome = run(task="syn-cola", family=family, epochs=40, learning_rate=3e-3, dropout=0.0, evaluations=2)
    assert outcome.curve[-1]["train_loss"] < 0.2


def test_padding_does_not_change_predictions(tiny_models, tiny_data):
    examples = load_examples(tiny_data("syn-mrpc"), Recipe())
    model = build_model(tiny_models("bert"), examples.task, Recipe(), 0)

    def predictions(rows):
        part = {"validation": Part("validation", np.asarray(rows))}
        return predict(model, dataclasses.replace(examples, parts=part), "validation", Recipe(), CPU)

    together = predictions(range(30))
    alone = [predictions([i])[0] for i in range(30)]
    assert np.allclose(together, alone, atol=1e-5)


def test_a_batch_is_padded_to_its_longest_example(tiny_data):
    examples = load_examples(tiny_data("syn-mrpc"), Recipe())
    rows = np.array([3, 7])
    inputs, labels = make_batch(examples, "train", rows, CPU)
    lengths = examples.tokens["train"].lengths()[rows]
    assert lengths[0] != lengths[1]
    assert inputs["input_ids"].shape == (2, lengths.max())
    assert inputs["attention_mask"].sum(dim=1).tolist() == lengths.tolist()
    assert (inputs["input_ids"][inputs["attention_mask"] == 0] == examples.pad_token_id).all()
    assert labels.dtype == torch.int64


def test_steps_replace_epochs(run):
    _, outcome = run(epochs=3, steps=7)
    assert (outcome.updates, outcome.curve[-1]["update"]) == (7, 7)
    assert outcome.curve[-1]["epoch"] == pytest.approx(7 / 5)


def test_full_steps_are_those_of_the_whole_training_set(run):
    _, outcome = run(epochs=1, steps="full", batch_size=32)
    assert outcome.updates == 15  # 480 examples


@pytest.mark.parametrize("family", FAMILIES)
def test_diagnostics_change_no_result(run, family):
    _, plain = run(family=family, epochs=1)
    _, measured = run(family=family, epochs=1, diagnostics_every=2)
    assert equal(plain, measured)
    assert plain.diagnostics == []
    assert {row["update"] for row in measured.diagnostics} == {1, 3, 5}
    found = {row["quantity"] for row in measured.diagnostics}
    assert found - {"saturation"} == {"gradient_norm", "update_ratio", "distance", "entropy", "step_multiple"}


def test_a_hopeless_run_is_stopped_and_its_last_weights_are_its_result(run, monkeypatch):
    monkeypatch.setattr(loop, "scores", lambda task, y, z: {task.metric: 0.1})
    _, outcome = run(epochs=3, stop_failed_after=0.5)
    assert (outcome.status, outcome.updates) == ("stopped", 10)
    assert np.isfinite(outcome.logits["last"]["test"]).all()
    _, other = run(epochs=3)  # as hopeless, but nobody asked for an end
    assert (other.status, other.updates) == ("finished", 15)


@pytest.mark.parametrize(
    "recipe",
    [
        {"mixout": 0.5},
        {"mixout": 0.5, "mixout_gradient": "official"},
        {"layerwise_decay": 0.9},
        {"pretrained_decay": 0.1},
        {"frozen_layers": 1},
        {"weight_decay": 0.1},
        {"reinit_layers": 1},
        {"dropout": 0.0},
    ],
    ids=str,
)
def test_every_method_changes_the_run_and_is_repeatable(run, plain, recipe):
    _, first = run(**recipe)
    _, second = run(**recipe)
    assert equal(first, second)
    assert not equal(first, plain)


@pytest.mark.parametrize(("every", "measured"), [(4, [1, 5, 6]), (5, [1, 6])])
def test_the_distance_at_the_end_of_training_is_always_there(tiny_models, tiny_data, every, measured):
    recipe = Recipe(n_train=40, batch_size=20, epochs=3, learning_rate=1e-3, evaluations=1, diagnostics_every=every)
    examples = load_examples(tiny_data("syn-rte"), recipe)
    model = build_model(tiny_models("bert"), examples.task, recipe, 0)
    before = {
        block: [p.detach().clone() for ps in kinds.values() for p in ps] for block, kinds in blocks_of(model).items()
    }
    rows = fine_tune(model, examples, recipe, 0, CPU, log=quiet).diagnostics
    top = [row for row in rows if row["quantity"] == "distance" and row["block"] == "classifier"]
    assert [row["update"] for row in top] == measured
    after = [p.detach() for ps in blocks_of(model)["classifier"].values() for p in ps]
    gone = sum((a - b).square().sum() for a, b in zip(after, before["classifier"], strict=True)).sqrt()
    assert top[-1]["value"] == pytest.approx(gone.item(), rel=1e-5)
    assert {row["update"] for row in rows if row["quantity"] == "gradient_norm"} == set(measured[:2])
