"""What `seedvar check` says of a study: its cells, and what its data hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from seedvar.cells.decides import PACKAGE
from seedvar.cells.places import model_folder
from seedvar.data.describe import describe
from seedvar.data.examples import read_examples
from seedvar.data.labels import listing
from seedvar.data.shown import higher_is_better
from seedvar.data.sources import source_files
from seedvar.engine.digests import MEMORY, Remembered
from seedvar.engine.plan import Plan, PlannedTask
from seedvar.models.tokenizer import FAST, quick_tokenizer
from seedvar.study.table_study import RunsTable
from seedvar.tables.compared import as_compared


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
    if study.score.model_fields_set:
        yield f"  {study.score.in_words}"
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
    yield from (f"  {sentence}" for sentence in study.selected_in_words)
    yield from _data_lines(plan)
    yield from settled_lines(plan)


def settled_lines(plan: Plan) -> Iterator[str]:
    """Says which comparisons the seeds of a study can settle at best (design: what cannot be is said before)."""
    study = plan.study
    others = len(study.compared_names()) - 1
    if study.baseline is None or others < 1:
        return
    from seedvar.stats.settle import settle_lines

    yield from settle_lines(study.n_seeds, others, len(study.tasks), study.baseline, study.what_matters(), study.looks)
    if study.is_crossed:
        yield "  as if runs were independent, which those that share a seed may not be"


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


LOWEST = 5  # scores of an arm that are shown
NAMED = 10  # failed runs that are named by their seeds


def _table_lines(plan: Plan) -> Iterator[str]:
    from seedvar.tables.foreign import import_runs, odd_lines

    about, read = plan.study.runs, []
    runs = import_runs(plan.study, plan.site.runs_dir, read.append)["runs"]
    yield f"{plan.study_file}: {len(runs):,} runs from {about.file}"
    yield from (line for line in read if not line.startswith(" "))
    for (task, arm), group in runs.groupby(["task", "arm"], sort=False):
        worst = "lowest" if higher_is_better(group["metric"].iloc[0]) else "highest"
        failed = group[group["degenerate"]]
        yield f"  {task}, {arm}: {len(group):,} runs, {len(failed):,} failed{_seeds_of(failed, about)}"
        scores = (group["score"] * about.scale)[group["score_defined"]].sort_values(ascending=worst == "lowest")
        if len(scores):
            common = scores.round(9).value_counts()
            shown = ", ".join(f"{score:.6g}" for score in scores[:LOWEST])
            yield f"    {worst} {shown}; {common.iloc[0]:,} of the commonest, {common.index[0]:.6g}"
        if len(scores) < len(group):
            yield f"    {len(group) - len(scores):,} without a score"
    yield from (line for line in read if line.startswith(" "))
    yield from (f"  {sentence}" for sentence in plan.study.selected_in_words)
    compared = as_compared({"runs": runs})["runs"]
    yield from _settled_by_table(plan, compared.groupby(["task", "arm"], sort=False)["degenerate"].agg(["size", "sum"]))
    yield from (f"  warning: {line}" for line in odd_lines(plan.study, runs))


def _seeds_of(failed, about: RunsTable) -> str:
    """Names failed runs by their seeds, as far as there are any."""
    if failed.empty or not (about.columns.seed or about.columns.init_seed):
        return ""
    crossed = about.columns.init_seed is not None
    seeds = zip(failed["init_seed"], failed["order_seed"], strict=True)
    return f" (seeds {listing((f'{i}/{o}' if crossed else str(i) for i, o in seeds), NAMED)})"


def _settled_by_table(plan: Plan, counts) -> Iterator[str]:
    """Says what the runs of a table can settle at best, by its fewest runs of a task and arm."""
    from seedvar.stats.settle import settle_lines

    arms, tasks = (counts.index.get_level_values(level).nunique() for level in ("arm", "task"))
    baseline = plan.study.baseline
    if baseline is not None and arms > 1:
        fewest = int(counts["size"].min())
        yield from settle_lines(fewest, arms - 1, tasks, baseline, plan.study.what_matters())
