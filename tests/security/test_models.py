"""Payloads in names and folders of models: refused, or harmless."""

import json
import pickle
import shutil

import pytest

from seedvar.models.checkpoints import EMBEDDED

STUDY = "model: {model}\ntasks: [syn-cola]\nseeds: 1\narms: {{a: {{n_train: 32}}}}\n"


@pytest.fixture
def model(project):
    """Names a model in a study, and short names for models in config.yaml; the results have something to lose."""
    config, study = project.folder / "config" / "config.yaml", project.folder / "config" / "studies" / "own.yaml"
    before = config.read_text()

    def write(name, aliases=None):
        study.write_text(STUDY.format(model=json.dumps(name)))
        config.write_text(f"study: own\nmodels: {json.dumps(aliases or {})}\n")
        for path in ("store/kept.txt", "kept/kept.txt", "models/other/kept.txt", "kept.txt"):
            project.write(f"results/{path}", "kept")

    yield write
    config.write_text(before)
    study.unlink(missing_ok=True)
    shutil.rmtree(project.folder / "results", ignore_errors=True)


def kept(project):
    """Counts what of the results is still there."""
    return len(list((project.folder / "results").rglob("kept.txt")))


ALIASES = [
    "$(touch OWNED)y",
    "`touch OWNED`",
    "x; touch OWNED",
    "x' 'y",
    "..",
    ".",
    "/",
    "/..",
    "~",
    "package:..",
    "package:.",
    "../..",
    "a/../..",
    "{task}",
    "<results>",
    "-rf",
    "x\n\x1b[2Jy",
]


@pytest.mark.parametrize("alias", ALIASES)
def test_a_short_name_runs_nothing_and_deletes_nothing(project, model, alias):
    """Of the embedded model, copied for real."""
    model(alias, {alias: "syn-bert"})
    before = project.outside()
    done = project.snakemake("--cores", "1", "--until", "model", "--config", "study=own", "warm_start=false")
    assert "Traceback" not in done.stderr
    assert project.outside() == before
    assert kept(project) == 4
    assert not list(project.root.rglob("OWNED"))
    copies = list((project.folder / "results" / "models").rglob("config.json"))
    assert bool(copies) is (done.returncode == 0)


@pytest.mark.parametrize("place", ["package:planted.inner/model", "package:planted/model", "package:../x/y"])
def test_no_package_of_the_working_directory_is_imported(project, model, is_refused, place):
    code = f"open({str(project.canary / 'OWNED')!r}, 'w')\n"
    for path in ("planted/__init__.py", "planted/inner/__init__.py"):
        project.write(path, code)
    for folder in ("planted/model", "planted/inner/model"):
        shutil.copytree(EMBEDDED["syn-bert"], project.folder / folder)
    model(place)
    try:
        before = project.outside()
        done = project.snakemake("-n", "--config", "study=own")
        assert done.returncode != 0, done.stderr
        assert "Traceback" not in done.stderr
        is_refused("check", "own", match="package:")
        assert project.outside() == before
    finally:
        shutil.rmtree(project.folder / "planted")


def test_a_link_in_a_folder_of_a_model_is_not_copied(project, model):
    """Else who can read the results reads what the link leads to."""
    folder = project.folder / "mine"
    shutil.copytree(EMBEDDED["syn-bert"], folder)
    (project.canary / "secret.json").write_text('{"secret": "of mine"}')
    (folder / "extra.json").symlink_to(project.canary / "secret.json")
    (folder / "vocab.txt").unlink(missing_ok=True)
    (folder / "vocab.txt").symlink_to(project.canary / "secret.json")
    (folder / "folder").symlink_to(project.canary)
    model("./mine")
    try:
        before = project.outside()
        project.snakemake("--cores", "1", "--until", "model", "--config", "study=own", "warm_start=false")
        copies = [path for path in (project.folder / "results").rglob("*") if path.is_file()]
        assert not [path for path in copies if b"of mine" in path.read_bytes() or path.is_symlink()]
        assert project.outside() == before
    finally:
        shutil.rmtree(folder)
        (project.canary / "secret.json").unlink()


def test_code_in_a_folder_of_a_model_is_not_run(project, model):
    """Neither what a configuration names as its code, nor a pickle; the data are tokenised for real."""

    class Owned:
        def __reduce__(self):
            return (open, (str(project.canary / "OWNED"), "w"))

    folder = project.folder / "mine"
    shutil.copytree(EMBEDDED["syn-bert"], folder)
    code = f"open({str(project.canary / 'OWNED')!r}, 'w')\n"
    for name in ("modeling.py", "tokenization.py", "configuration.py", "__init__.py", "setup.py"):
        (folder / name).write_text(code)
    for name, classes in (
        ("config.json", {"AutoConfig": "configuration.C", "AutoModel": "modeling.M"}),
        ("tokenizer_config.json", {"AutoTokenizer": ["tokenization.T", "tokenization.T"]}),
    ):
        path = folder / name
        path.write_text(json.dumps(json.loads(path.read_text() if path.is_file() else "{}") | {"auto_map": classes}))
    for name in ("training_args.bin", "optimizer.pt", "pytorch_model.bin"):
        (folder / name).write_bytes(pickle.dumps(Owned()))
    model("./mine")
    try:
        before = project.outside()
        done = project.snakemake("--cores", "1", "--until", "data", "--config", "study=own")
        assert "Traceback" not in done.stderr
        assert project.outside() == before
    finally:
        shutil.rmtree(folder)
