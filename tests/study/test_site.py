"""Settings of the site: config.yaml, what the last run was given, and --config on top."""

from pathlib import Path

import pytest

from seedvar.cli.main import main
from seedvar.engine.plan import last_settings, make_plan
from seedvar.errors import UserError
from seedvar.study.site import key_values, settings

PAIRS = [
    "device=cpu", "n1=3", "ab=1e3", "ab=True", "ab=true", "ab=", "ab={a: 1, b: [x]}", "ab=[", "ab=a: b: c", "ab='3'",
    'ab="x y"', "ab=a=b", "ab=~/x", "a-b=c",
]  # fmt: skip
STUDY = "model: syn-bert\ntasks: [syn-rte]\nseeds: 1\narms: {a: {}}\n"


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    """A folder with config.yaml and a study."""
    monkeypatch.chdir(tmp_path)
    for name in ("SEEDVAR_GLUE_DIR", "SEEDVAR_RUNS_DIR"):
        monkeypatch.delenv(name, raising=False)
    Path("config/studies").mkdir(parents=True)
    Path("config/config.yaml").write_text("study: mine\ndevice: cuda\nmodels: {small: syn-bert}\n")
    Path("config/studies/mine.yaml").write_text(STUDY)


@pytest.mark.parametrize("pair", PAIRS)
def test_pairs_are_read_as_snakemake_reads_them(pair):
    from snakemake.cli import parse_config

    assert repr(key_values([pair])) == repr(parse_config([pair]))


@pytest.mark.parametrize("pair", ["device", "=cpu", "device:cpu", "1a=3", "a b=3"])
def test_what_is_no_pair_is_refused(pair):
    with pytest.raises(UserError, match="--config: '.*' is not accepted; accepted: KEY=VALUE"):
        key_values([pair])


def test_the_last_run_comes_before_the_file_and_what_is_given_before_both():
    assert settings()["device"] == "cuda"
    assert settings(last={"device": "cpu"})["device"] == "cpu"
    assert settings({"device": "auto"}, {"device": "cpu"})["device"] == "auto"
    assert settings({"models": {"other": "syn-bert"}})["models"] == {"small": "syn-bert", "other": "syn-bert"}


def test_a_sentence_says_where_the_mistake_is():
    with pytest.raises(UserError, match="^--config: device: 'gpu' is not accepted; accepted: auto, cpu or cuda"):
        settings({"device": "gpu"})
    Path("config/config.yaml").write_text("device: gpu\n")
    with pytest.raises(UserError, match="^config/config.yaml: device: 'gpu' is not accepted"):
        settings({"device": "cpu"})


def test_commands_take_what_the_last_run_was_given_and_say_so(capsys):
    make_plan(settings({"device": "cpu", "glue_dir": "/data/glue"})).prepare_results()
    assert last_settings("mine") == {"glue_dir": "/data/glue", "device": "cpu"}
    assert main(["status", "mine"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("With glue_dir=/data/glue device=cpu, as in the last run; --config KEY=VALUE wins\nmine: ")
    assert main(["status", "mine", "--config", "glue_dir=/other"]) == 0
    assert capsys.readouterr().out.startswith("With device=cpu, as in the last run")
    make_plan(settings()).prepare_results()
    assert main(["plan", "mine"]) == 0
    assert not capsys.readouterr().out.startswith("With")
    assert main(["check", "mine", "--config", "device=gpu"]) == 2


def test_drawing_from_tables_is_no_run_to_go_on_from():
    make_plan(settings({"device": "cpu"})).prepare_results()
    Path("results/mine").mkdir(parents=True)
    Path("results/mine/runs.csv").touch()
    make_plan(settings({"from_tables": "true"})).prepare_results()
    assert last_settings("mine") == {"device": "cpu"}
