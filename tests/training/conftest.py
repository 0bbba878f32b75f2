"""What tests of training share: one thread, as cells train with, and data that are tokenised once."""

import pytest
import torch
from helpers import prepare_known


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Two threads in one process take many times as long as one while the other core is busy."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_data(tiny_models, tmp_path_factory):
    """Tokenises a task of the package for the tiny model of a family; returns the folder."""
    root = tmp_path_factory.mktemp("data")

    def prepared(task, family="bert"):
        folder = root / f"{task}-{family}"
        if not folder.is_dir():
            prepare_known(task, tiny_models(family), 64, folder)
        return folder

    return prepared
