"""The one rule: its tests against SciPy and by hand, its family, what it says; and that nothing contradicts it."""

import itertools
import json
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from seedvar.errors import UserError
from seedvar.report.findings import findings, lines
from seedvar.report.printed import render
from seedvar.stats.compare import compare
from seedvar.stats.describe import summarise
from seedvar.stats.exact import boschloo_table, failures_p, fisher_table, stratified_failures_p
from seedvar.stats.permutation import means_p, smallest_means_p
from seedvar.stats.rule import ALL_TASKS, ONE_TASK, decide, family_size
from seedvar.stats.settings import ALPHA
from seedvar.stats.verdict import p_text, verdicts

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmark"))
import coverage  # noqa: E402

pytestmark = pytest.mark.filterwarnings("error")  # no warning of NumPy or SciPy may leak

NOTHING = "This is not evidence that they are the same."


def rng():
    return np.random.default_rng(0)


def normal(n, mean=0.7, sd=0.02, seed=0):
    return np.random.default_rng(seed).normal(mean, sd, n)


def runs(by_task, **columns):
    """A runs table from scores by task and arm; a run at .5 or below has failed."""
    rows = [
        {"task": task, "arm": arm, "init_seed": seed, "order_seed": seed, "score": score, "degenerate": score <= 0.5}
        for task, arms in by_task.items()
        for arm, scores in arms.items()
        for seed, score in enumerate(scores)
    ]
    table = pd.DataFrame(rows).assign(metric="accuracy", split="test", majority=0.5, **columns)
    return table.assign(validation_last=table["score"], test_last=table["score"])


def answer(table, question, arm="arm", task=""):
    scope = ONE_TASK if task else ALL_TASKS
    rows = table[(table["question"] == question) & (table["arm"] == arm) & (table["scope"] == scope)]
    return (rows[rows["task"] == task] if task else rows).iloc[0]


def test_fishers_and_boschloos_tests_of_all_outcomes():
    for n, m in [(5, 5), (7, 4), (12, 20)]:
        fisher, boschloo = fisher_table(n, m), boschloo_table(n, m)
        for k, j in itertools.product(range(n + 1), range(m + 1)):
            assert fisher[k, j] == pytest.approx(stats.fisher_exact([[k, n - k], [j, m - j]]).pvalue)
        assert (boschloo <= fisher + 1e-12).all()
        for rate in (0.07, 0.3, 0.5, 0.81):  # a test at any level rejects no more often than that, whatever the rate
            chance = np.outer(stats.binom.pmf(np.arange(n + 1), n, rate), stats.binom.pmf(np.arange(m + 1), m, rate))
            for level in (0.001, 0.01, 0.05):
                assert chance[boschloo <= level].sum() <= level * 1.001
    assert failures_p(5, 5, 0, 5) == pytest.approx(2 / 2**10, rel=1e-3)


def test_failures_over_tasks_are_tested_given_the_failures_of_each():
    assert stratified_failures_p([(5, 5, 0, 5)])[0] == pytest.approx(2 / 252)  # of one task, Fisher's
    assert stratified_failures_p([(5, 5, 0, 5)] * 2)[0] == pytest.approx(2 / 252**2)
    assert stratified_failures_p([(5, 5, 5, 5), (0, 3, 0, 4)]) == (1.0, 0.0)
    tables = [(3, 6, 1, 5), (2, 4, 1, 6)]
    p, more = stratified_failures_p(tables)
    sums = {}
    for first in itertools.combinations(range(11), 4):  # which runs of the first task fail: the arm's are 0 … 5
        for second in itertools.combinations(range(10), 3):
            total = sum(i < 6 for i in first) + sum(i < 4 for i in second)
            sums[total] = sums.get(total, 0) + 1
    chance = {total: count / sum(sums.values()) for total, count in sums.items()}
    assert p == pytest.approx(sum(one for one in chance.values() if one <= chance[5] * (1 + 1e-7)))
    assert more == pytest.approx(5 - (4 * 6 / 11 + 3 * 4 / 10))


