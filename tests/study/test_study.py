"""Study files: what they mean, and one clear sentence for every mistake."""

import json
from pathlib import Path

import pytest
import yaml

from seedvar.cells.recipe import Recipe
from seedvar.data.declaration import Declaration
from seedvar.errors import UserError
from seedvar.strict import read_yaml
from seedvar.study.grid import expand
from seedvar.study.reading import json_schema, read_study
from seedvar.study.site import SiteConfig, read_site_config
from seedvar.study.study import Arm, Study
from seedvar.study.table_study import TableStudy

REPOSITORY = Path(__file__).parents[2]

GOOD = """
model: bert-large-uncased
tasks: [rte, mrpc]
seeds: 3
recipe: {learning_rate: 2e-5}
arms:
  bertadam: {optimizer: bertadam}
  adamw: {optimizer: adamw}
baseline: adamw
"""


@pytest.fixture
def study_file(tmp_path):
    def write(text):
        path = tmp_path / "study.yaml"
        path.write_text(text)
        return path

    return write


def test_a_study_has_named_recipes_and_seeds(study_file):
    study = read_study(study_file(GOOD))
    assert {name: recipe.optimizer for name, recipe in study.named_recipes("rte").items()} == {
        "bertadam": "bertadam",
        "adamw": "adamw",
    }
    assert study.seed_pairs() == [(0, 0), (1, 1), (2, 2)]


def test_a_grid_is_expanded_in_full_and_names_its_arms(study_file):
    arms = GOOD[GOOD.index("arms:") :]
    text = GOOD.replace(arms, "grid: {optimizer: [bertadam, adamw], reinit_layers: [0, 2]}\nbaseline: adamw\n")
    recipes = read_study(study_file(text)).named_recipes("rte")
    assert list(recipes) == ["bertadam", "bertadam+reinit2", "adamw", "adamw+reinit2"]
    assert recipes["adamw+reinit2"].reinit_layers == 2


@pytest.mark.parametrize(
    ("grid", "sentence"),
    [
        (
            "{learning_rate: [-1, 1e-3]}",
            "grid.learning_rate.0: -1 is not accepted; accepted: a number above 0, at most 1",
        ),
        ("{epochs: [3, 3]}", "grid: a value is listed twice"),
        ("{epoch: [3]}", "grid.epoch: unknown key .did you mean 'epochs'"),
        ("{epochs: 3}", "grid.epochs"),
    ],
)
def test_a_mistake_in_a_grid_is_refused(study_file, grid, sentence):
    path = study_file(GOOD[: GOOD.index("arms:")] + f"grid: {grid}\n")
    with pytest.raises(UserError, match=sentence):
        read_study(path)


def test_yaml_anchors_and_merge_keys_may_be_used(study_file):
    text = GOOD.replace("bertadam: {optimizer: bertadam}", "bertadam: &b {optimizer: bertadam}").replace(
        "adamw: {optimizer: adamw}", "adamw: {<<: *b, optimizer: adamw}"
    )
    assert read_study(study_file(text)).named_recipes("rte")["adamw"].optimizer == "adamw"


@pytest.mark.parametrize("name", ["cells", "my study"])
def test_a_study_may_not_be_called_anything(tmp_path, name):
    path = tmp_path / f"{name}.yaml"
    path.write_text(GOOD)
    with pytest.raises(UserError, match="is no name for a study"):
        read_study(path)


def test_a_file_that_is_not_text_is_refused(study_file):
    path = study_file(GOOD)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="is not text in UTF-8"):
        read_study(path)


