"""The tasks: what each asks, its columns, its metric, and when a run of it has failed.

Adding a task with GLUE's layout is one line in `TASKS`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """A data set with its metric.

    Attributes:
        name: As in a study file.
        data: `glue` or `synthetic`.
        columns: The one or two text columns.
        metric: The score: `accuracy`, `f1`, `matthews` or `spearman` (see `metrics.py`).
        n_classes: Number of classes; 1 for regression.
        validation: Name of the labelled evaluation split in the source.
        large: Zhang et al. (2021) take validation from the training set and test on the
            development set; otherwise they halve the development set (their Table 3).
    """

    name: str
    data: str
    columns: tuple[str, ...]
    metric: str
    n_classes: int = 2
    validation: str = "validation"
    large: bool = False

    @property
    def is_regression(self) -> bool:
        return self.n_classes == 1


PAIR = ("sentence1", "sentence2")

TASKS = {
    task.name: task
    for task in [
        Task("rte", "glue", PAIR, "accuracy"),
        Task("mrpc", "glue", PAIR, "f1"),
        Task("cola", "glue", ("sentence",), "matthews"),
        Task("stsb", "glue", PAIR, "spearman", n_classes=1),
        Task("sst2", "glue", ("sentence",), "accuracy", large=True),
        Task("qnli", "glue", ("question", "sentence"), "accuracy", large=True),
        Task("qqp", "glue", ("question1", "question2"), "accuracy", large=True),
        Task(
            "mnli", "glue", ("premise", "hypothesis"), "accuracy", 3, validation="validation_matched", large=True
        ),
        Task("syn-rte", "synthetic", PAIR, "accuracy"),
        Task("syn-mrpc", "synthetic", PAIR, "f1"),
        Task("syn-cola", "synthetic", ("sentence",), "matthews"),
        Task("syn-stsb", "synthetic", PAIR, "spearman", n_classes=1),
    ]
}  # fmt: skip
