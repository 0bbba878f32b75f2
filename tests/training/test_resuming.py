"""A run that is stopped in the middle goes on from there, and nobody can tell from its result."""

import json
import os
import signal

import pytest
import torch

from seedvar import signals
from seedvar.cells.recipe import Recipe
from seedvar.errors import Stopped
from seedvar.training import resuming
from seedvar.training.batches import load_examples
from seedvar.training.loop import fine_tune
from seedvar.training.network import build_model
from seedvar.training.resuming import Unfinished

CPU = torch.device("cpu")
OF = {"fingerprint": "a", "device": "cpu"}
# Every optimizer and method that keeps something from one update to the next.
RECIPES = {
    "adamw": {},
    "bertadam": {"optimizer": "bertadam", "weight_decay": 0.01},
    "torch-adamw": {"optimizer": "torch-adamw", "weight_decay": 0.01, "dropout": 0.2},
    "mixout": {"mixout": 0.5, "reinit_layers": 1},
    "decay": {"pretrained_decay": 0.1, "layerwise_decay": 0.9},
    "diagnostics": {"diagnostics_every": 2, "frozen_layers": 1},
    "patience": {"stop_failed_after": 0.9, "precision": "bfloat16"},
}


class Cut(Unfinished):
    """Hears a signal at a given update."""

    at = None

    def after_update(self, update, total, state):
        if update == self.at:
            self.signal = signal.SIGTERM
        super().after_update(update, total, state)


@pytest.fixture
def always(monkeypatch):
    """Every run counts as long."""
    monkeypatch.setattr(resuming, "LONG_S", 0)
    monkeypatch.setattr(resuming, "WORTH_S", 0)


@pytest.fixture
def start(tiny_models, tiny_data, tmp_path):
    """Starts a run of 15 updates, as a process of its own would; returns the model, the outcome and what was said."""

    def run(task="syn-rte", at=None, seed=3, keeps=True, family="bert", **recipe):
        recipe = Recipe(
            **{"learning_rate": 1e-3, "n_train": 40, "batch_size": 8, "epochs": 3, "evaluations": 3} | recipe
        )
        examples = load_examples(tiny_data(task, family), recipe)
        model = build_model(tiny_models(family), examples.task, recipe, seed)
        torch.rand(7)  # whatever a process has drawn before
        said = []
        unfinished = Cut(tmp_path / "unfinished.pt", OF, said.append) if keeps else None
        if unfinished:
            unfinished.at = at
        return model, fine_tune(model, examples, recipe, seed, CPU, said.append, unfinished), said

    return run


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("task", ["syn-rte", "syn-stsb"])
def test_stopped_twice_is_equal_to_the_bit(start, always, tmp_path, name, task):
    model, whole, _ = start(task, keeps=False, **RECIPES[name])
    for at in (4, 10):  # in the middle of an epoch, and behind its last update, with an evaluation
        with pytest.raises(Stopped, match=f"the next start goes on behind update {at} of 15"):
            start(task, at, **RECIPES[name])
    resumed_model, resumed, said = start(task, **RECIPES[name])
    assert "goes on behind update 10, where an earlier start was stopped" in said
    assert json.dumps(resumed.curve) == json.dumps(whole.curve)  # NaN is equal to NaN here
    assert (resumed.updates, resumed.best_update, resumed.status) == (15, whole.best_update, whole.status)
    assert resumed.diagnostics == whole.diagnostics
    assert bool(whole.diagnostics) == (name == "diagnostics")
    for checkpoint, by_split in whole.logits.items():
        for split, logits in by_split.items():
            assert (resumed.logits[checkpoint][split] == logits).all()
    for parameter, value in model.state_dict().items():
        assert torch.equal(resumed_model.state_dict()[parameter], value), parameter


@pytest.mark.parametrize(
    ("family", "recipe"),
    [
        ("xlnet", {"segment_ids": False}),
        ("bart", {"gradient_checkpointing": True}),
        ("gpt2", {"lora_rank": 2, "lora_dropout": 0.1}),
        ("deberta-v2", {"biases_only": True}),
        ("electra", {"head": "official"}),
        ("modernbert", {"reinit_layers": 1}),
    ],
)
def test_other_families_and_methods_go_on_to_the_bit_too(start, always, family, recipe):
    if "lora_rank" in recipe:
        pytest.importorskip("peft")
    model, whole, _ = start(keeps=False, family=family, **recipe)
    with pytest.raises(Stopped):
        start(at=7, family=family, **recipe)
    resumed_model, resumed, said = start(family=family, **recipe)
    assert "goes on behind update 7, where an earlier start was stopped" in said
    assert json.dumps(resumed.curve) == json.dumps(whole.curve)
    for name, parameter in model.named_parameters():
        assert torch.equal(resumed_model.get_parameter(name), parameter), name


@pytest.mark.parametrize(("written_in_s", "lost", "cost"), [(0.1, 0.06, 0.01), (10, 0.12, 0.14), (20, 0.14, 0.22)])
def test_what_is_done_twice_is_little_and_so_is_what_it_costs(monkeypatch, tmp_path, written_in_s, lost, cost):
    """A run of ten minutes, an update of a second, by a clock of its own."""
    now = [0.0]

    def write(path, content):
        now[0] += written_in_s
        kept.append(update)

    monkeypatch.setattr(resuming.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(resuming, "write_atomically", write)
    unfinished, kept = Unfinished(tmp_path / "unfinished.pt", OF, lambda line: None), []
    for update in range(1, 601):
        now[0] += 1
        unfinished.after_update(update, 600, dict)
    gaps = [b - a for a, b in zip([0, *kept], [*kept, 600], strict=True)]
    assert max(gaps) <= lost * 600, gaps
    assert len(kept) * written_in_s <= cost * now[0], kept


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("unexpected pos 64 vs 0")])
def test_a_full_disk_ends_no_run(start, always, monkeypatch, tmp_path, error):
    """What a run could go on from is not worth the run."""

    def fail(content, path):
        raise error

    monkeypatch.setattr(resuming.torch, "save", fail)
    _, outcome, said = start()
    assert any(line.startswith("not kept after update") for line in said)
    assert outcome.curve == start(keeps=False)[1].curve
    assert not list(tmp_path.iterdir())


def test_a_short_run_leaves_nothing_and_says_so(start, tmp_path):
    with pytest.raises(Stopped, match="stopped by SIGTERM; the next start begins anew, this one was short"):
        start(at=4)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:5000]), "cannot be read"),
        (lambda path: path.write_bytes(b""), "cannot be read"),
        (lambda path: torch.save({"of": {**OF, "device": "a GPU"}}, path), "is of another device"),
        (lambda path: torch.save({"of": {}}, path), "is of another fingerprint and device"),
        (lambda path: torch.save([1], path), "cannot be read"),
    ],
)
def test_what_does_not_fit_is_not_taken_up(start, always, tmp_path, damage, reason):
    with pytest.raises(Stopped):
        start(at=4)
    damage(tmp_path / "unfinished.pt")
    _, outcome, said = start()
    assert any(reason in line and "begins anew" in line for line in said), said
    assert outcome.curve == start(keeps=False)[1].curve


def test_a_signal_waits_for_the_end_of_the_update(start, always, monkeypatch, tmp_path):
    unfinished = Unfinished(tmp_path / "unfinished.pt", OF, print)
    before = signal.getsignal(signal.SIGTERM)
    with signals.heard(unfinished.hear):
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Stopped) as stopped:
            unfinished.after_update(1, 10, lambda: {})
    assert stopped.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before