@pytest.mark.parametrize("n", [3, 5, 8])
def test_means_of_equally_many_runs_are_tested_as_by_scipy(n):
    x, y = normal(n, 0.71), normal(n, 0.7, seed=1)
    expected = stats.permutation_test((x, y), lambda x, y: x.mean() - y.mean(), n_resamples=np.inf).pvalue
    assert means_p([(x, y)], rng())[0] == pytest.approx(expected)
    assert means_p([(x, y)], rng())[1] == pytest.approx(stats.ttest_ind(x, y, equal_var=False).statistic)


def test_means_over_tasks_are_exchanged_within_them():
    samples = [(normal(3, 0.72), normal(3, 0.7, seed=1)), (normal(2, 0.91, seed=2), normal(3, 0.9, seed=3))]

    def statistic(pairs):
        above, below = 0, 0
        for x, y in pairs:
            pooled = np.concatenate([x, y])
            weight, sd = len(x) * len(y) / len(pooled), pooled.std()
            above += weight * (x.mean() - y.mean()) / sd
            below += weight**2 * (x.var(ddof=1) / len(x) + y.var(ddof=1) / len(y)) / sd**2
        return above / np.sqrt(below)

    def exchanges(x, y):
        pooled = np.concatenate([x, y])
        for chosen in itertools.combinations(range(len(pooled)), len(x)):
            yield pooled[list(chosen)], np.delete(pooled, chosen)

    found = [statistic(pairs) for pairs in itertools.product(*(list(exchanges(*pair)) for pair in samples))]
    p, t = means_p(samples, rng())
    assert t == pytest.approx(statistic(samples))
    assert p == pytest.approx(np.mean(np.abs(found) >= abs(t) * (1 - 1e-9)))


def test_many_runs_are_exchanged_at_random_and_more_often_where_it_matters():
    x, y = normal(30), normal(30, 0.71, seed=1)
    assert means_p([(x, y)], rng())[0] == pytest.approx(stats.ttest_ind(x, y).pvalue, rel=0.15)
    apart = x + 1
    assert means_p([(apart, y)], rng())[0] == pytest.approx(1 / 10_001)
    assert means_p([(apart, y)], rng(), level=1e-4)[0] == pytest.approx(1 / 50_001)
    assert smallest_means_p(30, 30, 1, 1e-4) == pytest.approx(1 / 50_001)
    assert smallest_means_p(5, 5, 1, 0.01) == pytest.approx(2 / 252)


def test_nothing_is_tested_without_spread_or_runs():
    assert np.isnan(means_p([(np.full(5, 0.7), np.full(5, 0.7))], rng())[0])
    assert np.isnan(means_p([(np.array([0.7]), np.array([0.7, 0.8]))], rng())[0])
    assert means_p([(np.full(5, 0.8), np.full(5, 0.7))], rng())[0] == pytest.approx(2 / 252)


def test_the_family_is_every_question_of_the_study():
    assert family_size([(5, 5)] * 12) == 24  # spread is not asked with 5 runs
    assert family_size([(10, 10), (20, 9)]) == 5
    table = decide(runs({task: {"base": normal(5), "a": normal(5, seed=1)} for task in ("x", "y")}), "base")
    assert answer(table, "quality", "a", "x")["factor"] == 4
    assert answer(table, "quality", "a")["factor"] == 2
    assert answer(table, "mean", "a", "x")["factor"] == answer(table, "mean", "a")["factor"] == 2
    assert np.isnan(answer(table, "spread", "a", "x")["factor"])


def test_five_failures_of_five_on_each_of_four_tasks_are_settled_with_five_seeds():
    """Issue 14: the smallest adjusted p-value of Fisher's test over 12 rows was .095."""
    failing, good = [0.5] * 5, list(normal(5))
    by_task = {task: {"base": good, "a": failing, "b": failing, "c": normal(5, seed=1)} for task in "wxyz"}
    table = decide(runs(by_task), "base")
    for task in ("", *"wxyz"):
        assert answer(table, "failures", "a", task)["settled"]
        assert not answer(table, "failures", "c", task)["settled"]
    assert answer(table, "failures", "a")["p_adjusted"] < 1e-6
    assert answer(table, "failures", "a", "w")["p_adjusted"] == pytest.approx(24 * 2 / 2**10, rel=1e-3)


