# The plan of this run, and what the rules look up in it.
import json
import shlex
import sys
import time
from pathlib import Path

from snakemake.exceptions import WorkflowError

from seedvar.cells import places
from seedvar.engine import holder
from seedvar.engine.code import list_file, list_of_data
from seedvar.engine.jobs import declared
from seedvar.engine.plan import make_plan, put_commands_on_path
from seedvar.engine.progress import report_progress
from seedvar.engine.scheduling import calm, jobs_now, look_for_garbage_less
from seedvar.engine.terminal import Screen
from seedvar.errors import UserError
from seedvar.figures import FIGURES, OVERVIEW
from seedvar.files import read_json
from seedvar.stats import JUDGING, LAYOUTS, STATISTICS
from seedvar.status.hours import time_limits
from seedvar.study.grid import (
    forgetting_file,
    forgetting_runs,
    surface_file,
    surface_runs,
)
from seedvar.tables.finished import PUBLISHED
from seedvar.words import hours, n_cells, printable


# What a command is given beside files is a list of words; `:q` in a shell command quotes each. What a user writes
# comes from functions: in a parameter that a rule itself names, Snakemake takes braces for wildcards.
def command_line(settings, *names):
    values = {name: getattr(settings, name, None) for name in names}
    return [f"--{name}={value}" for name, value in values.items() if value is not None]


put_commands_on_path()
look_for_garbage_less()
try:
    PLAN = make_plan(config)
    PLAN.write_source_lists()
except UserError as error:
    print(f"seedvar: {error}", file=sys.stderr)
    sys.exit(2)

holder.explain_lock(PLAN.results, shlex.join(["--config", f"study={PLAN.site.study}"]))
TIME_LIMITS, PROBE_LIMITS = time_limits(PLAN)
UNKNOWN_MINUTES = 30
RESULTS = [f"results/{folder}/{places.RESULT}" for folder in PLAN.cells]
CELL_RESULT = f"results/{places.CELL}/{places.RESULT}"
CELL_WEIGHTS = f"results/{places.CELL}/{places.WEIGHTS}"
MODEL_FILE = f"results/{places.MODEL}/model.json"
DATA_FOLDER = f"results/{places.DATA}"
STUDY_FOLDER = f"results/{PLAN.name}"
FORGETTING = {
    forgetting_file(arm, cell): cell for arm, cell in forgetting_runs(PLAN.study)
}
SURFACE = PLAN.study.probes.surface
SURFACE_IS_LATE = bool(SURFACE and SURFACE.late_arms)
SURFACE_ROWS = [
    f"{STUDY_FOLDER}/{surface_file(row)}"
    for row in range(SURFACE.points if SURFACE else 0)
]
SURFACE_GRID = command_line(SURFACE, "points", "low", "high", "examples")
STATISTIC_FILES = [f"{STUDY_FOLDER}/{name}.csv" for name in PLAN.statistics]
PRINTED = [name for name, shown in LAYOUTS.items() if shown[0] in PLAN.statistics]
FOUND_IN = [name for name in ("summary", "decisions") if name in PLAN.statistics]
TABLES = STATISTIC_FILES + [f"{STUDY_FOLDER}/findings.json"]
TABLES += [
    f"{STUDY_FOLDER}/tables/{name}.{suffix}"
    for name in PRINTED
    for suffix in ("md", "tex")
]
FIGURE_FILES = [
    f"{STUDY_FOLDER}/figures/{name}.{suffix}"
    for name in PLAN.figures
    for suffix in ("png", "pdf", "csv")
]
FIGURE_FILES += [
    f"{STUDY_FOLDER}/figures/{OVERVIEW}{end}"
    for end in (".svg", "-column.pdf", "-column.png")
]
FIGURE_FILES += [f"{STUDY_FOLDER}/figures/README.md"]


wildcard_constraints:
    data=r"[\w.+-]+",
    model=r"[\w.+-]+",
    task=r"[\w.+-]+",
    slug=r"[\w.+-]+",
    seed=r"[\dio-]+",
    length=r"\d+",


def cell_folder(wildcards):
    return places.CELL.format(**wildcards)


def cell_of(wildcards):
    folder = cell_folder(wildcards)
    cell = PLAN.all_cells.get(folder)
    if cell is None:
        raise WorkflowError(f"{PLAN.study_file} has no cell results/{folder}")
    return cell


# One function for all, and one list for all code: Snakemake takes time for each input and each function of
# each cell. So 4,000 cells are planned in 12 seconds; with all sources as inputs it was 18. The fingerprint of a
# cell covers that of the cell on the intermediate task, so its data too.
def cell_inputs(wildcards):
    cell = cell_of(wildcards)
    inputs = {
        "data": f"results/{cell.data_folder()}/data.json",
        "src": list_file(PLAN.list_of(cell)),
    }
    if first := cell.intermediate():
        inputs["intermediate"] = f"results/{first.weights_file()}"
        inputs["intermediate_data"] = f"results/{first.data_folder()}/data.json"
    return inputs


