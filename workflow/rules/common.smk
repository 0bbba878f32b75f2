# The plan of this run, and what the rules look up in it.
import shlex
import sys
from dataclasses import asdict
from pathlib import Path

from snakemake.exceptions import WorkflowError

from seedvar.data.tasks import TASKS
from seedvar.errors import UserError
from seedvar.plan import make_plan, put_commands_on_path, source_path
from seedvar.progress import report_progress

put_commands_on_path()
try:
    PLAN = make_plan(config)
except UserError as error:
    sys.exit(f"seedvar: {error}")

RESULTS = [f"results/{folder}/result.json" for folder in PLAN.cells]
STUDY_FOLDER = f"results/{PLAN.name}"
DIAGNOSTIC_FIGURES = ["gradient-norms", "weight-distance"]
FIGURE_NAMES = ["distribution", "learning-curves"] + (
    DIAGNOSTIC_FIGURES if PLAN.has_diagnostics else []
)
FIGURES = [
    f"{STUDY_FOLDER}/figures/{name}.{suffix}"
    for name in FIGURE_NAMES
    for suffix in ("png", "pdf")
]
TABLE_NAMES = ["summary"] + (["comparisons"] if PLAN.has_comparisons else [])
TABLES = [f"{STUDY_FOLDER}/{name}.csv" for name in TABLE_NAMES] + [
    f"{STUDY_FOLDER}/tables/{name}.{suffix}"
    for name in TABLE_NAMES
    for suffix in ("html", "md", "tex")
]


wildcard_constraints:
    data="glue|synthetic",
    model=r"[^/]+",
    task=r"[\w-]+",
    slug=r"[\w.+-]+",
    seed=r"[\dio-]+",
    length=r"\d+",


def cell_folder(wildcards):
    return "cells/{w.data}/{w.model}/{w.task}/{w.slug}/seed-{w.seed}".format(
        w=wildcards
    )


def cell_of(wildcards):
    folder = cell_folder(wildcards)
    if folder not in PLAN.cells:
        raise WorkflowError(f"{PLAN.study_file} has no cell results/{folder}")
    return PLAN.cells[folder]


def cell_data(wildcards):
    return f"results/{cell_of(wildcards).data_folder()}/data.json"


def cell_sources(wildcards):
    return PLAN.sources(cell_folder(wildcards))


def cell_specification(wildcards):
    return cell_of(wildcards).specification()


def cell_task(wildcards):
    return asdict(TASKS[wildcards.task])


# Where a job finds things and how it is run has no influence on its result. Snakemake never takes
# a parameter that depends on `threads` as a reason to run a job again.
def warm_option(wildcards, threads):
    return "--warm" if PLAN.warm else ""


def train_options(wildcards, threads):
    return f"--device {PLAN.site.device} --threads {threads} {warm_option(wildcards, threads)}"


def data_options(wildcards, threads):
    folder = PLAN.glue_dir
    place = f"--glue-dir {shlex.quote(str(folder))} " if folder else ""
    return place + warm_option(wildcards, threads)


def model_place(wildcards, threads):
    if PLAN.model.folder:
        return f"--folder {shlex.quote(str(PLAN.model.folder))}"
    return f"--hub-id {PLAN.model.hub_id}"


def config_options(wildcards, threads):
    settings = PLAN.site.model_dump(exclude={"models"}, exclude_none=True)
    return shlex.join(f"{key}={value}" for key, value in settings.items())


# A line now and then, from the first job to the last.
END_PROGRESS = []


def start_progress(dag):
    planned = {
        str(job.output[0]) for job in dag.needrun_jobs() if job.rule.name == "train"
    }
    if planned:
        n_valid = len(set(RESULTS) - planned)
        END_PROGRESS.append(report_progress([Path(path) for path in planned], n_valid))


def end_progress():
    for end in END_PROGRESS:
        end()
