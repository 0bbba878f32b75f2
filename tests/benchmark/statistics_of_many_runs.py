"""How long the statistics of 5,000 runs take on one core: run with `make bench-statistics`.

The limit is a minute for 10,000 bootstrap resamples. Runs are made up: 100 pairs of task and arm with 50 seeds, and
500 pairs with 10; a tenth of the runs fails.
"""

import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from seedvar.cli.main import main as seedvar
from seedvar.stats import RUNS, STATISTICS


def make_runs(n_tasks: int, n_arms: int, n_seeds: int) -> pd.DataFrame:
    """Makes up the runs table of a study."""
    rng = np.random.default_rng(0)
    keys = [(f"task{t}", f"arm{a}", s) for t in range(n_tasks) for a in range(n_arms) for s in range(n_seeds)]
    runs = pd.DataFrame(keys, columns=["task", "arm", "init_seed"])
    failed = rng.random(len(runs)) < 0.1
    score = np.where(failed, 0.5, rng.normal(0.8, 0.03, len(runs)).clip(0.51, 1))
    return runs.assign(
        order_seed=runs["init_seed"], metric="accuracy", split="test", score=score, score_defined=True, majority=0.5,
        degenerate=failed, validation_last=score, test_last=score, train_loss=1 - score, constant_loss=0.69,
    )  # fmt: skip


def main() -> None:
    """Prints the table."""
    with contextlib.suppress(AttributeError):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    print(f"{'runs':>6}  {'pairs × seeds':>14}  {'statistic':<14} {'seconds':>8}")
    with tempfile.TemporaryDirectory(prefix="seedvar-statistics-") as folder:
        table = str(Path(folder) / "runs.csv")
        for n_tasks, n_arms, n_seeds in ((5, 20, 50), (10, 50, 10)):
            make_runs(n_tasks, n_arms, n_seeds).to_csv(table, index=False)
            for name, kind in STATISTICS.items():
                if kind.tables != (RUNS,) or name == "variance":  # the seeds are not crossed
                    continue
                start = time.monotonic()
                if seedvar(["statistics", name, table, "--baseline", "arm0", "--out", f"{folder}/{name}.csv"]):
                    sys.exit(f"{name} failed")
                n_pairs, seconds = n_tasks * n_arms, time.monotonic() - start
                print(f"{n_pairs * n_seeds:>6,}  {n_pairs:>8} × {n_seeds:<3}  {name:<14} {seconds:>8.1f}", flush=True)


if __name__ == "__main__":
    main()