def test_no_answer_on_a_task_is_surer_than_over_all_tasks():
    table = decide(
        runs({task: {"base": normal(12), "a": normal(12, 0.71, seed=s)} for s, task in enumerate("xy")}), "base"
    )
    for question in ("failures", "quality", "spread", "mean"):
        whole = answer(table, question, "a")["p_adjusted"]
        for task in "xy":
            assert answer(table, question, "a", task)["p_adjusted"] >= whole


def test_the_mean_of_all_runs_follows_from_failures_or_quality():
    failing = [0.5] * 12 + list(normal(8))
    table = decide(runs({"x": {"base": normal(20, seed=1), "arm": failing}}), "base")
    assert answer(table, "failures", task="x")["settled"]
    assert answer(table, "mean", task="x")["settled"]
    assert not answer(table, "quality", task="x")["settled"]
    assert answer(table, "mean", task="x")["p_adjusted"] >= answer(table, "failures", task="x")["p_adjusted"]


def test_which_of_failures_and_quality_differs_is_said():
    fails = decide(runs({"x": {"base": normal(20, seed=1), "arm": [0.5] * 12 + list(normal(8))}}), "base")
    (text,) = verdicts(fails)["verdict"]
    assert text.startswith("Against base, arm fails more often (12/20 runs against 0/20; Boschloo p < .001, adjusted")
    assert "has a lower mean of all runs, failed ones included" in text
    assert "whether the means of the runs that did not fail differ is not settled (8 and 20 runs; " in text
    better = decide(runs({"x": {"base": normal(20), "arm": normal(20, 0.8, seed=1)}}), "base")
    (text,) = verdicts(better)["verdict"]
    assert text.startswith("Against base, arm has a higher mean of its runs (+")
    assert "no run of either failed (0/20 against 0/20)" in text


def test_without_failed_runs_the_mean_is_the_quality_and_says_the_same():
    """One run far away, as of a perplexity: the test of exchanges settled `mean` where Welch's interval holds 0."""
    far = runs({"x": {"base": [9000.0, *normal(6, 22, 1)], "arm": normal(7, 19.5, 1, seed=1)}})
    table = decide(far.assign(degenerate=False, metric="perplexity (lower is better)", majority=np.nan), "base")
    quality, mean = (answer(table, question, task="x") for question in ("quality", "mean"))
    assert quality["low"] < 0 < quality["high"]
    assert mean["p_adjusted"] < ALPHA
    assert not quality["settled"]
    assert not mean["settled"]
    assert (mean["low"], mean["high"]) == (quality["low"], quality["high"])


def test_over_tasks_a_mean_is_better_or_worse_since_errors_go_the_other_way():
    table = runs({task: {"base": normal(20, 2), "arm": normal(20, 1, seed=1)} for task in "xy"})
    for metric, word in (("mse", "better"), ("accuracy", "worse")):
        text = verdicts(decide(table.assign(metric=metric, majority=3.0), "base"))["verdict"].iloc[0]
        assert f"has a {word} mean of its runs (" in text
        assert "higher mean" not in text.split(";")[0]


def test_only_an_equivalence_test_says_the_same():
    table = runs({"x": {"base": normal(20), "arm": normal(20, seed=1)}})
    assert "the same" not in verdicts(decide(table, "base"))["verdict"].item().replace(NOTHING, "")
    decided = decide(table, "base", {"x": 0.05})
    row = answer(decided, "quality", task="x")
    x, y = normal(20, seed=1), normal(20)
    assert row["p_same"] == pytest.approx(max(
        stats.ttest_ind(x + 0.05, y, equal_var=False, alternative="greater").pvalue,
        stats.ttest_ind(x - 0.05, y, equal_var=False, alternative="less").pvalue,
    ))  # fmt: skip
    assert row["same"]
    (text,) = verdicts(decided)["verdict"]
    assert "has the same mean of its runs to within 5.0 points (" in text
    assert NOTHING not in text
    assert not answer(decide(table, "base", 0.001), "quality", task="x")["same"]
    assert not answer(decide(table, "base", {"y": 0.05}), "quality", task="x")["same"]


