# %% [markdown]
"""
# A finished study: how much of a score is luck?

How often runs fail, how wide their scores spread, what differs between arms and how sure that is, and how many seeds a
claim needs, worked out from the study's `runs.csv` alone, one row a run. The workflow writes the same numbers to
`summary.csv`, `comparisons.csv` and `seeds_needed.csv`; here they are computed again, so that you can change a line and
see what follows.

The study is the one that the environment variable `SEEDVAR_STUDY` names, `quickstart` without it.
"""

# %%
import os
from pathlib import Path

import numpy as np
import pandas as pd

from seedvar.errors import UserError
from seedvar.figures import distribution, learning_curves
from seedvar.report.notebook import Picture
from seedvar.stats.compare import compare
from seedvar.stats.describe import summarise
from seedvar.stats.planning import more_seeds_for_width, seeds_needed
from seedvar.stats.selection import expected_performance
from seedvar.study.reading import read_study, study_path
from seedvar.tables.read import read_runs, read_table

if Path.cwd().name == "notebooks":  # where Jupyter starts
    os.chdir("..")
study_file = study_path(os.environ.get("SEEDVAR_STUDY", "quickstart"))
study, folder = read_study(study_file), Path("results") / study_file.stem
if not (folder / "runs.csv").is_file():
    raise UserError(
        f"there is no {folder / 'runs.csv'}; accepted: a study that has been run: snakemake --config study={study_file}"
    )
runs = read_runs(folder / "runs.csv")
tasks, arms = list(runs["task"].unique()), list(runs["arm"].unique())
print(study.description)
print(f"{len(runs)} runs of {len(arms)} arms ({', '.join(arms)}) on {len(tasks)} tasks ({', '.join(tasks)})")
if any(task.startswith("syn-") for task in tasks):
    print("Tasks whose names begin with syn- are synthetic.")

# %% [markdown]
"""
## Every run

Look at the runs before you look at any number about them. A cross is a failed run: at the end of training it is no
better than the trivial predictor, which always answers with the majority class.
"""

# %%
Picture(distribution.draw(distribution.numbers(runs)))

# %% [markdown]
"""
## How often do runs fail?

A share of few runs says little: the 95 % interval (Wilson's) of 0 failures in 5 runs ends above 40 %.
"""

# %%
summary = summarise(runs)
by_arm = summary.set_index(["task", "arm"])
by_arm[["n", "failed", "failed_low", "failed_high"]].round(2)

# %%
for arm, of_arm in summary.groupby("arm", sort=False):
    print(f"{arm}: {of_arm['failed'].sum()} of {of_arm['n'].sum()} runs failed")

# %% [markdown]
"""
## How wide is the spread?

All runs, failed ones too, in points (the score × 100). The standard deviation has n − 1 in its denominator; the
intervals are 95 % bootstrap intervals (BCa), too narrow with fewer than about 20 runs. The columns that begin with
`ok_` leave the failed runs out: where they differ much, the spread is that between two kinds of runs. NaN: not defined.
"""

# %%
spread = ["mean", "mean_low", "mean_high", "sd", "sd_low", "sd_high", "iqm", "min", "max", "ok_mean", "ok_sd"]
pd.concat([by_arm["n"], (100 * by_arm[spread]).round(1)], axis=1)

# %%
widest = summary.loc[(summary["max"] - summary["min"]).idxmax()]
print(
    f"The same recipe, other seeds: on {widest['task']} the runs of {widest['arm']} go from "
    f"{100 * widest['min']:.1f} to {100 * widest['max']:.1f}."
)

# %% [markdown]
"""
## What does the best of n seeds score?

Who tries n seeds, keeps the run with the best validation score and reports that, reports a higher score the larger n
is. `validation` is that score; `test` is what the run scores on test, where there is one. Such a number means little
without its n.
"""

# %%
expected = expected_performance(runs, np.random.default_rng(0))
some = expected[expected["n"].isin([1, 2, 5, 10, 20]) | (expected["n"] == expected["runs"])]
some = some.melt(["task", "arm", "n"], ["validation", "test"], "score").dropna()
(100 * some.pivot_table("value", ["task", "arm", "score"], "n", sort=False)).round(1)

# %% [markdown]
"""
## What differs, and how sure is that?

Each arm against the baseline, task by task: the difference of their means in points, with its 95 % interval (Welch's);
`a12`, the chance that a run of the arm beats one of the baseline, .5 where they are alike; and p-values of means
(Welch's test), of spread (Brown-Forsythe's) and of failures (Fisher's), two-sided, adjusted by Holm over all rows.
"""

# %%
nothing_to_compare = "There is nothing to compare: the study has one arm, or no baseline."
comparisons = compare(runs, study.baseline) if study.baseline in arms else pd.DataFrame()
has_comparisons = len(comparisons) > 0
if has_comparisons:
    rows = comparisons.set_index(["task", "arm"])
    points = {"mean_difference": "difference", "mean_difference_low": "low", "mean_difference_high": "high"}
    p_values = {"welch_p_holm": "p (means)", "brown_forsythe_p_holm": "p (spread)", "fisher_p_holm": "p (failures)"}
    table = [
        (100 * rows[list(points)]).round(1).rename(columns=points),
        rows[["a12"]].round(2),
        rows[list(p_values)].map("{:.2g}".format, na_action="ignore").rename(columns=p_values),
    ]
pd.concat(table, axis=1) if has_comparisons else print(nothing_to_compare)

# %% [markdown]
"""
The same in words. "Not settled" is not "the same": the seeds do not suffice to say.
"""

# %%
if has_comparisons:
    for row in comparisons.to_dict("records"):
        print(f"{row['task']}: {row['verdict']}\n")

# %% [markdown]
"""
## How many seeds does it take?

More runs of each arm until the 95 % interval of its mean (Student's) is at most two points wide, as far as the spread
so far tells.
"""

# %%
scores = runs.groupby(["task", "arm"], sort=False)["score"]
scores.apply(lambda values: more_seeds_for_width(values.to_numpy(), 0.02)).to_frame("more runs")

# %% [markdown]
"""
To tell an arm from the baseline: runs an arm with which a difference as large as the observed one would be found with
a power of 80 % at the 5 % level, of means (Welch), of standard deviations (Brown-Forsythe), of failure rates (Fisher).
`inf`: more than 1,000, or there is no difference. An observed difference is uncertain itself; `runs_for_1_point`, for
a difference of means of one point at the observed spread, does not rest on it.
"""

# %%
if has_comparisons:
    columns = ["n", "n_baseline", "runs_for_mean", "runs_for_spread", "runs_for_failures"]
    table = seeds_needed(summary, study.baseline).set_index(["task", "arm"])[columns]
    one_point = seeds_needed(summary, study.baseline, difference=0.01).set_index(["task", "arm"])
table.assign(runs_for_1_point=one_point["runs_for_mean"]) if has_comparisons else print(nothing_to_compare)

# %% [markdown]
"""
## When does it go wrong?

Means over the runs of an arm, and their range. A failed run whose training loss does not fall has failed at
optimization, not at generalization (Mosbach et al. 2021).
"""

# %%
curves = folder / "curves.csv"
if curves.is_file():
    figure = learning_curves.draw(learning_curves.numbers(runs, read_table(curves)))
Picture(figure) if curves.is_file() else print(f"There is no {curves}: this study has no learning curves.")
