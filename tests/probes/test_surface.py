"""The surface probe: a plane through three points, and true losses and gradients on it."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from seedvar.cells.cell import Cell
from seedvar.cells.recipe import Recipe
from seedvar.data.prepare import prepare as prepare_data
from seedvar.data.splits import split
from seedvar.data.tasks import TASKS
from seedvar.data.tokens import load_tokens
from seedvar.models.checkpoints import Checkpoint
from seedvar.models.checkpoints import prepare as prepare_model
from seedvar.probes.surface import axis, surface_row
from seedvar.training.loop import forward, loss_of, make_batch
from seedvar.training.network import build_model

TASK = TASKS["syn-rte"]
RECIPE = Recipe(n_train=40)


@pytest.fixture
def plane(tiny_models, tmp_path):
    """Two runs whose weights are their start plus 1, and plus a random direction."""
    prepare_model(Checkpoint("tiny", folder=tiny_models("bert")), tmp_path / "models" / "tiny")
    first = Cell("synthetic", "tiny", "syn-rte", RECIPE, 0, 0)
    second = Cell("synthetic", "tiny", "syn-rte", RECIPE, 1, 1)
    prepare_data(TASK, tmp_path / "models/tiny", 128, tmp_path / first.data_folder(), None)
    start = build_model(tmp_path / "models/tiny", TASK, RECIPE, 0).state_dict()
    torch.manual_seed(0)
    ends = [{n: v + 0.1 for n, v in start.items()}, {n: v + 0.1 * torch.randn(v.shape) for n, v in start.items()}]
    for number, end in enumerate(ends):
        save_file(end, tmp_path / f"{number}.safetensors")
    return tmp_path, first, second, (tmp_path / "0.safetensors", tmp_path / "1.safetensors"), start, ends


def loss_at(results, cell, weights):
    """The mean loss over the training examples and its gradient, in one batch."""
    tokens, pad = load_tokens(results / cell.data_folder())
    part = split(TASK, {n: t.labels for n, t in tokens.items()}, RECIPE.split, RECIPE.n_train)["train"]
    model = build_model(results / "models/tiny", TASK, RECIPE, 0).eval()
    model.load_state_dict(weights)
    inputs, labels = make_batch(tokens["train"], part.rows, TASK, pad, torch.device("cpu"))
    loss = loss_of(forward(model, inputs, RECIPE), labels, TASK)
    loss.backward()
    return loss.item(), torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]).norm().item()


def test_the_corners_are_the_start_and_the_two_runs(plane):
    results, first, second, files, start, ends = plane
    rows = [row for a in (0.0, 1.0) for row in surface_row(first, second, files, results, a, np.array([0.0, 1.0]), 40)]
    at = {(row["a"], row["b"]): (row["loss"], row["gradient_norm"]) for row in rows}
    for corner, weights in (((0, 0), start), ((1, 0), ends[0]), ((0, 1), ends[1])):
        assert at[corner] == pytest.approx(loss_at(results, first, weights), rel=1e-4)


def test_an_axis_meets_its_points_exactly():
    assert axis(21, -0.5, 1.5)[[5, 15]].tolist() == [0.0, 1.0]
    assert axis(2, 0, 1).tolist() == [0.0, 1.0]
