"""A folder that no longer is the model that it says is refused in one sentence, before anything is made of it.

Each mutation changes a good checkpoint in one way; those of `HARMLESS` leave it as good as it was.
"""

import json
import os
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from seedvar.data.prepare import load_tokenizer
from seedvar.engine.plan import make_plan
from seedvar.errors import UserError
from seedvar.files import read_json, write_json
from seedvar.models.checkpoints import Checkpoint, prepare
from seedvar.models.configuration import ACTIVATIONS

STUDY = """
model: ./it
tasks: [syn-rte]
seeds: 1
arms: {a: {}}
"""
WEIGHTS = Path("it/model.safetensors")
WORDS = "embeddings.word_embeddings.weight"
TOP = "encoder.layer.1.output.dense.weight"


def edited(name, **changes):
    """Returns a mutation of a JSON file; a key whose value is `...` is taken away."""

    def change():
        about = read_json(Path("it") / name) | changes
        # NaN is no JSON, but Python writes and reads it.
        (Path("it") / name).write_text(json.dumps({key: value for key, value in about.items() if value is not ...}))

    return change


def config(**changes):
    return edited("config.json", **changes)


def weights(change):
    """Returns a mutation of the tensors: `change` alters the dict, or gives another."""

    def mutate():
        tensors = load_file(WEIGHTS)
        tensors = change(tensors) or tensors
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, WEIGHTS)

    return mutate


def renamed(old, new):
    return weights(lambda tensors: {name.replace(old, new): tensor for name, tensor in tensors.items()})


def one(name, make):
    """Returns a mutation of one tensor."""

    def change(tensors):
        tensors[name] = make(tensors[name])

    return weights(change)


def prefixed(prefix):
    return weights(lambda tensors: {prefix + name: tensor for name, tensor in tensors.items()})


def without(*names):
    return weights(lambda tensors: {n: t for n, t in tensors.items() if not n.startswith(names)})


def with_more(*names):
    return weights(lambda tensors: tensors | {name: torch.zeros(3) for name in names})


def bytes_of(name, change):
    path = Path("it") / name
    return lambda: path.write_bytes(change(path.read_bytes()))


def lost(*names):
    return lambda: [(Path("it") / name).unlink() for name in names]


def header(text):
    """Returns a mutation: a file of weights with this header and nothing behind it."""
    return lambda: WEIGHTS.write_bytes(struct.pack("<Q", len(text)) + text)


def of_another_family():
    names = {"config.json", "model.safetensors"}
    for name in names:
        shutil.copy(Path("roberta") / name, Path("it") / name)
    write_json("it/config.json", read_json("it/config.json") | {"model_type": "bert"})


def moved(name, how):
    """Returns a mutation: a file is outside, and `how` it is reached stands in its place."""

    def change():
        path = Path("it") / name
        path.rename("outside")
        how(path)

    return change


def link_out(path):
    path.symlink_to(Path("outside").resolve())


def shard(tensors):
    """Returns the tensors in two files, and an index."""
    names = sorted(tensors)
    parts = {"model-00001-of-00002.safetensors": names[:9], "model-00002-of-00002.safetensors": names[9:]}
    for file, held in parts.items():
        save_file({name: tensors[name] for name in held}, Path("it") / file)
    index = {"metadata": {}, "weight_map": {name: file for file, held in parts.items() for name in held}}
    write_json("it/model.safetensors.index.json", index)
    WEIGHTS.unlink()
    return index


def sharded(**changes):
    """Returns a mutation: two files, and an index whose keys are changed."""

    def change():
        write_json("it/model.safetensors.index.json", shard(load_file(WEIGHTS)) | changes)

    return change


def shard_lost():
    shard(load_file(WEIGHTS))
    Path("it/model-00002-of-00002.safetensors").unlink()


def index_of_more():
    index = shard(load_file(WEIGHTS))
    index["weight_map"]["encoder.more"] = "model-00001-of-00002.safetensors"
    write_json("it/model.safetensors.index.json", index)


