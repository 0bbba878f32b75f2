"""What a study costs before it is submitted: updates, tokens, FLOPs, hours, disk.

Counts come from the study and from its tokenised data. FLOPs are 6 a parameter and token for training and 2
for evaluation, as in Kaplan et al. (2020), section 2.1; like theirs, the parameters are those of the encoder's
blocks, since embeddings are looked up and not multiplied. Hours come from recorded cells of the same model, as
a straight line in the tokens that they processed. Nothing here imports PyTorch.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, replace
from pathlib import Path

from seedvar.cells.cell import Cell
from seedvar.cells.recipe import Recipe
from seedvar.data.declaration import Declaration
from seedvar.data.splits import VALIDATION_SIZE
from seedvar.data.task import Shares, Task
from seedvar.engine.plan import Plan, PlannedTask
from seedvar.files import read_json
from seedvar.models.configuration import depth_of
from seedvar.models.families import FAMILIES
from seedvar.models.layouts import weights_of

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
        examples: Examples of each source split.
        tokens_each: Mean tokens of an example of each, without padding.
        n_classes: Number of classes; 1 for regression.
        split: How validation and test come, see `data.task.Task`.
        known: Whether the data have been tokenised; otherwise the tokens are an estimate.
    """

    examples: dict[str, int]
    tokens_each: dict[str, float]
    n_classes: int
    split: str | Shares | None
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


class Sizes:
    """The sizes of a study's data, each looked up once; called with a cell, gives None where nothing is known."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self._known: dict[str, DataSize | None] = {}

    def __call__(self, cell: Cell) -> DataSize | None:
        folder = cell.data_folder()
        if folder not in self._known:
            self._known[folder] = data_size(cell, self.plan.results, self.plan.tasks.get(cell.task))
        return self._known[folder]


def data_size(cell: Cell, results: Path, planned: PlannedTask | None) -> DataSize | None:
    """Returns the size of a cell's data, estimated where they are not tokenised; None where nothing is known."""
    try:
        about = read_json(results / cell.data_folder() / "data.json")
        task, examples = Task.from_dict(about["task"]), about["examples"]
        each = {split: about["tokens"][split] / n for split, n in examples.items()}
        return DataSize(examples, each, task.n_classes, task.split, True)
    except (OSError, ValueError, KeyError, TypeError):
        estimate = _estimated_size(cell.task, planned) if planned else None
    if estimate is None:
        return None
    cut = {split: min(tokens, cell.recipe.max_length) for split, tokens in estimate.tokens_each.items()}
    return replace(estimate, tokens_each=cut)


def _estimated_size(name: str, planned: PlannedTask) -> DataSize | None:
    """Counts examples and bytes of data that are at hand; of GLUE on the hub the published numbers."""
    declaration = planned.declaration
    special = len(declaration.columns) + 1  # [CLS] and a [SEP] behind every text
    if planned.task is not None:
        examples = {split: sum(counts) for split, counts in planned.counts.items()}
        tokens = {
            split: special + n_bytes / BYTES_A_TOKEN / max(1, examples[split])
            for split, n_bytes in planned.n_bytes.items()
        }
        return DataSize(examples, tokens, planned.task.n_classes, planned.task.split, False)
    if declaration.data != "glue" or name not in GLUE_SIZES:
        return None
    *examples, tokens = GLUE_SIZES[name]
    splits = ("train", "validation")
    known = dict(zip(splits, examples, strict=True))
    return DataSize(known, dict.fromkeys(splits, tokens), _n_classes(declaration), declaration.split, False)


def _n_classes(declaration: Declaration) -> int:
    if declaration.labels == "number":
        return 1
    return len(declaration.labels or (0, 1))


def work_of(cell: Cell, size: DataSize) -> Work:
    """Returns what a cell has to do if nothing ends its training early.

    The same arithmetic as in `data.splits` and `training.loop`, without the data.
    """
    recipe, classes = cell.recipe, size.n_classes
    n_full, validation, test = _parts(size, recipe.split)
    n_train = n_full
    if recipe.n_train:
        n_train = recipe.n_train // classes * classes if recipe.sampling == "balanced" else recipe.n_train
    if isinstance(recipe.steps, int):
        updates = recipe.steps
    else:
        updates = recipe.epochs * math.ceil((n_full if recipe.steps == "full" else n_train) / recipe.batch_size)
    epochs = updates / math.ceil(n_train / recipe.batch_size)
    n_evaluations = len({round(k * updates / recipe.evaluations) for k in range(1, recipe.evaluations + 1)} - {0})
    # The last and the best checkpoint are tested.
    return Work(updates, epochs * n_train * size.tokens_each["train"], n_evaluations * validation + 2 * test)


def _parts(size: DataSize, how: str) -> tuple[int, float, float]:
    """Returns the number of training examples and the tokens of validation and of test."""
    n, each, split = size.examples, size.tokens_each, size.split
    tokens = {name: n[name] * each[name] for name in n}
    if isinstance(split, Shares):  # of the training data, where the source has no split of its own
        taken = {"validation": split.validation, "test": 0.0 if how == "dev" else split.test}
        own = {name: tokens.get(name, share * tokens["train"]) for name, share in taken.items()}
        n_train = round(n["train"] * (1 - sum(share for name, share in taken.items() if name not in n)))
        return n_train, own["validation"], 0.0 if how == "dev" else own["test"]
    if how == "dev" or split is None:
        return n["train"], tokens["validation"], 0.0 if how == "dev" else tokens.get("test", 0.0)
    if split == "held_out":
        held_out = VALIDATION_SIZE // size.n_classes * size.n_classes
        return n["train"] - held_out, held_out * each["train"], tokens["validation"]
    return n["train"], tokens["validation"] / 2, tokens["validation"] / 2


def block_parameters(folder: Path | None, name: str) -> tuple[float, int, bool] | None:
    """Returns the parameters of a model's blocks, the number of blocks, and whether its configuration was there.

    They are those of the matrices that the family's layout has. Of a name alone, a block has four matrices of attention
    and two of its feed-forward layer; where blocks share one set of parameters, it counts once for every block, as it
    is multiplied with as often.

    Args:
        folder: A folder with `config.json`, or None.
        name: The model's name, which says as much for the usual models of the hub.
    """
    try:
        config = read_json(folder / "config.json") if folder else {}
    except (OSError, ValueError):
        config = {}
    if (family := FAMILIES.get(config.get("model_type"))) and family.stacks:
        with contextlib.suppress(KeyError, TypeError, ZeroDivisionError):
            within = tuple(f"{path.removeprefix(f'{family.prefix}.')}." for path in family.stacks)
            weights = weights_of(family.layout, config).items()
            matrices = [math.prod(shape) for name, shape in weights if len(shape) > 1 and name.startswith(within)]
            return sum(matrices), depth_of(config), True
    first = lambda *keys: next((config[key] for key in keys if config.get(key)), None)  # noqa: E731
    shape = (
        depth_of(config),
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


def flops_of(work: Work, parameters: float, blocks: int, recipe: Recipe) -> float:
    """Returns the floating-point operations of a cell: 6 · parameters · tokens of training, 2 of evaluation.

    Frozen layers have no backward pass. Where biases alone or LoRA are trained it passes through the matrices and makes
    no gradient of them: 4 in place of 6; LoRA's own products are not counted.
    """
    backward = 2 if recipe.biases_only or recipe.lora_rank else 4
    trained = 1 - recipe.frozen_layers / blocks
    return parameters * ((2 + backward * trained) * work.train_tokens + 2 * work.evaluation_tokens)