def test_an_arm_whose_runs_all_score_the_same_does_not_spread_less():
    table = decide(runs({"x": {"base": normal(10), "arm": [0.7] * 10}}), "base")
    row = answer(table, "spread", task="x")
    assert np.isnan(row[["difference", "low", "high", "p"]].astype(float)).all()
    (text,) = verdicts(table)["verdict"]
    assert "where all runs of an arm have the same score, no test of spread is defined" in text


def test_an_unknown_baseline_is_refused():
    with pytest.raises(UserError, match="unknown arm 'x'; accepted: a"):
        decide(runs({"t": {"a": [0.7]}}), "x")


@pytest.mark.parametrize(
    ("x", "y"),
    [([0.7], [0.6, 0.7]), ([0.5] * 3, [0.5] * 3), ([np.nan, np.nan], [0.6, 0.7]), ([0.7, 0.8], [0.6, 0.6])],
)
@pytest.mark.parametrize("majority", [0.5, np.nan])
@pytest.mark.parametrize("tasks", [1, 2])
def test_edge_cases_give_a_verdict_and_no_crash(x, y, majority, tasks):
    table = runs({f"t{i}": {"base": y, "arm": x} for i in range(tasks)}).assign(majority=majority)
    decided = decide(table, "base", 0.01)
    assert not decided["settled"].any()
    for text in verdicts(decided)["verdict"]:
        assert text.startswith("Nothing is settled between arm and base")
        assert text.endswith(NOTHING)
        assert "nan" not in text


def test_p_values_near_the_limit_stay_on_their_side():
    assert [p_text(p) for p in (0.0498, 0.04998, 0.05, 0.0502, 1.0, 0.0004)] == [
        ".0498", ".04998", ".050", ".050", "1", "< .001",
    ]  # fmt: skip


def contradictions(table, baseline):
    """Lists pairs of statements that disagree, over all that is said of a study."""
    decided, summary = decide(table, baseline, 0.05), summarise(table)
    words, found = verdicts(decided), findings(summary, decided)
    compared = compare(table, baseline).set_index(["task", "arm"])
    wrong = []
    for _, said in words.iterrows():
        task, arm, text = said["task"], said["arm"], said["verdict"]
        row = {question: answer(decided, question, arm, task) for question in ("failures", "quality", "spread", "mean")}
        settled = [question for question in row if row[question]["settled"]]
        way = "higher|lower" if task else "better|worse"
        claims = {
            "failures": r"(?<!one) fails (more|less) often", "spread": r"spreads (more|less) ",
            "mean": rf"has a ({way}) mean of all runs",
            "quality": rf"has a ({way}) mean of (its runs|the runs that did not fail)",
        }  # fmt: skip
        any_failed = row["failures"]["value"] + row["failures"]["value_baseline"] > 0
        for question, pattern in claims.items():
            claimed = re.search(pattern, text)
            expected = question in settled and (question != "mean" or any_failed)
            if bool(claimed) != expected:
                wrong.append((task, arm, question, text))
            if claimed and (claimed[1] in ("more", "higher", "better")) != (row[question]["direction"] > 0):
                wrong.append((task, arm, question, "direction", text))
        if not any_failed and row["mean"]["settled"] and not row["quality"]["settled"]:
            wrong.append((task, arm, "mean without quality", text))
        if (NOTHING in text) != (not settled and not row["quality"]["same"]):
            wrong.append((task, arm, "nothing", text))
        if "the same mean" in text and "quality" in settled:
            wrong.append((task, arm, "same", text))
        if task:
            both = compared.loc[(task, arm)]
            for question, column in (("failures", "boschloo_p"), ("spread", "ok_brown_forsythe_p")):
                p = row[question]["p"]
                if not np.isnan(p) and p != pytest.approx(both[column], rel=1e-9):
                    wrong.append((task, arm, question, "p", p, both[column]))
            for name in ("quality", "spread"):
                low, high, equal = row[name]["low"], row[name]["high"], 1 if name == "spread" else 0
                if name in settled and low <= equal <= high:
                    wrong.append((task, arm, name, "interval"))
    for finding in found:
        if finding["table"] == "decisions.csv" and finding["row"]:
            row = answer(decided, *(finding["row"][name] for name in ("question", "arm", "task")))
            if not (row["settled"] or (finding["kind"] == "same" and row["same"])):
                wrong.append(finding)
    scores = render(summary, ".md", layout="scores", decisions=decided).splitlines()
    tasks = list(dict.fromkeys(table["task"]))
    for line in scores[2 : 2 + table["arm"].nunique()]:
        arm, *columns = (cell.strip() for cell in line.strip("|").split("|"))
        for task, cell in zip(tasks, columns, strict=False):
            if arm != baseline:
                mean, failed = (answer(decided, question, arm, task) for question in ("mean", "failures"))
                if ("**" in cell) != (mean["settled"] and mean["direction"] > 0):
                    wrong.append((task, arm, "bold", cell))
                if ("†" in cell) != (mean["settled"] and mean["direction"] < 0) or ("‡" in cell) > failed["settled"]:
                    wrong.append((task, arm, "sign", cell))
    for line in render(decided, ".md").splitlines():
        for bold, p in re.findall(r"\| +(\*\*)?[^|]*\((?:< )?([.\d]+)\)(?:\*\*)? *(?=\|)", line):
            if bold and float(p) >= ALPHA:
                wrong.append(line)
    return wrong


