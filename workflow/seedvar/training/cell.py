"""Trains one cell: reads its inputs, fine-tunes, and writes the files of the cell."""

from __future__ import annotations

import math
import platform
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file
from torch import nn

from seedvar import signals
from seedvar.cells import store
from seedvar.cells.cell import Cell
from seedvar.cells.places import UNFINISHED, model_folder
from seedvar.cells.record import RunRecord
from seedvar.data.metrics import load_metric
from seedvar.data.scoring import constant_loss, is_degenerate, majority_score, scores
from seedvar.data.task import Task
from seedvar.files import write_atomically, write_text
from seedvar.training.batches import Examples, load_examples
from seedvar.training.determinism import make_deterministic
from seedvar.training.device import about_machine, claimed_device, keep_memory
from seedvar.training.loop import Outcome, fine_tune
from seedvar.training.network import build_model
from seedvar.training.resuming import Unfinished


def train_cell(
    cell: Cell,
    fingerprint: str,
    results: Path,
    device: str = "auto",
    threads: int = 1,
    keep_weights: bool = False,
    cells_per_gpu: int = 1,
) -> RunRecord:
    """Trains a cell and writes its files, `result.json` last.

    Args:
        cell: What to train.
        fingerprint: Its fingerprint, for the record and the store.
        results: The results folder, with the prepared data and model.
        device: `auto`, `cpu` or `cuda`.
        threads: Torch threads; part of what makes a result bit-identical.
        keep_weights: Put the weights of the last checkpoint into the store, for `seedvar weights`.
        cells_per_gpu: How many cells may share a CUDA device.

    Returns:
        The record that was written. A run that diverged is a result like any other.

    Raises:
        Stopped: The process was asked to end; a long run goes on from there at the next start.
    """
    keep_memory()
    make_deterministic(threads)
    examples = load_examples(results / cell.data_folder(), cell.recipe)
    folder = results / cell.folder()
    with claimed_device(device, cells_per_gpu) as chosen:
        on_gpu = chosen.type == "cuda"
        device_name = torch.cuda.get_device_name(chosen) if on_gpu else "cpu"
        machine = {"device": device_name, "threads": threads, **about_machine()}
        machine["cells_per_gpu"] = cells_per_gpu if on_gpu else 1
        unfinished = Unfinished(folder / UNFINISHED, _must_agree(fingerprint, machine), _log)
        with signals.heard(unfinished.hear):
            model = build_initial_model(cell, results, examples.task)
            outcome = fine_tune(model, examples, cell.recipe, cell.order_seed, chosen, _log, unfinished)
            machine |= {"wall_time_s": round(unfinished.seconds, 2), "resumed_after": unfinished.resumed_after}

    record = _record(cell, fingerprint, examples, outcome, machine)
    curve = pd.DataFrame(outcome.curve)
    write_atomically(folder / "curve.csv", lambda path: curve.to_csv(path, index=False))
    if outcome.diagnostics:
        diagnostics = pd.DataFrame(outcome.diagnostics)
        write_atomically(folder / "diagnostics.csv", lambda path: diagnostics.to_csv(path, index=False))
    predictions = _predictions(outcome, examples)
    write_atomically(folder / "predictions.parquet", lambda path: predictions.to_parquet(path, index=False))
    write_text(folder / "result.json", record.model_dump_json(indent=1) + "\n")
    unfinished.remove()
    store.keep(results / "store", fingerprint, folder)
    if keep_weights:
        weights = {name: parameter.detach().cpu().contiguous() for name, parameter in model.named_parameters()}
        store.keep_weights(results / "store", fingerprint, lambda path: save_file(weights, path))
    return record


def build_initial_model(cell: Cell, results: Path, task: Task) -> nn.Module:
    """Builds the network that a cell's training starts from, on the CPU."""
    first = cell.intermediate()
    return build_model(
        model_folder(results, cell.model),
        task,
        cell.recipe,
        cell.init_seed,
        results / first.weights_file() if first else None,
    )


def _must_agree(fingerprint: str, machine: dict) -> dict[str, str]:
    """Returns what two starts of a run must have in common for one result, to the bit."""
    of_machine = {name: str(machine[name]) for name in ("device", "processor", "threads")}
    return {"code, data or model": fingerprint, **of_machine, "PyTorch": str(torch.__version__)}


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _record(cell: Cell, fingerprint: str, examples: Examples, outcome: Outcome, machine: dict) -> RunRecord:
    task = examples.task
    labels = {name: examples.labels(name) for name in examples.parts if name != "train"}
    measured = {
        checkpoint: {name: scores(task, labels[name], logits) for name, logits in by_split.items()}
        for checkpoint, by_split in outcome.logits.items()
    }
    majority = {name: majority_score(task, values) for name, values in labels.items()}
    reported = "test" if "test" in majority else "validation"
    final_loss = outcome.curve[-1]["train_loss"] if outcome.status != "diverged" else math.nan
    return RunRecord(
        cell=cell.specification(),
        fingerprint=fingerprint,
        slug=cell.recipe.slug(),
        recipe=cell.recipe.model_dump(),
        status=outcome.status,
        degenerate=is_degenerate(task, measured["last"][reported], labels[reported]),
        metric=task.metric,
        positive=task.positive if load_metric(task.metric).NEEDS_POSITIVE else None,
        scores={
            checkpoint: {name: {k: _number(v) for k, v in values.items()} for name, values in by_split.items()}
            for checkpoint, by_split in measured.items()
        },
        majority=majority,
        updates=outcome.updates,
        best_update=outcome.best_update,
        train_loss=_number(final_loss),
        constant_loss=constant_loss(task, examples.labels("train")),
        examples={name: len(part.rows) for name, part in examples.parts.items()},
        versions={
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "transformers", "numpy", "scikit-learn", "scipy")},
            **({"peft": version("peft")} if cell.recipe.lora_rank else {}),
        },
        **machine,
    )


def _predictions(outcome: Outcome, examples: Examples) -> pd.DataFrame:
    """Makes one row a (checkpoint, split, example): the position in its source, the label, the logits."""
    frames = []
    for checkpoint, by_split in outcome.logits.items():
        for name, logits in by_split.items():
            columns = {f"logit_{k}": logits[:, k] for k in range(logits.shape[1])}
            frames.append(
                pd.DataFrame(
                    {
                        "checkpoint": checkpoint,
                        "split": name,
                        "example": examples.rows(name).astype(np.int32),
                        "label": examples.labels(name),
                        **columns,
                    }
                )
            )
    return pd.concat(frames, ignore_index=True)
