"""Packed batches, micro-batches and the compact vocabulary compute what a padded batch of the whole model computes."""

import dataclasses

import numpy as np
import pytest
import torch

from seedvar.cells.recipe import Recipe
from seedvar.models.families import FAMILIES
from seedvar.training import loop, packing
from seedvar.training.batches import load_examples, make_batch, micro_batches
from seedvar.training.loop import fine_tune, forward, loss_of, predict
from seedvar.training.network import build_model
from seedvar.training.packing import batch_maker
from seedvar.training.vocabulary import compact

CPU = torch.device("cpu")
PACKED = [name for name, family in FAMILIES.items() if family.packing]


@pytest.fixture
def prepared(tiny_models, tiny_data):
    """Builds a tiny model and its examples."""

    def make(family="bert", task="syn-mrpc", **recipe):
        recipe = Recipe(**{"n_train": 40, "batch_size": 8, "evaluations": 2, "learning_rate": 1e-3} | recipe)
        examples = load_examples(tiny_data(task, family), recipe)
        return build_model(tiny_models(family), examples.task, recipe, 0), examples, recipe

    return make


def gradients(model, batches, examples, recipe, n):
    """Adds up the gradients of batches; returns them by parameter and the loss."""
    model.zero_grad()
    total = 0.0
    for inputs, labels in batches:
        loss = loss_of(forward(model, inputs, recipe), labels, examples.task) * (len(labels) / n)
        loss.backward()
        total += loss.item()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}, total


def assert_same(found, wanted):
    assert found[1] == pytest.approx(wanted[1], rel=1e-5)
    assert found[0].keys() == wanted[0].keys()
    for name, gradient in wanted[0].items():
        tolerance = 2e-6 * max(1.0, wanted[1])  # of a squared error all is larger
        assert torch.allclose(found[0][name], gradient, rtol=1e-4, atol=tolerance), name


@pytest.mark.parametrize("family", PACKED)
@pytest.mark.parametrize("task", ["syn-mrpc", "syn-stsb"])
def test_a_packed_batch_has_the_loss_and_gradients_of_a_padded_one(prepared, family, task):
    model, examples, recipe = prepared(family, task, dropout=0.0)
    model.train()
    rows = examples.rows("train")[:13]
    assert len(set(examples.source("train").lengths()[rows])) > 2
    wanted = gradients(model, [make_batch(examples, "train", rows, CPU)], examples, recipe, 13)
    batch_of = batch_maker(model)
    parts = micro_batches(examples, "train", rows, None)
    assert_same(gradients(model, [batch_of(examples, "train", parts[0], CPU)], examples, recipe, 13), wanted)
    parts = micro_batches(examples, "train", rows, 5)
    assert [len(part) for part in parts] == [5, 5, 3]
    batches = [batch_of(examples, "train", part, CPU) for part in parts]
    assert_same(gradients(model, batches, examples, recipe, 13), wanted)


@pytest.mark.parametrize("family", FAMILIES)
def test_padded_micro_batches_add_up_too(prepared, family):
    model, examples, recipe = prepared(family, dropout=0.0)
    model.train()
    rows = examples.rows("train")[:13]
    wanted = gradients(model, [make_batch(examples, "train", rows, CPU)], examples, recipe, 13)
    batches = [make_batch(examples, "train", part, CPU) for part in micro_batches(examples, "train", rows, 4)]
    assert_same(gradients(model, batches, examples, recipe, 13), wanted)


@pytest.mark.parametrize("family", PACKED)
def test_the_way_of_a_gpu_computes_the_same_on_a_cpu(prepared, family, monkeypatch):
    """There one fused kernel attends over a rectangle."""
    model, examples, recipe = prepared(family, dropout=0.0)
    model.train()
    batch_of = batch_maker(model)
    rows = micro_batches(examples, "train", examples.rows("train")[:13], None)[0]
    wanted = gradients(model, [batch_of(examples, "train", rows, CPU)], examples, recipe, 13)
    monkeypatch.setattr(packing, "attend", packing.attend_padded)
    monkeypatch.setattr(packing._Attention, "apply", None)
    assert_same(gradients(model, [batch_of(examples, "train", rows, CPU)], examples, recipe, 13), wanted)


