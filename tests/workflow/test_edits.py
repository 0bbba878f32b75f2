"""The table of edits: what each change of a finished study makes Snakemake train again, and no cell more.

The study is run once; every edit is made in a copy of it, times of change and Snakemake's records included. The jobs of
a dry run are counted, and `seedvar status` is asked.
"""

import ast
import re
import shutil
import subprocess

import pandas as pd
import pytest
from helpers import environment_of, run_snakemake

STUDY = """
model: ./tiny
tasks:
  mrpc:
  reviews:
    source: {train: mine/train.csv, validation: mine/validation.csv}
    text: text
    label: stars
seeds: 2
recipe: {learning_rate: 1e-3, n_train: 40, batch_size: 8, epochs: 1, evaluations: 2}
arms:
  plain: {}
  top: {optimizer: bertadam, reinit_layers: 1}
  mixed: {mixout: 0.5, weight_decay: 0.01, warmup_ratio: 0.2}
  other: {model: ./other}
baseline: plain
"""
STUDY_FILE = "config/studies/edits.yaml"
PACKAGE = "workflow/seedvar"
N_TASKS, N_ARMS, N_SEEDS = 2, 4, 2
EVERY_CELL = N_TASKS * N_ARMS * N_SEEDS
CELLS_A_SEED, CELLS_AN_ARM, CELLS_A_TASK = N_TASKS * N_ARMS, N_TASKS * N_SEEDS, N_ARMS * N_SEEDS
N_MODELS = 2  # each has tokenised data of its own
# What is made of the cells in these tests.
PAGES = [
    f"results/edits/{name}" for name in ("figures/distribution.png", "figures/comparisons.png", "tables/scores.md")
]


GLUE = {"SEEDVAR_GLUE_DIR": "my glue"}


def run(folder, *command):
    """Runs a command of this environment in a checkout; returns what it printed."""
    environment = environment_of(folder) | GLUE
    return printed_by(subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=900))


def snakemake(folder, *arguments):
    return printed_by(run_snakemake(folder, *arguments, "--config", "study=edits", environment=GLUE))


def printed_by(done):
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def planned(folder, *targets):
    """Counts the jobs that a dry run plans, by rule."""
    jobs = {rule: int(n) for rule, n in re.findall(r"^(\w+) +(\d+)$", snakemake(folder, "-n", *targets), re.M)}
    return {rule: n for rule, n in jobs.items() if rule not in ("all", "cells", "total")}


def status(folder):
    """Returns how many cells are not done, and all that is said of them."""
    said = run(folder, "seedvar", "status", "edits")
    cells, done = (int(re.search(pattern, said, re.M)[1]) for pattern in (r"^edits: (\d+) cells", r"^ +done +(\d+)"))
    return cells - done, said


def digests(folder):
    """Returns the digests of code that decide the plain arm."""
    script = "from seedvar.cells.decides import *; from seedvar.cells.syntax import *\n"
    script += "for n, p in code_of({}, 'f1', {}).items(): print(code_digest(PACKAGE / p), n)"
    return run(folder, "python", "-c", script)


@pytest.fixture(scope="session")
def finished(shared, copy_repository, tiny_models):
    """A checkout with the study run to its end, for all tests: not to be changed."""
    return shared("edits", lambda folder: run_to_the_end(copy_repository(folder), tiny_models)) / "checkout"


def run_to_the_end(folder, tiny_models):
    shutil.copytree(tiny_models("bert"), folder / "tiny")
    shutil.copytree(tiny_models("roberta"), folder / "other")
    pairs = pd.DataFrame({"sentence1": ["the dog"] * 60, "sentence2": ["the cat"] * 60, "label": [0, 1] * 30})
    reviews = pd.DataFrame({"text": ["the dog", "the cat sees the dog"] * 30, "stars": ["one", "five"] * 30})
    (folder / "my glue" / "mrpc").mkdir(parents=True)
    (folder / "mine").mkdir()
    for split in ("train", "validation"):
        pairs.to_parquet(folder / "my glue" / "mrpc" / f"{split}-00000-of-00001.parquet")
        rows = reviews if split == "train" else reviews[::-1]  # no two splits are the same
        rows.to_csv(folder / "mine" / f"{split}.csv", index=False)
    (folder / STUDY_FILE).write_text(STUDY)
    snakemake(folder, "cells", *PAGES, "--cores", "2")
    assert planned(folder, "cells", *PAGES) == {}


