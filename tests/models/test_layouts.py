"""The tables of weights agree with the networks that Transformers makes, for every family."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from seedvar.errors import UserError
from seedvar.files import read_json
from seedvar.models.families import FAMILIES
from seedvar.models.layouts import BUFFERS, weights_of
from seedvar.models.weights import check_weights, has_word_head, read_headers

COMMON = {"vocab_size": 31, "max_position_embeddings": 17, "pad_token_id": 0}
BERT_LIKE = {"hidden_size": 22, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 35, **COMMON}
DISTILBERT = {"dim": 22, "n_layers": 3, "n_heads": 2, "hidden_dim": 35, **COMMON}
# Every family with odd widths; and where a number can make a module come or go, both.
TRICKY = [
    ("bert", BERT_LIKE),
    ("bert", BERT_LIKE | {"type_vocab_size": 1, "num_hidden_layers": 1}),
    ("bert", BERT_LIKE | {"intermediate_size": 22, "num_hidden_layers": 12}),
    ("roberta", BERT_LIKE | {"type_vocab_size": 1}),
    ("roberta", BERT_LIKE | {"type_vocab_size": 3}),
    ("electra", BERT_LIKE | {"embedding_size": 9}),
    ("electra", BERT_LIKE | {"embedding_size": 22}),
    ("distilbert", DISTILBERT),
    ("distilbert", DISTILBERT | {"sinusoidal_pos_embds": True}),
    ("albert", BERT_LIKE | {"embedding_size": 9}),
    ("albert", BERT_LIKE | {"embedding_size": 22}),
    ("albert", BERT_LIKE | {"embedding_size": 9, "num_hidden_groups": 3, "inner_group_num": 2}),
]
HEADS = ["AutoModelForPreTraining", "AutoModelForMaskedLM", "AutoModelForSequenceClassification"]


@pytest.fixture
def saved(tmp_path):
    """Saves a random network of a family, made by one of the classes of Transformers; returns the folder."""

    def save(family, sizes, kind):
        import transformers

        config = transformers.AutoConfig.for_model(family, **sizes)
        folder = tmp_path / kind
        getattr(transformers, kind).from_config(config).save_pretrained(folder)
        return folder

    return save


def test_every_family_is_compared():
    assert {family for family, _ in TRICKY} == set(FAMILIES)


@pytest.mark.parametrize(("family", "sizes"), TRICKY)
def test_the_table_of_a_family_is_what_transformers_makes(saved, family, sizes):
    from transformers import AutoModel

    folder = saved(family, sizes, "AutoModel")
    encoder = AutoModel.from_pretrained(folder)
    expected = {name: tuple(value.shape) for name, value in encoder.state_dict().items()}
    if FAMILIES[family].pooler is None:  # the encoder alone has one, that below a classifier has not
        expected = {name: shape for name, shape in expected.items() if not name.startswith("pooler.")}
    config = read_json(folder / "config.json")
    assert weights_of(FAMILIES[family].layout, config) == expected
    assert encoder.base_model_prefix == FAMILIES[family].prefix


@pytest.mark.parametrize(
    "kind", ["AutoModelForPreTraining", "AutoModelForMaskedLM", "AutoModelForSequenceClassification"]
)
@pytest.mark.parametrize(("family", "sizes"), TRICKY)
def test_what_transformers_saves_is_accepted_with_any_head_with_and_without_the_prefix(saved, family, sizes, kind):
    folder, row = saved(family, sizes, kind), FAMILIES[family]
    config, headers = read_json(folder / "config.json"), read_headers(folder)
    pooler = [f"{row.pooler}.{part}" for part in ("weight", "bias")] if row.pooler else []
    lacking = [name for name in pooler if name not in headers]
    assert sorted(check_weights(config, row, headers, folder)) == sorted(lacking)
    plain = {name.removeprefix(f"{row.prefix}."): header for name, header in headers.items()}
    assert len(check_weights(config, row, plain, folder)) == len(lacking)
    assert has_word_head(row, headers) == (row.word_head is not None and kind != "AutoModelForSequenceClassification")


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_accepted_loads_whole_and_what_is_refused_does_not(saved, tmp_path, family):
    """Takes each weight of a checkpoint away, or another number of it, and asks Transformers too."""
    from transformers import AutoModelForSequenceClassification

    sizes = next(sizes for name, sizes in TRICKY if name == family)
    folder, row = saved(family, sizes, "AutoModel"), FAMILIES[family]
    config, weights = read_json(folder / "config.json"), load_file(folder / "model.safetensors")
    expected = weights_of(row.layout, config)
    for name in list(expected)[:: len(expected) // 4]:
        save_file({n: w for n, w in weights.items() if n != name}, folder / "model.safetensors")
        with pytest.raises(UserError, match=f"lack 1 of the {len(expected)} that config.json implies: {name}"):
            check_weights(config, row, read_headers(folder), folder)
        _, loading = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
        assert f"{row.prefix}.{name}" in loading["missing_keys"]
    save_file({f"{row.prefix}.{name}": weight for name, weight in weights.items()}, folder / "model.safetensors")
    assert check_weights(config, row, read_headers(folder), folder) == []
    _, loading = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
    assert not [name for name in loading["missing_keys"] if name.startswith(f"{row.prefix}.")]


def test_older_names_are_those_that_transformers_understands(saved):
    from transformers import AutoModelForSequenceClassification

    folder, row = saved("bert", BERT_LIKE, "AutoModelForPreTraining"), FAMILIES["bert"]
    older = {}
    for name, weight in load_file(folder / "model.safetensors").items():
        older[name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")] = weight
    for name in BUFFERS:
        older[f"bert.{name}"] = torch.arange(17)
    save_file({name: weight.contiguous() for name, weight in older.items()}, folder / "model.safetensors")
    assert check_weights(read_json(folder / "config.json"), row, read_headers(folder), folder) == []
    _, loading = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
    assert loading["missing_keys"] == {"classifier.weight", "classifier.bias"}
