"""Tokens are made once, whole, and known by their content."""

import numpy as np
import pytest

from seedvar.data.prepare import load_examples, longest_input, prepare
from seedvar.data.tasks import TASKS
from seedvar.data.tokens import load_tokens
from seedvar.errors import UserError
from seedvar.files import read_json


def test_tokens_are_those_of_the_tokenizer(tiny_models, tmp_path):
    from transformers import AutoTokenizer

    task, folder = TASKS["syn-mrpc"], tiny_models("bert")
    prepare(task, folder, 64, tmp_path, None)
    tokens, pad = load_tokens(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for split, rows in load_examples(task, None).items():
        assert len(tokens[split]) == len(rows)
        for i in (0, len(rows) - 1):
            expected = tokenizer(rows[i]["sentence1"], rows[i]["sentence2"])
            start, end = tokens[split].offsets[i : i + 2]
            assert tokens[split].input_ids[start:end].tolist() == expected["input_ids"]
            assert tokens[split].token_type_ids[start:end].tolist() == expected["token_type_ids"]
            assert tokens[split].labels[i] == rows[i]["label"]
    assert pad == tokenizer.pad_token_id


def test_longer_inputs_are_cut(tiny_models, tmp_path):
    prepare(TASKS["syn-mrpc"], tiny_models("bert"), 10, tmp_path, None)
    tokens, _ = load_tokens(tmp_path)
    assert tokens["train"].lengths().max() == 10


@pytest.mark.parametrize(("family", "longest"), [("bert", 64), ("roberta", 63)])
def test_no_input_is_longer_than_the_model_has_positions_for(tiny_models, family, longest):
    assert longest_input(read_json(tiny_models(family) / "config.json")) == longest


def test_the_content_digest_knows_the_data_and_the_tokenizer(tiny_models, tmp_path):
    def content(task, length):
        folder = tmp_path / f"{task}-{length}"
        prepare(TASKS[task], tiny_models("bert"), length, folder, None)
        return read_json(folder / "data.json")["content"]

    first = content("syn-rte", 64)
    assert content("syn-rte", 64) == first
    assert content("syn-rte", 8) != first
    assert content("syn-cola", 64) != first


def test_real_glue_is_read_from_a_folder(tiny_models, tmp_path, glue_dir):
    sizes = {"rte": (2490, 277), "mrpc": (3668, 408), "cola": (8551, 1043), "stsb": (5749, 1500)}
    for task, expected in sizes.items():
        prepare(TASKS[task], tiny_models("bert"), 128, tmp_path / task, glue_dir)
        tokens, _ = load_tokens(tmp_path / task)
        assert (len(tokens["train"]), len(tokens["validation"])) == expected
    assert np.unique(tokens["validation"].labels).size == 78  # STS-B's distinct scores


def test_a_hub_that_cannot_be_reached_is_said_so_in_one_sentence(tiny_models, tmp_path):
    with pytest.raises(UserError, match="the hub did not give nyu-mll/glue/rte .*; accepted: a connection") as caught:
        prepare(TASKS["rte"], tiny_models("bert"), 64, tmp_path / "data", None)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "data").exists()
