"""What a study costs before it is submitted: updates, tokens, FLOPs, hours, disk.

Counts come from the study and from its tokenised data. FLOPs are 6 a parameter and token for training and 2
for evaluation, as in Kaplan et al. (2020), section 2.1; like theirs, the parameters are those of the encoder's
blocks, since embeddings are looked up and not multiplied. Hours come from recorded cells of the same model, as
a straight line in the tokens that they processed. Nothing here imports PyTorch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seedvar.cells.cell import Cell
from seedvar.data.splits import VALIDATION_SIZE
from seedvar.data.tasks import TASKS, Task
from seedvar.errors import UserError
from seedvar.files import read_json

if TYPE_CHECKING:
    pass

# Examples of GLUE's published training and development sets, and tokens an example of an uncased BERT tokenizer,
# rounded: for tasks of the hub that have not been tokenised yet.
GLUE_SIZES = {
    "rte": (2490, 277, 70), "mrpc": (3668, 408, 53), "cola": (8551, 1043, 11), "stsb": (5749, 1500, 31),
    "sst2": (67349, 872, 13), "qnli": (104743, 5463, 50), "qqp": (363846, 40430, 31), "mnli": (392702, 9815, 39),
}  # fmt: skip
BYTES_A_TOKEN = 4.5  # English text: a word piece and the space behind it, for data that have not been tokenised yet
# Blocks, hidden size and size of the feed-forward layer, by what the name of a model on the hub holds.
SHAPES = {
    "distil": (6, 768, 3072), "xxlarge": (12, 4096, 16384), "xlarge": (24, 2048, 8192), "large": (24, 1024, 4096),
    "base": (12, 768, 3072),
}  # fmt: skip
TRAINING_FACTOR = 3  # a backward pass costs two forward passes


@dataclass(frozen=True)
class DataSize:
    """How large a task is.

    Attributes:
        examples: Examples of the source splits `train` and `validation`.
        tokens_each: Mean tokens of an example of each, without padding.
        known: Whether the data have been tokenised; otherwise the tokens are an estimate.
    """

    examples: dict[str, int]
    tokens_each: dict[str, float]
    known: bool


@dataclass(frozen=True)
class Work:
    """What one cell has to do: updates, and tokens that are trained and evaluated on, without padding."""

    updates: int
    train_tokens: float
    evaluation_tokens: float

    @property
    def passes(self) -> float:
        """Tokens in units of a forward pass."""
        return TRAINING_FACTOR * self.train_tokens + self.evaluation_tokens


# --------------------------------------------------------------------------- counts


def data_size(cell: Cell, results: Path, glue_dir: Path | None = None) -> DataSize | None:
    """Returns the size of a cell's data, estimated where they are not tokenised; None where nothing is known."""
    try:
        about = read_json(results / cell.data_folder() / "data.json")
        examples = about["examples"]
        return DataSize(examples, {split: about["tokens"][split] / n for split, n in examples.items()}, True)
    except (OSError, ValueError, KeyError):
        estimate = _estimated_size(TASKS[cell.task], glue_dir)
    if estimate is None:
        return None
    cut = {split: min(tokens, cell.recipe.max_length) for split, tokens in estimate.tokens_each.items()}
    return DataSize(estimate.examples, cut, False)


@cache
def _estimated_size(task: Task, glue_dir: Path | None) -> DataSize | None:
    special = len(task.columns) + 1  # [CLS] and a [SEP] behind every text
    if task.data == "synthetic":
        from seedvar.data.synthetic import SIZES, make_examples

        texts = {
            split: [" ".join(row[column] for column in task.columns) for row in make_examples(task.name, split)]
            for split in SIZES
        }
        tokens = {
            split: special + float(np.mean([len(text.split()) for text in rows])) for split, rows in texts.items()
        }
        return DataSize({split: len(rows) for split, rows in texts.items()}, tokens, False)
    if glue_dir:
        try:
            return _size_of_files(task, glue_dir, special)
        except (OSError, ValueError, UserError):
            return None
    if task.name not in GLUE_SIZES:
        return None
    *examples, tokens = GLUE_SIZES[task.name]
    splits = ("train", "validation")
    return DataSize(dict(zip(splits, examples, strict=True)), dict.fromkeys(splits, tokens), False)


