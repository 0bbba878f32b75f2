"""Made-up results of valid form, for tests and benchmarks of everything that reads results and trains nothing."""

import json
import shutil
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from seedvar.cells import store
from seedvar.cells.cell import Cell
from seedvar.cells.fingerprint import parts_of
from seedvar.cells.record import RunRecord
from seedvar.cells.syntax import code_digest
from seedvar.data.known import package_declaration
from seedvar.data.resolve import resolve
from seedvar.data.scoring import metric_names
from seedvar.data.task import Task
from seedvar.files import digest, read_json, write_json
from seedvar.models.families import family_of
from seedvar.models.layouts import weights_of

N_EXAMPLES = 400  # of the development set, half of them validation


WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SHAPE = {
    "num_hidden_layers": 2, "hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2,
    "max_position_embeddings": 64, "type_vocab_size": 2, "vocab_size": len(WORDS),
}  # fmt: skip


def make_model(folder: Path, **shape) -> None:
    """Makes a checkpoint of BERT's with zeros for weights and a tokenizer that knows no word: nobody trains it."""
    import numpy as np
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_type": "bert", **SHAPE, **shape}
    write_json(folder / "config.json", config)
    weights = weights_of(family_of("bert").layout, config)
    save_file({name: np.zeros(size, np.float32) for name, size in weights.items()}, folder / "model.safetensors")
    model = {"type": "WordLevel", "vocab": {word: i for i, word in enumerate(WORDS)}, "unk_token": "[UNK]"}
    write_json(folder / "tokenizer.json", {"version": "1.0", "added_tokens": [], "model": model})


def prepare(cells: list[Cell], model: Path, results: Path, own: dict[str, Task] | None = None) -> None:
    """Prepares the models, all alike, and the data that cells name, without tokenising anything.

    Args:
        cells: The cells.
        model: Folder of the model.
        results: The results folder.
        own: Tasks that are not the package's, by name.
    """
    from seedvar.models.checkpoints import Checkpoint
    from seedvar.models.checkpoints import prepare as copy_model

    for name in {cell.model for cell in cells}:
        copy_model(Checkpoint(name, folder=model, origin=name), results / "models" / name)  # as of ./NAME
    for cell in {cell.data_folder(): cell for cell in cells}.values():
        examples = {"train": 480, "validation": N_EXAMPLES}
        task = (own or {}).get(cell.task) or resolve(package_declaration(cell.task), cell.task)
        about = {"task": task.as_dict(), "max_length": cell.recipe.max_length, "examples": examples}
        tokens = {split: 16 * n for split, n in examples.items()}
        write_json(results / cell.data_folder() / "data.json", {**about, "tokens": tokens, "content": cell.task})


def metric_of(cell: Cell, results: Path) -> str:
    """Returns the metric of a cell's prepared data."""
    return read_json(results / cell.data_folder() / "data.json")["task"]["metric"]


_digest = cache(code_digest)


def _parts(cell: Cell, results: Path) -> dict:
    return parts_of(cell, results, digest_of=_digest)


def record_of(cell: Cell, results: Path, **changes) -> RunRecord:
    """Makes up the result of a cell; its score depends on its seed alone."""
    metric = metric_of(cell, results)
    score = 0.6 + (cell.init_seed * 7919 + cell.order_seed) % 1000 / 4000
    scores = dict.fromkeys(metric_names(metric), score)
    values = {
        "cell": cell.specification(),
        "fingerprint": digest(_parts(cell, results)),
        "slug": cell.recipe.slug(),
        "recipe": cell.recipe.model_dump(),
        "status": "finished",
        "degenerate": False,
        "metric": metric,
        "scores": {checkpoint: {"validation": scores, "test": scores} for checkpoint in ("last", "best")},
        "majority": {"validation": 0.5, "test": 0.5},
        "updates": 90,
        "best_update": 90,
        "train_loss": 0.5,
        "constant_loss": 0.69,
        "examples": {"train": 480, "validation": N_EXAMPLES // 2, "test": N_EXAMPLES // 2},
        "wall_time_s": 8.0,
        "device": "cpu",
        "threads": 1,
        "versions": {"numpy": version("numpy")},
    }
    return RunRecord(**(values | changes))


def make_cells(cells: list[Cell], results: Path, in_folder=True, in_store=True, **changes) -> None:
    """Writes results of cells whose data and model are prepared, into their folders, the store, or both."""
    rows = [(c, s, i) for c in ("last", "best") for s in ("validation", "test") for i in range(N_EXAMPLES // 2)]
    predictions = pd.DataFrame(rows, columns=["checkpoint", "split", "example"])
    predictions = predictions.astype({"example": "int32"})
    predictions = predictions.assign(label=predictions["example"] % 2, logit_0=0.5, logit_1=predictions.index / 1000)
    curve = {name: [1.0 * k for k in range(1, 6)] for name in ("update", "epoch", "learning_rate", "train_loss")}
    template = results / ".made-up"
    template.mkdir(parents=True)
    predictions.astype({"label": "float32", "logit_0": "float32", "logit_1": "float32"}).to_parquet(
        template / "predictions.parquet", index=False
    )
    for cell in cells:
        metric = metric_of(cell, results)
        pd.DataFrame({**curve, "val_loss": 0.5, f"val_{metric}": 0.7}).to_csv(template / "curve.csv", index=False)
        record = record_of(cell, results, **changes)
        (template / "result.json").write_text(record.model_dump_json(indent=1) + "\n")
        parts = _parts(cell, results)
        (template / "fingerprint.json").write_text(json.dumps(parts, indent=1, sort_keys=True) + "\n")
        if in_store:
            store.keep(results / "store", record.fingerprint, template)
        if in_folder:
            shutil.copytree(template, results / cell.folder(), dirs_exist_ok=True)
    shutil.rmtree(template)
