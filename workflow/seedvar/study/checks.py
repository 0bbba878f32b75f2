"""What the types of a study cannot say."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from seedvar.cells.recipe import CONFLICTS
from seedvar.data.declaration import Declaration
from seedvar.data.metrics import ALSO
from seedvar.data.resolve import metric_of
from seedvar.errors import UserError
from seedvar.models.checkpoints import model_name
from seedvar.strict import NAME_IN_WORDS, differ_by_case, is_name
from seedvar.study.selecting import check_selections
from seedvar.study.study import CrossedSeeds, SeedsUntilDecided, Study
from seedvar.study.tasks import check_own, known_tasks
from seedvar.study.validation import check_matters

MOST_CELLS = 20_000  # 16,000 are planned in a minute and take 10,000 small files a thousand; more is a mistake
MOST_IN_ARM = 130  # characters of an arm's name that a grid makes; it stands behind the task's in names of logs
MOST_IN_SLUG = 200  # characters of a folder's name, of which file systems take 255


def check_study(study: Study, path: Path | str) -> None:
    """Checks a study by itself.

    Raises:
        UserError: One sentence with the file, the key and what is accepted.
    """
    _check_number(study, path)
    for task in study.tasks:
        _check_task(study, task, path)
    _check_case("tasks", study.tasks, path)
    for key, values in (("tasks", list(study.tasks)), *_seed_lists(study)):
        if repeated := [value for value, n in Counter(values).items() if n > 1]:
            raise UserError(f"{path}: {key}: {repeated[0]} is listed twice; each value is accepted once")
    for name in study.arms or {}:
        if not is_name(name):
            raise UserError(f"{path}: arms: '{name}' is not a name; accepted: {NAME_IN_WORDS}")
    _check_case("arms", study.arms or {}, path)
    arms = study.arms_on(next(iter(study.tasks)))
    _check_models(study, path)
    if study.grid and len(arms) < study.n_arms:
        raise UserError(f"{path}: grid: a value is listed twice; each value is accepted once")
    for key, recipe in (("recipe", study.recipe), *((f"arms.{name}", arm) for name, arm in (study.arms or {}).items())):
        for task in recipe.by_task:
            if task not in study.tasks:
                raise UserError(f"{path}: {key}.by_task: unknown task '{task}'; accepted: {', '.join(study.tasks)}")
        for model in recipe.by_model:
            if model not in study.models():
                raise UserError(
                    f"{path}: {key}.by_model: unknown model '{model}'; accepted: {', '.join(study.models())}"
                )
    for task in study.tasks:
        _check_recipes(study, task, path)
    check_selections(study, list(arms), path)
    if study.selections:
        _check_judged_on_test(study, f"{path}: select")
    compared = study.compared_names()
    if study.baseline is not None and study.baseline not in compared:
        raise UserError(f"{path}: baseline: unknown arm '{study.baseline}'; accepted: {', '.join(compared)}")
    varied = study.grid.model_dump(exclude_none=True) if study.grid else {"": []}
    if study.baseline is None and len(compared) > 1 and not {*varied} <= {*DRAWN}:
        raise UserError(f"{path}: baseline: is missing; accepted: {', '.join(compared)}")
    if isinstance(study.seeds, SeedsUntilDecided) and len(compared) < 2:
        raise UserError(f"{path}: seeds.until: one arm has nothing to decide; accepted: {{width: …}}, or a second arm")
    check_matters(study, path)
    _check_score(study, path)
    _check_probes(study, list(arms), path)


# Fields of a grid that are draws and no choices: arms that differ in them alone need no baseline.
DRAWN = ("dropout_seed", "sample_seed", "split_seed", "model")


def _check_number(study: Study, path: Path | str) -> None:
    """Refuses a study without arms, and one of more cells than anybody means; nothing is listed for it."""
    if (study.arms is None) == (study.grid is None):
        raise UserError(f"{path}: arms: give either arms or grid, and not both; accepted: named recipes, or lists")
    if study.grid is not None and not study.grid.model_dump(exclude_none=True):
        raise UserError(f"{path}: grid: holds nothing; accepted: a list of values for each field that varies")
    if not study.n_arms:
        raise UserError(f"{path}: arms: there is none; at least one arm is accepted")
    n = len(study.tasks) * study.n_arms * study.n_seeds
    if n > MOST_CELLS:
        key = "grid" if study.n_arms > max(study.n_seeds, len(study.tasks)) else "seeds"
        raise UserError(
            f"{path}: {key}: the study has {n:,} cells = {len(study.tasks):,} tasks x {study.n_arms:,} arms x "
            f"{study.n_seeds:,} seeds; accepted: at most {MOST_CELLS:,}"
        )


def _check_case(key: str, names, path: Path | str) -> None:
    """Refuses names that some file systems take for one."""
    for one, other in differ_by_case(names):
        raise UserError(
            f"{path}: {key}: '{one}' and '{other}' differ by capitals alone; accepted: another name for one"
        )


def _check_task(study: Study, task: str, path: Path | str) -> None:
    """Refuses a task that nobody declares, or that is declared here under another's name."""
    if not is_name(task):
        raise UserError(f"{path}: tasks: '{task}' is not a name; accepted: {NAME_IN_WORDS}")
    if isinstance(study.tasks, dict) and study.tasks[task] is not None and task in known_tasks():
        raise UserError(f"{path}: tasks.{task}: there is a task of this name already; accepted: another name")
    if isinstance(study.tasks, dict) and study.tasks[task] is not None:
        check_own(task, study.tasks[task], f"{path}: tasks.{task}")
    try:
        study.declaration(task)
    except UserError as error:
        known = str(error).startswith("tasks: ")
        raise UserError(f"{path}: {error}" if known else str(error)) from None