def test_crossed_seeds_pair_every_init_with_every_order(study_file):
    study = read_study(study_file(GOOD.replace("seeds: 3", "seeds: {init: 2, order: [5, 7]}")))
    assert study.seed_pairs() == [(0, 5), (0, 7), (1, 5), (1, 7)]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("[rte, mrpc]", "[rte, xyz]", "tasks: unknown task 'xyz'; accepted: cola, .*syn-stsb, or a declaration"),
        ("[rte, mrpc]", "[rte, rte]", "tasks: rte is listed twice"),
        ("[rte, mrpc]", "[]", "tasks: a list is not accepted; accepted: a list of names, or names with declarations"),
        ("[rte, mrpc]", "[rte, 1]", "tasks.1: 1 is not accepted"),
        ("learning_rate", "learnig_rate", r"learnig_rate: unknown key \(did you mean 'learning_rate'\?\); accepted"),
        ("2e-5", "-1", "recipe.learning_rate: -1 is not accepted; accepted: a number above 0, at most 1"),
        ("2e-5", ".nan", "recipe.learning_rate: nan is not accepted"),
        ("seeds: 3", "seeds: 0", "seeds: 0 is not accepted; accepted: a count of at least 1, a list"),
        ("seeds: 3", "seeds: [1, 1]", "seeds: 1 is listed twice"),
        ("seeds: 3", "seeds: {init: 0, order: 1}", "seeds"),
        ("seeds: 3", "seeds: 3\nscore: {checkpoint: first}", "score.checkpoint: 'first' is not .*: last or best"),
        ("seeds: 3", "seeds: 3\nscore: {split: dev}", "score.split: 'dev' is not .*; accepted: validation or test"),
        ("seeds: 3", "seeds: 3\nscore: last", "score: 'last' is not accepted"),
        (
            "recipe: {",
            "score: {split: test}\nrecipe: {split: dev, ",
            "score.split: test is not accepted, since arm 'bertadam' takes the whole validation split of rte",
        ),
        (
            "[rte, mrpc]",
            "{mine: {source: {train: a.csv, validation: b.csv}, text: t}}\nscore: {split: test}",
            "score.split: test is not accepted, since task 'mine' has no labelled test split; accepted: validation",
        ),
        ("{optimizer: bertadam}", "{optimizer: adan}", "arms.bertadam.optimizer: 'adan' is not accepted; .* bertadam"),
        ("{optimizer: bertadam}", "{optimiser: bertadam}", "did you mean 'optimizer'"),
        ("{optimizer: bertadam}", "{}", "'adamw' is the same recipe as 'bertadam'"),
        ("adamw: {optimizer: adamw}", "bertadam: {optimizer: adamw}", "line 8: the key 'bertadam' is given twice"),
        ("{optimizer: bertadam}", "{mixout: 0.1, dropout: 0.1}", "mixout: mixout takes the place of dropout"),
        ("{optimizer: bertadam}", "{steps: full}", "arm 'bertadam': steps: 'full' is for few-sample training"),
        ("{optimizer: bertadam}", "{weight_decay: 0.1, pretrained_decay: 0.1}", "pretrained_decay: weight_decay pulls"),
        ("{optimizer: bertadam}", "{steps: 0}", "arms.bertadam.steps"),
        ("{optimizer: bertadam}", "{lora_alpha: 8}", "arm 'bertadam': lora_alpha: there is no LoRA without a rank"),
        ("{optimizer: bertadam}", "{lora_rank: 8, mixout: 0.1}", "lora_rank: mixout mixes weights that LoRA does not"),
        ("{optimizer: bertadam}", "{lora_rank: 8, frozen_layers: 1}", "lora_rank: LoRA trains no layer's own weights"),
        ("{optimizer: bertadam}", "{lora_rank: 8, biases_only: true}", "biases_only: LoRA trains other weights"),
        ("{optimizer: bertadam}", "{head: oficial}", "arms.bertadam.head: 'oficial' is not accepted.*official"),
        ("baseline: adamw", "baseline: adam", "baseline: unknown arm 'adam'; accepted: bertadam, adamw"),
        ("baseline: adamw", "", "baseline: is missing; accepted: bertadam, adamw"),
        ("seeds: 3", "data: glue\nseeds: 3", "data: unknown key; accepted: description, model, tasks"),
        ("seeds: 3", "", "seeds: is missing; accepted: a count .seeds 0, 1, ….*, a list"),
        ("baseline: adamw", "baseline: adamw\ngrid: {epochs: [3]}", "give either arms or grid"),
        ("seeds: 3", "seeds: [3", "is not valid YAML"),
    ],
)  # fmt: skip
def test_a_mistake_gets_one_sentence_with_file_key_and_accepted_values(study_file, old, new, sentence):
    path = study_file(GOOD.replace(old, new))
    with pytest.raises(UserError, match=sentence) as caught:
        read_study(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_study_file_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(UserError, match="nothing.yaml: cannot be read"):
        read_study(tmp_path / "nothing.yaml")


def test_an_unknown_setting_of_the_site_is_refused():
    with pytest.raises(UserError, match="studdy: unknown key .did you mean 'study'"):
        read_site_config({"studdy": "quickstart"})


def test_the_environment_may_say_where_glue_is(monkeypatch):
    monkeypatch.setenv("SEEDVAR_GLUE_DIR", "/data/glue")
    assert read_site_config({"glue_dir": "/elsewhere"}).glue_dir == "/data/glue"


@pytest.mark.parametrize(
    ("recipe", "slug"),
    [
        ({}, "adamw"),
        ({"optimizer": "bertadam"}, "bertadam"),
        ({"optimizer": "adamw", "reinit_layers": 2, "learning_rate": 1e-4}, "adamw+reinit2+lr1e-4"),
        ({"reinit_pooler": True, "learning_rate": 2.5e-5, "dropout": 0.05}, "adamw+pooler+lr2.5e-5+dropout0.05"),
        ({"split": "dev", "precision": "bfloat16", "n_train": 1000}, "adamw+bfloat16+n1000+dev"),
    ],
)
def test_a_slug_names_the_fields_that_differ_from_the_defaults(recipe, slug):
    assert Recipe(**recipe).slug() == slug


def test_defaults_never_change():
    """Cells are known by what differs from the defaults: another default would be another result under an old name.

    New fields may be added to this list; a line that stands here stays as it is.
    """
    assert Recipe().model_dump() == {
        "optimizer": "adamw",
        "reinit_layers": 0,
        "reinit_pooler": False,
        "learning_rate": 2e-5,
        "epochs": 3,
        "batch_size": 32,
        "warmup_ratio": 0.1,
        "weight_decay": 0.0,
        "adam_beta2": 0.999,
        "adam_epsilon": 1e-8,
        "max_grad_norm": 1.0,
        "dropout": None,
        "max_length": 128,
        "precision": "float32",
        "evaluations": 10,
        "n_train": None,
        "split": "halves",
        "sampling": "balanced",
        "steps": None,
        "mixout": 0.0,
        "mixout_gradient": "true",
        "layerwise_decay": 1.0,
        "pretrained_decay": 0.0,
        "frozen_layers": 0,
        "stop_failed_after": None,
        "diagnostics_every": None,
        "micro_batch": None,
        "intermediate_task": None,
        "head": "transformers",
        "segment_ids": True,
        "biases_only": False,
        "lora_rank": None,
        "lora_alpha": 16.0,
        "lora_dropout": 0.0,
        "gradient_checkpointing": False,
        "dropout_seed": None,
        "sample_seed": None,
        "split_seed": None,
        "best_by": "metric",
    }


@pytest.mark.parametrize(
    ("name", "model"), [("study", Study | TableStudy), ("task", Declaration), ("config", SiteConfig)]
)
def test_the_json_schemas_in_the_repository_are_those_of_the_models(name, model):
    """After a change of what a user may write: make schema."""
    committed = json.loads((REPOSITORY / "workflow/schemas" / f"{name}.schema.json").read_text())
    assert committed == json_schema(model)


@pytest.mark.parametrize("path", sorted((REPOSITORY / "config/studies").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_study_that_ships_is_valid_for_model_and_schema(path):
    from jsonschema import Draft202012Validator

    assert read_study(path).description
    schema = json.loads((REPOSITORY / "workflow/schemas/study.schema.json").read_text())
    Draft202012Validator(schema).validate(read_yaml(path))
    assert yaml.safe_load(path.read_text()).keys() == read_yaml(path).keys()


def test_a_study_s_own_task_and_its_models_are_in_order_by_the_schema(study_file):
    from jsonschema import Draft202012Validator

    text = GOOD.replace("[rte, mrpc]", "{rte: , mine: {source: {train: a.csv, validation: [b.csv]}, text: [a, b]}}")
    path = study_file(text.replace("{optimizer: adamw}", "{model: x, by_model: {x: {epochs: 5}}}"))
    assert list(read_study(path).tasks) == ["rte", "mine"]
    schema = json.loads((REPOSITORY / "workflow/schemas/study.schema.json").read_text())
    Draft202012Validator(schema).validate(read_yaml(path))
    assert list(Draft202012Validator(schema).iter_errors(read_yaml(study_file(text.replace("text:", "texts:")))))


def test_the_guide_to_the_configuration_names_every_key():
    text = (REPOSITORY / "config/README.md").read_text()
    models = [SiteConfig, Study, Arm, Recipe, Declaration]
    keys = [key for model in models for key in model.model_fields]
    assert [key for key in keys if f"`{key}`" not in text] == []


SURFACE = "probes: {surface: {task: rte, first: {arm: bertadam, seed: 1}, second: {arm: adamw, seed: 0}}}\nbaseline"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("adamw}", "adamw, by_task: {qqp: {epochs: 1}}}", "by_task: unknown task 'qqp'; accepted: rte"),
        (
            "adamw}",
            "adamw, by_task: {rte: {epoch: 1}}}",
            "by_task.rte.epoch: unknown key .did you mean 'epochs'",
        ),
        ("adamw}", "adamw, by_taks: {}}", "arms.adamw.by_taks: unknown key .did you mean 'by_task'"),
        ("adamw}", "adamw, intermediate_task: rte}", "intermediate_task: 'rte' is not accepted on rte; accepted: mrpc"),
        (
            "adamw}",
            "adamw, intermediate_task: xyz}",
            "'xyz' is not accepted on rte; accepted: mrpc, cola, .*, syn-stsb",
        ),
        ("baseline", "probes: {forgetting: {arms: [x]}}\nbaseline", "probes.forgetting.arms: 'x' is not accepted"),
        ("baseline", "probes: {forgetting: {tasks: [x]}}\nbaseline", "probes.forgetting.tasks: 'x' is not accepted"),
        ("baseline", "probes: {forgetting: {run: 1}}\nbaseline", "forgetting.run: unknown key .did you mean 'runs'"),
        ("baseline", "probes: {forgetting: {text: gone.txt}}\nbaseline", "there is no file gone.txt"),
        ("baseline", SURFACE.replace("seed: 1", "seed: 9"), "probes.surface.first.seed: the study has no seed 9"),
        ("adamw}\nbaseline", "adamw, lora_rank: 2}\n" + SURFACE, "surface: the runs differ in lora_rank"),
        ("baseline", SURFACE.replace("bertadam", "x"), "probes.surface.first.arm: 'x' is not accepted"),
        ("baseline", SURFACE.replace("task: rte", "task: cola"), "probes.surface.task: 'cola' is not accepted"),
        ("baseline", SURFACE.replace("surface: {", "surface: {low: 3, "), "probes.surface.high: 1.5 is not accepted"),
        ("baseline", "probes: {surfaces: {}}\nbaseline", "probes.surfaces: unknown key .did you mean 'surface'"),
    ],
)
def test_a_mistake_in_probes_or_task_recipes_is_one_sentence(study_file, old, new, sentence):
    with pytest.raises(UserError, match=sentence):
        read_study(study_file(GOOD.replace(old, new)))


@pytest.mark.parametrize(
    ("study", "warmup"),
    [("xlnet", [200, 200, 500, 120]), ("bart", [61, 68, 107, 80]), ("roberta", [122, 137, 214, 320])],
)
def test_warm_up_takes_as_many_updates_as_in_table_6_of_zhang_et_al(study, warmup):
    study = read_study(REPOSITORY / "config/studies" / f"zhang2021_{study}.yaml")
    recipes = [study.named_recipes(task)["standard"] for task in ("rte", "mrpc", "stsb", "cola")]
    assert [int(recipe.warmup_ratio * recipe.steps) for recipe in recipes] == warmup


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"grid": {"sample_seed": [0, 1]}}, "sample_seed: there is nothing to choose without n_train"),
        (
            {"recipe": {"split": "dev"}, "grid": {"split_seed": [0, 1]}},
            "split_seed: with split: dev the development set",
        ),
        ({"tasks": ["sst2"], "grid": {"split_seed": [0, 1]}}, None),
        ({"grid": {"dropout_seed": [0, 1]}}, None),
        ({"grid": {"dropout_seed": [0, 1], "optimizer": ["adamw", "bertadam"]}}, "baseline: is missing"),
    ],
)
def test_seeds_in_a_grid_need_no_baseline_and_something_to_draw(tmp_path, changed, sentence):
    study = {"model": "syn-bert", "tasks": ["syn-rte"], "seeds": 2} | changed
    path = tmp_path / "mine.yaml"
    path.write_text(json.dumps(study))
    if sentence is None:
        assert read_study(path).n_arms == 2
        return
    with pytest.raises(UserError, match=sentence):
        read_study(path)