def pickled():
    torch.save(load_file(WEIGHTS), "it/pytorch_model.bin")
    WEIGHTS.unlink()


def vocabulary(change):
    """Returns a mutation of the vocabulary in tokenizer.json."""

    def mutate():
        about = read_json("it/tokenizer.json")
        about["model"]["vocab"] = change(about["model"]["vocab"])
        write_json("it/tokenizer.json", about)

    return mutate


def words_alone(text):
    """Returns a mutation: vocab.txt instead of tokenizer.json."""

    def mutate():
        Path("it/tokenizer.json").unlink()
        Path("it/vocab.txt").write_text(text)

    return mutate


CONFIG = {
    "lost": (lost("config.json"), "it: is no checkpoint"),
    "empty": (bytes_of("config.json", lambda text: b""), "config.json: is damaged"),
    "cut off": (bytes_of("config.json", lambda text: text[:60]), "config.json: is damaged"),
    "no text": (bytes_of("config.json", lambda text: b"\xff\xfe\x00" + text), "config.json: is damaged"),
    "a list": (bytes_of("config.json", lambda text: b"[1]"), "config.json: holds no keys"),
    "null": (bytes_of("config.json", lambda text: b"null"), "config.json: holds no keys"),
    "deep": (bytes_of("config.json", lambda text: b"[" * 100_000), "config.json: is damaged"),
    "no family": (config(model_type=...), "model_type: is missing; accepted: the name of a family"),
    "family no text": (config(model_type=["bert"]), "model_type: \\['bert'\\] is not accepted"),
    "family of two lines": (config(model_type="bert\nroot"), "the family 'bert.*root' is not supported"),
    "large": (lambda: os.truncate("it/config.json", 10**10), "config.json: is larger than 200 MB"),
    "unknown family": (config(model_type="gptj"), "the family 'gptj' is not supported; accepted: bert, roberta"),
    "a decoder": (config(model_type="gpt2"), "architectures: 'BertModel' is not of the family 'gpt2'"),
    "other family": (config(model_type="roberta"), "architectures: 'BertModel' is not of the family 'roberta'"),
    "architecture a number": (config(architectures=7), "architectures: 7 is not accepted"),
    "distilbert": (config(model_type="distilbert", architectures=...), "n_layers: is missing"),
    "no width": (config(hidden_size=...), "hidden_size: is missing; accepted: a whole number from 1"),
    "no words": (config(vocab_size=...), "vocab_size: is missing"),
    "width 0": (config(hidden_size=0), "hidden_size: 0 is not accepted"),
    "negative": (config(intermediate_size=-32), "intermediate_size: -32 is not accepted"),
    "text": (config(hidden_size="16"), "hidden_size: '16' is not accepted"),
    "true": (config(num_hidden_layers=True), "num_hidden_layers: True is not accepted"),
    "broken": (config(hidden_size=16.0), "hidden_size: 16.0 is not accepted"),
    "nan": (config(layer_norm_eps=float("nan")), "layer_norm_eps: nan is not accepted; accepted: a number above 0"),
    "wider": (config(hidden_size=32), "the weights have other shapes than .*: embeddings.word_embeddings.weight"),
    "narrower": (config(intermediate_size=24), "encoder.layer.0.intermediate.dense.weight 32 x 16 instead of 24 x 16"),
    "more layers": (config(num_hidden_layers=4), "the weights lack 32 of the 71 .* implies: encoder.layer.2.attention"),
    "99 layers": (config(num_hidden_layers=99), "the weights lack 1552 of the 1591"),
    "all layers": (config(num_hidden_layers=10**9), "num_hidden_layers: 1000000000 is not accepted; accepted: .* 200"),
    "fewer layers": (config(num_hidden_layers=1), "the weights hold what the network .*: encoder.layer.1.attention"),
    "more words": (config(vocab_size=10**8), "embeddings.word_embeddings.weight \\d+ x 16 instead of 100000000 x 16"),
    "more than all words": (config(vocab_size=10**30), "vocab_size: 1000000000000000000000000000000 is not accepted"),
    "fewer words": (config(vocab_size=50), "the weights have other shapes"),
    "positions": (config(max_position_embeddings=512), "position_embeddings.weight 64 x 16 instead of 512 x 16"),
    "token types": (config(type_vocab_size=1), "token_type_embeddings.weight 2 x 16 instead of 1 x 16"),
    "heads": (config(num_attention_heads=3), "num_attention_heads: 3 is not accepted; .* divides hidden_size"),
    "no heads": (config(num_attention_heads=0), "num_attention_heads: 0 is not accepted"),
    "pads beyond": (config(pad_token_id=10**6), "pad_token_id: 1000000 is not accepted"),
    "pads with nothing": (config(pad_token_id=None), "pad_token_id: None is not accepted"),
    "activation": (config(hidden_act="gleu"), "hidden_act: 'gleu' is not accepted; accepted: gelu"),
    "activation no text": (config(hidden_act=["gelu"]), "hidden_act: \\['gelu'\\] is not accepted"),
    "chunks": (config(chunk_size_feed_forward=7), "chunk_size_feed_forward: 7 is not accepted"),
    "attention": (config(attn_implementation="flash_attention_2"), "'flash_attention_2' .* accepted: eager, sdpa"),
    "relative positions": (config(position_embedding_type="relative_key"), "'relative_key' .* accepted: absolute"),
    "tuples": (config(return_dict=False), "return_dict: False is not accepted; accepted: True"),
    "dropout": (config(hidden_dropout_prob=1.5), "hidden_dropout_prob: 1.5 is not accepted; .* below 1"),
    "dropout no number": (config(hidden_dropout_prob="0.1"), "hidden_dropout_prob: '0.1' is not accepted"),
    "range": (config(initializer_range=-0.02), "initializer_range: -0.02 is not accepted"),
    "decoder": (config(is_decoder=True), "is_decoder: True is not accepted; accepted: none, or false"),
    "quantized": (config(quantization_config={"load_in_4bit": True}), "quantization_config: .* is not accepted"),
    "long value": (config(quantization_config={"x": "y" * 500}), "quantization_config: is not accepted"),
}  # fmt: skip
OF_WEIGHTS = {
    "lost": (lost("model.safetensors"), "it: holds no model.safetensors"),
    "empty": (bytes_of("model.safetensors", lambda data: b""), "model.safetensors: is damaged or not whole"),
    "seven bytes": (bytes_of("model.safetensors", lambda data: data[:7]), "is damaged or not whole"),
    "cut off": (bytes_of("model.safetensors", lambda data: data[:-100]), "is damaged or not whole"),
    "too long": (bytes_of("model.safetensors", lambda data: data + b"more"), "is damaged or not whole"),
    "header longer than the file": (
        bytes_of("model.safetensors", lambda data: struct.pack("<Q", 10**12) + data[8:]), "is damaged or not whole",
    ),
    "text": (bytes_of("model.safetensors", lambda data: b"version https://git-lfs"), "is damaged or not whole"),
    "header a list": (header(b"[]"), "is damaged or not whole"),
    "no tensor": (header(b"{}"), "the weights lack 39 of the 39 that config.json implies: embeddings.word"),
    "pickled": (pickled, "holds its weights as a pickle.* accepted: model.safetensors, which `model.save_pretrained"),
    "prefixed": (prefixed("model."), "lack 39 of the 39 .* \\(they hold, for example, model.e"),
    "prefix of another": (prefixed("roberta."), "lack 39 of the 39 .* \\(they hold, for example, roberta.e"),
    "other names": (renamed("layer", "block"), "the weights lack 32 of the 39"),
    "one lost": (without(TOP), f"lack 1 of the 39 that config.json implies: {TOP}"),
    "no embeddings": (without("embeddings"), "the weights lack 5 of the 39"),
    "half a pooler": (without("pooler.dense.bias"), "lack 1 of the 39 .*: pooler.dense.bias"),
    "head alone": (weights(lambda tensors: {"classifier.weight": torch.zeros(2, 16)}), "lack 39 of the 39"),
    "transposed": (one("encoder.layer.0.intermediate.dense.weight", lambda t: t.T), "16 x 32 instead of 32 x 16"),
    "flat": (one(TOP, lambda t: t.flatten()), f"{TOP} 512 instead of 16 x 32"),
    "no dimension": (one("pooler.dense.bias", lambda t: t[0]), "pooler.dense.bias one number instead of 16"),
    "whole numbers": (one(TOP, lambda t: t.to(torch.int8)), f"hold other numbers than F32.*: {TOP} \\(I8\\)"),
    "truth values": (one(TOP, lambda t: t > 0), f"hold other numbers than .*: {TOP} \\(BOOL\\)"),
    "8 bits": (one(TOP, lambda t: t.to(torch.float8_e4m3fn)), "hold other numbers than .* \\(F8_E4M3\\)"),
    "adapter": (with_more("encoder.layer.0.lora_A.weight"), "does not have: encoder.layer.0.lora_A.weight"),
    "own head": (with_more("regressor.weight"), "does not have: regressor.weight"),
    "cross-attention": (with_more("bert.encoder.layer.0.crossattention.self.query.weight"), "does not have: bert.enc"),
    "optimizer": (with_more("optimizer.exp_avg", "step", "loss", "x"), "does not have: .* and 1 more"),
    "names of two lines": (with_more("x\n\x1b[2J" + "y" * 999), "does not have: x.n.x1b.2Jyyy.*…; accepted"),
    "twice": (with_more(f"bert.{WORDS}"), f"hold a weight twice: {WORDS}|have other shapes"),
    "another family's": (of_another_family, "architectures: 'RobertaModel' is not of the family 'bert'"),
    "shard lost": (shard_lost, "model-00002-of-00002.safetensors: cannot be read"),
    "index of more": (index_of_more, "index.json: its files do not hold what it says \\(encoder.more\\)"),
    "index without files": (sharded(weight_map={}), "weight_map: is missing"),
    "index of no text": (sharded(weight_map={"a": 1}), "weight_map: 1 is not accepted"),
    "index out of the folder": (sharded(weight_map={"a": "../outside.safetensors"}), "'../outside.safetensors' is not"),
    "index of a pickle": (sharded(weight_map={"a": "pytorch_model.bin"}), "'pytorch_model.bin' is not accepted"),
}  # fmt: skip
TOKENIZER = {
    "lost": (lost("tokenizer.json"), "it: holds no tokenizer; accepted: tokenizer.json"),
    "empty": (bytes_of("tokenizer.json", lambda text: b""), "tokenizer.json: is damaged"),
    "cut off": (bytes_of("tokenizer.json", lambda text: text[:500]), "tokenizer.json: is damaged"),
    "a list": (bytes_of("tokenizer.json", lambda text: b"[]"), "tokenizer.json: holds no keys"),
    "no model": (edited("tokenizer.json", model=...), "tokenizer.json: is damaged \\('model'\\)"),
    "no vocabulary": (edited("tokenizer.json", model={"vocab": {}}, added_tokens=[]), "holds no vocabulary"),
    "vocabulary no numbers": (vocabulary(lambda words: dict.fromkeys(words, "x")), "holds no vocabulary"),
    "vocabulary a text": (vocabulary(lambda words: "words"), "tokenizer.json: is damaged"),
    "too large": (vocabulary(lambda words: words | {"more": 5000}), "tokens up to number 5,000, and the embeddings"),
    "one too many": (vocabulary(lambda words: words | {"more": len(words)}), "tokens up to number \\d+, and the emb"),
    "added beyond": (
        edited("tokenizer.json", added_tokens=[{"id": 999, "content": "<new>"}]), "tokens up to number 999",
    ),
    "no padding": (edited("tokenizer_config.json", pad_token="<pad>"), "does not hold '<pad>', its pad_token"),
    "other separator": (edited("tokenizer_config.json", sep_token="</s>"), "does not hold '</s>', its sep_token"),
    "special no text": (edited("tokenizer_config.json", cls_token=7), "cls_token: 7 is not accepted"),
    "settings damaged": (bytes_of("tokenizer_config.json", lambda text: b"{"), "tokenizer_config.json: is damaged"),
    "words alone, too many": (words_alone("\n".join(map(str, range(999)))), "vocab.txt: has tokens up to number 998"),
    "words alone, none": (words_alone(""), "vocab.txt: holds no vocabulary"),
    "words alone, no special": (words_alone("the\ncat"), "vocab.txt: does not hold '\\[PAD\\]'"),
    "merges lost": (
        lambda: Path("it/tokenizer.json").rename("it/vocab.json"), "it: holds no tokenizer",
    ),
}  # fmt: skip
FILES = {
    "configuration linked out": (moved("config.json", link_out), "config.json: is a link that leads out"),
    "weights linked out": (moved("model.safetensors", link_out), "model.safetensors: is a link that leads out"),
    "tokenizer linked out": (moved("tokenizer.json", link_out), "tokenizer.json: is a link that leads out"),
    "to the secrets": (
        lambda: Path("it/special_tokens_map.json").symlink_to("/etc/hostname"), "special_tokens_map.json: is a link",
    ),
    "weights a pipe": (moved("model.safetensors", os.mkfifo), "model.safetensors: is no plain file"),
    "configuration a pipe": (moved("config.json", os.mkfifo), "config.json: is no plain file"),
    "index a pipe": (lambda: os.mkfifo("it/model.safetensors.index.json"), "index.json: is no plain file"),
    "weights a device": (moved("model.safetensors", lambda path: path.symlink_to("/dev/zero")), "is no plain file"),
    "weights a folder": (moved("model.safetensors", Path.mkdir), "model.safetensors: is no plain file"),
    "tokenizer a folder": (moved("tokenizer.json", Path.mkdir), "tokenizer.json: is no plain file"),
    "link to nothing": (moved("config.json", lambda path: path.symlink_to("gone")), "it: is no checkpoint"),
    "circle": (moved("model.safetensors", lambda path: path.symlink_to(path.name)), "holds no model.safetensors"),
    "empty": (lambda: [path.unlink() for path in Path("it").iterdir()], "it: is no checkpoint"),
    "gone": (lambda: shutil.rmtree("it"), "there is no folder it"),
    "a file": (lambda: [shutil.rmtree("it"), Path("it").write_text("no")], "there is no folder it"),
}  # fmt: skip
KINDS = {"config": CONFIG, "weights": OF_WEIGHTS, "tokenizer": TOKENIZER, "files": FILES}
MUTATIONS = [
    pytest.param(mutate, sentence, id=f"{kind}: {name}")
    for kind, mutations in KINDS.items()
    for name, (mutate, sentence) in mutations.items()
]