@pytest.fixture
def copied(finished, tmp_path, copy_of):
    return copy_of(finished, tmp_path / "copied")


# ------------------------------------------------------------------------------------------------- what is edited


def replace(folder, name, old, new):
    text = (folder / name).read_text()
    assert text.count(old) == 1, (name, old)
    (folder / name).write_text(text.replace(old, new))


def in_study(old, new):
    return lambda folder: replace(folder, STUDY_FILE, old, new)


def in_package(name, old, new):
    return lambda folder: replace(folder, f"{PACKAGE}/{name}", old, new)


def add_file(name, text):
    return lambda folder: (folder / name).write_text(text)


def both(*edits):
    return lambda folder: [edit(folder) for edit in edits]


def touch_everything(folder):
    for path in folder.rglob("*"):
        if path.is_file() and not {"results", ".snakemake"} & set(path.relative_to(folder).parts):
            path.touch()


def rewrite_the_loop(folder):
    """Writes the loop as Python's own printer does: no comment, no docstring, another layout."""
    path = folder / PACKAGE / "training/loop.py"
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    assert ast.unparse(tree) != path.read_text()
    path.write_text(ast.unparse(tree))


def move_the_loop(folder):
    """Moves a core file and mends the imports of it, as `git mv` and an editor would."""
    (folder / PACKAGE / "training/loop.py").rename(folder / PACKAGE / "training/the_loop.py")
    for path in (folder / PACKAGE).rglob("*.py"):
        text = path.read_text()
        mended = text.replace("seedvar.training.loop", "seedvar.training.the_loop")
        mended = mended.replace('"training/loop.py"', '"training/the_loop.py"')
        if mended != text:
            path.write_text(mended)


def move_the_data(folder):
    """Moves a user's files and says so in the study."""
    (folder / "mine").rename(folder / "elsewhere")
    text = (folder / STUDY_FILE).read_text()
    (folder / STUDY_FILE).write_text(text.replace("mine/", "elsewhere/"))


def upgrade_a_library(folder):
    information = folder / "workflow/numpy-99.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 99.0\n")