def test_what_is_judged_changes_no_cell(study_file):
    """So it trains nothing: a cell is decided by its specification, see `engine.plan`."""
    plain = expand(read_study(study_file(GOOD)))
    judged = read_study(study_file(GOOD + "score: {checkpoint: best, split: validation}\n"))
    assert (judged.score.checkpoint, judged.score.split) == ("best", "validation")
    assert expand(judged) == plain


SELECTS = "  higher: {learning_rate: 1e-4}\n  lower: {learning_rate: 1e-5}\nselect: "


def selecting(select, more=""):
    """The good study with two more arms and a selection."""
    return GOOD.replace("baseline: adamw", f"{SELECTS}{select}\nbaseline: adamw") + more


def test_a_selection_is_compared_in_the_place_of_its_arms_and_changes_no_cell(study_file):
    study = read_study(study_file(selecting("{tuned: [lower, higher]}")))
    plain = read_study(study_file(GOOD.replace("baseline: adamw", f"{SELECTS.partition('select')[0]}baseline: adamw")))
    assert study.compared_names() == [*(arm for arm in plain.arm_names() if arm not in ("lower", "higher")), "tuned"]
    assert expand(study) == expand(plain)
    assert study.selected_in_words == [
        "tuned is, task by task, the best of these by mean validation score: lower, higher."
    ]
    assert read_study(study_file(selecting("{tuned: [lower, higher]}").replace("baseline: adamw", "baseline: tuned")))


