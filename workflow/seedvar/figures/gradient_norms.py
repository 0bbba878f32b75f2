"""The gradient norm of every block over training (Mosbach et al. 2021, Fig. 4)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from seedvar.figures.style import (
    A_LINE,
    block_shades,
    columns_of_tasks,
    in_order,
    over_share_of_training,
    panel_names,
    plain_powers,
)
from seedvar.words import KEYS, SEEDS, task_title

SMALLEST = 1e-12  # stands for 0 on a logarithmic scale


def numbers(runs: pd.DataFrame, diagnostics: pd.DataFrame) -> pd.DataFrame:
    """Computes the gradient norm of every block, failed and other runs apart; see `block_numbers`.

    An arm of which some runs failed has a panel of its own, with the first failed and the first other run by seed,
    named in `run`, update by update. Where there is no such arm, `run` is missing and the means are those of all arms.
    """
    measured = diagnostics.loc[diagnostics["quantity"] == "gradient_norm", KEYS].drop_duplicates()
    runs = runs.merge(measured, on=KEYS)
    runs = runs.assign(panel=panel_names(runs))
    of_arm = runs.groupby(["panel", "arm"], sort=False)["degenerate"]
    mixed = of_arm.transform("nunique") == 2
    first = runs[mixed].sort_values(SEEDS, kind="stable").groupby(["panel", "arm", "degenerate"], sort=False).head(1)
    first = first.sort_index()
    tables = []
    for _, pair in first.groupby(["panel", "arm"], sort=False):
        table = single_runs(pair, diagnostics)
        names = {run.degenerate: f"seed {seed_name(run.init_seed, run.order_seed)}" for run in pair.itertuples()}
        title = f"{pair['panel'].iloc[0]}, {pair['arm'].iloc[0]}"
        tables.append(table.assign(task=title, run=table["degenerate"].map(names)))
    others = runs[~runs["panel"].isin(first["panel"])]
    if len(others) or not tables:
        tables.append(block_numbers(others, diagnostics, "gradient_norm"))
    return pd.concat(tables, ignore_index=True)


def seed_name(init_seed: int, order_seed: int) -> str:
    """Writes a run's seeds: one where both are the same."""
    return str(init_seed) if init_seed == order_seed else f"{init_seed}/{order_seed}"


def draw(numbers: pd.DataFrame) -> Figure:
    """Draws one column a task, failed runs above; each line is a block, dark at the bottom of the network."""
    return draw_blocks(numbers, "gradient norm before clipping")


def single_runs(runs: pd.DataFrame, diagnostics: pd.DataFrame) -> pd.DataFrame:
    """Returns the gradient norms of single runs: as `block_numbers`, with the `update` in place of the share."""
    norms = _by_block(diagnostics, "gradient_norm").merge(runs[[*KEYS, "degenerate"]], on=KEYS)
    table = norms.rename(columns={"value": "geometric_mean"}).assign(n=1)
    return table[["task", "degenerate", "block", "update", "geometric_mean", "n"]]


def _by_block(diagnostics: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Returns a quantity of each block at each update of each run, over the kinds of a block summed in squares."""
    rows = diagnostics[diagnostics["quantity"] == quantity]
    square = rows["value"].astype(float) ** 2
    norm = square.groupby([rows[key] for key in [*KEYS, "update", "block"]], sort=False, observed=True).sum() ** 0.5
    return norm.clip(lower=SMALLEST).reset_index()


def block_numbers(runs: pd.DataFrame, diagnostics: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Averages a quantity of `methods.diagnostics` over runs.

    Args:
        runs: The runs table (see `collect.py`).
        diagnostics: The diagnostics table: `methods.diagnostics` with the keys of the runs.
        quantity: One that blocks have; over the kinds of a block it is summed in squares.

    Returns:
        One row a task (and model, where there are several), `degenerate`, block and share of training: the geometric
        mean over `n` runs of all arms.
    """
    norm = _by_block(diagnostics, quantity)
    norm["value"] = np.log(norm["value"])
    panels = runs[[*KEYS, "degenerate"]].assign(panel=panel_names(runs))
    table = (
        over_share_of_training(norm, runs, ["block"])
        .merge(panels, on=KEYS)
        .drop(columns="task")
        .rename(columns={"panel": "task"})
    )
    groups = table.groupby(["task", "degenerate", "block", "share"], sort=False, observed=True)["value"]
    result = groups.agg(["mean", "count"]).reset_index()
    result["geometric_mean"] = np.exp(result.pop("mean"))
    return result.rename(columns={"count": "n"})[["task", "degenerate", "block", "share", "geometric_mean", "n"]]


def draw_blocks(numbers: pd.DataFrame, label: str) -> Figure:
    """Draws lines of blocks, one column a task, failed runs above and the others below.

    Means are drawn over the share of training, since their runs may be of any length; single runs over their updates.
    """
    tasks, blocks = in_order(numbers["task"]), in_order(numbers["block"])
    shades = block_shades(blocks)
    figure, axes = columns_of_tasks(len(tasks), 2, 4.2, sharex="col", sharey=True)
    for of_task, task in zip(axes, tasks, strict=True):
        is_single = "run" in numbers and numbers.loc[numbers["task"] == task, "run"].notna().any()
        along, unit = ("update", "updates") if is_single else ("share", "share of training, %")
        for ax, failed in zip(of_task, (True, False), strict=True):
            rows = numbers[(numbers["task"] == task) & (numbers["degenerate"] == failed)]
            for block in blocks:
                line = rows[rows["block"] == block].sort_values(along)
                ax.plot(line[along], line["geometric_mean"], color=shades[block], label=block, linewidth=1.1)
            ax.set_yscale("log")
            plain_powers(ax.yaxis)
            n_runs = int(rows["n"].max()) if len(rows) else 0
            who = f"{n_runs} {'failed' if failed else 'other'} runs"
            if is_single:
                who = f"{'failed' if failed else 'other'} run, {rows['run'].iloc[0]}"
            ax.set_title(f"{task_title(task)}\n{who}")
            if n_runs == 0:
                ax.text(0.5, 0.5, "no run", transform=ax.transAxes, ha="center")
        of_task[1].set_xlabel(unit)
    for first_of_line in axes[::A_LINE]:
        for ax in first_of_line:
            ax.set_ylabel(label)
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside right center", fontsize=6.5)
    return figure
