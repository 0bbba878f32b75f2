"""A run is given up only when it has never been better than the trivial predictor."""

import dataclasses
import math

import numpy as np
import pytest
from helpers import known_task

from seedvar.methods.stopping import Stopping


@pytest.mark.parametrize(
    ("scores", "share_done", "expected"),
    [
        ([0.5, 0.5], 0.2, False),
        ([0.5, 0.5], 0.3, True),
        ([0.5, 0.5], 0.9, True),
        ([0.6, 0.5], 0.9, False),
        ([math.nan, 0.4], 0.5, True),
    ],
)
def test_a_run_is_stopped_after_its_share_without_a_success(scores, share_done, expected):
    curve = [{"val_accuracy": score} for score in scores]
    assert Stopping(0.3).is_hopeless(known_task("rte"), curve, np.array([0, 1]), share_done) is expected


@pytest.mark.parametrize(("error", "expected"), [(0.99, True), (0.98, False), (5.0, True), (math.nan, True)])
def test_a_hopeless_run_of_an_error_is_one_that_stays_high(error, expected):
    """The labels 1 and 3 have a variance of 1: an error from .99 of it on is that of a constant."""
    task = dataclasses.replace(known_task("stsb"), metric="mse")
    labels = np.array([1.0, 3.0])
    assert Stopping(0.3).is_hopeless(task, [{"val_mse": 7.0}, {"val_mse": error}], labels, 0.5) is expected