METHOD = "def change_model(model, recipe, init_seed):\n    pass\n"
NOTHING_IS_TRAINED = {
    "nothing": lambda folder: None,
    "a comment in the loop": in_package(
        "training/loop.py",
        "    outcome = run.outcome\n    while",
        "    # A comment\n    outcome = run.outcome\n    while",
    ),
    "a docstring in the loop": in_package("training/loop.py", '"""What a run measured.', '"""All that a run measured.'),
    "the loop's layout": rewrite_the_loop,
    "a core file's name": move_the_loop,
    "a new optimizer": both(
        in_package("cells/decides.py", "OPTIMIZERS = {\n", 'OPTIMIZERS = {\n    "radam": ("radam",),\n'),
        add_file(f"{PACKAGE}/training/optimizers/radam.py", "def make(groups, recipe):\n    pass\n"),
    ),
    "a new family": in_package(
        "models/families.py",
        "FAMILIES = {",
        'FAMILIES = {\n    "camembert": Family("roberta.encoder.layer", None, None, None, ROBERTA),',
    ),
    "a new field of a family's row": in_package(
        "models/families.py",
        '    embeddings: tuple[str, ...] = ("embeddings",)\n',
        '    embeddings: tuple[str, ...] = ("embeddings",)\n    novelty: str | None = None\n',
    ),
    "a new metric": both(
        in_package(
            "data/metrics/__init__.py",
            '    "mse": "mean squared error",\n',
            '    "mse": "mean squared error",\n    "novel": "novelty",\n',
        ),
        lambda folder: shutil.copy(
            folder / PACKAGE / "data/metrics/accuracy.py", folder / PACKAGE / "data/metrics/novel.py"
        ),
    ),
    "a new task of the package": lambda folder: shutil.copy(
        folder / PACKAGE / "data/tasks/rte.yaml", folder / PACKAGE / "data/tasks/novel.yaml"
    ),
    "a new task of the user's": lambda folder: (
        (folder / "config/tasks").mkdir(exist_ok=True),
        shutil.copy(folder / PACKAGE / "data/tasks/rte.yaml", folder / "config/tasks/mine.yaml"),
    ),
    "a new method": both(
        in_package(
            "methods/__init__.py", '    "mixout": "mixout",', '    "novelty": "novel",\n    "mixout": "mixout",'
        ),
        in_package(
            "cells/recipe.py",
            "    mixout: float = Field(",
            "    novelty: float = Field(0.0, ge=0)\n    mixout: float = Field(",
        ),
        add_file(f"{PACKAGE}/methods/novel.py", METHOD),
    ),
    "a new source of data": both(
        in_package(
            "data/sources/__init__.py", "SOURCES = {\n", 'SOURCES = {\n    "copy": "seedvar.data.sources.copy_of",\n'
        ),
        lambda folder: (folder / PACKAGE / "data/sources/copy_of.py").write_text(
            (folder / PACKAGE / "data/sources/synthetic.py")
            .read_text()
            .replace('KEY = "synthetic"', 'KEY = "copy"')
            .replace("    synthetic: str", "    copy: str")
            .replace('@field_validator("synthetic")', '@field_validator("copy")')
        ),
    ),
    "a figure's code": in_package("figures/distribution.py", "def draw(", "NOVELTY = 1\n\n\ndef draw("),
    "a statistic's code": in_package("stats/compare.py", "def compare(", "NOVELTY = 1\n\n\ndef compare("),
    "what is judged": in_study("seeds: 2", "score: {checkpoint: best, split: validation}\nseeds: 2"),
    "what matters": in_study("seeds: 2", "smallest_difference: 0.02\nloss_slack: 0.1\nseeds: 2"),
    "a place of files": move_the_data,
    "times of change": touch_everything,
    "a library": upgrade_a_library,
}


def test_what_changes_no_result_trains_nothing(copied):
    """Each edit is made on top of those before it; the last word is Snakemake's."""
    before = digests(copied)
    for name, edit in NOTHING_IS_TRAINED.items():
        edit(copied)
        invalid, said = status(copied)
        assert invalid == 0, (name, said)
    assert digests(copied) == before
    assert f"{EVERY_CELL} cells trained with numpy" in said
    jobs = planned(copied)
    assert not {"train", "weights", "model"} & set(jobs), jobs