def test_elsewhere_than_on_a_cpu_attention_goes_the_way_of_a_gpu(monkeypatch):
    monkeypatch.setattr(packing._Attention, "apply", None)
    packed = packing.Packing(np.array([3, 5]), torch.tensor([0, 3], device="meta"))
    key, value = (torch.empty(8, 2, 4, device="meta") for _ in range(2))
    for n_queries in (8, 2):  # of all tokens, of the first ones
        query = torch.empty(n_queries, 2, 4, device="meta")
        assert packing.attend(query, key, value, packed, 0.1, 0.5).shape == query.shape


@pytest.mark.parametrize("group_cost", [0, 100, 10**9])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_gradient_of_attention_is_its_derivative(precision, group_cost, monkeypatch):
    torch.manual_seed(0)
    monkeypatch.setattr(packing, "GROUP_COST", group_cost)
    dtype = torch.float64 if precision == "float32" else torch.bfloat16
    lengths, starts = np.array([3, 3, 5, 9]), np.array([0, 3, 6, 11])
    packed = packing.Packing(lengths, torch.from_numpy(starts))
    assert [(group.length, len(group)) for group in packed.groups(2)] == {
        0: [(3, 2), (5, 1), (9, 1)],
        100: [(5, 3), (9, 1)],
        10**9: [(9, 4)],
    }[group_cost]
    for n_queries in (20, 4):
        q = torch.randn(n_queries, 2, 4, dtype=dtype, requires_grad=True)
        k, v = (torch.randn(20, 2, 4, dtype=dtype, requires_grad=True) for _ in range(2))
        out = packing.attend(q, k, v, packed, 0.0, 0.5)
        out.float().square().sum().backward()
        found = [t.grad.float() for t in (q, k, v)]
        for t in (q, k, v):
            t.grad = None
        pieces = []
        for i, (start, length) in enumerate(zip(starts, lengths, strict=True)):
            tokens = slice(start, start + length)
            queries = tokens if n_queries == 20 else slice(i, i + 1)
            weight = torch.einsum("qhd,khd->hqk", q[queries], k[tokens]).mul(0.5).softmax(-1)
            pieces.append(torch.einsum("hqk,khd->qhd", weight, v[tokens]))
        wanted = torch.cat(pieces)
        wanted.float().square().sum().backward()
        tolerance = 1e-6 if precision == "float32" else 0.15
        assert torch.allclose(out.float(), wanted.float(), atol=tolerance)
        for mine, t in zip(found, (q, k, v), strict=True):
            assert torch.allclose(mine, t.grad.float(), atol=tolerance)


def test_dropout_in_attention_leaves_weights_out_and_keeps_the_mean():
    torch.manual_seed(0)
    packed = packing.Packing(np.array([400]), torch.tensor([0]))
    q, k, v = torch.zeros(400, 1, 1), torch.zeros(400, 1, 1), torch.ones(400, 1, 1, requires_grad=True)
    out = packing.attend(q, k, v, packed, 0.25, 1.0)  # the share of the kept weights, over .75
    assert out.mean().item() == pytest.approx(1, abs=0.01)
    assert out.std().item() == pytest.approx((0.25 / 0.75 / 400) ** 0.5, rel=0.15)
    out.sum().backward()
    assert v.grad.sum().item() == pytest.approx(out.sum().item(), rel=1e-5)


@pytest.mark.parametrize("n_queries", [20, 4])
@pytest.mark.parametrize("group_cost", [0, 10**9])
def test_with_dropout_too_the_gradient_is_the_derivative(n_queries, group_cost, monkeypatch):
    monkeypatch.setattr(packing, "GROUP_COST", group_cost)
    torch.manual_seed(1)
    packed = packing.Packing(np.array([3, 3, 5, 9]), torch.tensor([0, 3, 6, 11]))
    inputs = [torch.randn(n, 2, 4, dtype=torch.float64, requires_grad=True) for n in (n_queries, 20, 20)]
    weights = torch.randn(n_queries, 2, 4, dtype=torch.float64)

    def value(*inputs):
        torch.manual_seed(2)  # the same weights are left out
        return (packing.attend(*inputs, packed, 0.3, 0.5) * weights).sum()

    value(*inputs).backward()
    for i, tensor in enumerate(inputs):
        step = torch.randn_like(tensor) * 1e-2
        ahead, behind = ([*inputs[:i], tensor.detach() + sign * step, *inputs[i + 1 :]] for sign in (1, -1))
        change = (value(*ahead) - value(*behind)).item() / 2
        assert change == pytest.approx((tensor.grad * step).sum().item(), rel=2e-3, abs=1e-6)


