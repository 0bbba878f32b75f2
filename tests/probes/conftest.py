"""What tests of probes share: one thread, as the jobs of the workflow measure with."""

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Two threads in one process take many times as long as one while the other core is busy."""
    torch.set_num_threads(1)
