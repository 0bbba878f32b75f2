"""Where things are below the results folder. Imports nothing, so that a cell comes out of the store in no time."""

from __future__ import annotations

from pathlib import Path


def seed_name(init_seed: int, order_seed: int) -> str:
    """Returns `3`, or `i3-o7` where the two seeds differ."""
    return str(init_seed) if init_seed == order_seed else f"i{init_seed}-o{order_seed}"


def cell_folder(data: str, model: str, task: str, slug: str, init_seed: int, order_seed: int) -> str:
    """Returns the folder of a cell."""
    return f"cells/{data}/{model}/{task}/{slug}/seed-{seed_name(init_seed, order_seed)}"


def data_folder(data: str, model: str, task: str, max_length: int) -> str:
    """Returns the folder of a task's tokenised data."""
    return f"data/{data}/{model}/{task}-len{max_length}"


def model_folder(results: Path | str, model_name: str) -> Path:
    """Returns where a model is copied to, the results folder included."""
    return Path(results) / "models" / model_name