def of_the_hubs_cache():
    """Moves the folder to where the hub's client keeps it: links to files that are called by their digests."""
    root = Path("models--lab--it")
    (root / "blobs").mkdir(parents=True)
    snapshot = root / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    for number, path in enumerate(sorted(Path("it").iterdir())):
        path.rename(root / "blobs" / str(number))
        (snapshot / path.name).symlink_to(f"../../blobs/{number}")
    Path("it").rmdir()
    Path("it").symlink_to(snapshot.resolve())


def of_a_trainer():
    """Leaves beside the model what the Trainer of Transformers does, and worse."""
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin", "pytorch_model.bin", "x.py"):
        (Path("it") / name).write_bytes(b"no")
    write_json("it/trainer_state.json", {})
    for name in ("checkpoint-500", "runs"):
        (Path("it") / name).mkdir()
        (Path("it") / name / "model.safetensors").write_bytes(b"no")
    Path("it/secret.txt").symlink_to("/etc/hostname")
    os.mkfifo("it/pipe")


HARMLESS = {
    "nothing": lambda: None,
    "prefix": prefixed("bert."),
    "no pooler": without("pooler"),
    "heads": with_more("cls.predictions.bias", "cls.seq_relationship.weight", "classifier.weight", "qa_outputs.bias"),
    "buffers": with_more("bert.embeddings.position_ids", "embeddings.token_type_ids"),
    "older names": weights(lambda tensors: {n.replace("Norm.weight", "Norm.gamma"): t for n, t in tensors.items()}),
    "half precision": weights(lambda tensors: {name: tensor.half() for name, tensor in tensors.items()}),
    "bfloat16": weights(lambda tensors: {name: tensor.bfloat16() for name, tensor in tensors.items()}),
    "double precision": weights(lambda tensors: {name: tensor.double() for name, tensor in tensors.items()}),
    "shards": sharded(),
    "words in a text": lambda: (
        words_alone("\n".join(read_json("it/tokenizer.json")["model"]["vocab"]))()
    ),
    "unused rows of the vocabulary": lambda: [
        one(WORDS, lambda rows: torch.cat([rows, rows[:7]]))(),
        config(vocab_size=len(load_file(WEIGHTS)[WORDS]))(),
    ],
    "classes of its own": config(id2label={"0": "a", "1": "b", "2": "c"}, label2id={"a": 0, "b": 1, "c": 2}),
    "code of its own": config(auto_map={"AutoModel": "code.Model"}, _name_or_path="../../x"),
    "linked inside": lambda: [Path("it/config.json").rename("it/real"), Path("it/config.json").symlink_to("real")],
    "the hub's cache": of_the_hubs_cache,
    "a Trainer's folder": of_a_trainer,
}  # fmt: skip


