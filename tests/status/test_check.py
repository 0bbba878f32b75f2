"""`seedvar check`: the cells of a study and what its data hold; it refuses what a run would refuse."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from safetensors.torch import load_file, save_file

from seedvar.cli.main import main
from seedvar.files import write_json

STUDY = """
model: MODEL
tasks:
  reviews:
    source: {train: train.csv, validation: dev.csv}
    text: body
    label: stars
    metric: macro_f1
  syn-rte:
seeds: 2
recipe: {max_length: 8}
arms: {plain: {}, top: {reinit_layers: 1, by_task: {syn-rte: {epochs: 5}}}}
baseline: plain
"""


@pytest.fixture
def check(tmp_path, monkeypatch, capsys, tiny_models):
    """Checks a study of own data with some changes; returns the exit code and what was said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEEDVAR_GLUE_DIR", raising=False)
    write_json("config/config.yaml", {"study": "mine"})
    bodies = ["the dog", "the cat sees a dog and the cat sees a dog", "xyzzy"]
    pd.DataFrame({"body": bodies * 2, "stars": [1, 2, 5] * 2}).to_csv("train.csv", index=False)
    pd.DataFrame({"body": ["the cat", "a dog"], "stars": [5, 1]}).to_csv("dev.csv", index=False)

    def run(*changes, study=STUDY):
        text = study.replace("MODEL", str(tiny_models("bert")))
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        Path("mine.yaml").write_text(text)
        code = main(["check", "mine.yaml"])
        said = capsys.readouterr()
        return code, said.err if code else said.out

    return run


def test_a_study_is_its_cells_and_what_its_own_data_hold(check):
    code, said = check()
    assert code == 0
    lines = said.splitlines()
    assert lines[:4] == [
        "mine.yaml: 8 cells = 2 tasks x 2 arms x 2 seeds",
        "  plain: adamw+len8",
        "  top: adamw+reinit1+len8 (reviews)",
        "  top: adamw+reinit1+epochs5+len8 (syn-rte)",
    ]
    assert lines[4:9] == [
        "reviews: body -> stars; from train.csv, dev.csv",
        "  train: 6 examples; 3 classes: 1 (2), 2 (2), 5 (2)",
        "  validation: 2 examples; 3 classes: 1 (1), 2 (0), 5 (1)",
        "  test: none; macro-F1 is judged on validation",
        lines[8],
    ]
    assert lines[8].startswith("  tokens an example (bert): median 4, 95 % 13, longest 13; 2 (25.0 %) are cut at 8;")
    assert lines[9:12] == [
        "  e.g. 1: 'the dog'",
        "  e.g. 2: 'the cat sees a dog and the cat sees a dog'",
        "  e.g. 5: 'xyzzy'",
    ]
    assert "syn-rte: sentence1, sentence2 -> label; from the package's grammar (synthetic)\n" in said
    assert "  warning: validation has 2 examples, so that one of them is 50 % of a score\n" in said
    assert "  warning: 1 of 2 validation examples (50.0 %) are training examples too\n" not in said
    assert not Path("results/data").exists()  # nothing is made
    assert "\nWhat 2 runs an arm can settle at best, 1 arm against plain, 4 questions:\n" in said
    assert "  on one task: smallest adjusted p: failures .500 (cannot be settled), means 1 (cannot be" in said


def test_data_are_described_once_for_as_long_as_they_stay(check, monkeypatch):
    _, first = check()
    monkeypatch.setattr("seedvar.status.check.read_examples", None)
    assert check() == (0, first)


def test_examples_that_are_learned_and_judged_are_warned_of(check):
    text = Path("dev.csv").read_text()
    Path("dev.csv").write_text(text + "the dog,1\n")
    _, said = check()
    assert "  warning: 1 of 3 validation examples (33.3 %) are training examples too\n" in said


def test_arms_of_several_models_say_which(check, tiny_models):
    _, said = check(("top: {", f"top: {{model: {tiny_models('roberta')}, "))
    assert "  plain: bert, adamw+len8\n  top: roberta, adamw+reinit1+len8 (reviews)\n" in said
    assert "tokens an example (bert)" in said
    assert "tokens an example (roberta)" in said


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("stars", "star", "train.csv: there is no column 'star'; accepted: body, stars"),
        ("train.csv", "gone.csv", "gone.csv: there is no such file; accepted: a file that ends in"),
        ("reinit_layers: 1", "reinit_layers: 9", "mine.yaml: arm 'top': reinit_layers: 9 is not accepted; bert has 2"),
        ("MODEL", "./gone", "mine.yaml: model: there is no folder gone; accepted: a folder with a checkpoint"),
        ("{max_length: 8}", "{n_train: 50}", "mine.yaml: arm 'plain': recipe: n_train: 50 of reviews is not accepted"),
        ("    text: body", "    texts: body", "mine.yaml: tasks.reviews.texts: unknown key (did you mean 'text'?)"),
    ],
)
def test_it_refuses_what_a_run_would_refuse(check, old, new, sentence):
    code, said = check(study=STUDY.replace(old, new))
    assert code == 2
    assert said.startswith(f"seedvar: {sentence}")
    assert said.count("\n") == 1


def test_a_pooler_that_a_checkpoint_lacks_is_said(check, tiny_models):
    shutil.copytree(tiny_models("bert"), "bare")
    weights = load_file("bare/model.safetensors")
    save_file({name: w for name, w in weights.items() if not name.startswith("pooler")}, "bare/model.safetensors")
    code, said = check((str(tiny_models("bert")), "./bare"))
    assert code == 0
    said_of_it = (
        "bare: lacks bert.pooler.dense.weight, bert.pooler.dense.bias: drawn anew for every cell, as the classi"
    )
    assert said_of_it in said


def test_texts_that_a_tokenizer_does_not_know_are_refused(check):
    pd.DataFrame({"body": ["colourless green ideas", "sleep"], "stars": [5, 1]}).to_csv("train.csv", index=False)
    code, said = check()
    assert code == 2
    assert said.startswith("seedvar: reviews: the tokenizer of bert does not know ")
    assert said.endswith("accepted: at most 50 %, by the model's own tokenizer and a text in its language\n")


def test_data_that_are_not_here_yet_are_said_so(check):
    code, said = check(("source: {train: train.csv, validation: dev.csv}", "source: {hub: somebody/reviews}"))
    assert code == 0
    assert "reviews: hub" in said
    assert "somebody/reviews" in said
    assert "; not on this machine yet\n" in said


def test_a_table_of_runs_is_counted(check, capsys):
    pd.DataFrame({"arm": ["a", "a", "b"], "acc": [0.5, 0.6, 0.7]}).to_csv("runs.csv", index=False)
    study = (
        "runs: {file: runs.csv, columns: {arm: arm}, tasks: {rte: {metric: accuracy, score: acc, majority: 0.5}}}\n"
        "baseline: a\n"
    )
    for command in ("status", "plan"):
        Path("mine.yaml").write_text(study)
        assert main([command, "mine.yaml"]) == 0
        assert capsys.readouterr().out == "mine: its runs come from runs.csv; nothing is trained\n"
    assert check(study=study) == (
        0,
        "mine.yaml: 3 runs from runs.csv\nruns.csv: 3 rows\n  rte, a: 2 runs, 1 failed\n"
        "    lowest 0.5, 0.6; 1 of the commonest, 0.5\n  rte, b: 1 runs, 0 failed\n"
        "    lowest 0.7; 1 of the commonest, 0.7\n"
        "What 1 runs an arm can settle at best, 1 arm against a, 2 questions:\n"
        "  nothing: at least 2 runs an arm are needed\n",
    )
