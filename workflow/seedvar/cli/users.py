"""Commands for users: check, plan, status, explain, prune."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def _site():
    from seedvar.study.reading import read_yaml
    from seedvar.study.site import read_site_config

    return read_site_config(read_yaml("config/config.yaml"))


def _check(arguments) -> None:
    from seedvar.models.checkpoints import resolve
    from seedvar.study.grid import expand
    from seedvar.study.reading import read_study, study_path
    from seedvar.study.table_study import TableStudy
    from seedvar.tables.foreign import import_runs

    path = study_path(arguments.study)
    study = read_study(path)
    if isinstance(study, TableStudy):
        runs = import_runs(study, _site().runs_dir)["runs"]
        counts = runs.groupby(["task", "arm"], sort=False)["degenerate"].agg(["size", "sum"])
        print(f"{path}: {len(runs)} runs from {study.runs.file}")
        for (task, arm), (n, failed) in counts.iterrows():
            print(f"  {task}, {arm}: {n} runs, {failed} failed")
        return
    source = resolve(study.model, _site().models, str(path))
    cells = expand(study, source.name)
    arms = list(study.named_recipes(study.tasks[0]))
    print(f"{path}: {len(cells)} cells = {len(study.tasks)} tasks x {len(arms)} arms x {len(study.seed_pairs())} seeds")
    for arm in arms:
        by_slug: dict[str, list[str]] = {}
        for task in study.tasks:
            by_slug.setdefault(study.named_recipes(task)[arm].slug(), []).append(task)
        for slug, tasks in by_slug.items():
            print(f"  {arm}: {slug}" + (f" ({', '.join(tasks)})" if len(by_slug) > 1 else ""))


def _plan_of(name: str | None):
    """Reads the study that is named, or config.yaml's, with the settings that the workflow would use."""
    from seedvar.engine.plan import make_plan
    from seedvar.study.reading import read_yaml

    return make_plan(read_yaml("config/config.yaml") | ({"study": name} if name else {}))


def _status(arguments) -> None:
    from seedvar.status.hours import seconds_left

    checker = status.Checker(_plan_of(arguments.study))
    study = status.study_state(checker)
    if arguments.cells:
        print("\n".join(status.cell_lines(study)))
    at_a_time = len(study.of("running")) or os.cpu_count()
    print("\n".join(status.status_lines(study, seconds_left(study.cells, checker.plan), at_a_time)))


def _plan(arguments) -> None:
    from seedvar.status.estimate import plan_lines

    checker = status.Checker(_plan_of(arguments.study))
    print("\n".join(plan_lines(status.study_state(checker), checker.plan, checker.store)))


def _explain(arguments) -> None:

    checker = status.Checker(_plan_of(arguments.study))
    print("\n".join(status.explain_lines(status.find_cell(arguments.cell, checker.plan), checker)))


def _prune(arguments) -> None:
    from seedvar.study.reading import study_path

    site, results = _site(), Path("results")
    names = [site.study, *arguments.studies]
    files = {*Path("config/studies").glob("*.y*ml"), *(study_path(name) for name in names)}
    garbage = status.find_garbage(status.store_of(site, results), status.named_cells(site, sorted(files)), results)
    doomed = [*garbage.unnamed, *garbage.abandoned, *(garbage.outdated if arguments.outdated else [])]
    print("\n".join(status.garbage_lines(garbage, arguments.outdated)), flush=True)
    if site.store:
        print("The store may be shared: other people's studies are not known here, and count as none")
    question = f"Delete {len(doomed):,} entries? [y/N] "
    if not doomed:
        print("Nothing to delete")
    elif arguments.yes or (sys.stdin.isatty() and input(question).strip().lower() in ("y", "yes")):
        status.delete_entries(doomed)
        print(f"{len(doomed):,} entries deleted")
    else:
        print("Nothing deleted")
