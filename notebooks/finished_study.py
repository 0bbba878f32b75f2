# %% [markdown]
"""
# A finished study: how much of a score is luck?

How often runs fail, how wide their scores spread, what differs between arms and how sure that is, and how many seeds a
claim needs, worked out from the study's `runs.csv` alone, one row a run. The workflow writes the same numbers to
`summary.csv`, `decisions.csv` and `seeds_needed.csv`; here they are computed again, so that you can change a line and
see what follows.

The study is the one that the environment variable `SEEDVAR_STUDY` names, `quickstart` without it.
"""

# %%
import os
from pathlib import Path

import pandas as pd

from seedvar.errors import UserError
from seedvar.figures import distribution, learning_curves
from seedvar.report.notebook import Picture
from seedvar.stats.describe import summarise
from seedvar.stats.planning import more_seeds_for_width, seeds_needed
from seedvar.stats.rule import decide
from seedvar.stats.selection import expected_performance
from seedvar.stats.verdict import verdicts
from seedvar.study.reading import read_study, study_path
from seedvar.tables.read import read_runs, read_table

if Path.cwd().name == "notebooks":  # where Jupyter starts
    os.chdir("..")
study_file = study_path(os.environ.get("SEEDVAR_STUDY", "quickstart"))
study, folder = read_study(study_file), Path("results") / study_file.stem
published = Path("results") / "published" / study_file.stem
if not (folder / "runs.csv").is_file() and (published / "runs.csv").is_file():
    folder = published
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

A share of few runs says little: the 95 % interval (Clopper and Pearson's) of 0 failures in 5 runs ends above 50 %.
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

All runs, failed ones too, in points (the score × 100). The standard deviation has n − 1 in its denominator. The 95 %
interval of the mean allows for failures that were not seen. The columns that begin with `ok_` leave the failed runs
out, with Student's interval: where they differ much, the spread is that between two kinds of runs. NaN: not defined.
"""

# %%
spread = ["mean", "mean_low", "mean_high", "sd", "min", "max", "ok_mean", "ok_mean_low", "ok_mean_high", "ok_sd"]
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
expected = expected_performance(runs)
some = expected[expected["n"].isin([1, 2, 5, 10, 20]) | (expected["n"] == expected["runs"])]
some = some.melt(["task", "arm", "n"], ["validation", "test"], "score").dropna()
(100 * some.pivot_table("value", ["task", "arm", "score"], "n", sort=False)).round(1)

# %% [markdown]
"""
## What differs, and how sure is that?

Each arm against the baseline, over all tasks and task by task: how often runs fail, how well those that do not fail
score, how far they spread, and the mean of all. Differences are in points or shares, of spread the ratio; the p-values
are adjusted over all questions of the study, so that the chance of any false claim is at most 5 %.
"""

# %%
nothing_to_compare = "There is nothing to compare: the study has one arm, or no baseline."
decisions = decide(runs, study.baseline, study.what_matters()) if study.baseline in arms else pd.DataFrame()
has_comparisons = len(decisions) > 0
if has_comparisons:
    shown = ["difference", "low", "high", "p", "p_adjusted", "settled"]
    table = decisions.set_index(["question", "task", "arm"])[shown].round(4)
table if has_comparisons else print(nothing_to_compare)

# %% [markdown]
"""
The same in words. "Not settled" is not "the same": the seeds do not suffice to say.
"""

# %%
if has_comparisons:
    for row in verdicts(decisions).to_dict("records"):
        print(f"{row['task'] or 'all tasks'}: {row['verdict']}\n")

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
To tell an arm from the baseline: runs an arm with which a stated difference would be settled with a power of 80 %, at
the level that the family of all questions leaves: of means as much as the study says matters, or else a point, at the
spread so far; of standard deviations of a ratio of 2; of failure rates of 20 and 2 %. `inf`: more than 1,000.
"""

# %%
if has_comparisons:
    columns = ["n", "n_baseline", "level", "difference", "runs_for_mean", "runs_for_spread", "runs_for_failures"]
    table = seeds_needed(summary, study.baseline, study.what_matters()).set_index(["task", "arm"])[columns]
table if has_comparisons else print(nothing_to_compare)

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
