"""Models of the hub: looked at before anything is loaded, from its cache or from a hub that stands beside the tests."""

import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from helpers import REPOSITORY, environment_of
from huggingface_hub import constants

from seedvar.engine.plan import make_plan
from seedvar.errors import UserError
from seedvar.files import read_json, write_json
from seedvar.models import hub
from seedvar.models.checkpoints import prepare

STUDY = """
model: lab/it
tasks: [syn-rte]
seeds: 1
arms: {a: {}}
"""
SHA = "0a" * 20


class Hub(BaseHTTPRequestHandler):
    """Answers as the hub does what its client asks of one model, whose files are in `folder`."""

    folder, asked = Path(), []

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        self.asked.append(f"{self.command} {self.path} {self.headers.get('range', '')}".strip())
        path = self.path.partition("?")[0]
        if path == "/api/models/lab/it":
            names = sorted(file.name for file in self.folder.iterdir())
            data = json.dumps(
                {"id": "lab/it", "sha": SHA, "siblings": [{"rfilename": name} for name in names]}
            ).encode()
        elif path.startswith(f"/lab/it/resolve/{SHA}/") and (self.folder / path.rpartition("/")[2]).is_file():
            data = (self.folder / path.rpartition("/")[2]).read_bytes()
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.end_headers()
            return
        whole = len(data)
        if span := self.headers.get("range"):
            first, last = span.removeprefix("bytes=").split("-")
            data = data[int(first) : int(last) + 1]
        self.send_response(206 if span else 200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", f'"{hash(path) & 0xFFFFFF:x}"')
        self.send_header("X-Repo-Commit", SHA)
        if span:
            self.send_header("Content-Range", f"bytes {first}-{last}/{whole}")
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def place(tiny_models, tmp_path, monkeypatch):
    """A working directory with a study of lab/it and an empty cache of the hub; returns the model's folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    Path("s.yaml").write_text(STUDY)
    return Path(shutil.copytree(tiny_models("bert"), "it"))


@pytest.fixture
def online(place, monkeypatch):
    """Lets the hub's client talk to a hub on this machine; returns what it was asked."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(Hub, "folder", place.resolve())
    monkeypatch.setattr(Hub, "asked", [])
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    point_to(monkeypatch, f"http://127.0.0.1:{server.server_port}")
    yield Hub.asked
    server.shutdown()
    server.server_close()


def point_to(monkeypatch, url):
    from huggingface_hub import file_download, hf_api

    for module in (constants, file_download, hf_api):
        for name, value in (
            ("ENDPOINT", url),
            ("HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}"),
        ):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(hf_api.api, "endpoint", url)


def into_cache(folder, *without):
    """Puts a model into the hub's cache, as its client does."""
    root = Path("cache/models--lab--it")
    for part in ("refs", f"snapshots/{SHA}", "blobs"):
        (root / part).mkdir(parents=True)
    (root / "refs/main").write_text(SHA)
    for number, file in enumerate(sorted(folder.iterdir())):
        if file.name not in without:
            shutil.copy(file, root / "blobs" / str(number))
            (root / f"snapshots/{SHA}" / file.name).symlink_to(f"../../blobs/{number}")


def plan():
    return make_plan({"study": "s.yaml"})


def refused():
    start = time.monotonic()
    with pytest.raises(UserError) as caught:
        plan()
    said = str(caught.value)
    assert said.startswith("s.yaml: model: ")
    assert "\n" not in said
    assert "; accepted: " in said
    assert not Path("results").exists()
    assert time.monotonic() - start < 10
    return said


@pytest.mark.parametrize(
    ("family", "recipe", "sentence"),
    [
        ("xlnet", "mixout: 0.1", "mixout: it mixes Linear layers, and the attention of lab--it has none"),
        ("llama", "biases_only: true", "biases_only: the blocks of lab--it have no biases"),
        ("bart", "reinit_layers: 3", "reinit_layers: 3 is not accepted; lab--it has 2 layers"),
        ("mpnet", "segment_ids: false", "segment_ids: lab--it is told of no segments in any case"),
    ],
)
def test_what_a_model_of_the_hub_cannot_do_is_said_before_its_weights_are_loaded(
    place, online, tiny_models, family, recipe, sentence
):
    shutil.rmtree(place)
    shutil.copytree(tiny_models(family), place)
    Path("s.yaml").write_text(STUDY.replace("{a: {}}", f"{{a: {{{recipe}}}}}"))
    with pytest.raises(UserError, match=f"^s.yaml: arm 'a': {sentence}"):
        plan()
    whole = [line for line in online if line.startswith("GET") and "model.safetensors" in line and "bytes=" not in line]
    assert whole == []


def test_a_model_in_the_cache_needs_no_hub(place):
    into_cache(place)
    planned = plan().models["lab--it"]
    assert planned.about.config["num_hidden_layers"] == 2
    prepare(planned.checkpoint, Path("results/models/lab--it"))
    shutil.rmtree("cache")
    assert plan().models["lab--it"] == planned  # from the copy
    assert read_json("results/models/lab--it/model.json")["origin"] == "hub:lab/it"
    assert not Path("results/models/lab--it/model.safetensors").is_symlink()


@pytest.mark.parametrize(
    "without", [("model.safetensors",), ("config.json",), ("tokenizer.json", "tokenizer_config.json")]
)
def test_a_model_that_is_not_all_in_the_cache_is_not_there_offline(place, without):
    into_cache(place, *without)
    assert "the hub did not give 'lab/it' (HF_HUB_OFFLINE is set, and its cache does not hold all of" in refused()


def test_a_model_in_the_cache_is_checked_as_any_other(place):
    write_json(place / "config.json", read_json(place / "config.json") | {"num_hidden_layers": 9})
    into_cache(place)
    assert "the weights lack" in refused()


def test_what_a_study_asks_of_a_hub_model_is_checked_when_it_is_planned(place):
    into_cache(place)
    for recipe in ("reinit_layers: 99", "frozen_layers: 99"):
        Path("s.yaml").write_text(STUDY.replace("a: {}", f"a: {{{recipe}}}"))
        with pytest.raises(UserError, match=f"arm 'a': {recipe} is not accepted; lab--it has 2 layers, so 0 to 2 is"):
            plan()


def test_a_link_of_the_cache_that_leads_out_of_the_model_is_refused(place):
    into_cache(place)
    link = Path(f"cache/models--lab--it/snapshots/{SHA}/config.json")
    link.unlink()
    link.symlink_to(Path("it/config.json").resolve())
    assert "config.json: is a link that leads out of its folder" in refused()


def test_a_hub_that_cannot_be_reached_is_said_in_seconds(place, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    point_to(monkeypatch, "http://127.0.0.1:9")
    said = refused()
    assert "the hub did not give 'lab/it' (" in said
    assert said.endswith("; accepted: a connection to the hub, or a local folder with the checkpoint")


def test_a_hub_that_takes_the_call_and_says_nothing_is_waited_for_for_seconds(place, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub, "ALL_S", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        point_to(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert "(no answer in 1 seconds)" in refused()


def test_a_misspelt_model_is_no_hub_id_without_a_word(place):
    Path("s.yaml").write_text(STUDY.replace("lab/it", "syn-brt"))
    assert "s.yaml: model: 'syn-brt' (did you mean 'syn-bert'?): is not accepted; accepted: a hub id" in refused()
    for other in ("tinybert", "bert-base-uncased"):  # which the hub may have
        Path("s.yaml").write_text(STUDY.replace("lab/it", other))
        assert "the hub did not give" in refused()


def test_the_hub_is_asked_for_headers_and_small_files_and_for_no_weight(place, online):
    assert plan().models["lab--it"].about.config["hidden_size"] == 16
    of_weights = [line for line in online if "model.safetensors" in line]
    assert of_weights == [f"GET /lab/it/resolve/{SHA}/model.safetensors bytes=0-100000"]
    assert not any("README" in line for line in online)


def test_a_hub_model_that_would_not_load_is_refused_before_it_is_loaded(place, online):
    write_json(place / "config.json", read_json(place / "config.json") | {"num_hidden_layers": 9})
    assert "the weights lack 112 of the" in refused()


@pytest.mark.parametrize(
    ("lost", "sentence"),
    [
        ("config.json", "the hub's 'lab/it' has no config.json"),
        ("model.safetensors", "the hub's 'lab/it' has no model.safetensors"),
        ("tokenizer.json", "holds no tokenizer"),
    ],
)
def test_a_hub_model_that_is_not_whole_is_refused(place, online, lost, sentence):
    (place / lost).unlink()
    assert sentence in refused()


def test_a_hub_model_in_a_pickle_alone_is_refused(place, online):
    (place / "model.safetensors").rename(place / "pytorch_model.bin")
    assert "the hub's 'lab/it' holds its weights as a pickle" in refused()


def test_a_model_that_the_hub_does_not_have_is_refused(place, online):
    Path("s.yaml").write_text(STUDY.replace("lab/it", "lab/other"))
    assert "the hub did not give 'lab/other' (404" in refused()


def test_tables_need_no_model(place):
    Path("results/s").mkdir(parents=True)
    Path("results/s/runs.csv").write_text("task,arm\n")
    assert make_plan({"study": "s.yaml", "from_tables": True}).models == {}


@pytest.mark.parametrize("command", ["check", "plan", "status"])
def test_the_commands_say_an_unreachable_hub_in_one_line_and_in_seconds(place, command):
    Path("config").mkdir()
    Path("config/config.yaml").write_text("study: s.yaml\n")
    unreachable = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": "home"}
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "seedvar", command, "s.yaml"],
        env=environment_of(REPOSITORY) | unreachable,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("seedvar: s.yaml: model: the hub did not give 'lab/it' (")
    assert done.stderr.count("\n") == 1
    assert time.monotonic() - start < 20
