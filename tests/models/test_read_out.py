"""What a classifier reads does not depend on padding, and is what Transformers reads by itself."""

import dataclasses

import pytest
import torch
from helpers import amplified, known_task

from seedvar.cells.recipe import Recipe
from seedvar.models.families import FAMILIES
from seedvar.models.layers import layers_of
from seedvar.training.loop import forward
from seedvar.training.network import build_model

RTE, LENGTHS, END = known_task("rte"), (9, 4, 7), 3
DECODERS = ["gpt2", "llama", "qwen2", "qwen3"]


def rows(end=None, other=()):
    """Returns examples of other lengths: numbers of tokens, the last of them `end` where there is one."""
    generator = torch.Generator().manual_seed(1)
    examples = [torch.randint(5, 60, (n,), generator=generator).tolist() for n in LENGTHS]
    for example, token in zip(examples, other, strict=False):
        example[1] = token
    return [example[:-1] + [end] if end is not None else example for example in examples]


def padded(examples, left=False):
    longest = max(map(len, examples))
    pad = lambda values: ([0] * (longest - len(values)), values)[:: 1 if left else -1]  # noqa: E731
    make = lambda lists: torch.tensor([sum(pad(values), []) for values in lists])  # noqa: E731
    return {
        "input_ids": make(examples),
        "token_type_ids": make([[i % 2 for i in range(len(example))] for example in examples]),
        "attention_mask": make([[1] * len(example) for example in examples]),
    }


@torch.no_grad()
def logits_of(model, examples):
    return forward(model.eval(), padded(examples), Recipe())


def plain_model(folder, model):
    """Returns the network that Transformers makes of a checkpoint, with the classifier of another one."""
    from transformers import AutoModelForSequenceClassification

    plain = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)
    plain.load_state_dict(model.state_dict())
    return plain.eval()


@pytest.mark.parametrize("family", FAMILIES)
def test_no_padding_changes_what_is_read(tiny_models, family):
    examples = rows(END)
    if family == "mpnet":  # it finds the padding by its number, which is 1
        examples = [[token for token in example if token != 0] for example in examples]
    model = amplified(build_model(tiny_models(family), RTE, Recipe(), 0)).eval()
    if family in ("roberta", "mpnet", "xlm-roberta"):
        inputs = padded(examples)
        inputs["input_ids"][inputs["attention_mask"] == 0] = model.config.pad_token_id
        with torch.no_grad():
            together = forward(model, inputs, Recipe())
    else:
        together = logits_of(model, examples)
    alone = torch.cat([logits_of(model, [example]) for example in examples])
    assert torch.allclose(together, alone, atol=1e-5)
    assert not torch.allclose(together[0], together[1])


@torch.no_grad()
def test_xlnet_reads_what_it_does_when_transformers_pads_on_the_left(tiny_models):
    folder = tiny_models("xlnet")
    model = amplified(build_model(folder, RTE, Recipe(), 0))
    expected = plain_model(folder, model)(**padded(rows(), left=True)).logits
    assert torch.allclose(logits_of(model, rows()), expected, atol=1e-5)
    with_segments = padded(rows())
    without = forward(model, with_segments | {"token_type_ids": 0 * with_segments["token_type_ids"]}, Recipe())
    assert not torch.allclose(expected, without)


@torch.no_grad()
def test_bart_reads_what_transformers_reads_and_more_than_one_end_does_not_matter(tiny_models):
    folder = tiny_models("bart")
    model = amplified(build_model(folder, RTE, Recipe(), 0))
    inputs = {name: tensor for name, tensor in padded(rows(END)).items() if name != "token_type_ids"}
    expected = plain_model(folder, model)(**inputs).logits
    assert torch.allclose(logits_of(model, rows(END)), expected, atol=1e-5)
    with pytest.raises(Exception, match="same number"):
        plain_model(folder, model)(**inputs | {"input_ids": padded(rows(END, other=[END]))["input_ids"]})
    assert torch.isfinite(logits_of(model, rows(END, other=[END]))).all()


@torch.no_grad()
@pytest.mark.parametrize("family", DECODERS)
def test_a_decoder_reads_what_transformers_reads_whatever_pads(tiny_models, family):
    folder = tiny_models(family)
    model = amplified(build_model(folder, RTE, Recipe(), 0))
    plain = plain_model(folder, model)
    plain.config.pad_token_id = 0
    inputs = {name: tensor for name, tensor in padded(rows()).items() if name != "token_type_ids"}
    assert torch.allclose(logits_of(model, rows()), plain(**inputs).logits, atol=1e-5)
    # Transformers takes the token of padding for padding even where it is the text's last word.
    ends_so = [[*example, 0] for example in rows()]
    alone = torch.cat([logits_of(model, [example]) for example in ends_so])
    assert torch.allclose(logits_of(model, ends_so), alone, atol=1e-5)
    assert not torch.allclose(logits_of(model, ends_so), logits_of(model, rows()))


def test_bart_has_its_decoder_on_top_of_its_encoder(tiny_models):
    model = build_model(tiny_models("bart"), RTE, Recipe(), 0)
    assert layers_of(model, "", "") == [*model.model.encoder.layers, *model.model.decoder.layers]
    assert FAMILIES["bart"].prefix == "model"


def test_families_that_read_the_first_token_have_no_code_of_their_own():
    assert {name for name, row in FAMILIES.items() if row.read_out} == {"xlnet", "bart", *DECODERS}
    assert "read_out" not in FAMILIES["bert"].row()
    assert dataclasses.replace(FAMILIES["bert"], read_out="last").row()["read_out"] == "last"