def _check_models(study: Study, path: Path | str) -> None:
    """Refuses arms without a model, and two models whose folders would have one name."""
    for arm, trained in study.arms_on(next(iter(study.tasks))).items():
        if not trained.model:
            raise UserError(f"{path}: model: is missing, and arm '{arm}' names none; accepted: a model")
    by_name: dict[str, str] = {}
    in_grid = (study.grid.model if study.grid else None) or []
    for model in [*in_grid, *study.models()]:
        other = by_name.setdefault(model_name(model).casefold(), model)  # one folder, where names have no case
        if other != model:
            raise UserError(
                f"{path}: model: '{model}' and '{other}' would both be called {model_name(model)}; accepted: short "
                "names for them under models in config.yaml"
            )


def _check_recipes(study: Study, task: str, path: Path | str) -> None:
    """Checks the recipes of all arms on one task."""
    by_slug: dict[tuple[str, str], str] = {}
    for name, trained in study.arms_on(task).items():
        recipe, key = trained.recipe, (trained.model, trained.recipe.slug())
        if key in by_slug:
            raise UserError(
                f"{path}: arms: '{name}' is the same recipe as '{by_slug[key]}'; each recipe is accepted once"
            )
        by_slug[key] = name
        if len(name) > MOST_IN_ARM:
            raise UserError(
                f"{path}: grid: an arm would have a name of {len(name)} characters ({name[:40]}…); accepted: at most "
                f"{MOST_IN_ARM}, so fewer fields, or named arms"
            )
        if len(recipe.slug()) > MOST_IN_SLUG:
            raise UserError(
                f"{path}: arm '{name[:40]}': recipe: its folder would have a name of {len(recipe.slug())} characters; "
                f"accepted: at most {MOST_IN_SLUG}, so fewer fields or a shorter name of intermediate_task"
            )
        for field, other, reason in CONFLICTS:
            if field in recipe.changes() and other(recipe):
                raise UserError(f"{path}: arm '{name}': {field}: {reason}")
        if recipe.split_seed is not None and study.declaration(task).split is None:
            raise UserError(
                f"{path}: arm '{name}': split_seed: {task} has a validation split of its own, and none is drawn; "
                "accepted: a task that declares split, or no split_seed"
            )
        metric = metric_of(study.declaration(task))
        if recipe.best_by not in ("metric", metric, *ALSO.get(metric, ())):
            raise UserError(
                f"{path}: arm '{name}': best_by: {recipe.best_by} is not measured on {task}, whose metric is {metric}; "
                f"accepted: {', '.join(('metric', *ALSO.get(metric, ())))}"
            )
        if recipe.intermediate_task is not None:
            accepted = [known for known in dict.fromkeys([*study.tasks, *known_tasks()]) if known != task]
            if recipe.intermediate_task not in accepted:
                raise UserError(
                    f"{path}: arm '{name}': intermediate_task: '{recipe.intermediate_task}' is not accepted on {task}; "
                    f"accepted: {', '.join(accepted)}"
                )
            _check_task(study, recipe.intermediate_task, path)


