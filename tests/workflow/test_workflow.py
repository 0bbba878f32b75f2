"""The workflow as a user runs it: a real Snakemake on a copy of the repository."""

import re
import shutil

import pandas as pd
import pytest

STUDY = """
description: A tiny study.
data: synthetic
model: tiny
tasks: [syn-rte, syn-stsb]
seeds: 2
recipe: {learning_rate: 1e-3, n_train: 40, batch_size: 8, epochs: 1, evaluations: 2}
arms:
  plain: {}
  top: {reinit_layers: 1}
baseline: plain
"""


@pytest.fixture
def study(checkout, tiny_models):
    """Writes the tiny study, with changes, into the checkout."""
    shutil.copytree(tiny_models("bert"), checkout / "tiny")

    def write(*changes, name="tiny_study"):
        text = STUDY.replace("model: tiny", "model: ./tiny")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (checkout / "config" / "studies" / f"{name}.yaml").write_text(text)

    write()
    return write


@pytest.fixture
def snakemake(run_in):
    def run(*arguments, study="tiny_study", environment=None):
        config = ["study=" + study, *(a for a in arguments if "=" in a)]
        targets = [a for a in arguments if "=" not in a]
        return run_in("snakemake", *targets, "--config", *config, environment=environment)

    return run


def planned(done):
    """Counts the jobs of a dry run by rule."""
    assert done.returncode == 0, done.stderr
    return {rule: int(n) for rule, n in re.findall(r"^(\w+) +(\d+)$", done.stdout + done.stderr, re.M)}


def trained(checkout):
    """Counts the cells whose log tells of training, not of the store."""
    logs = checkout.glob("results/logs/train/**/*.log")
    return sum("taken from the store" not in log.read_text() for log in logs)


TABLES = [
    f"results/tiny_study/{name}"
    for name in ("runs.csv", "curves.csv", "predictions.parquet", "comparisons.csv", "tables/summary.tex")
]


def tables(checkout):
    return {name: (checkout / name).read_bytes() for name in TABLES}


def test_a_study_runs_to_the_end_and_then_only_what_changed(checkout, study, snakemake):
    """One story, told once because it takes a while: run, repeat, extend, lose, damage, draw again."""
    done = snakemake("--cores", "2")
    assert done.returncode == 0, done.stderr
    folder = checkout / "results" / "tiny_study"
    for name in ("runs.csv", "curves.csv", "predictions.parquet", "summary.csv", "comparisons.csv", "report.html"):
        assert (folder / name).stat().st_size > 0, name
    for name in ("distribution", "learning-curves"):
        assert (folder / "figures" / f"{name}.png").read_bytes()[1:4] == b"PNG"
        assert (folder / "figures" / f"{name}.pdf").read_bytes()[:4] == b"%PDF"
    runs = pd.read_csv(folder / "runs.csv")
    assert len(runs) == 8
    assert runs.groupby("task")["fingerprint"].nunique().tolist() == [4, 4]
    assert "8 of 8 cells done" in done.stderr
    report = (folder / "report.html").read_text()
    assert "distribution.png" in report
    assert "Learning curves" in report

    # A second run does nothing. A seed more: one cell for each task and arm.
    assert planned(snakemake("-n")) == {}
    study(("seeds: 2", "seeds: 3"))
    plan = planned(snakemake("-n"))
    assert plan["train"] == 4
    assert not {"data", "model"} & set(plan)
    assert snakemake(*TABLES, "--cores", "2").returncode == 0
    assert trained(checkout) == 12
    expected = tables(checkout)

    # Tables without cells, as in a clone of a published study, do not pass for a finished study.
    shutil.rmtree(checkout / ".snakemake")
    shutil.rmtree(checkout / "results" / "cells")
    assert planned(snakemake("-n"))["train"] == 12

    # Snakemake's records are lost: the store serves every cell, and the tables are the same.
    shutil.rmtree(checkout / "results" / "tiny_study")
    assert snakemake(*TABLES, "--cores", "2").returncode == 0
    assert trained(checkout) == 0
    assert tables(checkout) == expected

    # A damaged result is found, and replaced by what the store has.
    result = next(checkout.glob("results/cells/**/result.json"))
    result.write_text(result.read_text()[:100])
    (folder / "runs.csv").unlink()
    assert snakemake("results/tiny_study/runs.csv", "--cores", "2").returncode == 0
    log = (checkout / "results/logs/collect/tiny_study.log").read_text()
    assert f"{result.relative_to(checkout)}: was damaged or edited; replaced by what the store has" in log
    assert (folder / "runs.csv").read_bytes() == expected[TABLES[0]]

    # Without the cells, figures can be drawn again from the tables.
    for name in ("results/cells", "results/data", "results/models", "results/store", "tiny"):
        shutil.rmtree(checkout / name)
    shutil.rmtree(checkout / ".snakemake")
    plan = planned(snakemake("figures", "-n", "from_tables=true"))
    assert set(plan) <= {"statistics", "figure", "figures", "total"}
    assert snakemake("figures", "from_tables=true").returncode == 0
    assert (folder / "figures" / "distribution.png").is_file()


