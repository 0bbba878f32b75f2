# %% [markdown]
"""
# A finished study: how much of a score is luck?

What was found:
"""

# %%
from seedvar.files import read_json
from seedvar.report.shown import Findings, Picture, Table
from seedvar.tables.finished import finished_study

study, folder = finished_study()  # that SEEDVAR_STUDY names, or quickstart
Findings(read_json(folder / "findings.json"))

# %% [markdown]
"""
## The study

Every number below stands in a table of the study's folder, which docs/statistics.md explains column by column.
"""

# %%
import pandas as pd

from seedvar.tables.compared import as_compared
from seedvar.tables.read import read_runs, read_table

runs = as_compared({"runs": read_runs(folder / "runs.csv")})["runs"]
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
from seedvar.figures import distribution

Picture(distribution.draw(distribution.numbers(runs)), "The score of every run, by task and arm.")

# %% [markdown]
"""
## How often do runs fail?

A share of few runs says little: the 95 % interval (Clopper and Pearson's) of 0 failures in 5 runs ends above 50 %.
"""

# %%
summary = read_table(folder / "summary.csv")
by_arm = summary.set_index(["task", "arm"])
Table(by_arm[["n", "failed", "failed_low", "failed_high"]])

# %%
for arm, of_arm in summary.groupby("arm", sort=False):
    print(f"{arm}: {of_arm['failed'].sum()} of {of_arm['n'].sum()} runs failed")

# %% [markdown]
"""
## How wide is the spread?

All runs, failed ones too, in points (the score × 100). The standard deviation has n − 1 in its denominator. The 95 %
interval of the mean allows for failures that were not seen. The columns that begin with `ok_` leave the failed runs
out, with Student's interval: where they differ much, the spread is that between two kinds of runs. A dash: not defined.
"""

# %%
spread = ["mean", "mean_low", "mean_high", "sd", "min", "max", "ok_mean", "ok_mean_low", "ok_mean_high", "ok_sd"]
Table(pd.concat([by_arm["n"], 100 * by_arm[spread]], axis=1), decimals=1)

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
if (folder / "expected.csv").is_file():
    expected = read_table(folder / "expected.csv")
    some = expected[expected["n"].isin([1, 2, 5, 10, 20]) | (expected["n"] == expected["runs"])]
    some = some.melt(["task", "arm", "n"], ["validation", "test"], "score").dropna()
    best_of_n = 100 * some.pivot_table("value", ["task", "arm", "score"], "n", sort=False).sort_index(axis=1)
    shown = Table(best_of_n, decimals=1)
else:
    shown = print("The runs have no validation score.")
shown

# %% [markdown]
"""
## What differs, and how sure is that?

Each arm against the baseline, over all tasks and task by task: how often runs fail, how well those that do not fail
score, how far they spread, and the mean of all. Differences are in points or shares, of spread the ratio; the p-values
are adjusted over all questions of the study, so that the chance of any false claim is at most 5 %. "Not settled" is not
"the same": the seeds do not suffice to say.
"""

# %%
from seedvar.stats.verdict import p_text, verdicts

has_comparisons = (folder / "decisions.csv").is_file()
if has_comparisons:
    decisions = read_table(folder / "decisions.csv")
    for row in verdicts(decisions).to_dict("records"):
        print(f"{row['task'] or 'all tasks'}: {row['verdict']}\n")
else:
    print("There is nothing to compare: the study has one arm, or no baseline.")

# %%
if has_comparisons:
    columns = ["difference", "low", "high", "p", "p_adjusted", "settled"]
    shown = decisions.fillna({"task": "all tasks"}).set_index(["question", "task", "arm"])[columns]
    shown[["p", "p_adjusted"]] = shown[["p", "p_adjusted"]].map(p_text)
Table(shown, decimals=3) if has_comparisons else None

# %% [markdown]
"""
## How many seeds does it take?

More runs of each arm until the 95 % interval of its mean (Student's) is at most two points wide, as far as the spread
so far tells.
"""

# %%
from seedvar.stats.planning import more_seeds_for_width

scores = runs.groupby(["task", "arm"], sort=False)["score"]
Table(scores.apply(lambda values: more_seeds_for_width(values.to_numpy(), 0.02)).to_frame("more runs"))

# %% [markdown]
"""
To tell an arm from the baseline: runs an arm with which a stated difference would be settled with a power of 80 %, at
the level that the family of all questions leaves: of means as much as the study says matters, or else a point, at the
spread so far; of standard deviations of a ratio of 2; of failure rates of 20 and 2 %. ∞: more than 1,000.
"""

# %%
if has_comparisons:
    needed = read_table(folder / "seeds_needed.csv").set_index(["task", "arm"])
    needed = needed[["n", "n_baseline", "level", "difference", "runs_for_mean", "runs_for_spread", "runs_for_failures"]]
Table(needed, decimals=4) if has_comparisons else None

# %% [markdown]
"""
## When does it go wrong?

Means over the runs of an arm, and their range. A failed run whose training loss does not fall has failed at
optimization, not at generalization (Mosbach et al. 2021).
"""

# %%
from seedvar.figures import learning_curves

curves = folder / "curves.csv"
if curves.is_file():
    compared = as_compared({"runs": read_runs(folder / "runs.csv"), "curves": read_table(curves)})
    figure = learning_curves.draw(learning_curves.numbers(**compared))
    shown = Picture(figure, "Scores and losses during training, by task and arm.")
else:
    shown = print(f"There is no {curves}: this study has no learning curves.")
shown

# %% [markdown]
"""
## What if?

The functions that made these tables can be called here, with other runs than all:
`seedvar.stats.describe.summarise(runs)`, `seedvar.stats.rule.decide(runs, study.baseline)`.
"""
