"""What `seedvar check` says of a study: its cells, and what its data hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from seedvar.cells.decides import PACKAGE
from seedvar.cells.places import model_folder
from seedvar.data.describe import describe
from seedvar.data.examples import read_examples
from seedvar.data.metrics import METRICS
from seedvar.data.sources import source_files
from seedvar.engine.digests import MEMORY, Remembered
from seedvar.engine.plan import Plan, PlannedTask
from seedvar.models.tokenizer import FAST, quick_tokenizer


def check_lines(plan: Plan) -> Iterator[str]:
    """Yields lines on a study that has been checked: its cells, and what was read of each task's data.

    Raises:
        UserError: The data are not in order.
    """
    if plan.is_table:
        yield from _table_lines(plan)
        return
    study = plan.study
    arms = study.arm_names()
    yield (
        f"{plan.study_file}: {len(plan.cells)} cells = {len(study.tasks)} tasks x {len(arms)} arms x "
        f"{len(study.seed_pairs())} seeds"
    )
    several = len(plan.models) > 1
    for arm in arms:
        by_slug: dict[str, list[str]] = {}
        for task in study.tasks:
            trained = study.arms_on(task)[arm]
            slug = f"{trained.model_name}, {trained.recipe.slug()}" if several else trained.recipe.slug()
            by_slug.setdefault(slug, []).append(task)
        for slug, tasks in by_slug.items():
            yield f"  {arm}: {slug}" + (f" ({', '.join(tasks)})" if len(by_slug) > 1 else "")
    for name, model in plan.models.items():
        if drawn := model.about.drawn_anew:
            yield f"{name}: lacks {', '.join(drawn)}: drawn anew for every cell, as the classifier is"
    yield from _data_lines(plan)


def _data_lines(plan: Plan) -> Iterator[str]:
    """Describes the data of each task, once for as long as its files, the tokenizers and what is asked stay."""
    folders = {name: model.checkpoint.folder or model_folder(plan.results, name) for name, model in plan.models.items()}
    tokenizers = {name: path for name, folder in folders.items() if (path := folder / FAST).is_file()}
    recipes = plan.study.recipes()
    longest = max(recipe.max_length for recipe in recipes)
    hows = sorted({recipe.split for recipe in recipes}, reverse=True)
    remembered = Remembered(plan.results / MEMORY)
    code = [remembered.code(PACKAGE / path) for path in ("data/describe.py", "data/suspicious.py", "data/unknown.py")]
    for name, task in plan.tasks.items():
        if task.task is None:
            yield f"{name}: {task.content}; not on this machine yet"
            continue
        files = [*source_files(task.source), *tokenizers.values()]
        about = f"check {name} {task.declaration.model_dump_json()} {task.source} {hows} {longest} {code} "
        yield from remembered.of(files, lambda n=name, t=task: _described(n, t, hows, tokenizers, longest), about)
    remembered.save()


def _described(name: str, task: PlannedTask, hows: list[str], tokenizers: dict[str, Path], longest: int) -> list[str]:
    examples = read_examples(name, task.declaration, task.source)
    there = [quick_tokenizer(path.parent, model) for model, path in tokenizers.items()]
    return [line for how in hows for line in describe(examples, task.source, how, there, longest)]


def _table_lines(plan: Plan) -> Iterator[str]:
    from seedvar.tables.foreign import import_runs

    runs = import_runs(plan.study, plan.site.runs_dir)["runs"]
    counts = runs.groupby(["task", "arm"], sort=False)["degenerate"].agg(["size", "sum"])
    yield f"{plan.study_file}: {len(runs)} runs from {plan.study.runs.file}"
    for (task, arm), (n, failed) in counts.iterrows():
        yield f"  {task}, {arm}: {n} runs, {failed} failed"
    for name, task in plan.study.runs.tasks.items():
        if task.metric not in METRICS:
            yield f"  warning: {name}: {task.metric} is no metric of seedvar; the higher the better, and 1 is perfect"
    for (task, arm), defined in runs.groupby(["task", "arm"], sort=False)["score_defined"].any().items():
        if not defined:
            yield f"  warning: {task}, {arm}: no run has a score; each counts as the trivial predictor's"
