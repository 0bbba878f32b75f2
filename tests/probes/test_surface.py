"""The surface probe: a plane through three points, and true losses and gradients on it."""

import pytest
import torch
from helpers import prepare_known
from safetensors.torch import save_file

from seedvar.cells.cell import Cell
from seedvar.cells.recipe import Recipe
from seedvar.models.checkpoints import Checkpoint
from seedvar.models.checkpoints import prepare as prepare_model
from seedvar.probes.surface import Grid, surface_row
from seedvar.training.batches import load_examples, make_batch
from seedvar.training.loop import forward, loss_of
from seedvar.training.network import build_model

RECIPE = Recipe(n_train=40)


@pytest.fixture
def plane(tiny_models, tmp_path):
    """Two runs whose weights are their start plus 0.1, and plus a random direction."""
    prepare_model(Checkpoint("tiny", folder=tiny_models("bert")), tmp_path / "models" / "tiny")
    first = Cell("synthetic", "tiny", "syn-rte", RECIPE, 0, 0)
    second = Cell("synthetic", "tiny", "syn-rte", RECIPE, 1, 1)
    prepare_known("syn-rte", tmp_path / "models/tiny", 128, tmp_path / first.data_folder())
    examples = load_examples(tmp_path / first.data_folder(), RECIPE)
    start = build_model(tmp_path / "models/tiny", examples.task, RECIPE, 0).state_dict()
    torch.manual_seed(0)
    ends = [{n: v + 0.1 for n, v in start.items()}, {n: v + 0.1 * torch.randn(v.shape) for n, v in start.items()}]
    for cell, end in zip((first, second), ends, strict=True):
        (tmp_path / cell.folder()).mkdir(parents=True)
        save_file(end, tmp_path / cell.weights_file())
    return tmp_path, first, second, examples, start, ends


def loss_at(results, examples, weights):
    """The mean loss over the training examples and its gradient, in one batch."""
    model = build_model(results / "models/tiny", examples.task, RECIPE, 0).eval()
    model.load_state_dict(weights)
    inputs, labels = make_batch(examples, "train", examples.rows("train"), torch.device("cpu"))
    loss = loss_of(forward(model, inputs, RECIPE), labels, examples.task)
    loss.backward()
    return loss.item(), torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]).norm().item()


def test_the_corners_are_the_start_and_the_two_runs(plane):
    results, first, second, examples, start, ends = plane
    grid = Grid(points=2, low=0.0, high=1.0, examples=40)  # the probe takes them in batches of 32
    rows = [each for row in (0, 1) for each in surface_row(first, second, results, grid, row)]
    at = {(row["a"], row["b"]): (row["loss"], row["gradient_norm"]) for row in rows}
    assert list(at) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    for corner, weights in (((0, 0), start), ((1, 0), ends[0]), ((0, 1), ends[1])):
        assert at[corner] == pytest.approx(loss_at(results, examples, weights), rel=1e-4)


def test_an_axis_meets_its_points_exactly():
    assert Grid(21, -0.5, 1.5, 128).axis[[5, 15]].tolist() == [0.0, 1.0]
    assert Grid(2, 0, 1, 128).axis.tolist() == [0.0, 1.0]