# What a SLURM job asks for. A cell that met its time limit gets twice as much.
def cell_minutes(wildcards, attempt):
    return (
        TIME_LIMITS.get(
            (wildcards.model, wildcards.task, wildcards.slug), UNKNOWN_MINUTES
        )
        * attempt
    )


def forgetting_minutes(wildcards, attempt):
    return PROBE_LIMITS.get("forgetting", UNKNOWN_MINUTES) * attempt


def surface_minutes(wildcards, attempt):
    return PROBE_LIMITS.get("surface", UNKNOWN_MINUTES) * attempt


def cell_specification(wildcards):
    return cell_of(wildcards).specification()


def baseline_option(wildcards):
    return command_line(PLAN.study, "baseline")


def slack_option(wildcards):
    is_set = wildcards.statistic == "summary" and PLAN.study.loss_slack
    return [f"--loss-slack={PLAN.study.loss_slack}"] if is_set else []


# What would matter, for the table that judges it.
def matters_option(wildcards):
    matters = PLAN.study.what_matters()
    if matters is None or wildcards.statistic not in JUDGING:
        return []
    words = (
        [f"{task}={value}" for task, value in matters.items()]
        if isinstance(matters, dict)
        else [matters]
    )
    return ["--smallest-difference", *words]


def study_folder(wildcards):
    return STUDY_FOLDER


def looks_option(wildcards):
    many = PLAN.study.looks > 1 and wildcards.statistic == "decisions"
    return ["--looks", PLAN.study.looks] if many else []


# A statistic or a figure: the tables that it needs and the code that makes it.
def statistic_tables(wildcards):
    return [f"{STUDY_FOLDER}/{name}" for name in STATISTICS[wildcards.statistic].tables]


def printed_tables(wildcards):
    shown = [name for name in LAYOUTS[wildcards.table] if name in PLAN.statistics]
    return [f"{STUDY_FOLDER}/{name}.csv" for name in shown]


def statistic_code(wildcards):
    return list_file(f"statistic-{wildcards.statistic}")


def figure_tables(wildcards):
    return [f"{STUDY_FOLDER}/{name}" for name in FIGURES[wildcards.figure].tables]


def figure_code(wildcards):
    return list_file(f"figure-{wildcards.figure}")


def figure_kind(wildcards):
    is_box = PLAN.site.distribution == "box" or wildcards.figure != "distribution"
    return [] if is_box else ["--kind", PLAN.site.distribution]


def drawn_figures(wildcards):
    return list(PLAN.figures)


def about_option(wildcards):
    return ["--study", PLAN.name, *runs_option(wildcards)]


def runs_option(wildcards):
    return [f"--about={PLAN.runs_in_words}"]


# The cells that a study comes to: all, or, where it adds seeds, those of the batches so far.
def batch_results(wildcards):
    n = PLAN.study.seeds.counts[int(wildcards.batch)]
    return [f"results/{folder}/{places.RESULT}" for folder in PLAN.first_seeds(n)]


def all_results(wildcards):
    if not PLAN.adds_seeds:
        return RESULTS
    for batch, n in enumerate(PLAN.study.seeds.counts):
        seen = checkpoints.look.get(batch=batch).output[0]
        if read_json(seen)["enough"]:
            break
    return [f"results/{folder}/{places.RESULT}" for folder in PLAN.first_seeds(n)]


def all_looks(wildcards):
    if not PLAN.adds_seeds:
        return []
    n_cells = len(all_results(wildcards))
    n_looks = [len(PLAN.first_seeds(n)) for n in PLAN.study.seeds.counts].index(n_cells)
    return [
        f"{STUDY_FOLDER}/{places.LOOK.format(batch=batch)}"
        for batch in range(n_looks + 1)
    ]


# Where a job finds things and how it is run has no influence on its result. Snakemake never takes
# a parameter that depends on `threads` as a reason to run a job again.
def warm_option(wildcards, threads):
    return ["--warm"] if PLAN.warm and not PLAN.site.from_tables else []


def machine_options(threads):
    shared = PLAN.site.cells_per_gpu
    options = ["--device", PLAN.site.device, "--threads", threads]
    return options + (["--cells-per-gpu", shared] if shared > 1 else [])


def probe_options(wildcards, threads):
    return [*machine_options(threads), *warm_option(wildcards, threads)]


def train_options(wildcards, threads):
    is_kept = cell_folder(wildcards) in PLAN.kept
    options = machine_options(threads)
    return [
        *options,
        *warm_option(wildcards, threads),
        *(["--keep-weights"] if is_kept else []),
    ]


def weights_options(wildcards, threads):
    is_intermediate = cell_folder(wildcards) in PLAN.intermediates
    options = machine_options(threads)
    return [
        *options,
        *warm_option(wildcards, threads),
        *(["--keep"] if is_intermediate else []),
    ]


