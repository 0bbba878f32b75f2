"""Puts what a study came to where the repository shows it: results/published/<study>/.

From there `from_tables=true` draws it again in a clone that has no run of its own. Of runs that somebody else trained,
statistics, findings and pictures are published, and no table, figure or notebook that says what a single run scored in
numbers.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from seedvar.errors import UserError
from seedvar.files import write_atomically
from seedvar.tables.finished import published_folder

KINDS = ["*.csv", "*.parquet", "findings.json", "notebook.ipynb", "figures/*", "tables/*.md", "tables/*.tex"]
OF_SINGLE_RUNS = ["runs.csv", "curves.csv", "*.parquet", "notebook.ipynb"]
OF_SINGLE_RUNS += ["figures/*.csv", "figures/*.svg", "figures/*.pdf"]
LARGEST_MB = 5  # of a file: a repository is no store


def publish(study: str, results: Path, is_table: bool) -> list[Path]:
    """Copies tables, figures, findings and the notebook of a study; what was published of it before is replaced.

    Args:
        study: Its name.
        results: The results folder.
        is_table: Whether its runs were trained by somebody else.

    Returns:
        The files that were written.

    Raises:
        UserError: It has not been run.
    """
    source, target = results / study, published_folder(results, study)
    if not (source / "findings.json").is_file():
        raise UserError(
            f"{source / 'findings.json'}: is missing; accepted: a study that has been run: "
            f"snakemake --config study={study}"
        )
    left_out = {path for kind in (OF_SINGLE_RUNS if is_table else []) for path in source.glob(kind)}
    files = sorted({path for kind in KINDS for path in source.glob(kind) if path.is_file()} - left_out)
    for path in files:
        if path.is_symlink() or path.stat().st_size > LARGEST_MB * 1e6:
            what = "is a link" if path.is_symlink() else f"has {path.stat().st_size / 1e6:.1f} MB"
            raise UserError(f"{path}: {what}; accepted: files of up to {LARGEST_MB} MB")
    written = []
    for path in files:
        to = target / path.relative_to(source)
        write_atomically(to, lambda temporary, path=path: shutil.copyfile(path, temporary))
        written.append(to)
    for old in sorted(target.rglob("*")):
        if old.is_file() and old not in written:
            old.unlink()
    return written
