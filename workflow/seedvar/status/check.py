"""What `seedvar check` says of a study: its cells, and what its data hold."""

from __future__ import annotations

from collections.abc import Iterator

from seedvar.cells.places import model_folder
from seedvar.data.describe import describe
from seedvar.data.examples import read_examples
from seedvar.engine.plan import Plan
from seedvar.models.tokenizer import quick_tokenizer
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
    for name, model in plan.models.items():
        if drawn := model.about.drawn_anew:
            yield f"{name}: lacks {', '.join(drawn)}: drawn anew for every cell, as the classifier is"
    yield from _data_lines(plan)


def _data_lines(plan: Plan) -> Iterator[str]:
    places = {name: model.checkpoint.folder or model_folder(plan.results, name) for name, model in plan.models.items()}
    tokenizers = [found for name, place in places.items() if (found := quick_tokenizer(place, name)) is not None]
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


def _table_lines(plan: Plan) -> Iterator[str]:
    runs = import_runs(plan.study, plan.site.runs_dir)["runs"]
    counts = runs.groupby(["task", "arm"], sort=False)["degenerate"].agg(["size", "sum"])
    yield f"{plan.study_file}: {len(runs)} runs from {plan.study.runs.file}"
    for (task, arm), (n, failed) in counts.iterrows():
        yield f"  {task}, {arm}: {n} runs, {failed} failed"
