"""What a GPU makes of a cell: throughput, share of the peak, cells side by side, and whether these keep their bits.

    python tests/benchmark/gpu.py [--device cuda] [--layers 24 --hidden 1024] [--updates 30] [--cells 4] [--glue FOLDER]

Needs no network, no model and no Snakemake. Speed: BERT-large's shape with random weights, on made-up examples with the
lengths of MRPC's. Then cells side by side as processes on one GPU, with `--glue` MiniLM on real GLUE: their scores,
and whether they are equal to the bit to those of cells that ran alone. NVIDIA's MPS, where it is to be used, is
started before (`nvidia-cuda-mps-control -d`). `--device cpu` with a small shape runs the same code on a CPU, which a
test does.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))
from throughput import SEEDVAR, operations, prepared

from seedvar.cells.recipe import Recipe
from seedvar.data.splits import Part
from seedvar.data.task import Task
from seedvar.data.tokens import Tokens
from seedvar.training import loop
from seedvar.training.batches import Examples
from seedvar.training.determinism import make_deterministic


def made_up(n: int, words: int) -> Examples:
    """Makes random examples whose lengths are spread as MRPC's are: 53 tokens on average, 20 to 100."""
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.normal(53, 16, n).round().astype(int), 20, 100)
    offsets = np.cumsum([0, *lengths], dtype=np.int64)
    ids = rng.integers(5, words, offsets[-1], dtype=np.int32)
    labels = rng.integers(0, 2, n).astype(np.float32)
    tokens = {"train": Tokens(ids, np.zeros_like(ids), offsets, labels)}
    parts = {"train": Part("train", np.arange(n - 8)), "validation": Part("train", np.arange(n - 8, n))}
    task = Task("made-up", "made-up", ("text",), ("0", "1"), "accuracy")
    return Examples(task, tokens, parts, 0)


def best_products(device: torch.device, precision: str, hidden: int) -> float:
    """Measures the peak of matrix products at a layer's shapes, operations a second."""
    dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]
    n, best = (8192 if device.type == "cuda" else 512), 0.0
    for k, m in ((hidden, hidden), (hidden, 4 * hidden), (4 * hidden, hidden)):
        a, b = torch.randn(n, k, device=device, dtype=dtype), torch.randn(m, k, device=device, dtype=dtype)
        for _ in range(10):
            wait(device)
            start = time.perf_counter()
            torch.nn.functional.linear(a, b)
            wait(device)
            best = max(best, 2 * n * k * m / (time.perf_counter() - start))
    return best