@pytest.mark.parametrize(
    ("select", "more", "sentence"),
    [
        ("{tuned: [lower, hihger]}", "", "select.tuned: unknown arm 'hihger'; accepted: "),
        ("{tuned: [lower, lower]}", "", "select.tuned: 'lower' is listed twice; each arm is accepted once"),
        ("{tuned: []}", "", "select.tuned"),
        ("{lower: [lower, higher]}", "", "select: 'lower' is an arm; accepted: another name"),
        ("{'a b': [lower, higher]}", "", "select: 'a b' is not a name; accepted: "),
        (
            "{tuned: [lower], other: [lower, higher]}",
            "",
            "select.other: 'lower' is in tuned too; accepted: an arm in one",
        ),
        (
            "{tuned: [adamw, higher]}",
            "",
            "baseline: 'adamw' is one of those that select.tuned chooses from; accepted: ",
        ),
        ("{tuned: {nope: [lower]}}", "", "select.tuned: unknown task 'nope'; accepted: "),
        ("{tuned: {rte: [lower, higher]}}", "", "select.tuned.mrpc: is missing; accepted: the arms to choose"),
        ("{tuned: [lower, higher]}", "score: {split: validation}\n", "accepted: score.split: test, or no select"),
        ("{tuned: [lower, higher]}", "dev", "no others to judge, since arm .bertadam. takes the whole"),
    ],
)
def test_a_selection_that_cannot_be_made_is_refused(study_file, select, more, sentence):
    text = selecting(select, more if more != "dev" else "")
    with pytest.raises(UserError, match=sentence):
        read_study(study_file(text.replace("2e-5}", "2e-5, split: dev}") if more == "dev" else text))


def test_the_best_checkpoint_is_chosen_by_what_a_task_measures(study_file):
    by_accuracy = GOOD.replace("2e-5}", "2e-5, by_task: {TASK: {best_by: accuracy}}}").replace("rte", "cola")
    assert read_study(study_file(by_accuracy.replace("TASK", "mrpc"))).named_recipes("mrpc")["adamw"].slug() == (
        "adamw+best-by-accuracy"
    )
    with pytest.raises(
        UserError, match="best_by: accuracy is not measured on cola, whose metric is matthews; accepted: m"
    ):
        read_study(study_file(by_accuracy.replace("TASK", "cola")))
