"""The workflow as a user runs it: a real Snakemake on a copy of the repository.

The tiny study is run to its end once; tests go on from copies of that, or ask Snakemake for no more than they look at.
"""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from helpers import REPOSITORY, run_snakemake

from seedvar.engine.plan import make_plan
from seedvar.errors import UserError

STUDY = """
description: A tiny study.
model: ./tiny
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
    write_study(checkout)
    return lambda *changes, name="tiny_study": write_study(checkout, *changes, name=name)


def write_study(folder, *changes, name="tiny_study"):
    text = STUDY
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "config" / "studies" / f"{name}.yaml").write_text(text)


@pytest.fixture
def snakemake(checkout):
    """Runs Snakemake in the checkout."""
    return lambda *arguments, **options: in_study(checkout, *arguments, **options)


def in_study(folder, *arguments, study="tiny_study", environment=None):
    config = ["study=" + study, *(a for a in arguments if "=" in a)]
    targets = [a for a in arguments if "=" not in a]
    return run_snakemake(folder, *targets, "--config", *config, environment=environment)


@pytest.fixture(scope="session")
def finished_study(shared, copy_repository, tiny_models):
    """A checkout with the tiny study run to its end, for all tests: not to be changed."""

    def fill(folder):
        checkout = copy_repository(folder, package=False)
        shutil.copytree(tiny_models("bert"), checkout / "tiny")
        write_study(checkout)
        done = in_study(checkout, "--cores", "2")
        assert done.returncode == 0, done.stderr
        (folder / "printed.txt").write_text(done.stderr)

    return shared("tiny-study", fill) / "checkout"


@pytest.fixture
def finished(checkout, finished_study, copy_of):
    """The checkout, with the tiny study run to its end."""
    shutil.rmtree(checkout)
    return copy_of(finished_study, checkout)


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
    for name in ("runs.csv", "curves.csv", "predictions.parquet", "comparisons.csv", "tables/failures.tex")
]


def tables(checkout):
    return {name: (checkout / name).read_bytes() for name in TABLES}


def test_a_study_runs_to_the_end_and_a_second_run_does_nothing(finished, finished_study, snakemake):
    folder = finished / "results" / "tiny_study"
    for name in ("runs.csv", "curves.csv", "predictions.parquet", "summary.csv", "comparisons.csv", "report.html"):
        assert (folder / name).stat().st_size > 0, name
    for name in ("distribution", "learning-curves"):
        assert (folder / "figures" / f"{name}.png").read_bytes()[1:4] == b"PNG"
        assert (folder / "figures" / f"{name}.pdf").read_bytes()[:4] == b"%PDF"
    runs = pd.read_csv(folder / "runs.csv")
    assert len(runs) == 8
    assert runs.groupby("task")["fingerprint"].nunique().tolist() == [4, 4]
    printed = finished_study.with_name("printed.txt").read_text()
    assert re.search(r"^seedvar: 8 of 8 cells done, .*CPU$", printed, re.M)
    assert "\n1. " in printed  # what was found
    assert re.search(r"^seedvar: the report is results/tiny_study/report.html$", printed, re.M)
    assert not re.search("Select jobs|Execute|Finished jobid|steps|rule ", printed)
    assert printed.replace("\n", "").isprintable()
    report = (folder / "report.html").read_text()
    assert "Learning curves" in report
    assert "minutes of training in all" in report
    assert report.count('">log</a>') == 8
    assert planned(snakemake("-n")) == {}


def test_a_seed_more_trains_a_cell_for_each_task_and_arm(finished, snakemake):
    write_study(finished, ("seeds: 2", "seeds: 3"))
    plan = planned(snakemake("-n"))
    assert plan["train"] == 4
    assert not {"data", "model"} & set(plan)
    before = pd.read_csv(finished / TABLES[0])
    assert snakemake(*TABLES, "--cores", "2").returncode == 0
    assert trained(finished) == 12
    runs = pd.read_csv(finished / TABLES[0])
    assert len(runs) == 12
    pd.testing.assert_frame_equal(runs[runs["init_seed"] < 2].reset_index(drop=True), before)


def test_without_cells_and_records_the_store_serves_every_cell_and_the_tables_are_the_same(finished, snakemake):
    expected = tables(finished)

    # Tables without cells, as in a clone of a published study, do not pass for a finished study.
    shutil.rmtree(finished / ".snakemake")
    shutil.rmtree(finished / "results" / "cells")
    assert planned(snakemake("-n"))["train"] == 8

    shutil.rmtree(finished / "results" / "tiny_study")
    assert snakemake(*TABLES, "--cores", "2").returncode == 0
    assert trained(finished) == 0
    assert tables(finished) == expected


def test_a_damaged_result_is_found_and_replaced_by_what_the_store_has(finished, snakemake):
    expected = tables(finished)
    result = next(finished.glob("results/cells/**/result.json"))
    result.write_text(result.read_text()[:100])
    (finished / TABLES[0]).unlink()
    assert snakemake(TABLES[0], "--cores", "2").returncode == 0
    log = (finished / "results/logs/collect/tiny_study.log").read_text()
    assert f"{result.relative_to(finished)}: was damaged or edited; replaced by what the store has" in log
    assert (finished / TABLES[0]).read_bytes() == expected[TABLES[0]]


def test_without_cells_figures_are_drawn_again_from_the_tables(finished, snakemake):
    for name in ("results/cells", "results/data", "results/models", "results/store", "tiny", ".snakemake"):
        shutil.rmtree(finished / name)
    figure = finished / "results/tiny_study/figures/distribution.png"
    figure.unlink()
    plan = planned(snakemake("figures", "-n", "from_tables=true"))
    assert "figure" in plan
    assert set(plan) <= {"statistics", "figure", "figures", "total"}
    assert snakemake("results/tiny_study/figures/distribution.png", "from_tables=true").returncode == 0
    assert figure.is_file()


TWO_GPUS = """