@pytest.fixture
def plan(tiny_models, tmp_path, monkeypatch):
    """Puts a good checkpoint into ./it and plans a study of it."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_models("bert"), "it")
    shutil.copytree(tiny_models("roberta"), "roberta")
    Path("s.yaml").write_text(STUDY)
    return lambda: make_plan({"study": "s.yaml"})


def test_there_are_many_mutations():
    assert {kind: len(mutations) for kind, mutations in KINDS.items()} == {
        "config": 51, "weights": 36, "tokenizer": 19, "files": 15,
    }  # fmt: skip


@pytest.mark.parametrize(("mutate", "sentence"), MUTATIONS)
def test_a_mutation_is_refused_in_one_sentence(plan, mutate, sentence):
    mutate()
    with pytest.raises(UserError, match=sentence) as refused:
        plan()
    said = str(refused.value)
    assert said.startswith("s.yaml: model: ")
    assert "; accepted: " in said
    assert "\n" not in said
    assert len(said) < 500
    assert not Path("results").exists()
    # The job that copies refuses it too: the folder may have changed since.
    with pytest.raises(UserError) as refused:
        prepare(Checkpoint("it", folder=Path("it")), Path("results/models/it"))
    assert "\n" not in str(refused.value)
    assert not Path("results/models").exists() or os.listdir("results/models") == []


@pytest.mark.parametrize("mutate", HARMLESS.values(), ids=HARMLESS)
def test_what_is_as_good_as_before_is_planned_copied_and_loaded_whole(plan, mutate):
    from helpers import known_task

    from seedvar.cells.recipe import Recipe
    from seedvar.training.network import build_model

    expected = build_model(Path("it"), known_task("syn-rte"), Recipe(), 0).base_model.state_dict()
    mutate()
    about = plan().models["it"].about
    copy = Path("results/models/it")
    prepare(plan().models["it"].checkpoint, copy)
    assert plan().models["it"].content == read_json(copy / "model.json")["whole_content"]
    assert not [
        path for path in copy.iterdir() if path.is_symlink() or path.suffix not in (".json", ".safetensors", ".txt")
    ]
    assert load_tokenizer(copy, 10**6).unk_token_id == 1
    found = build_model(copy, known_task("syn-rte"), Recipe(), 0).base_model.state_dict()
    for name, value in expected.items():
        if f"bert.{name}" not in about.drawn_anew:
            torch.testing.assert_close(found[name][: len(value)], value, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16])
def test_weights_that_are_not_finite_are_refused_when_they_are_copied(plan, value, kind):
    """Headers do not show them."""
    one(TOP, lambda tensor: tensor.to(kind).index_fill(0, torch.tensor([3]), value))()
    source = plan().models["it"].checkpoint
    with pytest.raises(UserError, match=f"^it/model.safetensors: {TOP} holds numbers that are not finite"):
        prepare(source, Path("results/models/it"))
    assert os.listdir("results/models") == []


@pytest.mark.parametrize("values", [{"id2label": 3}, {"use_cache": "x"}, {"to_dict": 1}, {"dtype": "nonsense"}])
def test_what_transformers_alone_does_not_accept_is_refused_before_anything_is_trained(plan, values):
    """By the job that tokenises data, the first that imports it."""
    config(**values)()
    plan()
    with pytest.raises(UserError, match="^it: has no configuration that Transformers can load") as refused:
        load_tokenizer(Path("it"), 1000)
    assert "\n" not in str(refused.value)


def test_the_activations_that_are_accepted_are_known_and_have_no_weights():
    from transformers.activations import ACT2FN

    assert not any(list(ACT2FN[name].parameters()) for name in ACTIVATIONS)


def test_a_tokenizer_that_its_library_cannot_read_is_refused_when_it_is_copied(plan):
    """Its vocabulary is in order, and nothing else is looked at by a plan."""
    edited("tokenizer.json", pre_tokenizer={"type": "Unheard"})()
    source = plan().models["it"].checkpoint
    with pytest.raises(UserError, match="^it/tokenizer.json: is damaged .*; accepted: tokenizer.json as") as refused:
        prepare(source, Path("results/models/it"))
    assert "\n" not in str(refused.value)


def test_a_full_disk_is_said_in_one_sentence_and_leaves_what_was_there(plan, monkeypatch):
    source = plan().models["it"].checkpoint
    prepare(source, Path("results/models/it"))
    before = sorted(os.listdir("results/models/it"))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(UserError, match="results/models/it: it cannot be copied there .No space left on device."):
        prepare(source, Path("results/models/it"))
    assert sorted(os.listdir("results/models/it")) == before
    assert os.listdir("results/models") == ["it"]


def test_nothing_but_what_a_model_needs_is_copied(plan):
    of_a_trainer()
    prepare(plan().models["it"].checkpoint, Path("results/models/it"))
    assert sorted(os.listdir("results/models/it")) == [
        "config.json", "model.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip


def test_a_copied_model_that_was_damaged_is_said_to_be_so_of_a_hub_model(plan):
    """A hub model that has been copied is looked at there."""
    source = plan().models["it"].checkpoint
    prepare(Checkpoint("lab--it", folder=source.folder, origin="hub:lab/it"), Path("results/models/lab--it"))
    Path("s.yaml").write_text(STUDY.replace("./it", "lab/it"))
    assert plan().models["lab--it"].checkpoint.hub_id == "lab/it"
    Path("results/models/lab--it/model.safetensors").write_bytes(b"")
    with pytest.raises(UserError, match="results/models/lab--it/model.safetensors: is damaged"):
        plan()


@pytest.mark.parametrize("pads", [0, 1])
def test_a_family_that_counts_positions_from_the_padding_pads_as_its_configuration_says(plan, pads):
    shutil.rmtree("it")
    shutil.copytree("roberta", "it")
    config(pad_token_id=pads)()
    if pads == 0:
        plan()
        return
    with pytest.raises(UserError, match="tokenizer.json: pads with another number than pad_token_id 1 of config.json"):
        plan()


def test_the_headers_of_a_large_model_are_looked_at_in_milliseconds(plan):
    """24 layers: 390 weights, whose header is the same at any width."""
    import time

    from seedvar.models.checkpoints import inspect
    from seedvar.models.families import FAMILIES
    from seedvar.models.layouts import weights_of

    config(num_hidden_layers=24)()
    shapes = weights_of(FAMILIES["bert"].layout, read_json("it/config.json"))
    save_file({name: torch.from_numpy(np.zeros(shape, np.float32)) for name, shape in shapes.items()}, WEIGHTS)
    start = time.process_time()
    inspect(Path("it"))
    assert time.process_time() - start < 0.5  # 5 ms where nothing else runs