def _check_judged_on_test(study: Study, where: str) -> None:
    """Refuses to choose by the scores that are then compared: the best of many looks better than it is."""
    if study.score.split == "validation":
        raise UserError(
            f"{where}: chooses by validation scores, and score.split says that those are judged; accepted: "
            "score.split: test, or no select"
        )
    if why := _why_no_test(study):
        raise UserError(
            f"{where}: chooses by validation scores, and there are no others to judge, since {why}; accepted: tasks "
            "with a test split, recipes with split: halves"
        )


def _check_score(study: Study, path: Path | str) -> None:
    """Refuses to judge a test split that there is none of."""
    if study.score.split == "test" and (why := _why_no_test(study)):
        raise UserError(
            f"{path}: score.split: test is not accepted, since {why}; accepted: validation, or leave it out"
        )


def _why_no_test(study: Study) -> str | None:
    """Says why some runs have no test scores; None where all have."""
    for task in study.tasks:
        for arm, recipe in study.named_recipes(task).items():
            if recipe.split == "dev":
                return f"arm '{arm}' takes the whole validation split of {task} for validation (recipe: split: dev)"
        if not _has_test(study.declaration(task)):
            return f"task '{task}' has no labelled test split"
    return None


def _has_test(declared: Declaration) -> bool:
    """Says whether a task has labelled test examples: its source's, or made of others."""
    made = declared.split in ("halves", "held_out") or getattr(declared.split, "test", 0) > 0
    return made or "test" in declared.splits()


def _check_probes(study: Study, arms: list[str], path: Path | str) -> None:
    """Refuses probes of runs that the study does not have."""
    if forgetting := study.probes.forgetting:
        for key, values, accepted in (("tasks", forgetting.tasks, study.tasks), ("arms", forgetting.arms, arms)):
            for value in values or []:
                if value not in accepted:
                    raise UserError(
                        f"{path}: probes.forgetting.{key}: '{value}' is not accepted; accepted: {', '.join(accepted)}"
                    )
        if forgetting.text and not Path(forgetting.text).expanduser().is_file():
            raise UserError(
                f"{path}: probes.forgetting.text: there is no file {forgetting.text}; accepted: a text file"
            )
    if surface := study.probes.surface:
        if surface.task not in study.tasks:
            raise UserError(
                f"{path}: probes.surface.task: '{surface.task}' is not accepted; accepted: {', '.join(study.tasks)}"
            )
        if surface.low >= surface.high:
            raise UserError(f"{path}: probes.surface.high: {surface.high} is not accepted; accepted: more than low")
        for key, run in (("first", surface.first), ("second", surface.second)):
            if run.arm not in arms:
                raise UserError(
                    f"{path}: probes.surface.{key}.arm: '{run.arm}' is not accepted; accepted: {', '.join(arms)}"
                )
            if not run.is_late and run.seed_pair not in study.seed_pairs():
                raise UserError(
                    f"{path}: probes.surface.{key}.seed: the study has no seed {run.seed}; accepted: its seeds"
                )
        if (surface.first.arm, surface.first.seed) == (surface.second.arm, surface.second.seed):
            raise UserError(
                f"{path}: probes.surface.second: is the run of first; accepted: another run, so that there is a plane"
            )
        first, second = (study.arms_on(surface.task)[run.arm].model for run in (surface.first, surface.second))
        if first != second:
            raise UserError(
                f"{path}: probes.surface: the runs train {first} and {second}; accepted: two runs of one model"
            )
        arms_on = study.arms_on(surface.task)
        first, second = (arms_on[run.arm].recipe.changes() for run in (surface.first, surface.second))
        for key in ("head", "lora_rank"):
            if first.get(key) != second.get(key):
                raise UserError(
                    f"{path}: probes.surface: the runs differ in {key}, and so in what weights they have; accepted: "
                    "two runs with the same"
                )


def _seed_lists(study: Study) -> list[tuple[str, list[int]]]:
    if isinstance(study.seeds, list):
        return [("seeds", study.seeds)]
    if isinstance(study.seeds, CrossedSeeds):
        pairs = (("seeds.init", study.seeds.init), ("seeds.order", study.seeds.order))
        return [(key, values) for key, values in pairs if isinstance(values, list)]
    return []
