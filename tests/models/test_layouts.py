"""The tables of weights agree with the networks that Transformers makes, for every family."""

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from seedvar.errors import UserError
from seedvar.files import read_json
from seedvar.models.configuration import check_config, depth_of
from seedvar.models.families import FAMILIES
from seedvar.models.layouts import BUFFERS, TIED, weights_of
from seedvar.models.weights import check_weights, has_word_head, read_headers

COMMON = {"vocab_size": 31, "max_position_embeddings": 17, "pad_token_id": 0}
BERT_LIKE = {"hidden_size": 22, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 35, **COMMON}
DISTILBERT = {"dim": 22, "n_layers": 3, "n_heads": 2, "hidden_dim": 35, **COMMON}
SPECIAL = {"bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2}
DECODER = BERT_LIKE | {"hidden_size": 24, "bos_token_id": 1, "eos_token_id": 2}
DEBERTA_V3 = BERT_LIKE | {"relative_attention": True, "share_att_key": True, "norm_rel_ebd": "layer_norm"}
DEBERTA_V3 |= {"position_buckets": 5, "position_biased_input": False, "pos_att_type": "p2c|c2p", "type_vocab_size": 0}
XLNET = {"d_model": 22, "n_layer": 3, "n_head": 2, "d_inner": 35, "vocab_size": 31, "pad_token_id": 0}
BART = {"d_model": 22, "encoder_layers": 2, "decoder_layers": 3, "encoder_ffn_dim": 35, "decoder_ffn_dim": 33, **COMMON}
BART |= {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
GPT2 = {"n_embd": 22, "n_layer": 3, "n_head": 2, "n_positions": 17, "vocab_size": 31, "pad_token_id": 0}
GPT2 |= {"bos_token_id": 1, "eos_token_id": 2}
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
    ("xlm-roberta", BERT_LIKE | {"type_vocab_size": 1}),
    ("mpnet", BERT_LIKE | {"pad_token_id": 1}),
    ("mpnet", BERT_LIKE | {"pad_token_id": 1, "relative_attention_num_buckets": 7}),
    ("deberta-v2", DEBERTA_V3),
    ("deberta-v2", DEBERTA_V3 | {"position_buckets": -1, "type_vocab_size": 2}),
    ("deberta-v2", DEBERTA_V3 | {"position_buckets": -1, "max_relative_positions": 11}),
    ("modernbert", BERT_LIKE | SPECIAL),
    ("modernbert", BERT_LIKE | SPECIAL | {"num_hidden_layers": 1, "classifier_pooling": "mean"}),
    ("xlnet", XLNET),
    ("xlnet", XLNET | {"d_head": 11}),
    ("bart", BART),
    ("bart", BART | {"encoder_layers": 1, "decoder_attention_heads": 11}),
    ("gpt2", GPT2),
    ("gpt2", GPT2 | {"n_inner": 35}),
    ("llama", DECODER | {"num_key_value_heads": 2}),
    ("llama", DECODER | {"num_key_value_heads": 1, "head_dim": 6}),
    ("qwen2", DECODER | {"num_key_value_heads": 1}),
    ("qwen3", DECODER | {"num_key_value_heads": 1, "head_dim": 6}),
]


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
    from transformers import AutoModel, AutoModelForSequenceClassification

    folder = saved(family, sizes, "AutoModel")
    encoder = AutoModel.from_pretrained(folder)
    expected = {name: tuple(value.shape) for name, value in encoder.state_dict().items()}
    for name in TIED:
        expected.pop(name, None)
    config = read_json(folder / "config.json")
    layout = weights_of(FAMILIES[family].layout, config)
    if family == "modernbert":  # its pooler is no part of the encoder alone
        head = {name: layout.pop(name) for name in ("head.dense.weight", "head.norm.weight")}
        classifier = AutoModelForSequenceClassification.from_config(encoder.config).head.state_dict()
        assert {f"head.{name}": tuple(value.shape) for name, value in classifier.items()} == head
    if FAMILIES[family].pooler is None:  # the encoder alone has one, that below a classifier has not
        expected = {name: shape for name, shape in expected.items() if not name.startswith("pooler.")}
    check_config(config, folder / "config.json")
    assert layout == expected
    assert encoder.base_model_prefix == FAMILIES[family].prefix


def kinds_of(family):
    """The classes of Transformers that have heads for a family."""
    words = "AutoModelForCausalLM" if FAMILIES[family].read_out in ("last", "left") else "AutoModelForMaskedLM"
    kinds = [words, "AutoModelForSequenceClassification"]
    without = ("modernbert", "deberta-v2", "llama", "qwen2", "qwen3")
    return kinds if family in without else ["AutoModelForPreTraining", *kinds]


@pytest.mark.parametrize(
    ("family", "sizes", "kind"), [(family, sizes, kind) for family, sizes in TRICKY for kind in kinds_of(family)]
)
def test_what_transformers_saves_is_accepted_with_any_head_with_and_without_the_prefix(saved, family, sizes, kind):
    folder, row = saved(family, sizes, kind), FAMILIES[family]
    config, headers = read_json(folder / "config.json"), read_headers(folder)
    pooler = [row.address(name) for name in weights_of(row.layout, config)]
    pooler = [name for name in pooler if row.pooler and name.startswith(f"{row.pooler}.")]
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
    needed = [name for name in expected if not (row.pooler and row.address(name).startswith(f"{row.pooler}."))]
    for name in needed[:: len(needed) // 4]:
        save_file({n: w for n, w in weights.items() if n != name}, folder / "model.safetensors")
        lacks = f"lack {3 if family == 'modernbert' else 1} of the {len(expected)} that config.json implies: {name}"
        with pytest.raises(UserError, match=lacks):
            check_weights(config, row, read_headers(folder), folder)
        _, loading = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
        assert row.address(name) in loading["missing_keys"]
    save_file({row.address(name): weight for name, weight in weights.items()}, folder / "model.safetensors")
    outside = [row.address(name) for name in expected if family == "modernbert" and name.startswith("head.")]
    assert check_weights(config, row, read_headers(folder), folder) == outside
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


@pytest.mark.parametrize(
    ("family", "key", "value", "accepted"),
    [
        ("deberta-v2", "share_att_key", False, "True"),
        ("deberta-v2", "conv_kernel_size", 3, "0"),
        ("deberta-v2", "position_biased_input", True, "False"),
        ("modernbert", "attention_bias", True, "False"),
        ("mpnet", "pad_token_id", 0, "1"),
        ("xlnet", "summary_type", "first", "'last'"),
        ("xlnet", "summary_use_proj", False, "True"),
        ("xlnet", "ff_activation", "gleu", "gelu"),
        ("bart", "decoder_attention_heads", 5, "a whole number that divides d_model, which is 22"),
        ("bart", "decoder_layers", 0, "a whole number from 1 to 200"),
        ("llama", "mlp_bias", True, "False"),
        ("llama", "num_key_value_heads", "2", "a whole number"),
        ("gpt2", "n_inner", -1, "a whole number"),
        ("gpt2", "resid_pdrop", 1.5, "a number from 0 to below 1"),
    ],
)
def test_a_configuration_of_another_shape_is_one_sentence(family, key, value, accepted):
    from transformers import AutoConfig

    sizes = next(sizes for name, sizes in TRICKY if name == family)
    config = AutoConfig.for_model(family, **sizes).to_dict()
    check_config(config, Path("config.json"))
    with pytest.raises(
        UserError, match=f"config.json: {key}: {value!r} is not accepted; accepted: {accepted}"
    ) as caught:
        check_config(config | {key: value}, Path("config.json"))
    assert "\n" not in str(caught.value)


LLAMA_LIKE = {"hidden_act": "silu", "max_position_embeddings": 4096, "rms_norm_eps": 1e-5}
PUBLISHED = {  # configurations as their authors published them, and the parameters that the models are known to have
    "gpt2": (
        {"model_type": "gpt2", "n_ctx": 1024, "n_embd": 768, "n_head": 12, "n_layer": 12, "n_positions": 1024,
         "vocab_size": 50257, "activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"]},
        124_439_808,
    ),
    "bart-large": (
        {"model_type": "bart", "d_model": 1024, "encoder_layers": 12, "decoder_layers": 12, "encoder_ffn_dim": 4096,
         "decoder_ffn_dim": 4096, "encoder_attention_heads": 16, "decoder_attention_heads": 16, "vocab_size": 50265,
         "max_position_embeddings": 1024, "pad_token_id": 1, "num_hidden_layers": 12, "is_encoder_decoder": True},
        406_291_456,
    ),
    "xlnet-large-cased": (
        {"model_type": "xlnet", "attn_type": "bi", "d_head": 64, "d_inner": 4096, "d_model": 1024, "n_head": 16,
         "n_layer": 24, "mem_len": None, "ff_activation": "gelu", "summary_type": "last", "summary_use_proj": True,
         "vocab_size": 32000, "pad_token_id": 5, "untie_r": True, "architectures": ["XLNetLMHeadModel"]},
        360_268_800,
    ),
    "deberta-v3-base": (
        {"model_type": "deberta-v2", "hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12,
         "num_hidden_layers": 12, "max_position_embeddings": 512, "relative_attention": True, "position_buckets": 256,
         "norm_rel_ebd": "layer_norm", "share_att_key": True, "pos_att_type": "p2c|c2p", "max_relative_positions": -1,
         "position_biased_input": False, "type_vocab_size": 0, "vocab_size": 128100},
        183_831_552,
    ),
    "llama-2-7b": (
        {"model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008, "num_attention_heads": 32,
         "num_hidden_layers": 32, "num_key_value_heads": 32, "vocab_size": 32000, **LLAMA_LIKE},
        6_607_343_616,
    ),
    "qwen2-0.5b": (
        {"model_type": "qwen2", "hidden_size": 896, "intermediate_size": 4864, "num_attention_heads": 14,
         "num_key_value_heads": 2, "num_hidden_layers": 24, "vocab_size": 151936, **LLAMA_LIKE},
        494_032_768,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_models_have_as_many_weights_as_their_authors_say(name):
    config, parameters = PUBLISHED[name]
    check_config(config, Path("config.json"))
    weights = weights_of(FAMILIES[config["model_type"]].layout, config)
    assert sum(math.prod(shape) for shape in weights.values()) == parameters
    assert depth_of(config) == {"gpt2": 12, "deberta-v3-base": 12, "llama-2-7b": 32}.get(name, 24)


def test_what_older_files_of_decoders_hold_besides_weights_is_no_weight(saved):
    folder, row = saved("gpt2", GPT2, "AutoModelForCausalLM"), FAMILIES["gpt2"]
    more = {f"transformer.h.0.attn.{name}": torch.ones(1, 1, 17, 17) for name in ("bias", "masked_bias")}
    save_file(load_file(folder / "model.safetensors") | more, folder / "model.safetensors")
    assert check_weights(read_json(folder / "config.json"), row, read_headers(folder), folder) == []


@pytest.mark.parametrize("kept", ["shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight"])
def test_bart_s_words_may_stand_under_any_of_their_names(saved, kept):
    from transformers import AutoModelForSequenceClassification

    folder, row = saved("bart", BART, "AutoModel"), FAMILIES["bart"]
    weights = load_file(folder / "model.safetensors")
    words = next(weights.pop(name) for name in ("shared.weight", *TIED) if name in weights)
    save_file({n: w for n, w in weights.items() if n not in TIED} | {kept: words}, folder / "model.safetensors")
    assert check_weights(read_json(folder / "config.json"), row, read_headers(folder), folder) == []
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    assert all(torch.equal(model.state_dict()[f"model.{name}"], words) for name in ("shared.weight", *TIED))
