"""GLUE from the hub, or from a folder in the hub's Parquet layout."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from seedvar.data.tasks import Task
from seedvar.errors import UserError, first_line
from seedvar.files import files_digest

HUB_ID = "nyu-mll/glue"


def local_files(folder: Path, task: Task) -> dict[str, list[Path]]:
    """Finds the Parquet files of a task: split name to files.

    Raises:
        UserError: The folder or a split is not there.
    """
    if not folder.is_dir():
        raise UserError(f"config.yaml: glue_dir: there is no folder {folder}; a folder in the hub's layout is accepted")
    files = {
        split: sorted((folder / task.name).glob(f"{source}-*.parquet"))
        for split, source in (("train", "train"), ("validation", task.validation))
    }
    for split, found in files.items():
        if not found:
            source = "train" if split == "train" else task.validation
            raise UserError(
                f"config.yaml: glue_dir: task '{task.name}' has no {folder}/{task.name}/{source}-*.parquet; "
                f"accepted: the layout of {HUB_ID} on the hub"
            )
    return files


def check_local(folder: Path, task: Task) -> str:
    """Checks the files of a task without loading its text.

    Returns:
        The SHA-256 of their content.

    Raises:
        UserError: A file or a column is missing, or a label is.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = local_files(folder, task)
    for path in [path for paths in files.values() for path in paths]:
        try:
            names = pq.read_schema(path).names
            for column in (*task.columns, "label"):
                if column not in names:
                    raise UserError(
                        f"{path}: column '{column}' is missing; accepted: {', '.join(task.columns)} and label"
                    )
            table = pq.read_table(path, columns=[*task.columns, "label"])
        except (OSError, pa.ArrowInvalid) as error:
            raise UserError(f"{path}: is not a readable Parquet file ({str(error).splitlines()[0]})") from None
        for column in task.columns:
            if table.column(column).null_count:
                raise UserError(f"{path}: {column}: a text is missing; accepted: text in every row")
        check_labels(task, table.column("label").to_pylist(), str(path))
    return files_digest([path for paths in files.values() for path in paths], folder)


def local_labels(folder: Path, task: Task) -> dict[str, np.ndarray]:
    """Reads the labels alone: of `train` and of `validation`, each of shape (examples,)."""
    import pyarrow.parquet as pq

    return {
        split: np.concatenate([pq.read_table(path, columns=["label"]).column("label").to_numpy() for path in paths])
        for split, paths in local_files(folder, task).items()
    }


def check_labels(task: Task, labels: list, where: str) -> None:
    """Refuses missing labels, NaN, and classes that the task does not have.

    Raises:
        UserError: Naming the first bad row (counted from 0).
    """
    accepted = "finite numbers" if task.is_regression else f"whole numbers from 0 to {task.n_classes - 1}"
    classes = range(task.n_classes)
    for row, label in enumerate(labels):
        is_number = isinstance(label, int | float) and math.isfinite(label)
        good = is_number and (task.is_regression or label in classes)
        if not good:
            raise UserError(f"{where}: label: row {row} holds {label}; accepted: {accepted}")


def load(task: Task, folder: Path | None) -> dict[str, list[dict]]:
    """Loads the labelled splits.

    Args:
        task: The task.
        folder: A folder in the hub's layout; None for the hub.

    Returns:
        `train` and `validation`, each a list of examples with the task's columns and `label`.

    Raises:
        UserError: The hub cannot be reached and has left nothing in its cache.
    """
    from datasets import load_dataset

    columns = [*task.columns, "label"]
    if folder:
        files = {split: [str(p) for p in paths] for split, paths in local_files(folder, task).items()}
        data = load_dataset("parquet", data_files=files)
    else:
        try:
            data = load_dataset(HUB_ID, task.name)
        except Exception as error:  # the hub's client raises many kinds, from OSError to its own
            raise UserError(
                f"config.yaml: glue_dir: is not set, and the hub did not give {HUB_ID}/{task.name} "
                f"({first_line(error)}); accepted: a connection to the hub, or a folder in its Parquet layout"
            ) from None
        data = {"train": data["train"], "validation": data[task.validation]}
    return {split: data[split].select_columns(columns).to_list() for split in ("train", "validation")}
