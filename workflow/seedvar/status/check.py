"""What `seedvar check` says of a study: its cells, and what its data hold."""

from __future__ import annotations

from collections.abc import Iterator

from seedvar.data.describe import describe
from seedvar.engine.plan import Plan
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
    for name, task in plan.tasks.items():
        yield from describe(name, task.declaration, task.source)


def _table_lines(plan: Plan) -> Iterator[str]:
    runs = import_runs(plan.study, plan.site.runs_dir)["runs"]
    counts = runs.groupby(["task", "arm"], sort=False)["degenerate"].agg(["size", "sum"])
    yield f"{plan.study_file}: {len(runs)} runs from {plan.study.runs.file}"
    for (task, arm), (n, failed) in counts.iterrows():
        yield f"  {task}, {arm}: {n} runs, {failed} failed"
