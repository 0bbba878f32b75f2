"""Training loss and gradient norm on a plane of weights (Mosbach et al. 2021, section 5, Fig. 7).

The plane goes through three points: θₛ, where fine-tuning started; θ₁ and θ₂, where two runs ended, such as a
failed one and a successful one. At (a, b) the weights are θₛ + a (θ₁ − θₛ) + b (θ₂ − θₛ), the classifier's too.
θₛ is the start of the first run: the pre-trained encoder with that run's classifier. Loss and gradient are
those of the first training examples, with dropout off.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from seedvar.cells.cell import Cell
from seedvar.data.splits import split
from seedvar.data.tasks import TASKS
from seedvar.data.tokens import load_tokens
from seedvar.training.cell import build_initial_model
from seedvar.training.loop import forward, loss_of, make_batch

BATCH = 32  # examples


def axis(points: int, low: float, high: float) -> np.ndarray:
    """Returns the coordinates along an axis, shape (points,), rounded so that 0 and 1 are met exactly."""
    return np.round(np.linspace(low, high, points), 9)


def surface_row(
    first: Cell, second: Cell, weights: tuple[Path, Path], results: Path, a: float, bs: np.ndarray, n_examples: int
) -> list[dict]:
    """Measures one row of the grid.

    Args:
        first: The cell of the first run, at (1, 0).
        second: The cell of the second run, at (0, 1).
        weights: Their `weights.safetensors`.
        results: The results folder, with the prepared data and model.
        a: First coordinate.
        bs: Second coordinates.
        n_examples: Training examples to average over.

    Returns:
        Rows `a`, `b`, `loss` (nats, or squared error), `gradient_norm` (L2, over all weights).
    """
    task = TASKS[first.task]
    tokens, pad_token_id = load_tokens(results / first.data_folder())
    labels = {name: source.labels for name, source in tokens.items()}
    part = split(task, labels, first.recipe.split, first.recipe.n_train)["train"]
    chosen = part.rows[:n_examples]
    cpu = torch.device("cpu")
    batches = [
        (make_batch(tokens[part.source], chosen[i : i + BATCH], task, pad_token_id, cpu), len(chosen[i : i + BATCH]))
        for i in range(0, len(chosen), BATCH)
    ]
    model = build_initial_model(first, results).eval()
    start = {name: tensor.clone() for name, tensor in model.named_parameters()}
    directions = [{name: saved[name] - start[name] for name in start} for saved in map(load_file, weights)]
    rows = []
    for b in bs:
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(start[name] + float(a) * directions[0][name] + float(b) * directions[1][name])
                parameter.requires_grad_(True)
        loss, norm = _loss_and_gradient(model, batches, task, first.recipe)
        rows.append({"a": float(a), "b": float(b), "loss": loss, "gradient_norm": norm})
    return rows


def _loss_and_gradient(model: nn.Module, batches, task, recipe) -> tuple[float, float]:
    model.zero_grad()
    total, n = 0.0, sum(size for _, size in batches)
    for (inputs, labels), size in batches:
        loss = loss_of(forward(model, inputs, recipe), labels, task) * (size / n)
        loss.backward()
        total += loss.item()
    squares = [parameter.grad.double().pow(2).sum() for parameter in model.parameters() if parameter.grad is not None]
    return total, math.sqrt(sum(square.item() for square in squares))
