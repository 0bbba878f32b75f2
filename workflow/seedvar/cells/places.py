"""Where things are below the results folder: the one place that names them.

Imports nothing slow, so that a cell comes out of the store in no time. The templates are what the rules of the workflow
take as outputs; their names in braces are Snakemake's wildcards.
"""

from __future__ import annotations

from pathlib import Path

from seedvar.errors import UserError

CELL = "cells/{data}/{model}/{task}/{slug}/seed-{seed}"
DATA = "data/{data}/{model}/{task}-len{length}"
MODEL = "models/{model}"
FORGETTING = "probes/forgetting/{task}/{arm}/seed-{seed}.csv"  # below the study's folder, as the next four
SURFACE = "probes/surface/{row}.csv"
SURFACE_RUNS = "probes/surface/runs.json"
LOOK = "seeds/{batch}.json"

RESULT, WEIGHTS = "result.json", "weights.safetensors"
UNFINISHED = "unfinished.pt"  # what a cell that was stopped in the middle goes on from
# Folders below results/ that are not a study's.
RESERVED = ["cells", "data", "logs", "models", "published", "store"]


def _filled(template: str, **parts) -> str:
    """Fills a template with names of folders.

    Raises:
        UserError: One of them would lead elsewhere.
    """
    for key, name in parts.items():
        if str(name) in ("", ".", "..") or "/" in str(name) or "\0" in str(name):
            raise UserError(f"{key}: '{name}' is no name for a folder; accepted: a name without a /")
    return template.format(**parts)


def seed_name(init_seed: int, order_seed: int) -> str:
    """Returns `3`, or `i3-o7` where the two seeds differ."""
    return str(init_seed) if init_seed == order_seed else f"i{init_seed}-o{order_seed}"


def cell_folder(data: str, model: str, task: str, slug: str, init_seed: int, order_seed: int) -> str:
    """Returns the folder of a cell."""
    return _filled(CELL, data=data, model=model, task=task, slug=slug, seed=seed_name(init_seed, order_seed))


def data_folder(data: str, model: str, task: str, max_length: int) -> str:
    """Returns the folder of a task's tokenised data."""
    return _filled(DATA, data=data, model=model, task=task, length=max_length)


def model_folder(results: Path | str, model_name: str) -> Path:
    """Returns where a model is copied to, the results folder included."""
    return Path(results) / _filled(MODEL, model=model_name)


def store_folder(results: Path | str) -> Path:
    """Returns where the cell store is, or the link to it that the workflow makes."""
    return Path(results) / "store"


def log_file(results: Path | str, rule: str, cell_folder: str) -> Path:
    """Returns the log of a job on a cell."""
    return Path(results) / "logs" / rule / f"{cell_folder.removeprefix('cells/')}.log"
