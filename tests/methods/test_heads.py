"""The heads of the authors' code, and inputs without segment ids."""

import pytest
import torch
from helpers import amplified, known_task
from torch import nn

from seedvar.cells.recipe import Recipe
from seedvar.errors import UserError
from seedvar.methods.heads import HEADS
from seedvar.models.families import OFFICIAL_HEADS
from seedvar.training.loop import forward
from seedvar.training.network import build_model

RTE = known_task("rte")
IDS = torch.randint(5, 60, (4, 8), generator=torch.Generator().manual_seed(0))
SEGMENTS = torch.tensor([[0] * 3 + [1] * 5] * 4)


def parameters_above(model):
    inside = {id(parameter) for parameter in model.base_model.parameters()}
    return sum(parameter.numel() for parameter in model.parameters() if id(parameter) not in inside)


def test_electra_s_official_head_is_dropout_and_one_linear_layer(tiny_models):
    official, other = (build_model(tiny_models("electra"), RTE, Recipe(head="official"), seed) for seed in (0, 1))
    assert parameters_above(official) == 16 * 2 + 2
    assert parameters_above(build_model(tiny_models("electra"), RTE, Recipe(), 0)) == 16 * 17 + 16 * 2 + 2
    weight = official.classifier.out_proj.weight
    assert not torch.equal(weight, other.classifier.out_proj.weight)
    assert weight.std().item() == pytest.approx(0.02, rel=0.4)
    assert (official.classifier.out_proj.bias == 0).all()
    hidden = official.eval().electra(input_ids=IDS).last_hidden_state[:, 0]
    assert torch.allclose(official(input_ids=IDS).logits, hidden @ weight.T, atol=1e-7)
    assert official.classifier.dropout.p == 0.1


def test_roberta_s_official_head_is_that_of_transformers_without_its_first_dropout(tiny_models):
    official, plain = (
        build_model(tiny_models("roberta"), RTE, Recipe(head=head), 0) for head in ("official", "transformers")
    )
    for name, parameter in plain.named_parameters():
        assert torch.equal(parameter, official.get_parameter(name)), name
    assert torch.equal(official.eval()(input_ids=IDS).logits, plain.eval()(input_ids=IDS).logits)
    features = torch.ones(3, 5, 16)
    seen = []
    for model in (official.train(), plain.train()):
        model.classifier.dense.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
        torch.manual_seed(0)
        model.classifier(features)
    assert (seen[0] == 1).all()
    assert not (seen[1] == 1).all()


@pytest.mark.parametrize("family", ["bert", "albert", "electra", "xlnet"])
def test_without_segment_ids_a_pair_reads_as_it_does_where_none_are_given(tiny_models, family):
    inputs = {"input_ids": IDS, "token_type_ids": SEGMENTS, "attention_mask": torch.ones_like(IDS)}
    none = {name: tensor for name, tensor in inputs.items() if name != "token_type_ids"}
    plain, without = (
        amplified(build_model(tiny_models(family), RTE, Recipe(segment_ids=segment_ids), 0)).eval()
        for segment_ids in (True, False)
    )
    with torch.no_grad():
        expected = plain(**none).logits
        assert torch.equal(forward(without, inputs, Recipe()), expected)
        assert not torch.allclose(forward(plain, inputs, Recipe()), expected)


def test_a_family_without_another_head_is_refused(tiny_models):
    assert set(HEADS) == set(OFFICIAL_HEADS)
    with pytest.raises(UserError, match="recipe: head: bert has no official one; accepted: transformers"):
        build_model(tiny_models("bert"), RTE, Recipe(head="official"), 0)


def test_mixout_reaches_the_official_head(tiny_models):
    model = build_model(tiny_models("electra"), RTE, Recipe(head="official", mixout=0.5), 0)
    assert not [module for module in model.modules() if isinstance(module, nn.Linear)]
