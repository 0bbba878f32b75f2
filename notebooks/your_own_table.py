# %% [markdown]
"""
# Your own table of scores

Scores that you have already, from any code, become a study: write a few lines that say what your table calls things,
and get failure counts, intervals, tests, verdicts and figures. This notebook makes up a table and reads it; put your
own in its place. All it writes goes to a temporary folder.
"""

# %%
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from seedvar.errors import UserError
from seedvar.figures import distribution
from seedvar.report.shown import Picture, Table
from seedvar.stats.compare import compare
from seedvar.stats.describe import summarise
from seedvar.stats.planning import seeds_needed
from seedvar.stats.rule import decide
from seedvar.stats.verdict import verdicts
from seedvar.study.reading import read_study
from seedvar.tables.foreign import import_runs

temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)

# %% [markdown]
"""
## The table

One row a run. These scores are **made up**: accuracies in percent of two methods, on two data sets, with ten seeds
each. Some runs of the old method collapse to about the share of the majority class, and one has diverged: its score is
not defined, so its field is empty.
"""

# %%
rng = np.random.default_rng(0)
rows = []
for dataset, level in (("reviews", 88), ("questions", 74)):
    for method, gain, collapses in (("old", 0, 0.4), ("new", 1.5, 0)):
        for seed in range(10):
            score = rng.normal(50, 1) if rng.random() < collapses else rng.normal(level + gain, 1.2)
            rows.append({"dataset": dataset, "method": method, "seed": seed, "test_acc": round(score, 1)})
scores = pd.DataFrame(rows)
scores.loc[3, "test_acc"] = np.nan
scores.to_csv(folder / "scores.csv", index=False)
Table(scores.head(), decimals=1)

# %% [markdown]
"""
## The study

What the table calls the task, the arm and the seed; for each task its metric, the column of its score, and the score
of the trivial predictor (`majority`), in the table's unit. A run has failed if its score is no better than that, or not
defined. `config/README.md`, "Runs from elsewhere", has all keys.
"""

# %%
(folder / "ours.yaml").write_text("""
description: Is the new method better, or was it lucky?
runs:
  file: scores.csv
  columns: {task: dataset, arm: method, seed: seed}
  scale: 100
  tasks:
    reviews: {metric: accuracy, score: test_acc, majority: 52}
    questions: {metric: accuracy, score: test_acc, majority: 52}
baseline: old
""")
study = read_study(folder / "ours.yaml")
runs = import_runs(study, folder)["runs"]
Table(runs[["task", "arm", "init_seed", "score", "score_defined", "majority", "degenerate"]].head(), decimals=3)

# %% [markdown]
"""
A run whose score is not defined is not dropped: it counts as failed, with the trivial predictor's score.

## What the scores say

Failures with the exact 95 % interval of their share, then means and standard deviations in points: of all runs, with an
interval that allows for failures that were not seen, and (`ok_`) of those that did not fail, with Student's.
"""

# %%
summary = summarise(runs)
by_arm = summary.set_index(["task", "arm"])
points = ["mean", "mean_low", "mean_high", "sd", "ok_mean", "ok_mean_low", "ok_mean_high", "ok_sd"]
Table(pd.concat([by_arm[["n", "failed", "failed_low", "failed_high"]], (100 * by_arm[points]).round(1)], axis=1))

# %%
Picture(distribution.draw(distribution.numbers(runs)), "The score of every run, by task and arm.")

# %% [markdown]
"""
## What differs

The new method against the old one. The verdict claims no more than the one rule settles, which bounds the chance of any
false claim about the study by 5 %. Where equal seeds mean equal initialisation and data order, `comparable_seeds: true`
pairs the runs in the table of all tests below.
"""

# %%
for row in verdicts(decide(runs, study.baseline)).to_dict("records"):
    print(f"{row['task'] or 'all tasks'}: {row['verdict']}\n")

# %% [markdown]
"""
For those who ask there is a table of every other test: Welch, Student, Mann-Whitney, Brunner-Munzel, Fisher, Boschloo,
Brown-Forsythe, Levene, Bartlett, Fligner, and paired ones, each with p-values as they are and adjusted by themselves.
"""

# %%
every_test = compare(runs, study.baseline).set_index("task").T.loc["mean_difference":"a12_high"]
Table(every_test.map("{:.3g}".format).replace("nan", "–"))

# %% [markdown]
"""
## How many seeds next time?

Runs an arm that settle a difference of means of a point, SDs of a ratio of 2, and failure rates of 20 and 2 %, with a
power of 80 %.
"""

# %%
columns = ["n", "n_baseline", "runs_for_mean", "runs_for_spread", "runs_for_failures"]
Table(seeds_needed(summary, study.baseline).set_index(["task", "arm"])[columns], decimals=0)

# %% [markdown]
"""
## Mistakes

A mistake is answered in one sentence that names the file, what is wrong and what is accepted.
"""

# %%
mistaken = (folder / "ours.yaml").read_text().replace("arm: method", "arm: model")
(folder / "mistaken.yaml").write_text(mistaken)
try:
    import_runs(read_study(folder / "mistaken.yaml"), folder)
except UserError as error:
    print(error)

# %% [markdown]
"""
## The whole report

Save the study as `config/studies/ours.yaml` and your table beside the Snakefile, or in the folder that `runs_dir`
names. `seedvar check ours` says how it is read; `snakemake --config study=ours` makes all tables and figures, and
`results/ours/report.html`.
"""