# What is edited: how, how many cells are trained again, how many data sets are made again, what `status` says.
STATEMENT = "    model.to(device).train()\n"
EDITS = {
    "a new seed": (in_study("seeds: 2", "seeds: 3"), CELLS_A_SEED, 0, ""),
    "a new arm": (in_study("  top:", "  pooler: {reinit_pooler: true}\n  top:"), CELLS_AN_ARM, 0, ""),
    "one arm's learning rate": (in_study("_layers: 1}", "_layers: 1, learning_rate: 2e-3}"), CELLS_AN_ARM, 0, ""),
    "two values swapped": (
        in_study("weight_decay: 0.01, warmup_ratio: 0.2", "weight_decay: 0.2, warmup_ratio: 0.01"),
        CELLS_AN_ARM,
        0,
        "",
    ),
    "a statement of the loop": (
        in_package("training/loop.py", STATEMENT, f"{STATEMENT}    torch.manual_seed(7)\n"),
        EVERY_CELL,
        0,
        "loop changed",
    ),
    "a setting of determinism": (
        in_package("training/determinism.py", "allow_tf32 = False", "allow_tf32 = True"),
        EVERY_CELL,
        0,
        "determinism changed",
    ),
    "a statement of an optimizer": (
        in_package("training/optimizers/bertadam.py", "correct_bias=False", "correct_bias=True"),
        CELLS_AN_ARM,
        0,
        "optimizer bertadam changed",
    ),
    "a statement of a method": (
        in_package("methods/mixout.py", "bernoulli_(1 - self.p)", "bernoulli_(1.0 - self.p)"),
        CELLS_AN_ARM,
        0,
        "method mixout changed",
    ),
    "a metric's function": (
        lambda folder: (folder / PACKAGE / "data/metrics/f1.py").write_text(
            (folder / PACKAGE / "data/metrics/f1.py").read_text() + "\n\nNOVELTY = 1\n"
        ),
        CELLS_A_TASK,
        0,
        "metric f1 changed",
    ),
    "a family's row": (
        in_package(
            "models/families.py",
            'positions_after_padding=True,\n    ),\n    "electra"',
            '\n    ),\n    "electra"',
        ),
        CELLS_AN_ARM,
        0,
        "the addresses of the family of other changed",
    ),
    "a cell of the user's CSV": (
        lambda folder: replace(
            folder,
            "mine/train.csv",
            "the dog,one\nthe cat sees the dog,five\n" * 30,
            "the cat,one\nthe cat sees the dog,five\n" + "the dog,one\nthe cat sees the dog,five\n" * 29,
        ),
        CELLS_A_TASK,
        N_MODELS,
        "the data of reviews changed (mine/train.csv)",
    ),
    "a task's metric": (
        in_package("data/tasks/mrpc.yaml", "metric: f1", "metric: accuracy"),
        CELLS_A_TASK,
        N_MODELS,
        "metric of mrpc was f1 and is accuracy",
    ),
    "the column of the labels": (
        in_study("label: stars", "label: stars\n    labels: [five, one]"),
        CELLS_A_TASK,
        N_MODELS,
        "labels of reviews was not given and is ['five', 'one']",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_trains_the_cells_that_it_concerns(copied, name):
    edit, trained, prepared, told = EDITS[name]
    edit(copied)
    jobs = planned(copied, "cells")
    assert (jobs.get("train", 0), jobs.get("data", 0), jobs.get("model", 0)) == (trained, prepared, 0)
    invalid, said = status(copied)
    assert invalid == trained
    assert told in said


def test_a_changed_task_is_not_forgotten_when_its_data_are_made_again(copied):
    EDITS["a task's metric"][0](copied)
    data = [str(path.relative_to(copied)) for path in copied.glob("results/data/glue/*/mrpc-*/data.json")]
    assert len(data) == N_MODELS
    snakemake(copied, *data, "--cores", "2")
    assert planned(copied, "cells").get("train", 0) == CELLS_A_TASK


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("figures/distribution.py", {"figure": 1}),
        ("figures/comparisons.py", {"figure": 1}),
        ("figures/style.py", {"figure": 2}),
        ("words.py", {"collect": 1, "statistics": 2, "figure": 2, "tables": 1}),
        ("report/printed.py", {"tables": 1}),
        ("stats/settings.py", {"statistics": 2, "figure": 1, "tables": 1}),
        ("stats/selection.py", {}),
    ],
)
def test_what_concerns_no_cell_plans_only_what_is_made_from_it(copied, name, expected):
    path = copied / PACKAGE / name
    path.write_text(path.read_text() + "\n# a comment\n")
    assert planned(copied, "cells", *PAGES) == {}
    path.write_text(path.read_text() + "\nNOVELTY = 1\n")
    assert planned(copied, "cells", *PAGES) == expected


def test_a_fresh_clone_with_copied_results_trains_nothing(finished, copy_repository, tmp_path):
    clone = copy_repository(tmp_path)
    for name in ("tiny", "other", "my glue", "mine"):
        shutil.copytree(finished / name, clone / name)
    shutil.copy(finished / STUDY_FILE, clone / STUDY_FILE)
    touch_everything(clone)  # a clone's files are new
    shutil.copytree(finished / "results", clone / "results")
    assert not {"train", "data", "model"} & set(planned(clone, "cells"))

    # Where copying has lost the times too, Snakemake knows nothing; the store knows.
    shutil.rmtree(clone / "results/cells")
    shutil.rmtree(clone / ".snakemake")
    snakemake(clone, "cells", "--cores", "2")
    logs = list(clone.glob("results/logs/train/**/*.log"))
    assert len(logs) == EVERY_CELL
    assert all("taken from the store" in log.read_text() for log in logs)
