"""Training loss and gradient norm on a plane of weights (Mosbach et al. 2021, section 5, Fig. 7).

The plane goes through three points: θₛ, where fine-tuning started; θ₁ and θ₂, where two runs ended, such as a
failed one and a successful one. At (a, b) the weights are θₛ + a (θ₁ − θₛ) + b (θ₂ − θₛ), the classifier's too.
θₛ is the start of the first run: the pre-trained encoder with that run's classifier. Loss and gradient are
those of the first training examples, with dropout off, in the precision of the first run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from seedvar.cells.cell import Cell
from seedvar.training.batches import load_examples, make_batch, micro_batches
from seedvar.training.cell import build_initial_model
from seedvar.training.loop import forward, loss_of
from seedvar.training.packing import batch_maker

BATCH = 32  # examples
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Grid:
    """The points to measure, the same on both axes.

    Attributes:
        points: Points on each axis.
        low: Where both axes begin.
        high: Where both axes end.
        examples: Training examples to average over.
    """

    points: int
    low: float
    high: float
    examples: int

    @property
    def axis(self) -> np.ndarray:
        """The coordinates along an axis, shape (points,), rounded so that 0 and 1 are met exactly."""
        return np.round(np.linspace(self.low, self.high, self.points), 9)


def surface_row(
    first: Cell, second: Cell, results: Path, grid: Grid, row: int, device: torch.device = CPU
) -> list[dict]:
    """Measures one row of the grid.

    Args:
        first: The cell of the first run, at (1, 0).
        second: The cell of the second run, at (0, 1).
        results: The results folder, with the prepared data and model and the weights of both cells.
        grid: The points.
        row: Which point of the first axis, from 0.
        device: Where to measure.

    Returns:
        Rows `a`, `b`, `loss` (nats, or squared error), `gradient_norm` (L2, over all weights).
    """
    examples = load_examples(results / first.data_folder(), first.recipe)
    model = build_initial_model(first, results, examples.task).eval().to(device)
    batch_of = batch_maker(model) or make_batch
    pieces = micro_batches(examples, "train", examples.rows("train")[: grid.examples], BATCH)
    batches = [(batch_of(examples, "train", piece, device), len(piece)) for piece in pieces]
    start = {name: tensor.clone() for name, tensor in model.named_parameters()}
    weights = [load_file(results / cell.weights_file(), device=str(device)) for cell in (first, second)]
    directions = [{name: saved[name] - start[name] for name in start} for saved in weights]
    rows, a = [], float(grid.axis[row])
    for b in grid.axis:
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(start[name] + a * directions[0][name] + float(b) * directions[1][name])
                parameter.requires_grad_(True)
        loss, norm = _loss_and_gradient(model, batches, examples.task, first.recipe)
        rows.append({"a": a, "b": float(b), "loss": loss, "gradient_norm": norm})
    return rows


def _loss_and_gradient(model: nn.Module, batches, task, recipe) -> tuple[float, float]:
    model.zero_grad()
    total, n = 0.0, sum(size for _, size in batches)
    for (inputs, labels), size in batches:
        loss = loss_of(forward(model, inputs, recipe), labels, task) * (size / n)
        loss.backward()
        total += loss.detach()
    squares = [parameter.grad.double().pow(2).sum() for parameter in model.parameters() if parameter.grad is not None]
    return float(total), math.sqrt(float(sum(squares)))
