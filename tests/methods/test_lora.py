"""LoRA is what the library peft does when it is used by hand, and shares the seeds of other arms."""

import pytest
import torch
from helpers import known_task
from torch import nn

from seedvar.cells.recipe import Recipe
from seedvar.methods.lora import adapted_layers
from seedvar.streams import stream_seed
from seedvar.training.network import build_model
from seedvar.training.parameter_groups import make_optimizer

peft = pytest.importorskip("peft")
RTE = known_task("rte")
IDS = torch.randint(5, 60, (4, 8), generator=torch.Generator().manual_seed(0))


def trained(model, parameters, updates=5):
    optimizer = torch.optim.AdamW(parameters, lr=1e-2, weight_decay=0.0)
    losses = []
    for _ in range(updates):
        logits = model(input_ids=IDS, attention_mask=torch.ones_like(IDS)).logits
        loss = nn.functional.cross_entropy(logits, torch.tensor([0, 1, 0, 1]))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return logits.detach(), losses


@pytest.mark.parametrize(
    ("family", "head"),
    [("bert", ["classifier"]), ("gpt2", ["score"]), ("qwen2", ["score"]), ("albert", ["classifier"])],
)
def test_it_is_what_peft_does_by_hand(tiny_models, family, head):
    recipe = Recipe(lora_rank=3, lora_alpha=7.0)
    model = build_model(tiny_models(family), RTE, recipe, init_seed=5).eval()  # without dropout
    plain = build_model(tiny_models(family), RTE, Recipe(), init_seed=5).eval()
    targets = adapted_layers(plain)
    torch.manual_seed(stream_seed(5, "lora"))
    config = peft.LoraConfig(
        r=3, lora_alpha=7.0, target_modules=targets, modules_to_save=head, fan_in_fan_out=family == "gpt2"
    )
    by_hand = peft.get_peft_model(plain, config)
    ours = [parameter for parameter in model.parameters() if parameter.requires_grad]
    theirs = [parameter for parameter in by_hand.parameters() if parameter.requires_grad]
    assert sum(p.numel() for p in ours) == sum(p.numel() for p in theirs)
    (ours, ours_losses), (theirs, their_losses) = trained(model, ours), trained(by_hand, theirs)
    assert torch.allclose(ours, theirs, atol=1e-5)
    assert ours_losses == pytest.approx(their_losses, abs=1e-5)
    assert ours_losses[-1] < ours_losses[0] - 0.01


def test_arms_of_one_seed_share_the_classifier_and_start_at_the_same_logits(tiny_models):
    plain, lora, other = (
        build_model(tiny_models("bert"), RTE, recipe, seed).eval()
        for recipe, seed in ((Recipe(), 0), (Recipe(lora_rank=2), 0), (Recipe(lora_rank=2), 1))
    )
    assert torch.equal(plain.classifier.weight, lora.classifier.weight)
    assert torch.equal(plain(input_ids=IDS).logits, lora(input_ids=IDS).logits)  # B = 0
    first, second = (m.bert.encoder.layer[0].attention.self.query.lora_A.default.weight for m in (lora, other))
    assert not torch.equal(first, second)


def test_adapters_are_drawn_from_a_stream_of_their_own(tiny_models):
    states = []
    for recipe in (Recipe(), Recipe(lora_rank=2)):
        torch.manual_seed(0)
        build_model(tiny_models("bert"), RTE, recipe, 0)
        states.append(torch.get_rng_state())
    assert torch.equal(*states)
    torch.manual_seed(7)
    first, again = (build_model(tiny_models("bert"), RTE, Recipe(lora_rank=2), 0) for _ in range(2))
    for name, parameter in first.named_parameters():
        assert torch.equal(parameter, again.get_parameter(name)), name


def test_re_initialised_layers_are_trained_whole_and_have_no_adapter(tiny_models):
    model = build_model(tiny_models("bert"), RTE, Recipe(lora_rank=2, reinit_layers=1), 0)
    trainable = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert {name for name in trainable if "lora" in name and "layer.1." in name} == set()
    assert "bert.encoder.layer.1.output.LayerNorm.weight" in trainable
    assert "bert.pooler.dense.weight" in trainable
    assert "bert.encoder.layer.0.attention.self.query.lora_A.default.weight" in trainable
    assert "bert.encoder.layer.0.attention.self.query.base_layer.weight" not in trainable
    alone = build_model(tiny_models("bert"), RTE, Recipe(lora_rank=2), 0)
    assert not alone.bert.pooler.dense.weight.requires_grad


def test_layerwise_decay_and_weight_decay_reach_the_adapters(tiny_models):
    recipe = Recipe(lora_rank=2, layerwise_decay=0.5, weight_decay=0.1, learning_rate=1e-3)
    model = build_model(tiny_models("bert"), RTE, recipe, 0)
    groups = {id(p): group for group in make_optimizer(model, recipe).param_groups for p in group["params"]}
    low, high = (groups[id(layer.output.dense.lora_A.default.weight)] for layer in model.bert.encoder.layer)
    assert (low["lr"], high["lr"]) == (2.5e-4, 5e-4)
    assert low["weight_decay"] == 0.1