def wait(device: torch.device) -> None:
    """Waits for a GPU to be done."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def speed(device: torch.device, layers: int, hidden: int, updates: int, precision: str, micro: int | None) -> None:
    """Prints throughput, share of the peak and memory of a model with random weights."""
    from transformers import BertConfig, BertForSequenceClassification

    words = 30522
    config = BertConfig(
        vocab_size=words,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=max(1, hidden // 64),
        intermediate_size=4 * hidden,
    )
    torch.manual_seed(0)
    model = BertForSequenceClassification(config)
    examples = made_up(2048, words)
    recipe = Recipe(steps=updates, evaluations=1, precision=precision, micro_batch=micro)
    seen, times = [], []
    split = loop.micro_batches

    def spy(examples, name, rows, most):
        wait(device)
        times.append(time.perf_counter())
        seen.append(examples.source(name).lengths()[rows])
        return split(examples, name, rows, most)

    loop.micro_batches, predict = spy, loop.predict
    loop.predict = lambda *arguments: times.append(time.perf_counter()) or predict(*arguments)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    try:
        loop.fine_tune(model, examples, recipe, 0, device, log=lambda line: None)
    finally:
        loop.micro_batches, loop.predict = split, predict
    warm = min(5, updates // 2)  # the first updates choose kernels
    seconds = np.diff(times)[warm:]
    lengths = seen[warm : warm + len(seconds)]
    tokens, needed = sum(each.sum() for each in lengths), sum(operations(config, each) for each in lengths)
    peak = best_products(device, precision, hidden)
    memory = f", {torch.cuda.max_memory_allocated() / 1e9:.1f} GB" if device.type == "cuda" else ""
    print(
        f"{layers} layers of {hidden}, batch 32, {precision}, micro_batch {micro}: "
        f"{32 * len(seconds) / sum(seconds):.1f} examples/s, {tokens / sum(seconds):,.0f} real tokens/s, "
        f"{np.median(seconds) * 1e3:.1f} ms an update, "
        f"{needed / sum(seconds) / peak:.0%} of the measured peak of {peak / 1e12:.2f} TFLOP/s{memory}",
        flush=True,
    )


def side_by_side(model: str, task: str, glue: Path | None, device: str, updates: int, n: int) -> None:
    """Prints cells an hour alone and side by side, and whether their results are the same to the bit."""
    recipe = Recipe(
        learning_rate=2e-4, steps=updates, evaluations=2, n_train=1000 if glue else None, precision="bfloat16"
    )

    def run(folder: Path, seeds: list[int], shared: int) -> float:
        start = time.perf_counter()
        running = []
        for seed in seeds:
            one = json.dumps(dataclasses.replace(cell, init_seed=seed, order_seed=seed).specification())
            command = [SEEDVAR, "train", "--cell", one, "--results", folder, "--device", device, "--warm"]
            running.append(subprocess.Popen([*command, "--cells-per-gpu", str(shared)], stderr=subprocess.PIPE))
        for process in running:
            error = process.communicate()[1]
            if process.returncode:
                raise SystemExit(error.decode())
        return time.perf_counter() - start

    with tempfile.TemporaryDirectory() as folder:
        alone, together = Path(folder, "alone"), Path(folder, "together")
        with contextlib.redirect_stderr(io.StringIO()):
            for results in (alone, together):
                cell = prepared(results, model, task, glue, recipe)
        run(alone, [99], 1)  # starts the warm process
        one_by_one = [run(alone, [seed], 1) for seed in range(n)]
        at_once = run(together, list(range(n)), n)
        scores, same = [], True
        for seed in range(n):
            place = dataclasses.replace(cell, init_seed=seed, order_seed=seed).folder()
            same &= (alone / place / "predictions.parquet").read_bytes() == (
                together / place / "predictions.parquet"
            ).read_bytes()
            record = json.loads((together / place / "result.json").read_text())
            scores.append(record["scores"]["last"]["validation"][record["metric"]])
        print(
            f"{model} {task}, {updates} updates: {3600 / statistics.mean(one_by_one):.0f} cells an hour one by one, "
            f"{3600 * n / at_once:.0f} with {n} side by side ({sum(one_by_one) / at_once:.2f} times); "
            f"{'equal' if same else 'NOT EQUAL'} to the bit; validation {min(scores):.3f} to {max(scores):.3f}",
            flush=True,
        )


def main() -> None:
    """Prints a line a measurement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--layers", type=int, default=24)
    parser.add_argument("--hidden", type=int, default=1024)
    parser.add_argument("--updates", type=int, default=30)
    parser.add_argument("--cells", type=int, default=4)
    parser.add_argument("--glue", type=Path, default=os.environ.get("SEEDVAR_GLUE_DIR"))
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("there is no CUDA device here; `--device cpu` runs the same on the CPU")
    device = torch.device(arguments.device)
    print(torch.cuda.get_device_name() if device.type == "cuda" else "CPU", torch.__version__, flush=True)
    make_deterministic(1)
    for precision, micro in (("bfloat16", None), ("float32", None), ("bfloat16", 8)):
        speed(device, arguments.layers, arguments.hidden, arguments.updates, precision, micro)
    task, model = ("mrpc", "minilm") if arguments.glue else ("syn-rte", "syn-bert")
    side_by_side(model, task, arguments.glue, arguments.device, arguments.updates, arguments.cells)


if __name__ == "__main__":
    main()
