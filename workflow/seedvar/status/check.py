"""What `seedvar check` says of a study: its cells, and what its data hold."""

from __future__ import annotations

from collections.abc import Iterator

from seedvar.cells.places import model_folder
from seedvar.data.describe import describe
from seedvar.data.examples import read_examples
from seedvar.data.metrics import METRICS
from seedvar.engine.plan import Plan
from seedvar.models.tokenizer import QuickTokenizer
from seedvar.tables.foreign import import_runs


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
    yield from _data_lines(plan)


def _data_lines(plan: Plan) -> Iterator[str]:
    tokenizers = [found for name in plan.models if (found := _tokenizer(name, plan)) is not None]
    for name, task in plan.tasks.items():
        if task.task is None:
            yield f"{name}: {task.content}; not on this machine yet"
            continue
        recipes = plan.study.recipes()
        longest = max(recipe.max_length for recipe in recipes)
        hows = {recipe.split for recipe in recipes}
        examples = read_examples(name, task.declaration, task.source)
        for how in sorted(hows, reverse=True):
            yield from describe(examples, task.source, how, tokenizers, longest)


def _tokenizer(name: str, plan: Plan) -> QuickTokenizer | None:
    """Returns the tokenizer of a model that is on this machine and has a fast one."""
    try:
        return QuickTokenizer(plan.models[name].checkpoint.folder or model_folder(plan.results, name), name)
    except (OSError, ValueError):
        return None


def _table_lines(plan: Plan) -> Iterator[str]:
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