# Probes: what each job measures, and where.
def forgetting_run(wildcards):
    return FORGETTING[places.FORGETTING.format(**wildcards)]


def forgetting_weights(wildcards):
    return f"results/{forgetting_run(wildcards).weights_file()}"


def forgetting_specification(wildcards):
    return forgetting_run(wildcards).specification()


def forgetting_text(wildcards):
    return command_line(PLAN.study.probes.forgetting, "text", "paragraphs")


def forgetting_model(wildcards):
    return MODEL_FILE.format(model=forgetting_run(wildcards).model)


def surface_cells(wildcards):
    if not SURFACE_IS_LATE:
        return surface_runs(PLAN.study)
    return surface_runs(PLAN.study, read_json(checkpoints.choose_runs.get().output[0]))


def surface_weights(wildcards):
    return [f"results/{cell.weights_file()}" for cell in surface_cells(wildcards)]


def surface_specifications(wildcards, input):
    return [cell.specification() for cell in surface_cells(wildcards)]


# Tokenised data: what is declared and the content of the files decide them, and not where the files are.
def data_content(wildcards):
    return PLAN.tasks[wildcards.task].content


def data_declared(wildcards):
    return declared(PLAN.tasks[wildcards.task].declaration)


def data_code(wildcards):
    return list_file(list_of_data(PLAN.tasks[wildcards.task].source["kind"]))


def data_options(wildcards, threads):
    task = PLAN.tasks[wildcards.task]
    declaration = task.declaration.model_dump_json(exclude_unset=True)
    folder = DATA_FOLDER.format(**wildcards)
    options = ["--declaration", declaration, "--source", json.dumps(task.source)]
    return [*options, "--out", folder, *warm_option(wildcards, threads)]


def runs_place(wildcards, threads):
    folder = PLAN.site.runs_dir
    return ["--runs-dir", folder] if folder else []


def model_content(wildcards):
    return PLAN.models[wildcards.model].content


def model_place(wildcards, threads):
    where = PLAN.models[wildcards.model].checkpoint
    place = (
        ["--folder", str(where.folder)] if where.folder else ["--hub-id", where.hub_id]
    )
    return [*place, "--origin", where.origin]


def config_options(wildcards, threads):
    settings = PLAN.site.model_dump(exclude={"models"}, exclude_none=True)
    return [f"{key}={config_value(value)}" for key, value in settings.items()]


# Snakemake takes quotation marks off both ends of a value and reads the rest as YAML.
def config_value(value):
    is_text = isinstance(value, str)
    return f" {json.dumps(value, ensure_ascii=False)} " if is_text else value


# What is shown, from the first job to the last.
SCREEN = Screen(workflow, PLAN.results)
STARTED_S = time.monotonic()
END_PROGRESS = []


def start_progress(dag):
    try:
        PLAN.prepare_results()
    except UserError as error:
        raise WorkflowError(f"seedvar: {error}")
    holder.hold(PLAN.results, PLAN.name)
    calm(dag.workflow.scheduler)
    planned = [
        str(job.output[0]) for job in dag.needrun_jobs() if job.rule.name == "train"
    ]
    if PLAN.adds_seeds:  # which of them it takes is seen on the way
        planned = list(
            dict.fromkeys(
                [*planned, *(path for path in RESULTS if not Path(path).exists())]
            )
        )
    if planned and (message := PLAN.weights_message()):
        say(message)
    say(*taken_up(planned))
    stream = SCREEN.start()
    if SCREEN.progress:
        valid = sorted(set(RESULTS) - set(planned)) if planned else []
        found = [[Path(path) for path in paths] for paths in (planned, valid)]
        END_PROGRESS.append(
            report_progress(*found, lambda: jobs_now(dag), stream, PLAN.adds_seeds)
        )


def taken_up(results):
    n = sum(Path(path).with_name(places.UNFINISHED).exists() for path in results)
    return [f"{n_cells(n)} will go on from where training was stopped"] if n else []


def end_progress(dag, failed=False):
    for end in END_PROGRESS:
        end()
    SCREEN.end(failed)
    made = {job.rule.name for job in dag.needrun_jobs(exclude_finished=False)}
    if failed:
        say(
            "what is done is kept" if "train" in made else "the run has failed",
            *taken_up(RESULTS),
        )
        say(
            f"the same command goes on from here: {shlex.join(['snakemake', *sys.argv[1:]])}"
        )
    elif SCREEN.progress:
        if "findings" in made:
            from seedvar.report.findings import lines

            found = lines(read_json(f"{STUDY_FOLDER}/findings.json"))
            print(
                "", *(printable(line) for line in found), "", sep="\n", file=sys.stderr
            )
        say(f"study {PLAN.name} took {hours(time.monotonic() - STARTED_S)}")
        if "report" in made:
            say(f"the report is {STUDY_FOLDER}/report.html")
    holder.let_go()


def say(*lines):
    for line in lines:
        print(f"seedvar: {printable(line)}", file=sys.stderr)
