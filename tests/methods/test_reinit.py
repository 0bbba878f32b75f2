"""Re-initialisation draws what it should and leaves the rest as it was, to the bit."""

import pytest
import torch
from helpers import known_task

from seedvar.cells.recipe import Recipe
from seedvar.errors import UserError
from seedvar.models.families import FAMILIES
from seedvar.models.layers import layers_of, pretrained
from seedvar.training.network import build_model

RTE = known_task("rte")


def weights(folder, seed=0, **recipe):
    return build_model(folder, RTE, Recipe(**recipe), seed).state_dict()


def changed(first, second):
    return {name for name in first if not torch.equal(first[name], second[name])}


def test_only_the_pooler_and_the_top_layers_are_drawn_anew(tiny_models):
    plain, reinit = weights(tiny_models("bert")), weights(tiny_models("bert"), reinit_layers=1)
    names = changed(plain, reinit)
    assert names == {
        n for n in plain if n.startswith("bert.encoder.layer.1.") and n.endswith("weight") and "LayerNorm" not in n
    } | {"bert.pooler.dense.weight"}  # the tiny model's biases and LayerNorms still have their initial values
    assert len(names) == 7  # six Linear layers of a block, and the pooler


def test_layer_norms_and_biases_return_to_one_and_zero(tiny_models, tmp_path):
    from transformers import AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(tiny_models("bert"))
    with torch.no_grad():
        for parameter in model.encoder.layer[1].parameters():
            parameter.fill_(7.0)
    model.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny_models("bert")).save_pretrained(tmp_path)
    built = build_model(tmp_path, RTE, Recipe(reinit_layers=1), 0)
    for name, parameter in built.bert.encoder.layer[1].named_parameters():
        if name.endswith("bias"):
            assert (parameter == 0).all()
        elif "LayerNorm" in name:
            assert (parameter == 1).all()
        else:
            assert parameter.abs().max() < 0.2


def test_drawn_weights_are_normal_with_the_configured_deviation(tiny_models):
    drawn = weights(tiny_models("bert"), reinit_layers=2)
    values = torch.cat(
        [drawn[n].flatten() for n in drawn if ".intermediate.dense.weight" in n or ".output.dense.weight" in n]
    )
    assert values.mean().abs() < 0.002
    assert values.std().item() == pytest.approx(0.02, rel=0.05)
    assert values.abs().max() > 0.05  # a truncated normal would end at two standard deviations, .04


def test_arms_with_one_seed_share_the_classifier_and_the_layers_they_both_draw(tiny_models):
    folder = tiny_models("bert")
    none, one, two = (weights(folder, reinit_layers=n) for n in (0, 1, 2))
    assert torch.equal(none["classifier.weight"], two["classifier.weight"])
    top = "bert.encoder.layer.1.output.dense.weight"
    assert torch.equal(one[top], two[top])
    other = weights(folder, seed=1)
    assert changed(none, other) == {"classifier.weight"}


def test_the_pooler_alone(tiny_models):
    folder = tiny_models("bert")
    assert changed(weights(folder), weights(folder, reinit_pooler=True)) == {"bert.pooler.dense.weight"}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_re_initialised_or_says_why_not(tiny_models, family):
    folder = tiny_models(family)
    if family == "albert":
        with pytest.raises(
            UserError, match="reinit_layers: all layers of albert share one set of parameters.*accepted: 0"
        ):
            weights(folder, reinit_layers=1)
        return
    names = changed(weights(folder), weights(folder, reinit_layers=1))
    assert names
    above = ("layer.1.", "layers.1.", "h.1.", "decoder.layers.0.", "pooler", "head.", "ln_f.", "norm.")
    assert all(any(part in name for part in above) for name in names)


def everything_is(folder, value, target):
    """Saves a checkpoint whose every weight is one number."""
    from transformers import AutoModel

    model = AutoModel.from_pretrained(folder)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(value)
    model.save_pretrained(target)
    return target


@pytest.mark.parametrize("family", [family for family, row in FAMILIES.items() if row.stacks])
def test_of_the_top_block_and_what_is_above_it_nothing_stays(tiny_models, tmp_path, family):
    folder, row = everything_is(tiny_models(family), 7.0, tmp_path), FAMILIES[family]
    model = build_model(folder, RTE, Recipe(reinit_layers=1), 0)
    layers = layers_of(model, "", "")
    anew = [layers[-1], *([model.base_model.get_submodule(row.final)] if row.final else [])]
    for name, parameter in model.named_parameters():
        is_above = any(parameter is each for module in anew for each in module.parameters())
        if is_above or name not in pretrained(model) or (row.pooler and name.startswith(row.pooler)):
            assert not (parameter == 7.0).any(), name
        else:
            assert (parameter == 7.0).all(), name


def test_more_layers_than_there_are_is_refused(tiny_models):
    with pytest.raises(UserError, match="reinit_layers: 3 is not accepted; the model accepts 0 to 2"):
        weights(tiny_models("bert"), reinit_layers=3)


def test_a_pooler_that_is_not_there_is_refused(tiny_models):
    with pytest.raises(UserError, match="distilbert classifier has no pre-trained pooler"):
        weights(tiny_models("distilbert"), reinit_pooler=True)
