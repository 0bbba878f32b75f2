"""Marks from published summaries: the printed numbers of Zhang et al. (2021) give their printed marks."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

from seedvar.stats.published import equivalent_to_best, higher_mean_p, significantly_better

# Zhang et al. (2021), Table 2: test score, mean and SD over 20 seeds.
METHODS = ["standard", "int_task", "llrd", "mixout", "pretrained_wd", "wd", "reinit", "longer"]
TABLE_2 = {
    "rte": "69.5±2.5 81.8±1.7 69.7±3.2 71.3±1.4 69.6±2.1 69.5±2.5 72.6±1.6 72.3±1.9",
    "mrpc": "90.8±1.3 91.8±1.0 91.3±1.1 90.4±1.4 90.8±1.3 90.8±1.3 91.4±0.8 91.0±1.3",
    "stsb": "89.0±0.6 89.2±0.3 89.2±0.4 89.2±0.4 89.0±0.5 89.0±0.6 89.4±0.2 89.6±0.3",
    "cola": "63.0±1.5 63.9±1.8 63.0±2.5 61.6±1.7 63.4±1.5 63.0±1.5 64.2±1.6 62.4±1.7",
}
# p-values of the one-tailed test against Standard, recomputed from these numbers
BETTER = {
    "rte": {"int_task": 1e-20, "mixout": 0.0039, "reinit": 1.9e-5, "longer": 1.5e-4},
    "mrpc": {"int_task": 0.0048, "reinit": 0.043},
    "stsb": {"reinit": 0.0037, "longer": 1.4e-4},
    "cola": {"int_task": 0.047, "reinit": 0.0096},
}
# Zhang et al. (2021), Table 1, likewise.
GROUP = ["standard, 3 epochs", "standard, longer", "reinit, 3 epochs", "reinit, longer"]
TABLE_1 = {
    "rte": "69.5±2.5 72.3±1.9 72.6±1.6 73.1±1.3",
    "mrpc": "90.8±1.3 90.5±1.5 91.4±0.8 91.0±0.4",
    "stsb": "89.0±0.6 89.6±0.3 89.4±0.2 89.9±0.1",
    "cola": "63.0±1.5 62.4±1.7 63.9±1.9 61.9±2.3",
    "rte-1k": "62.5±2.8 65.2±2.1 65.6±2.0 65.8±1.7",
    "mrpc-1k": "80.5±3.3 83.8±2.1 84.6±1.6 86.0±1.2",
    "stsb-1k": "84.7±1.4 88.0±0.4 87.2±0.4 88.4±0.2",
    "cola-1k": "45.9±1.6 48.8±1.4 47.6±1.8 48.4±2.1",
    "sst2-1k": "89.7±1.5 90.9±0.5 90.8±0.4 91.2±0.5",
    "qnli-1k": "78.6±2.0 81.4±0.9 81.9±0.5 82.1±0.3",
    "qqp-1k": "74.0±2.7 77.4±0.8 77.2±0.7 77.6±0.6",
    "mnli-1k": "52.2±4.2 67.5±1.1 66.4±0.6 68.8±0.5",
}
EQUIVALENT = {
    "rte": [1, 2, 3],
    "mrpc": [2],
    "stsb": [3],
    "cola": [0, 2],
    "rte-1k": [1, 2, 3],
    "mrpc-1k": [3],
    "stsb-1k": [3],
    "cola-1k": [1, 3],
    "sst2-1k": [3],
    "qnli-1k": [2, 3],
    "qqp-1k": [1, 3],
    "mnli-1k": [3],
}
EQUIVALENT_P = {("rte", 1): 0.064, ("rte", 2): 0.14, ("cola", 0): 0.052, ("cola-1k", 3): 0.24, ("qnli-1k", 2): 0.067}
EQUIVALENT_P |= {("qqp-1k", 1): 0.19}


def summaries(cells, names, task="rte"):
    numbers = [tuple(map(float, cell.split("±"))) for cell in cells.split()]
    return pd.DataFrame(
        [
            {"task": task, "arm": arm, "mean": mean, "sd": sd, "n": 20}
            for arm, (mean, sd) in zip(names, numbers, strict=True)
        ]
    )


def test_methods_significantly_better_than_standard_in_table_2():
    table = pd.concat([summaries(TABLE_2[task], METHODS, task) for task in TABLE_2], ignore_index=True)
    marked = table[significantly_better(table, "standard")]
    assert {task: set(group["arm"]) for task, group in marked.groupby("task")} == {
        task: set(expected) for task, expected in BETTER.items()
    }


@pytest.mark.parametrize("task", TABLE_2)
def test_p_values_from_the_summaries_of_table_2(task):
    table = summaries(TABLE_2[task], METHODS).set_index("arm")
    for arm, p in BETTER[task].items():
        assert higher_mean_p(table.loc[arm], table.loc["standard"]) == pytest.approx(p, rel=0.25 if p < 1e-9 else 0.05)


@pytest.mark.parametrize("task", TABLE_1)
def test_results_equivalent_to_the_best_in_table_1(task):
    assert np.flatnonzero(equivalent_to_best(summaries(TABLE_1[task], GROUP))).tolist() == EQUIVALENT[task]


@pytest.mark.parametrize(("task", "position"), EQUIVALENT_P)
def test_p_values_of_the_best_against_its_equivalents(task, position):
    group = summaries(TABLE_1[task], GROUP)
    p = higher_mean_p(group.loc[group["mean"].idxmax()], group.loc[position])
    assert p == pytest.approx(EQUIVALENT_P[task, position], abs=0.006)


def test_summaries_give_the_p_value_of_the_runs():
    rng = np.random.default_rng(0)
    x, y = rng.normal(0.71, 0.02, 12), rng.normal(0.7, 0.03, 20)
    first, second = (pd.Series({"mean": s.mean(), "sd": s.std(ddof=1), "n": len(s)}) for s in (x, y))
    assert higher_mean_p(first, second) == pytest.approx(ttest_ind(x, y, alternative="greater").pvalue)


@pytest.mark.filterwarnings("error")
def test_what_cannot_be_tested_is_not_marked():
    table = pd.DataFrame(
        [("a", 0.7, 0.0, 5), ("b", 0.8, 0.0, 5), ("c", 0.9, np.nan, 1), ("d", np.nan, np.nan, 5)],
        columns=["arm", "mean", "sd", "n"],
    ).assign(task="rte")
    assert not significantly_better(table, "a").any()
    assert equivalent_to_best(table).tolist() == [False, False, True, False]
    assert not equivalent_to_best(table.iloc[3:]).any()
    assert equivalent_to_best(table.iloc[[0, 0]].reset_index()).all()  # equal means, no spread


def test_a_task_without_the_baseline_has_no_marks():
    table = pd.DataFrame({"task": ["rte", "cola"], "arm": ["a", "b"], "mean": [1.0, 2.0], "sd": 0.1, "n": 5})
    assert not significantly_better(table, "a").any()