def test_examples_are_grouped_at_the_least_cost():
    def cost(groups, lengths, heads):
        return sum(packing.GROUP_COST + heads * (j - i) * int(lengths[j - 1]) ** 2 for i, j in groups)

    rng = np.random.default_rng(0)
    for heads in (1, 12, 200):
        lengths = np.sort(rng.integers(5, 60, 9))
        cuts = [c for c in range(1, 9) if lengths[c] != lengths[c - 1]]
        every = []
        for chosen in range(2 ** len(cuts)):
            ends = [0, *(c for i, c in enumerate(cuts) if chosen >> i & 1), 9]
            every.append(list(zip(ends, ends[1:], strict=False)))
        found = packing.divide(lengths, heads)
        assert cost(found, lengths, heads) == min(cost(groups, lengths, heads) for groups in every)
        assert found in every


@pytest.mark.parametrize("family", PACKED)
def test_predictions_are_those_of_padded_batches(prepared, family):
    model, examples, recipe = prepared(family)
    wanted = predict(model, examples, "validation", recipe, CPU)
    found = predict(model, examples, "validation", recipe, CPU, batch_maker(model))
    assert np.allclose(found, wanted, atol=1e-5)


# The norm of the gradient is summed in another order, so that bits are equal only where nothing is clipped.
@pytest.mark.parametrize(
    ("recipe", "exact"),
    [
        ({"max_grad_norm": 0.0}, True),
        ({"max_grad_norm": 0.0, "optimizer": "bertadam", "reinit_layers": 1}, True),
        ({"max_grad_norm": 0.0, "pretrained_decay": 0.1, "layerwise_decay": 0.9}, True),
        ({}, False),
        ({"max_grad_norm": 0.0, "weight_decay": 0.5}, False),  # words that are left out shrink in one step
        ({"max_grad_norm": 0.0, "weight_decay": 0.5, "optimizer": "torch-adamw"}, False),
    ],
    ids=str,
)
def test_words_that_no_example_has_change_neither_scores_nor_weights(prepared, monkeypatch, recipe, exact):
    model, examples, made = prepared(**recipe)
    n_words = model.get_input_embeddings().num_embeddings
    small, _ = compact(model, examples, made)
    assert model.get_input_embeddings().num_embeddings < n_words
    assert all(t.input_ids.max() < n_words for t in small.tokens.values())

    model, examples, made = prepared(**recipe)
    outcome = fine_tune(model, examples, made, 0, CPU, log=lambda line: None)
    assert model.get_input_embeddings().num_embeddings == n_words
    monkeypatch.setattr(loop, "compact", lambda model, examples, recipe: (examples, lambda shrunk: None))
    whole, *_ = prepared(**recipe)
    wanted = fine_tune(whole, examples, made, 0, CPU, log=lambda line: None)
    for checkpoint, by_split in wanted.logits.items():
        for split, logits in by_split.items():
            found = outcome.logits[checkpoint][split]
            assert np.array_equal(found, logits) if exact else np.allclose(found, logits, atol=1e-4)
    for name, tensor in whole.state_dict().items():
        found = model.state_dict()[name]
        assert torch.equal(found, tensor) if exact else torch.allclose(found, tensor, atol=1e-5), name


def test_words_stay_where_their_numbers_or_their_weights_are_read(prepared):
    for change in ({"diagnostics_every": 1}, {"frozen_layers": 1}):
        model, examples, recipe = prepared(**change)
        before = model.get_input_embeddings()
        assert compact(model, examples, recipe)[0] is examples
        assert model.get_input_embeddings() is before
    model, examples, recipe = prepared()
    assert compact(model, dataclasses.replace(examples, pad_token_id=1000), recipe)[0].pad_token_id == 1000


def test_micro_batches_change_a_run_in_its_last_digits_only(prepared):
    logits = []
    for most in (None, 3):
        model, examples, recipe = prepared(dropout=0.0, micro_batch=most, epochs=1)
        logits.append(fine_tune(model, examples, recipe, 0, CPU, log=lambda line: None).logits["last"]["test"])
    assert np.allclose(*logits, atol=1e-4)
    assert not np.array_equal(*logits)
