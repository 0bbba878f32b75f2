"""A run is given up only when it has never been better than the trivial predictor."""

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
