"""Kills a cell of BERT-large's shape at 60 % of its time, starts it again and compares it with an undisturbed one.

    python tests/benchmark/resuming.py [--layers 24] [--hidden 1024] [--updates 60]

Random weights, a synthetic task, the CPU. Prints how much was done twice and what the file that a run leaves costs.
It takes some ten minutes and 16 GB of memory; with `--layers 2 --hidden 64 --updates 4000` a few minutes and little.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from seedvar.cells.cell import Cell
from seedvar.cells.recipe import Recipe
from seedvar.data.grammar import vocabulary
from seedvar.models.checkpoints import Checkpoint, prepare

sys.path.insert(0, str(Path(__file__).parents[1]))
from helpers import prepare_known

SEEDVAR = Path(sys.executable).with_name("seedvar")


def make_model(folder: Path, layers: int, hidden: int) -> None:
    """Saves random weights of a BERT, with as many words as BERT-large has."""
    from transformers import BertConfig, BertModel, BertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *vocabulary()]
    words += [f"unused{i}" for i in range(30522 - len(words))]
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=max(1, hidden // 64),
        intermediate_size=4 * hidden,
    )
    BertModel(config).save_pretrained(folder)
    BertTokenizer(vocab={word: i for i, word in enumerate(words)}).save_pretrained(folder)


def train(cell: Cell, results: Path, log: Path, kill_after_s: float | None = None, number=signal.SIGKILL) -> float:
    """Runs `seedvar train`, or only so many seconds of it. Returns the seconds that it took."""
    command = [SEEDVAR, "train", "--cell", json.dumps(cell.specification()), "--results", results, "--log", log]
    start = time.monotonic()
    process = subprocess.Popen(command)
    try:
        process.wait(timeout=kill_after_s)
    except subprocess.TimeoutExpired:
        process.send_signal(number)
        process.wait()
    assert kill_after_s or process.returncode == 0, log.read_text()
    return time.monotonic() - start


def kept(log: Path) -> list[int]:
    """Lists the updates after which a run left what it could go on from."""
    return [int(update) for update in re.findall(r"^kept as it is after update (\d+)/", log.read_text(), re.MULTILINE)]


def files_of(cell: Cell, results: Path) -> list:
    """The files of a cell without what its starts may differ in."""
    record = json.loads((results / cell.folder() / "result.json").read_text())
    for name in ("wall_time_s", "resumed_after", "commit"):
        record.pop(name)
    return [record, *((results / cell.folder() / name).read_bytes() for name in ("curve.csv", "predictions.parquet"))]


def main() -> None:
    """Prints a line a measurement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=24)
    parser.add_argument("--hidden", type=int, default=1024)
    parser.add_argument("--updates", type=int, default=60)
    arguments = parser.parse_args()
    recipe = Recipe(learning_rate=1e-5, n_train=64, batch_size=4, steps=arguments.updates, evaluations=1, max_length=32)
    cell = Cell("synthetic", "large", "syn-rte", recipe, 0, 0)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        make_model(folder / "model", arguments.layers, arguments.hidden)
        prepared = folder / "whole"
        prepare(Checkpoint("large", folder=folder / "model"), prepared / "models/large")
        prepare_known("syn-rte", prepared / "models/large", 32, prepared / cell.data_folder())
        shutil.rmtree(folder / "model")
        for name in ("killed", "asked"):  # the files of the model are shared, not copied
            shutil.copytree(prepared, folder / name, copy_function=lambda a, b: Path(b).hardlink_to(a))
        seconds = train(cell, prepared, folder / "whole.log")
        updates = [0, *kept(folder / "whole.log"), arguments.updates]
        most = max(after - before for before, after in itertools.pairwise(updates))
        print(
            f"undisturbed: {seconds:.0f} s, at most {most} of {arguments.updates} updates from one file to the next",
            flush=True,
        )
        for name, number in (("killed", signal.SIGKILL), ("asked", signal.SIGTERM)):
            first = train(cell, folder / name, folder / f"{name}-1.log", 0.6 * seconds, number)
            left = folder / name / cell.folder() / "unfinished.pt"
            size = left.stat().st_size / 1e9 if left.exists() else 0
            second = train(cell, folder / name, folder / f"{name}-2.log")
            record = json.loads((folder / name / cell.folder() / "result.json").read_text())
            same = files_of(cell, folder / name) == files_of(cell, prepared)
            print(
                f"{signal.Signals(number).name} after {first:.0f} s: went on behind {record['resumed_after']}, "
                f"{second:.0f} s more, {'equal' if same else 'NOT EQUAL'} to the bit; {size:.1f} GB left",
                flush=True,
            )


if __name__ == "__main__":
    main()