def _size_of_files(task: Task, glue_dir: Path, special: int) -> DataSize:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from seedvar.data.glue import local_files

    examples, tokens = {}, {}
    for split, paths in local_files(glue_dir, task).items():
        tables = [pq.read_table(path, columns=list(task.columns)) for path in paths]
        examples[split] = sum(len(table) for table in tables)
        n_bytes = sum(pc.sum(pc.binary_length(table[column])).as_py() for table in tables for column in task.columns)
        tokens[split] = special + n_bytes / BYTES_A_TOKEN / max(1, examples[split])
    return DataSize(examples, tokens, False)


def work_of(cell: Cell, size: DataSize) -> Work:
    """Returns what a cell has to do if nothing ends its training early.

    The same arithmetic as in `data.splits` and `training.loop`, without the data.
    """
    task, recipe, n = TASKS[cell.task], cell.recipe, size.examples
    held_out = VALIDATION_SIZE // task.n_classes * task.n_classes if recipe.split == "halves" and task.large else 0
    n_full = n["train"] - held_out
    n_train = recipe.n_train // task.n_classes * task.n_classes if recipe.n_train else n_full
    if isinstance(recipe.steps, int):
        updates = recipe.steps
    else:
        updates = recipe.epochs * math.ceil((n_full if recipe.steps == "full" else n_train) / recipe.batch_size)
    epochs = updates / math.ceil(n_train / recipe.batch_size)
    n_evaluations = len({round(k * updates / recipe.evaluations) for k in range(1, recipe.evaluations + 1)} - {0})
    if recipe.split == "dev":
        validation, test = n["validation"] * size.tokens_each["validation"], 0.0
    elif task.large:
        validation = held_out * size.tokens_each["train"]
        test = n["validation"] * size.tokens_each["validation"]
    else:
        validation = test = n["validation"] / 2 * size.tokens_each["validation"]
    # The last and the best checkpoint are tested.
    return Work(updates, epochs * n_train * size.tokens_each["train"], n_evaluations * validation + 2 * test)


def block_parameters(folder: Path | None, name: str) -> tuple[float, int, bool] | None:
    """Returns the parameters of a model's blocks, the number of blocks, and whether its configuration was there.

    A block has four matrices of attention and two of its feed-forward layer; where blocks share one set of
    parameters, it counts once for every block, as it is multiplied with as often.

    Args:
        folder: A folder with `config.json`, or None.
        name: The model's name, which says as much for the usual models of the hub.
    """
    try:
        config = read_json(folder / "config.json") if folder else {}
    except (OSError, ValueError):
        config = {}
    first = lambda *keys: next((config[key] for key in keys if config.get(key)), None)  # noqa: E731
    shape = (
        first("num_hidden_layers", "n_layers"),
        first("hidden_size", "dim"),
        first("intermediate_size", "hidden_dim"),
    )
    known = all(shape)
    if not known:
        shape = next((shape for part, shape in SHAPES.items() if part in name), None)
        if shape is None:
            return None
    blocks, hidden, feed_forward = shape
    return blocks * (4 * hidden**2 + 2 * hidden * feed_forward), blocks, known


def flops_of(work: Work, parameters: float, blocks: int, frozen: int = 0) -> float:
    """Returns the floating-point operations of a cell: 6 · parameters · tokens of training, 2 of evaluation.

    Frozen layers have no backward pass.
    """
    share = frozen / blocks
    return parameters * ((6 - 4 * share) * work.train_tokens + 2 * work.evaluation_tokens)


# --------------------------------------------------------------------------- hours


# --------------------------------------------------------------------------- a study


# --------------------------------------------------------------------------- words
