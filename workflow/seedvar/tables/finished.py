"""Finds what has been made of a study: in its own folder, or where the repository shows it."""

from __future__ import annotations

import os
from pathlib import Path

from seedvar.errors import UserError
from seedvar.study.reading import read_study, study_path
from seedvar.study.study import Study
from seedvar.study.table_study import TableStudy

PUBLISHED = "published"  # below the results folder


def published_folder(results: Path, study: str) -> Path:
    """Returns where a study is published."""
    return results / PUBLISHED / study


def folder_with(study: str, results: Path, *files: str) -> Path:
    """Returns the folder that has these files of a study.

    Args:
        study: Its name, or the path of its file.
        results: The results folder.
        files: What is needed.

    Raises:
        UserError: There is no such study, or it has not been run.
    """
    own = results / study_path(study).stem
    for folder in (own, published_folder(results, own.name)):
        if all((folder / name).is_file() for name in files):
            return folder
    missing = next(own / name for name in files if not (own / name).is_file())
    raise UserError(f"{missing}: is missing; accepted: a study that has been run: snakemake --config study={study}")


def finished_study(name: str | None = None) -> tuple[Study | TableStudy, Path]:
    """Finds a finished study for a notebook, which Jupyter starts in the folder of notebooks.

    Args:
        name: The study's; by default what the environment variable SEEDVAR_STUDY says, or `quickstart`.

    Returns:
        The study, and the folder of its tables.

    Raises:
        UserError: There is no such study, or it has not been run.
    """
    if Path.cwd().name == "notebooks":
        os.chdir("..")
    name = name or os.environ.get("SEEDVAR_STUDY", "quickstart")
    return read_study(study_path(name)), folder_with(name, Path("results"), "findings.json", "runs.csv")