TWO_GPUS = """

# Two devices that are none: cells claim them, say when, and compute on the CPU.
torch.cuda.is_available = lambda: True
torch.cuda.device_count = lambda: 2
torch.cuda.get_device_properties = lambda number: __import__("types").SimpleNamespace(uuid=f"gpu-{number}")
torch.cuda.set_device = lambda device: None
claimed = claimed_device


@contextlib.contextmanager
def claimed_device(wanted):
    with claimed(wanted) as device:
        begin = time.monotonic()
        yield torch.device("cpu")
        with open("gpus.csv", "a") as file:
            file.write(f"{device.index},{begin},{time.monotonic()}\\n")
"""


def test_each_cell_has_a_gpu_of_its_own_where_a_machine_has_several(checkout, study, snakemake, tmp_path):
    device = checkout / "workflow/seedvar/training/device.py"
    device.write_text(device.read_text() + TWO_GPUS)
    study(("epochs: 1", "epochs: 20"))
    done = snakemake("cells", "--cores", "4", environment={"TMPDIR": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    claims = pd.read_csv(checkout / "gpus.csv", names=["gpu", "begin", "end"])
    assert claims["gpu"].value_counts().sum() == 8
    assert set(claims["gpu"]) == {0, 1}
    for _, group in claims.sort_values("begin").groupby("gpu"):
        assert (group["begin"].iloc[1:].to_numpy() >= group["end"].iloc[:-1].to_numpy()).all()
    first, second = (group for _, group in claims.groupby("gpu"))
    together = [a.begin < b.end and b.begin < a.end for a in first.itertuples() for b in second.itertuples()]
    assert any(together)


def test_two_studies_share_the_cells_they_both_have(checkout, study, snakemake):
    assert snakemake("cells", "--cores", "2").returncode == 0
    study(
        ("top: {reinit_layers: 1}", "other: {epochs: 2}"),
        ("tasks: [syn-rte, syn-stsb]", "tasks: [syn-rte]"),
        name="second",
    )
    assert planned(snakemake("cells", "-n", study="second"))["train"] == 2


@pytest.mark.parametrize(
    ("changes", "arguments", "sentence"),
    [
        ([("syn-stsb", "syn-stb")], [], "tasks: unknown task 'syn-stb' for data 'synthetic'; accepted: syn-rte"),
        ([("epochs: 1", "epoch: 1")], [], "recipe.epoch: unknown key (did you mean 'epochs'?)"),
        ([("./tiny", "./gone")], [], "model: there is no folder gone"),
        ([("seeds: 2", "seeds: 0")], [], "seeds: 0 is not accepted"),
        ([("plain: {}", "top: {}")], [], "the key 'top' is given twice"),
        ([("reinit_layers: 1", "reinit_layers: 3")], [], "'top': reinit_layers: 3 is not accepted; tiny has 2 layers"),
        ([], ["devcie=cpu"], "devcie: unknown key (did you mean 'device'?)"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_in_one_sentence_before_any_work(checkout, study, snakemake, changes, arguments, sentence):
    study(*changes)
    done = snakemake("--cores", "2", *arguments)
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if line.startswith("seedvar: ")]
    assert len(lines) == 1
    assert sentence in lines[0]
    assert "Traceback" not in done.stderr
    assert not (checkout / "results" / "cells").exists()


def test_a_hub_that_cannot_be_reached_ends_before_any_cell(checkout, study, snakemake):
    study(("./tiny", "google-bert/bert-base-uncased"))
    done = snakemake("--cores", "2", environment={"HF_HUB_OFFLINE": "1"})
    assert done.returncode != 0
    assert "seedvar: model: the hub did not give 'google-bert/bert-base-uncased'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (checkout / "results" / "cells").exists()


def test_data_that_cannot_be_had_end_before_any_cell(checkout, study, snakemake):
    study(("data: synthetic", "data: glue"), ("[syn-rte, syn-stsb]", "[rte]"))
    done = snakemake("--cores", "2", environment={"HF_HUB_OFFLINE": "1"})
    assert done.returncode != 0
    assert "seedvar: config.yaml: glue_dir: is not set, and the hub did not give nyu-mll/glue/rte" in done.stderr
    assert not (checkout / "results" / "cells").exists()


def test_the_folder_given_on_the_command_line_is_the_one_that_is_read(checkout, study, snakemake):
    folder = checkout / "my glue" / "rte"
    folder.mkdir(parents=True)
    rows = {"sentence1": ["the dog"] * 60, "sentence2": ["the cat"] * 60, "label": [0, 1] * 30}
    for split in ("train", "validation"):
        pd.DataFrame(rows).to_parquet(folder / f"{split}-00000-of-00001.parquet")
    study(("data: synthetic", "data: glue"), ("[syn-rte, syn-stsb]", "[rte]"), ("seeds: 2", "seeds: 1"))
    assert snakemake("results/tiny_study/runs.csv", "--cores", "2", "glue_dir=my glue").returncode == 0
    assert len(pd.read_csv(checkout / "results" / "tiny_study" / "runs.csv")) == 2


def test_diagnostics_probes_and_intermediate_tasks_run_to_the_end(checkout, study, snakemake):
    shutil.rmtree(checkout / "tiny")
    study(
        ("./tiny", "syn-bert"),  # it has a masked-word head
        ("[syn-rte, syn-stsb]", "[syn-rte]"),
        ("seeds: 2", "seeds: 1"),
        ("evaluations: 2", "evaluations: 2, diagnostics_every: 2"),
        ("top: {reinit_layers: 1}", "after: {intermediate_task: syn-mrpc}"),
        (
            "baseline: plain",
            """baseline: plain
probes:
  forgetting: {arms: [plain], paragraphs: 20}
  surface: {task: syn-rte, first: {arm: plain, seed: 0}, second: {arm: after, seed: 0}, points: 2, examples: 8}
""",
        ),
    )
    done = snakemake("--cores", "2")
    assert done.returncode == 0, done.stderr
    assert "3 cells leave their weights for probes or for other cells, about 3 MB each" in done.stderr
    folder = checkout / "results" / "tiny_study"
    found = set(pd.read_parquet(folder / "diagnostics.parquet")["quantity"])
    assert found == {"gradient_norm", "update_ratio", "distance", "saturation", "entropy", "step_multiple"}
    assert len(pd.read_csv(folder / "forgetting.csv")) == 9
    assert len(pd.read_csv(folder / "surface.csv")) == 4
    for name in ("gradient-norms", "weight-distance", "step-multiple", "forgetting", "surface"):
        assert (folder / "figures" / f"{name}.png").is_file()
    assert planned(snakemake("-n")) == {}

    # Probes give the weights back; the intermediate cell's stay in the store, so that a seed more trains one
    # cell an arm and nothing before it.
    assert not list(checkout.glob("results/cells/**/weights.safetensors"))
    assert len(list(checkout.glob("results/store/**/weights.safetensors"))) == 1
    text = (checkout / "config/studies/tiny_study.yaml").read_text()
    (checkout / "config/studies/tiny_study.yaml").write_text(text.replace("seeds: 1", "seeds: 2"))
    before = {log: log.stat().st_mtime_ns for log in checkout.glob("results/logs/train/**/*.log")}
    assert snakemake("cells", "--cores", "2").returncode == 0
    logs = [log for log in checkout.glob("results/logs/train/**/*.log") if log.stat().st_mtime_ns != before.get(log)]
    assert sum("To repeat" in log.read_text() for log in logs) == 2
    for log in checkout.glob("results/logs/weights/**/*.log"):
        assert "trained again" not in log.read_text()


def test_seeds_are_added_until_the_intervals_are_narrow_enough(checkout, study, snakemake):
    study(
        ("[syn-rte, syn-stsb]", "[syn-rte]"),
        ("seeds: 2", "seeds: {width: 1e-9, batch: 2, at_most: 5}"),
        ("  top: {reinit_layers: 1}\n", ""),
    )
    done = snakemake("results/tiny_study/summary.csv", "--cores", "2")
    assert done.returncode == 0, done.stderr
    folder = checkout / "results" / "tiny_study"
    assert sorted(path.name for path in (folder / "seeds").iterdir()) == ["0.json", "1.json", "2.json"]
    assert len(pd.read_csv(folder / "runs.csv")) == 5
    assert planned(snakemake("results/tiny_study/summary.csv", "-n")) == {}

    # A width that the first batch has already: nothing is trained, and the tables have that batch alone.
    text = (checkout / "config/studies/tiny_study.yaml").read_text()
    (checkout / "config/studies/tiny_study.yaml").write_text(text.replace("width: 1e-9", "width: 5"))
    trained_before = trained(checkout)
    assert snakemake("results/tiny_study/summary.csv", "--cores", "2").returncode == 0
    assert trained(checkout) == trained_before
    assert len(pd.read_csv(folder / "runs.csv")) == 2


def test_one_arm_alone_has_nothing_to_compare(checkout, study, snakemake):
    study(("  top: {reinit_layers: 1}\n", ""), ("seeds: 2", "seeds: 1"))
    assert snakemake("--cores", "2").returncode == 0
    folder = checkout / "results" / "tiny_study"
    assert (folder / "summary.csv").is_file()
    assert not (folder / "comparisons.csv").exists()


def test_snakemake_has_nothing_to_say_against_the_workflow(run_in):
    done = run_in("snakemake", "--lint")
    assert done.returncode == 0, done.stderr


def test_the_slurm_profile_plans_a_study(checkout, study, run_in):
    done = run_in("snakemake", "-n", "--workflow-profile", "workflow/profiles/slurm", "--config", "study=tiny_study")
    assert planned(done)["train"] == 8


def test_commands_explain_themselves(run_in):
    listed = run_in("seedvar", "--help").stdout
    for command in ("check", "train", "collect", "figure"):
        assert command in listed
        assert run_in("seedvar", command, "--help").returncode == 0
    assert run_in("seedvar", "check", "quickstart").stdout.startswith("config/studies/quickstart.yaml: 80 cells")
