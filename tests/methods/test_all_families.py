"""Every method on every family: it trains, or is refused in one sentence before any work starts."""

import importlib.util

import pytest
import torch
from helpers import known_task

from seedvar.cells.recipe import Recipe
from seedvar.errors import UserError
from seedvar.files import read_json
from seedvar.methods.hooks import methods_with
from seedvar.models.families import FAMILIES
from seedvar.models.layers import is_drawn, pretrained
from seedvar.study.feasible import check_recipe
from seedvar.training.loop import forward
from seedvar.training.network import build_model
from seedvar.training.parameter_groups import make_optimizer

RTE = known_task("rte")
RECIPES = {
    "plain": {},
    "bfloat16": {"precision": "bfloat16"},
    "reinit": {"reinit_layers": 1},
    "pooler": {"reinit_pooler": True},
    "mixout": {"mixout": 0.3},
    "layerwise decay": {"layerwise_decay": 0.9},
    "pretrained decay": {"pretrained_decay": 0.1},
    "frozen": {"frozen_layers": 1},
    "diagnostics": {"diagnostics_every": 1},
    "head": {"head": "official"},
    "segments": {"segment_ids": False},
    "bitfit": {"biases_only": True, "reinit_layers": 1},
    "lora": {"lora_rank": 2, "lora_dropout": 0.1},
    "lora and reinit": {"lora_rank": 2, "reinit_layers": 1},
    "checkpointing": {"gradient_checkpointing": True},
}
# What a family cannot do, by the recipes above.
CANNOT = {
    "bert": {"head"},
    "roberta": {"pooler", "segments"},
    "electra": {"pooler"},
    "distilbert": {"pooler", "head", "segments"},
    "albert": {"reinit", "layerwise decay", "frozen", "head", "bitfit", "lora and reinit", "checkpointing"},
    "xlm-roberta": {"pooler", "head", "segments"},
    "mpnet": {"pooler", "head", "segments", "checkpointing"},
    "deberta-v2": {"pooler", "head", "segments"},
    "modernbert": {"head", "segments", "bitfit"},
    "xlnet": {"pooler", "head", "mixout", "lora", "lora and reinit", "checkpointing"},
    "bart": {"pooler", "head", "segments"},
    "gpt2": {"pooler", "head", "segments", "mixout"},
    "llama": {"pooler", "head", "segments", "bitfit"},
    "qwen2": {"pooler", "head", "segments"},
    "qwen3": {"pooler", "head", "segments", "bitfit"},
}


def batch():
    """Returns two rows of different lengths, padded on the right."""
    ids = torch.randint(5, 60, (2, 9), generator=torch.Generator().manual_seed(0))
    mask = torch.tensor([[1] * 9, [1] * 6 + [0] * 3])
    types = torch.tensor([[0] * 4 + [1] * 5, [0] * 3 + [1] * 3 + [0] * 3])
    return {"input_ids": ids * mask, "token_type_ids": types, "attention_mask": mask}


def two_updates(folder, recipe):
    """Trains a tiny model; returns it, its weights before, and the rows of its watchers."""
    model = build_model(folder, RTE, recipe, 0).train()
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    optimizer = make_optimizer(model, recipe)
    torch.manual_seed(0)
    watchers = [watch(model, optimizer, recipe) for watch in methods_with("watch", recipe)]
    for update in (1, 2):
        torch.nn.functional.cross_entropy(forward(model, batch(), recipe), torch.tensor([0, 1])).backward()
        for watcher in watchers:
            watcher.before_update(update)
        optimizer.step()
        for watcher in watchers:
            watcher.after_update(update)
        optimizer.zero_grad()
    return model, before, [row for watcher in watchers for row in watcher.rows]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_method_trains_or_is_refused_before_it_does(tiny_models, family):
    config = read_json(tiny_models(family) / "config.json")
    for name, fields in RECIPES.items():
        recipe = Recipe(**fields | {"learning_rate": 1e-3})
        if recipe.lora_rank and not importlib.util.find_spec("peft"):
            continue
        if name in CANNOT[family]:
            with pytest.raises(UserError, match="^study.yaml: arm 'a': .*; accepted: "):
                check_recipe("study.yaml: arm 'a'", family, recipe, config)
            continue
        check_recipe("study.yaml: arm 'a'", family, recipe, config)
        model, before, rows = two_updates(tiny_models(family), recipe)
        moved = {n for n, parameter in model.named_parameters() if not torch.equal(parameter, before[n])}
        assert moved, name
        assert all(torch.isfinite(parameter).all() for parameter in model.parameters()), name
        assert bool(rows) == (name == "diagnostics")
        kept, drawn = set(pretrained(model)), {n for n, parameter in model.named_parameters() if is_drawn(parameter)}
        if "bitfit" in name:
            assert all(n.endswith("bias") for n in moved - drawn), name
            assert any(n in kept - drawn for n in moved)
        if "lora" in name:
            assert {n for n in moved - drawn if "lora" not in n} == set(), name
            assert [n for n in moved if "lora_B" in n] != []
        if "bitfit" in name or "reinit" in name:
            assert drawn & kept & moved, name


def test_a_head_that_a_checkpoint_lacks_and_a_method_would_freeze_is_trained(tiny_models, tmp_path):
    """A pooler that the file does not hold is drawn anew: to freeze it would leave a random layer in the way."""
    from transformers import AutoTokenizer, BertModel

    model = BertModel.from_pretrained(tiny_models("bert"), add_pooling_layer=False)
    model.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny_models("bert")).save_pretrained(tmp_path)
    _, before, _ = two_updates(tmp_path, Recipe(biases_only=True, learning_rate=1e-3))
    model, _, _ = two_updates(tmp_path, Recipe(biases_only=True, learning_rate=1e-3))
    assert not torch.equal(model.bert.pooler.dense.weight, before["bert.pooler.dense.weight"])


@pytest.mark.parametrize("family", [name for name in FAMILIES if "checkpointing" not in CANNOT[name]])
def test_checkpointing_changes_no_bit_on_a_cpu(tiny_models, family):
    plain, _, _ = two_updates(tiny_models(family), Recipe(learning_rate=1e-3))
    model, _, _ = two_updates(tiny_models(family), Recipe(learning_rate=1e-3, gradient_checkpointing=True))
    assert getattr(model, "is_gradient_checkpointing", False)
    for name, parameter in plain.named_parameters():
        assert torch.equal(parameter, model.get_parameter(name)), name
