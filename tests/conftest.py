"""What several tests share: the repository, tiny models of every family, real GLUE where it is."""

import fcntl
import os
import shutil
import subprocess

import pytest
from helpers import REPOSITORY, copy_package, environment_of

os.environ["HF_HUB_OFFLINE"] = "1"  # no test may depend on a network
os.environ.setdefault("OMP_NUM_THREADS", "1")  # two tests side by side; threads of one would wait for the other's

TESTS = REPOSITORY / "tests"
GLUE = REPOSITORY.parent / "shared" / "data" / "glue"


RUN_THE_WORKFLOW = {"copy_repository", "workflow", "slurm"}  # fixtures and folders


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Marks as `fast` what runs no workflow and is not marked `slow`; what takes long comes first."""
    for item in items:
        uses = {*item.path.relative_to(TESTS).parts, *getattr(item, "fixturenames", [])}
        if not item.get_closest_marker("slow") and not uses & RUN_THE_WORKFLOW:
            item.add_marker("fast")
    items.sort(key=lambda item: item.get_closest_marker("fast") is not None)


@pytest.fixture
def glue_dir():
    """A real copy of GLUE beside the repository; its text is not ours to ship."""
    if not GLUE.is_dir():
        pytest.skip("no copy of GLUE beside the repository")
    return GLUE


@pytest.fixture(scope="session")
def copy_repository():
    """Copies the repository's workflow, without results, into a folder."""

    def copy(folder, package=True):
        target = folder / "checkout"
        target.mkdir()
        for name in ("Snakefile", "pyproject.toml"):
            shutil.copy(REPOSITORY / name, target / name)
        leave_out = shutil.ignore_patterns("seedvar", "__pycache__")
        for name in ("config", "workflow", "envs", "notebooks"):
            shutil.copytree(REPOSITORY / name, target / name, ignore=leave_out)
        (target / "profiles").symlink_to("workflow/profiles")
        if package:
            copy_package(target)
        return target

    return copy


@pytest.fixture
def checkout(tmp_path, copy_repository):
    """A copy of the repository's workflow to run and to change."""
    return copy_repository(tmp_path)


@pytest.fixture
def run_in(checkout):
    """Runs a command of this environment in the copied checkout and returns what it did."""

    def run(*command, environment=None):
        variables = environment_of(checkout) | (environment or {})
        return subprocess.run(command, cwd=checkout, env=variables, capture_output=True, text=True, timeout=900)

    return run


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """Makes a folder once for all tests, in whichever process they run; they copy what they change."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root

    def make(name, fill):
        folder, finished = root / f"shared-{name}", root / f"shared-{name}.finished"
        with open(root / f"shared-{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # who comes second waits for what the first makes
            if not finished.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                finished.touch()
        return folder

    return make


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory):
    """Makes a randomly initialised checkpoint of a family, with a tokenizer: two layers, 16 wide."""
    from transformers import AutoConfig, AutoModel, BertTokenizer

    from seedvar.data.grammar import vocabulary

    root = tmp_path_factory.mktemp("models")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *vocabulary()]
    size = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    common = {"vocab_size": len(words), "max_position_embeddings": 64, "pad_token_id": 0}
    decoder = {**size, **common, "num_key_value_heads": 1, "eos_token_id": 3, "bos_token_id": 2}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32}
    relative = {"relative_attention": True, "share_att_key": True, "norm_rel_ebd": "layer_norm", "position_buckets": 8}
    sizes = {
        "bert": {**size, **common},
        "roberta": {**size, **common, "type_vocab_size": 1},
        "electra": {**size, **common, "embedding_size": 8},
        "albert": {**size, **common, "embedding_size": 8},
        "distilbert": {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32, **common},
        "xlm-roberta": {**size, **common, "type_vocab_size": 1},
        "mpnet": {**size, **common, "pad_token_id": 1},
        "deberta-v2": {**size, **common, **relative, "position_biased_input": False, "pos_att_type": "p2c|c2p"},
        "modernbert": {**size, **common, "eos_token_id": 3, "bos_token_id": 2, "cls_token_id": 2, "sep_token_id": 3},
        "xlnet": {"d_model": 16, "n_layer": 2, "n_head": 2, "d_inner": 32, **common},
        "bart": {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, **heads, **common, "eos_token_id": 3},
        "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64, "eos_token_id": 3, "bos_token_id": 2},
        "llama": decoder,
        "qwen2": decoder,
        "qwen3": decoder | {"head_dim": 8},
    }
    sizes["gpt2"] |= {"vocab_size": len(words), "pad_token_id": None}
    del sizes["xlnet"]["max_position_embeddings"]

    def make(family):
        import torch

        folder = root / family
        if not folder.is_dir():
            torch.manual_seed(0)
            AutoModel.from_config(AutoConfig.for_model(family, **sizes[family])).save_pretrained(folder)
            known = ["[UNK]", "[PAD]", *words[2:]] if family == "mpnet" else words  # it pads with number 1
            BertTokenizer(vocab={word: i for i, word in enumerate(known)}).save_pretrained(folder)
        return folder

    return make


@pytest.fixture
def published_runs():
    """600 published runs, where they lie beside the repository."""
    import pandas as pd

    path = GLUE.parent / "published_runs" / "zhang_replication_runs.csv"
    if not path.is_file():
        pytest.skip("no copy of the published runs beside the repository")
    return pd.read_csv(path)
