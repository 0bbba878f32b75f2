"""The forgetting probe: one mask draw, the pre-trained head, and what the replaced layers do."""

import math
import shutil

import pytest
import torch
from helpers import known_task
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForMaskedLM, AutoTokenizer, BertConfig

from seedvar.cells.recipe import Recipe
from seedvar.errors import UserError
from seedvar.models.checkpoints import EMBEDDED
from seedvar.probes.forgetting import load_paragraphs, mask, perplexities
from seedvar.training.network import build_model

FOLDER = EMBEDDED["syn-bert"]
TEXT = load_paragraphs("synthetic", None, 12)


def fine_tuned(tmp_path, change):
    model = build_model(FOLDER, known_task("syn-rte"), Recipe(), 0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            change(name, parameter)
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    return tmp_path / "weights.safetensors"


def test_an_unchanged_encoder_has_the_perplexity_of_the_pretrained_model(tmp_path):
    rows = perplexities(FOLDER, fine_tuned(tmp_path, lambda name, p: None), TEXT, 128)
    assert [row["replaced_layers"] for row in rows] == list(range(9))
    assert len({row["perplexity"] for row in rows}) == 1
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    masked = mask(tokenizer(TEXT)["input_ids"], tokenizer)
    model = AutoModelForMaskedLM.from_pretrained(FOLDER).eval()
    losses = []  # one paragraph at a time, without padding
    for ids, guesses in masked:
        logits = model(torch.tensor([ids])).logits[0].detach()
        losses += [-torch.log_softmax(logits[i], 0)[token].item() for i, token in guesses.items()]
    assert rows[0]["masked_tokens"] == len(losses)
    assert rows[0]["perplexity"] == pytest.approx(math.exp(sum(losses) / len(losses)), rel=1e-4)


def test_only_damage_above_or_in_the_replaced_layers_is_healed(tmp_path):
    def damage(name, parameter):
        if "encoder.layer.6." in name and name.endswith("weight"):  # the second layer from the top
            parameter.normal_(0, 0.3, generator=torch.Generator().manual_seed(0))

    values = [row["perplexity"] for row in perplexities(FOLDER, fine_tuned(tmp_path, damage), TEXT, 128)]
    assert min(values[:2]) > 2 * values[2]
    assert values[2:] == [values[2]] * 7


def test_changed_embeddings_leave_the_word_head_as_it_was_and_are_healed_last(tmp_path):
    def damage(name, parameter):
        if "word_embeddings" in name:
            parameter.zero_()

    values = [row["perplexity"] for row in perplexities(FOLDER, fine_tuned(tmp_path, damage), TEXT, 128)]
    assert min(values[:8]) > values[8]
    vocabulary = BertConfig.from_pretrained(FOLDER).vocab_size
    assert values[0] != pytest.approx(vocabulary, rel=1e-3)  # as it would be if the head's matrix were 0 too


@pytest.mark.parametrize("family", ["roberta", "distilbert", "xlm-roberta", "mpnet", "modernbert"])
def test_other_families_with_a_word_head_are_probed_too(tiny_models, tmp_path, family):
    folder = tmp_path / family
    shutil.copytree(tiny_models(family), folder)
    torch.manual_seed(0)
    AutoModelForMaskedLM.from_config(AutoConfig.from_pretrained(folder)).save_pretrained(folder)
    model = build_model(folder, known_task("syn-rte"), Recipe(), 0)
    save_file(model.state_dict(), tmp_path / "same.safetensors")
    with torch.no_grad():
        for parameter in model.base_model.parameters():
            parameter.add_(1.0)
    save_file(model.state_dict(), tmp_path / "moved.safetensors")
    same = [row["perplexity"] for row in perplexities(folder, tmp_path / "same.safetensors", TEXT, 32)]
    moved = [row["perplexity"] for row in perplexities(folder, tmp_path / "moved.safetensors", TEXT, 32)]
    assert len(set(same)) == 1
    assert len(same) == 3
    assert moved[0] != pytest.approx(same[0])
    assert moved[-1] == same[-1]


def test_what_lora_adds_to_the_layers_is_probed_with_them(tmp_path):
    pytest.importorskip("peft")
    recipe = Recipe(lora_rank=3, lora_alpha=7.0)
    model = build_model(FOLDER, known_task("syn-rte"), recipe, 0)
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.2, generator=draw)
    save_file({name: p.detach().contiguous() for name, p in model.named_parameters()}, tmp_path / "lora.safetensors")
    rows = perplexities(FOLDER, tmp_path / "lora.safetensors", TEXT, 128, lora_scale=7 / 3)
    for module in model.modules():
        if hasattr(module, "merge") and hasattr(module, "lora_A"):
            module.merge()  # peft's own sum
    merged = {name.replace(".base_layer.", "."): value for name, value in model.state_dict().items()}
    save_file(merged, tmp_path / "merged.safetensors")
    wanted = perplexities(FOLDER, tmp_path / "merged.safetensors", TEXT, 128)
    found = [[row["perplexity"] for row in table] for table in (rows, wanted)]
    assert found[0] == pytest.approx(found[1], rel=1e-4)
    assert found[0][0] > 1.05 * found[0][-1]  # something has been forgotten


def test_the_mask_draw_is_the_same_every_time_and_spares_special_tokens():
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    rows = tokenizer(TEXT)["input_ids"]
    first, again = mask(rows, tokenizer), mask(rows, tokenizer)
    assert first == again
    for ids, (changed, guesses) in zip(rows, first, strict=True):
        assert len(changed) == len(ids)
        assert {i: ids[i] for i in guesses} == guesses
        assert not {0, len(ids) - 1} & set(guesses)
        assert len(guesses) == max(1, round(0.15 * (len(ids) - 2)))
        assert all(changed[i] == ids[i] for i in range(len(ids)) if i not in guesses)


def test_a_model_without_a_word_head_is_refused_in_one_sentence(tiny_models, tmp_path):
    for family in ("bert", "electra"):
        with pytest.raises(UserError, match="has no pre-trained masked-word head; accepted: a model that has one"):
            perplexities(tiny_models(family), tmp_path / "none", TEXT, 64)


def test_the_text_can_be_a_file_and_its_absence_is_one_sentence(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("one paragraph\n\n another \n")
    assert load_paragraphs("glue", str(path), 10) == ["one paragraph", "another"]
    path.write_text("\n")
    with pytest.raises(UserError, match="holds no text"):
        load_paragraphs("glue", str(path), 10)
    with pytest.raises(UserError, match="the hub did not give Salesforce/wikitext"):
        load_paragraphs("glue", None, 10)  # tests are offline
