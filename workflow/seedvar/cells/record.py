"""What `result.json` holds: the one definition that training writes and collecting reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from seedvar.errors import UserError

Scores = dict[str, float | None]  # metric name to value; None stands for NaN, which JSON has not


class RunRecord(BaseModel):
    """The result of one cell. Scores are fractions of 1, losses nats (or squared error), times seconds."""

    model_config = ConfigDict(extra="forbid")

    cell: dict  # Cell.specification()
    fingerprint: str
    slug: str
    recipe: dict  # every field, defaults included
    status: Literal["finished", "diverged", "stopped"]
    degenerate: bool
    metric: str
    positive: int | None = None  # number of the class that the metric is the score of, if it is of one
    scores: dict[Literal["last", "best"], dict[Literal["validation", "test"], Scores]]
    majority: dict[Literal["validation", "test"], float]
    updates: int
    best_update: int
    train_loss: float | None  # mean over the updates since the last evaluation but one
    constant_loss: float | None = None  # training loss of the best constant prediction; older records have none
    examples: dict[Literal["train", "validation", "test"], int]
    wall_time_s: float  # over all starts
    resumed_after: list[int] = []  # the updates after which a run that was stopped was taken up
    device: str  # `cpu`, or the name of the GPU
    processor: str | None = None  # its name; older records have none
    commit: str | None = None  # of the code, where it is a Git checkout
    threads: int
    cells_per_gpu: int = 1  # how many cells could share the GPU with this one, itself included
    versions: dict[str, str]

    @property
    def reported_split(self) -> str:
        """The split that stands for the run in tables: test where there is one, else validation."""
        return "test" if "test" in self.majority else "validation"


def read_record(path: Path) -> RunRecord:
    """Reads a result.

    Raises:
        UserError: The file is missing, cut off or not of this form.
    """
    try:
        return RunRecord.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); train the cell again") from None
    except (ValidationError, json.JSONDecodeError, UnicodeDecodeError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise UserError(f"{path}: is damaged ({reason}); run again to train the cell again") from None
