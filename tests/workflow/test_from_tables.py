"""A published study is drawn again from its committed tables, on a machine without PyTorch."""

import os
import re
import shutil

import pytest
from helpers import REPOSITORY, environment_of, run_snakemake

STUDY = "table1_small"  # with diagnostics and a selection
PUBLISHED = REPOSITORY / "results" / "published" / STUDY


@pytest.fixture
def clone(checkout):
    """The workflow with what is published of a study, and without its cells or Snakemake's records."""
    shutil.copytree(PUBLISHED, checkout / "results" / "published" / STUDY)
    return checkout


@pytest.fixture
def without_torch(clone):
    """An environment in which neither PyTorch nor Transformers can be imported."""
    missing = clone / "missing"
    (missing / "transformers").mkdir(parents=True)
    for file in (missing / "torch.py", missing / "transformers" / "__init__.py"):
        file.write_text("raise ImportError('not installed')\n")
    return {"PYTHONPATH": os.pathsep.join([str(missing), environment_of(clone)["PYTHONPATH"]])}


def test_every_figure_is_drawn_again_from_tables_without_torch(clone, without_torch):
    made = clone / "results" / STUDY
    command = ("figures", "--config", f"study={STUDY}", "from_tables=true")
    plan = run_snakemake(clone, *command, "--dry-run", "--printshellcmds", environment=without_torch)
    assert plan.returncode == 0, plan.stderr
    rules = dict(re.findall(r"^(\w+) +(\d+)$", plan.stdout + plan.stderr, re.MULTILINE))
    assert set(rules) <= {"published", "statistics", "figure", "overview", "captions", "figures", "total"}
    assert "--warm" not in plan.stdout + plan.stderr  # a warm start imports PyTorch

    done = run_snakemake(clone, *command, environment=without_torch)
    assert done.returncode == 0, done.stderr
    drawn = {path.name for path in (made / "figures").iterdir()}
    assert {path.name for path in (PUBLISHED / "figures").iterdir()} <= drawn
    assert (
        len([name for name in drawn if name.endswith(".png")]) == int(rules["figure"]) + 2
    )  # the overview is there for a column, too
    compared = [*made.glob("*.csv"), *made.glob("figures/*.csv")]
    assert len(compared) > 15
    for path in compared:  # tables and what is drawn come out as they were published
        assert path.read_bytes() == (PUBLISHED / path.relative_to(made)).read_bytes(), path.name
    assert not (clone / "results" / "cells").exists()
    for log in clone.glob("results/logs/**/*.log"):
        assert "not installed" not in log.read_text()

    (made / "curves.csv").unlink()  # what is missing comes from there again, beside tables that are there
    command = (f"results/{STUDY}/curves.csv", *command[1:])
    plan = run_snakemake(clone, *command, "--dry-run", environment=without_torch)
    assert dict(re.findall(r"^(\w+) +(\d+)$", plan.stdout + plan.stderr, re.MULTILINE))["published"] == "1"
