"""Commands for users: check, plan, status, explain, prune; and the schemas of what they write."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from pathlib import Path

STUDY = "name of a file in config/studies/, or a path"


def add(command) -> None:
    """Adds the commands of this group; `command(name, run, text)` makes a parser."""
    sub = command("check", _check, "Check a study file: its cells, and what its data hold.")
    sub.add_argument("study", help=STUDY)
    _add_config(sub)

    sub = command("status", _status, "How far a study is, and why cells are invalid.")
    sub.add_argument("study", nargs="?", help=f"{STUDY}; by default config.yaml's")
    sub.add_argument("--cells", action="store_true", help="a line for each cell as well")
    _add_config(sub)

    sub = command("plan", _plan, "What a study will cost, before it runs.")
    sub.add_argument("study", nargs="?", help=f"{STUDY}; by default config.yaml's")
    _add_config(sub)

    sub = command("explain", _explain, "Everything about one cell.")
    sub.add_argument("cell", help="a cell's folder, its result.json, or task/arm/seed of the study")
    sub.add_argument("--study", help="by default config.yaml's")
    _add_config(sub)

    sub = command("prune", _prune, "Delete from the store what no study names, after a question.")
    sub.add_argument("studies", nargs="*", help="more study files whose cells stay, besides those in config/studies/")
    sub.add_argument("--outdated", action="store_true", help="also what was trained with other code, data or weights")
    sub.add_argument("--yes", action="store_true", help="do not ask")
    _add_config(sub)

    sub = command("publish", _publish, "Put what a study came to where the repository shows it.")
    sub.add_argument("study", help=f"{STUDY}, which has been run")
    sub.add_argument("--results", default=Path("results"), type=Path)

    sub = command("schema", _schema, "Print the JSON schema of study files, of tasks' files or of config.yaml.")
    sub.add_argument("schema", choices=["study", "task", "config"])


def _publish(arguments) -> None:
    from seedvar.engine import bounds
    from seedvar.report.publish import publish
    from seedvar.study.reading import read_study, study_path
    from seedvar.study.table_study import TableStudy
    from seedvar.tables.finished import PUBLISHED

    path = study_path(arguments.study)
    bounds.check_folders(arguments.results, [path.stem, f"{PUBLISHED}/{path.stem}"])
    bounds.check_tree(arguments.results, f"{PUBLISHED}/{path.stem}", files=True)
    written = publish(path.stem, arguments.results, isinstance(read_study(path), TableStudy))
    size = sum(file.stat().st_size for file in written) / 1e6
    print(f"{arguments.results / PUBLISHED / path.stem}: {len(written)} files, {size:.1f} MB")


def _add_config(sub) -> None:
    """Adds --config, which is Snakemake's."""
    text = "settings in place of those of config/config.yaml, as behind Snakemake's --config"
    sub.add_argument("--config", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help=text)


def _plan_of(arguments, study: str | None, as_last: bool = True):
    """Reads the study that is named, or config.yaml's, with the settings that the workflow would use.

    Args:
        arguments: Of the command line.
        study: Its name or path.
        as_last: Whether the settings that its last run was given besides config.yaml count.
    """
    from seedvar.engine.plan import last_settings, make_plan
    from seedvar.study.reading import study_path
    from seedvar.study.site import key_values, read_site_config, settings

    given = key_values(arguments.config) | ({"study": study} if study else {})
    last = {}
    if as_last:
        name = study_path(read_site_config(settings(given)).study).stem
        last = {key: value for key, value in last_settings(name).items() if key not in given}
    if last:
        shown = shlex.join(f"{key}={'' if value is None else value}" for key, value in last.items())
        print(f"With {shown}, as in the last run; --config KEY=VALUE wins", flush=True)
    return make_plan(settings(given, last))


def _check(arguments) -> None:
    from seedvar.status.check import check_lines

    for line in check_lines(_plan_of(arguments, arguments.study, as_last=False)):
        print(line, flush=True)


def _status(arguments) -> None:
    from seedvar.status.hours import seconds_left
    from seedvar.status.lines import cell_lines, status_lines
    from seedvar.status.scores import score_lines
    from seedvar.status.state import Checker, study_state

    plan = _plan_of(arguments, arguments.study)
    if plan.is_table:
        print(_of_table(plan))
        return
    checker = Checker(plan)
    study = study_state(checker)
    if arguments.cells:
        print("\n".join(cell_lines(study)))
    at_a_time = len(study.of("running")) or os.cpu_count()
    lines = status_lines(study, seconds_left(study.cells, checker.plan), at_a_time)
    lines += score_lines(study, plan, shutil.get_terminal_size().columns)
    print(_for_stream("\n".join(lines), sys.stdout))


def _for_stream(text: str, stream) -> str:
    """Returns a text with what a stream's encoding does not know, which may be ASCII, as plain characters."""
    from seedvar.status.scores import DOT

    encoding = stream.encoding or "ascii"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.replace(DOT, ".").encode(encoding, "replace").decode(encoding)
    return text


def _plan(arguments) -> None:
    from seedvar.status.estimate import plan_lines
    from seedvar.status.state import Checker, study_state

    plan = _plan_of(arguments, arguments.study)
    print(_of_table(plan) if plan.is_table else "\n".join(plan_lines(study_state(Checker(plan)), plan)))


def _of_table(plan) -> str:
    """Says of a study of a table of runs that there is nothing to wait for."""
    return f"{plan.name}: its runs come from {plan.study.runs.file}; nothing is trained"


def _explain(arguments) -> None:
    from seedvar.status.explain import explain_lines, find_cell
    from seedvar.status.state import Checker

    checker = Checker(_plan_of(arguments, arguments.study))
    print("\n".join(explain_lines(find_cell(arguments.cell, checker.plan), checker)))


def _prune(arguments) -> None:
    from seedvar.status import garbage
    from seedvar.study.reading import FOLDER, study_path
    from seedvar.study.site import key_values, read_site_config, settings

    site, results = read_site_config(settings(key_values(arguments.config))), Path("results")
    files = {*FOLDER.glob("*.y*ml"), *(study_path(name) for name in [site.study, *arguments.studies])}
    found = garbage.find_garbage(site.store_below(results), garbage.named_cells(sorted(files)), results)
    outdated = found.outdated if arguments.outdated else []
    doomed = [*found.unnamed, *found.abandoned, *found.unfinished, *outdated]
    print("\n".join(garbage.garbage_lines(found, arguments.outdated)), flush=True)
    if site.store:
        print("The store may be shared: other people's studies are not known here, and count as none")
    question = f"Delete {len(doomed):,} of them? [y/N] "
    if not doomed:
        print("Nothing to delete")
    elif arguments.yes or (sys.stdin.isatty() and input(question).strip().lower() in ("y", "yes")):
        garbage.delete(doomed)
        print(f"{len(doomed):,} deleted")
    else:
        print("Nothing deleted")


def _schema(arguments) -> None:
    from seedvar.data.declaration import Declaration
    from seedvar.study.reading import json_schema
    from seedvar.study.site import SiteConfig
    from seedvar.study.study import Study
    from seedvar.study.table_study import TableStudy

    model = {"study": Study | TableStudy, "task": Declaration, "config": SiteConfig}[arguments.schema]
    print(json.dumps(json_schema(model), indent=2, ensure_ascii=False))