# Two devices that are none: cells claim them, say when, and compute on the CPU.
torch.cuda.is_available = lambda: True
torch.cuda.device_count = lambda: 2
torch.cuda.get_device_properties = lambda number: __import__("types").SimpleNamespace(uuid=f"gpu-{number}")
torch.cuda.set_device = lambda device: None
claimed = claimed_device


@contextlib.contextmanager
def claimed_device(wanted, cells_per_gpu):
    with claimed(wanted, cells_per_gpu) as device:
        begin = time.monotonic()
        yield torch.device("cpu")
        with open("gpus.csv", "a") as file:
            file.write(f"{device.index},{begin},{time.monotonic()}\\n")
"""


def test_each_cell_has_a_gpu_of_its_own_where_a_machine_has_several(
    checkout, own_package, study, snakemake, tmp_path
):  # fmt: skip
    device = own_package / "training/device.py"
    device.write_text(device.read_text() + TWO_GPUS)
    study(("epochs: 1", "epochs: 20"), ("[syn-rte, syn-stsb]", "[syn-rte]"))
    done = snakemake("cells", "--cores", "4", environment={"TMPDIR": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    claims = pd.read_csv(checkout / "gpus.csv", names=["gpu", "begin", "end"])
    assert claims["gpu"].value_counts().sum() == 4
    assert set(claims["gpu"]) == {0, 1}
    for _, group in claims.sort_values("begin").groupby("gpu"):
        assert (group["begin"].iloc[1:].to_numpy() >= group["end"].iloc[:-1].to_numpy()).all()
    first, second = (group for _, group in claims.groupby("gpu"))
    together = [a.begin < b.end and b.begin < a.end for a in first.itertuples() for b in second.itertuples()]
    assert any(together)


def test_two_studies_share_the_cells_they_both_have(finished, snakemake):
    write_study(
        finished,
        ("top: {reinit_layers: 1}", "other: {epochs: 2}"),
        ("tasks: [syn-rte, syn-stsb]", "tasks: [syn-rte]"),
        name="second",
    )
    assert planned(snakemake("cells", "-n", study="second"))["train"] == 2


MISTAKES = [
    ([("syn-stsb", "syn-stb")], {}, "tasks: unknown task 'syn-stb' (did you mean 'syn-stsb'?); accepted: "),
    ([("epochs: 1", "epoch: 1")], {}, "recipe.epoch: unknown key (did you mean 'epochs'?)"),
    ([("./tiny", "./gone")], {}, "model: there is no folder gone"),
    ([("seeds: 2", "seeds: 0")], {}, "seeds: 0 is not accepted"),
    ([("plain: {}", "top: {}")], {}, "the key 'top' is given twice"),
    ([("reinit_layers: 1", "reinit_layers: 3")], {}, "'top': reinit_layers: 3 is not accepted; tiny has 2 layers"),
    ([], {"devcie": "cpu"}, "devcie: unknown key (did you mean 'device'?)"),
]


@pytest.mark.parametrize(("changes", "config", "sentence"), MISTAKES)
def test_a_mistake_is_refused_in_one_sentence(checkout, study, monkeypatch, changes, config, sentence):
    study(*changes)
    monkeypatch.chdir(checkout)
    of_this_place = yaml.safe_load(Path("config/config.yaml").read_text())
    with pytest.raises(UserError) as refused:
        make_plan(of_this_place | {"study": "tiny_study"} | config)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not Path("results/cells").exists()


@pytest.mark.parametrize(("changes", "config", "sentence"), [MISTAKES[0], MISTAKES[-1]])
def test_snakemake_says_a_mistake_in_one_line_before_any_work(checkout, study, run_in, changes, config, sentence):
    study(*changes)
    settings = [f"{key}={value}" for key, value in ({"study": "tiny_study"} | config).items()]
    done = run_in("snakemake", "--cores", "2", "--config", *settings)
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("seedvar: ")]
    assert len(lines) == 1
    assert sentence in lines[0]
    assert "Traceback" not in done.stderr
    assert not (checkout / "results" / "cells").exists()


def test_a_hub_that_cannot_be_reached_ends_before_any_cell(checkout, study, snakemake):
    study(("./tiny", "google-bert/bert-base-uncased"))
    done = snakemake("--cores", "2", environment={"HF_HUB_OFFLINE": "1"})
    assert done.returncode != 0
    said = "tiny_study.yaml: model: the hub did not give 'google-bert/bert-base-uncased' (HF_HUB_OFFLINE is set"
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (checkout / "results" / "cells").exists()


def test_data_that_cannot_be_had_end_before_any_cell(checkout, study, snakemake):
    study(("[syn-rte, syn-stsb]", "[rte]"))
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
    study(("[syn-rte, syn-stsb]", "[rte]"), ("seeds: 2", "seeds: 1"))
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
    folder = checkout / "results" / "tiny_study"
    figures = ["gradient-norms", "weight-distance", "step-multiple", "forgetting", "surface"]
    targets = [f"results/tiny_study/figures/{name}.png" for name in figures]
    done = snakemake(*targets, "--cores", "2")
    assert done.returncode == 0, done.stderr
    assert "3 cells leave their weights for probes or for other cells, about 3 MB each" in done.stderr
    found = set(pd.read_parquet(folder / "diagnostics.parquet")["quantity"])
    assert found == {"gradient_norm", "update_ratio", "distance", "saturation", "entropy", "step_multiple"}
    assert len(pd.read_csv(folder / "forgetting.csv")) == 9
    assert len(pd.read_csv(folder / "surface.csv")) == 4
    for name in figures:
        assert (folder / "figures" / f"{name}.png").is_file()
    assert planned(snakemake(*targets, "-n")) == {}

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

    # A run that is named by what became of it is found when all runs are there, and trained again for its weights.
    before, runs = pd.read_csv(folder / "surface.csv"), pd.read_csv(folder / "runs.csv").set_index("arm")["degenerate"]
    ends = {arm: f"{arm}, seed: first {'failed' if runs[arm] else 'successful'}}}" for arm in ("plain", "after")}
    text = text.replace("plain, seed: 0}", ends["plain"]).replace("after, seed: 0}", ends["after"])
    (checkout / "config/studies/tiny_study.yaml").write_text(text)
    assert snakemake("results/tiny_study/surface.csv", "--cores", "2").returncode == 0
    assert json.loads((folder / "probes/surface/runs.json").read_text()) == {"first": [0, 0], "second": [0, 0]}
    pd.testing.assert_frame_equal(pd.read_csv(folder / "surface.csv"), before)


def test_seeds_are_added_until_the_intervals_are_narrow_enough(finished, snakemake):
    changes = [("[syn-rte, syn-stsb]", "[syn-rte]"), ("  top: {reinit_layers: 1}\n", "")]
    write_study(finished, *changes, ("seeds: 2", "seeds: {width: 1e-9, batch: 2, at_most: 5}"), name="narrow")
    done = snakemake("results/narrow/summary.csv", "--cores", "2", study="narrow")
    assert done.returncode == 0, done.stderr
    folder = finished / "results" / "narrow"
    assert sorted(path.name for path in (folder / "seeds").iterdir()) == ["0.json", "1.json", "2.json"]
    assert len(pd.read_csv(folder / "runs.csv")) == 5
    assert trained(finished) == 8 + 3  # the first batch is that of the finished study
    assert planned(snakemake("results/narrow/summary.csv", "-n", study="narrow")) == {}

    # A width that some batch has already: nothing is trained, and the tables have the seeds up to that batch alone.
    write_study(finished, *changes, ("seeds: 2", "seeds: {width: 5, batch: 3, at_most: 5}"), name="narrow")
    assert snakemake("results/narrow/summary.csv", "--cores", "2", study="narrow").returncode == 0
    assert trained(finished) == 8 + 3
    first = json.loads((folder / "seeds" / "0.json").read_text())
    assert len(pd.read_csv(folder / "runs.csv")) == (3 if first["reached"] else 5)


def test_one_arm_alone_has_nothing_to_compare(finished, snakemake):
    write_study(finished, ("  top: {reinit_layers: 1}\n", ""), ("seeds: 2", "seeds: 1"), name="alone")
    assert snakemake("--cores", "2", study="alone").returncode == 0
    folder = finished / "results" / "alone"
    assert (folder / "summary.csv").is_file()
    assert (folder / "report.html").is_file()
    assert not (folder / "comparisons.csv").exists()


def test_snakemake_has_nothing_to_say_against_the_workflow(snakemake):
    done = snakemake("--lint", study="quickstart")
    assert done.returncode == 0, done.stderr


def test_the_slurm_profile_makes_all_tables_in_one_job():
    """A rule of its own would wait for a node of its own."""
    rules = REPOSITORY / "workflow/rules"
    names = ("analyse", "collect", "figures", "import", "notebooks", "report")
    text = "\n".join((rules / f"{name}.smk").read_text() for name in names)
    profile = yaml.safe_load((REPOSITORY / "workflow/profiles/slurm/config.yaml").read_text())
    grouped = {group.partition("=")[0] for group in profile["groups"] if group.endswith("=tables")}
    blocks = re.split(r"^rule ", text, flags=re.MULTILINE)[1:]
    assert {block.partition(":")[0] for block in blocks if "localrule: True" not in block} <= grouped


def test_the_slurm_profile_plans_a_study(study, snakemake):
    assert planned(snakemake("-n", "--workflow-profile", "workflow/profiles/slurm"))["train"] == 8


def test_commands_explain_themselves(checkout, run_in):
    listed = run_in("seedvar", "--help").stdout
    for command in ("check", "train", "collect", "figure"):
        assert command in listed
        assert run_in("seedvar", command, "--help").returncode == 0
    assert run_in("seedvar", "check", "quickstart").stdout.startswith("config/studies/quickstart.yaml: 80 cells")