@pytest.mark.parametrize("seed", range(6))
def test_no_two_statements_about_a_study_disagree(seed):
    draw = np.random.default_rng(seed)
    by_task = {}
    for task in range(draw.integers(1, 4)):
        by_task[f"task{task}"] = {}
        for arm in ("base", "b", "c"):
            n, share = draw.integers(2, 14), draw.choice([0, 0.1, 0.6])
            good = draw.normal(draw.choice([0.7, 0.72, 0.8]), draw.choice([0.0, 0.01, 0.05]), n)
            by_task[f"task{task}"][arm] = np.where(draw.random(n) < share, 0.5, np.round(good, 3))
    assert contradictions(runs(by_task), "base") == []


@pytest.mark.parametrize("study", ["quickstart", "microcosm"])
def test_no_two_statements_about_a_published_study_disagree(study):
    path = Path(__file__).parents[2] / "results" / "published" / study / "runs.csv"
    table = pd.read_csv(path, dtype={"task": str, "arm": str}, keep_default_na=False, na_values=[""])
    assert contradictions(table, "adamw") == []


def test_findings_are_three_to_seven_with_numbers_test_and_row():
    failing = [0.5] * 12 + list(normal(8))
    table = runs({task: {"base": normal(20, seed=1), "bad": failing, "good": normal(20, 0.8, seed=2)} for task in "xy"})
    summary, decided = summarise(table), decide(table, "base")
    found = findings(summary, decided)
    assert 3 <= len(found) <= 7
    json.dumps(found, allow_nan=False)
    assert found[0]["sentence"] == "24 of 120 runs failed: 24 of 40 of bad."
    kinds = [finding["kind"] for finding in found]
    assert kinds[1:3] == ["failures", "quality"]
    assert found[1]["sentence"].startswith("Against base, over 2 tasks, bad fails more often (24/40 runs against 0/40;")
    assert found[1]["test"] == "exact stratified"
    assert found[1]["row"] == {"question": "failures", "scope": ALL_TASKS, "task": "", "arm": "bad"}
    assert all(finding["n"] > 0 and finding["table"] and finding["sentence"].endswith(".") for finding in found)
    assert any("(decisions.csv: question failures, scope all tasks, arm bad; n = 80)" in line for line in lines(found))
    alone = findings(summarise(runs({"x": {"base": normal(5)}})), None)
    assert len(alone) == 3
    assert "up to 52 % would fail" in alone[-1]["sentence"]


def test_where_every_run_failed_a_finding_says_how_few_might():
    found = findings(summarise(runs({"x": {"a": [0.5] * 4, "b": [0.5] * 6}})), None)
    assert found[-1]["sentence"] == "6 failed runs of 6, as of b on x, still allow that only 54 % would fail."


@pytest.mark.parametrize(("kind", "share"), [("normal", 0.1), ("skewed", 0.0)])
@pytest.mark.parametrize("world", ["same", "mixed"])
def test_false_statements_are_rare(world, kind, share):
    """A small version of `make bench-coverage`; 40 studies with a chance of 5 % have 7 or more in .3 % of trials."""
    assert coverage.false_statements(world, kind, 10, share, 1, 40) * 40 < 7
