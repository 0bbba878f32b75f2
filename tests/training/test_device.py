"""One cell a device: cells that start together take different ones, and wait when there is none left."""

import subprocess
import threading
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from seedvar.errors import UserError
from seedvar.training.device import about_machine, claimed_device, first_free


def test_claims_are_exclusive_and_end(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    devices = ["gpu-a", "gpu-b"]
    with first_free(devices) as one, first_free(devices) as two:
        assert (one, two) == (0, 1)
        waited = []

        def third():
            with first_free(devices, poll_s=0.01) as number:
                waited.append(number)

        thread = threading.Thread(target=third)
        thread.start()
        thread.join(0.2)
        assert waited == []  # both are taken
    thread.join(10)
    assert waited == [0]


def test_cells_that_may_share_devices_are_spread_over_them_first(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: SimpleNamespace(uuid=f"gpu-{number}"))
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
    with ExitStack() as stack:
        devices = [stack.enter_context(claimed_device("auto", 2)).index for _ in range(4)]
        assert devices == [0, 1, 0, 1]
        monkeypatch.setattr("time.sleep", lambda seconds: (_ for _ in ()).throw(BlockingIOError))
        with pytest.raises(BlockingIOError):  # a fifth waits: all four places are taken
            stack.enter_context(claimed_device("auto", 2))


def test_the_cpu_is_everyones():
    with claimed_device("cpu") as one, claimed_device("cpu") as two:
        assert one == two == torch.device("cpu")


def test_cuda_where_there_is_none_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with (
        pytest.raises(UserError, match="device: 'cuda' is not accepted, this machine has no CUDA device"),
        claimed_device("cuda"),
    ):
        pass
    with claimed_device("auto") as device:
        assert device.type == "cpu"


def test_a_record_names_processor_and_commit_where_they_can_be_told(monkeypatch):
    about = about_machine()
    assert about.keys() == {"processor", "commit"}
    git = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    here = subprocess.run(git, capture_output=True, text=True)
    assert about["commit"] == (here.stdout.strip() if here.returncode == 0 else None)
    monkeypatch.setenv("PATH", "")
    assert about_machine() == about | {"commit": None}  # no git is no reason not to train
