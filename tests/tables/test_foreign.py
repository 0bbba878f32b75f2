"""Tables from anywhere: read by the study's mapping, complete, and one sentence for every mistake."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from seedvar.data.shown import higher_is_better
from seedvar.errors import UserError
from seedvar.stats.candidates import candidates
from seedvar.stats.compare import compare
from seedvar.stats.describe import summarise
from seedvar.study.reading import read_study
from seedvar.tables.compared import as_compared
from seedvar.tables.foreign import import_runs

REPOSITORY = Path(__file__).parents[2]
STUDY = """
runs:
  file: {file}
  columns: {{task: data set, arm: method, seed: run}}
  arms: {{ours: new, plain: old}}
  scale: 100
  tasks:
    rte: {{value: RTE, metric: accuracy, score: acc, majority: 50}}
    mrpc: {{value: MRPC, metric: f1, score: f1, majority: 80, failed_by: acc, failed_at: 66, validation: dev}}
baseline: plain
"""


@pytest.fixture
def rows():
    return pd.DataFrame(
        {
            "data set": ["RTE"] * 4 + ["MRPC"] * 4 + ["other"],
            "method": ["old", "old", "new", "new"] * 2 + ["old"],
            "run": [1, 2, 1, 2] * 2 + [1],
            "acc": [50.0, 60, 70, np.nan, 66, 67, 70, 70, 1],
            "f1": [np.nan] * 4 + [81.0, 79, 85, 86, 1],
            "dev": [np.nan] * 4 + [80.0, 78, 84, 83, 1],
        }
    )


def read_changed(folder, text, changes):
    """Reads a study file after changes, each of what is there."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "mine.yaml").write_text(text)
    return read_study(folder / "mine.yaml")


@pytest.fixture
def study(tmp_path, rows):
    """Writes a table in a format and the study that reads it, with changes."""

    def write(*changes, suffix=".csv", table=rows):
        path = tmp_path / f"scores{suffix}"
        if suffix == ".parquet":
            table.to_parquet(path)
        else:
            table.to_csv(path, index=False, sep="\t" if suffix == ".tsv" else ",")
        return read_changed(tmp_path, STUDY.format(file=path), changes)

    return write


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_a_table_in_any_format_becomes_runs_in_the_study_files_order(study, suffix):
    runs = import_runs(study(suffix=suffix))["runs"]
    assert runs[["task", "arm"]].drop_duplicates().to_numpy().tolist() == [
        ["rte", "ours"],
        ["rte", "plain"],
        ["mrpc", "ours"],
        ["mrpc", "plain"],
    ]
    assert runs["score"].tolist() == [0.7, 0.5, 0.5, 0.6, 0.85, 0.86, 0.81, 0.79]
    assert runs["init_seed"].tolist() == [1, 2] * 4
    assert runs.loc[runs["task"] == "mrpc", "validation_last"].tolist() == [0.84, 0.83, 0.8, 0.78]


def test_failure_is_what_the_study_says_and_an_undefined_score_has_failed(study):
    runs = import_runs(study())["runs"]
    failed = runs[runs["degenerate"]]
    assert failed[["task", "arm", "init_seed"]].to_numpy().tolist() == [
        ["rte", "ours", 2],  # no score
        ["rte", "plain", 1],  # the majority score
        ["mrpc", "plain", 1],  # by accuracy, though its F1 is higher than the other's
    ]
    assert runs["score_defined"].tolist() == [True, False, *[True] * 6]
    assert summarise(runs)["failed"].tolist() == [1, 1, 0, 1]


def test_rows_are_numbered_where_the_table_has_no_seeds_so_that_nothing_pairs_them(study):
    runs = import_runs(study((", seed: run", "")))["runs"]
    assert runs["order_seed"].tolist() == [0, 1, 2, 3] * 2
    assert compare(runs, "plain")["n_pairs"].tolist() == [0, 0]


def test_equal_seeds_are_pairs_only_if_the_study_says_so(study):
    assert compare(import_runs(study())["runs"], "plain")["n_pairs"].tolist() == [0, 0]
    paired = import_runs(study(("  scale: 100", "  scale: 100\n  comparable_seeds: true")))["runs"]
    assert compare(paired, "plain")["n_pairs"].tolist() == [2, 2]


def test_what_was_read_and_left_out_is_told(study, own):
    lines = []
    import_runs(study(("  arms:", "  where: {run: [1, 2]}\n  arms:")), tell=lines.append)
    assert lines[0].endswith("9 rows, of which 1 left out of other tasks (other)")
    text = "m,s,x\nold,1,0.6\nnew,1,0.6\nthird,1,0.6\n,2,0.6\n"
    more = "  where: {s: 1}\n  arms: {a: old, b: new}\nbaseline: a"
    assert len(own(text, "{arm: m}", ONE_TASK, more, tell=lines.append)) == 2
    assert lines[1].endswith("4 rows, of which 1 left out by where (s), 1 left out of other arms (third)")


def test_rows_without_an_arm_are_told_unless_they_are_not_asked_for(study, rows):
    rows.loc[2, "method"] = None
    with pytest.raises(UserError, match="method: row 3 holds nothing; accepted: a name in every row"):
        import_runs(study(table=rows))


ONE_TASK = "{rte: {metric: accuracy, score: x, majority: 0.5}}"
OWN = """
runs:
  file: {file}
  columns: {columns}
  tasks: {tasks}
"""


@pytest.fixture
def own(tmp_path):
    """Reads a table of one's own, given as CSV, by a study of the keys that are given."""

    def read(text, columns, tasks, more="", name="mine.csv", tell=lambda line: None):
        (tmp_path / name).write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        path = tmp_path / "own.yaml"
        path.write_text(OWN.format(file=tmp_path / name, columns=columns, tasks=tasks) + more)
        return import_runs(read_study(path), tell=tell)["runs"]

    return read


def test_a_wide_table_has_a_score_column_a_task(own):
    tasks = "{a: {metric: accuracy, score: x, majority: 0.5}, b: {metric: f1, score: y, majority: 0.4}}"
    runs = own("m,s,x,y\nold,1,0.6,0.7\nold,2,0.5,0.8\n", "{arm: m, seed: s}", tasks)
    assert runs[["task", "arm", "init_seed", "score", "degenerate"]].to_numpy().tolist() == [
        ["a", "old", 1, 0.6, False],
        ["a", "old", 2, 0.5, True],
        ["b", "old", 1, 0.7, False],
        ["b", "old", 2, 0.8, False],
    ]


def test_several_columns_make_an_arm_and_a_task(own):
    text = "d,split,m,lr,x\nrte,dev,new,2e-5,0.6\nrte,dev,new,1e-5,0.7\nrte,test,new,1e-5,0.7\n"
    tasks = "{rte: {value: rte+dev, metric: accuracy, score: x, majority: 0.5}}"
    arms = "  arms: {low: new+1e-5, high: new+2e-5}\nbaseline: low"
    runs = own(text, "{task: [d, split], arm: [m, lr]}", tasks, arms)
    assert runs[["arm", "score"]].to_numpy().tolist() == [["low", 0.7], ["high", 0.6]]
    assert own(text, "{task: [d, split], arm: [m, lr]}", tasks)["arm"].tolist() == ["new+2e-5", "new+1e-5"]
    with pytest.raises(UserError, match="m, lr: different rows come to the name 'a[+]b[+]c'"):
        own("m,lr,x\na+b,c,1\na,b+c,1\n", "{arm: [m, lr]}", "{rte: {metric: accuracy, score: x, majority: 0.5}}")


def test_a_constant_arm_and_a_constant_task(own):
    runs = own("x\n0.6\n0.7\n", "{}", "{rte: {metric: accuracy, score: x, majority: 0.5}}", "  arm: ours")
    assert runs[["task", "arm", "score"]].to_numpy().tolist() == [["rte", "ours", 0.6], ["rte", "ours", 0.7]]


def test_a_metric_may_have_no_trivial_predictor(own):
    tasks = "{rte: {metric: bleu, score: x, majority: none}}"
    runs = own("m,x\na,0.2\na,\n", "{arm: m}", tasks)
    assert runs["degenerate"].tolist() == [False, True]
    assert runs["majority"].isna().all()
    row = summarise(runs).iloc[0]
    assert (row["failed"], row["ok_mean"]) == (1, 0.2)


def test_of_a_loss_lower_is_better_in_every_statistic(own):
    tasks = "{lm: {metric: perplexity, better: lower, score: x, majority: 100}}"
    text = "m,x\n" + "".join(f"a,{x}\nb,{x + 5}\n" for x in (20.0, 21, 22, 23, 24)) + "b,100\n"
    runs = own(text, "{arm: m}", tasks, "baseline: b")
    assert set(runs["metric"]) == {"perplexity \u2193"}
    assert runs["degenerate"].sum() == 1
    assert not higher_is_better("perplexity \u2193")
    assert compare(runs, "b")["a12"].item() > 0.9


@pytest.mark.parametrize(
    ("majority", "scale", "scores", "meant"),
    [
        (0.50917, 1, [0.5091743, 0.5091743, 0.7], "0.509175"),
        (50.9, 100, [50.91743, 50.91743, 70.0], "50.92"),
    ],
)
def test_a_majority_that_collapsed_runs_are_a_hair_above_is_refused(own, majority, scale, scores, meant):
    text = "m,x\n" + "".join(f"a,{x}\n" for x in scores)
    tasks = f"{{rte: {{metric: accuracy, score: x, majority: {majority}}}}}"
    with pytest.raises(
        UserError, match=f"2 of 3 runs have {scores[0]:g}, a hair better.* accepted: majority: {meant},"
    ):
        own(text, "{arm: m}", tasks, f"  scale: {scale}")
    for sound in (f"majority: {meant}", f"majority: {majority}, failed_at: {majority}"):
        runs = own(text, "{arm: m}", tasks.replace(f"majority: {majority}", sound), f"  scale: {scale}")
        assert runs["degenerate"].sum() == (0 if "failed_at" in sound else 2)


def test_semicolons_decimal_commas_and_gzip_are_read(own):
    runs = own("m;x\nNone;0,6\nNA;0,75\n", "{arm: m}", ONE_TASK, name="scores.csv.gz")
    assert runs[["arm", "score"]].to_numpy().tolist() == [["None", 0.6], ["NA", 0.75]]
    with pytest.raises(UserError, match="scores.csv.gz: there is no column 'y'; accepted: m, x"):
        own("m;x\na;1\n", "{arm: m}", ONE_TASK.replace("score: x", "score: y"), name="scores.csv.gz")


def test_a_score_outside_what_the_study_says_is_refused(own):
    tasks = "{rte: {metric: reward, score: x, majority: 0, lowest: -10, highest: 10}}"
    with pytest.raises(UserError, match="x: row 2 holds 11, .* is no reward; accepted: -10 to 10"):
        own("m,x\na,5\na,11\n", "{arm: m}", tasks)
    with pytest.raises(UserError, match="runs.tasks.rte.lowest: 3 is not below highest"):
        own("m,x\na,5\n", "{arm: m}", tasks.replace("-10", "3").replace("10", "2"))


def test_curves_give_the_validation_score_and_the_loss_at_the_end(study, tmp_path):
    curve = pd.DataFrame(
        [("RTE", m, r, u, 0.7 - 0.1 * u, 50 + u) for m in ("old", "new") for r in (1, 2) for u in (2, 1)],
        columns=["data set", "method", "run", "step", "loss", "val"],
    )
    mrpc = curve.assign(**{"data set": "MRPC"})
    pd.concat([curve, mrpc]).to_csv(tmp_path / "curves.csv", index=False)
    file = tmp_path / "curves.csv"
    tables = import_runs(
        study(
            ("  scale", f"  curves: {{file: {file}, update: step, train_loss: loss}}\n  scale"),
            ("score: acc,", "score: acc, curve: val,"),
        )
    )
    rte = tables["runs"][tables["runs"]["task"] == "rte"]
    assert rte["validation_last"].tolist() == pytest.approx([0.52] * 4)
    assert tables["runs"]["train_loss"].tolist() == pytest.approx([0.5] * 8)
    assert tables["runs"].loc[4, "validation_last"] == 0.84  # the runs' own column comes first
    assert list(tables["curves"]["update"][:2]) == [1, 2]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            ("arm: method", "arm: methods"),
            "there is no column 'methods'; accepted: data set, method, run, acc, f1",
        ),
        (("score: f1", "score: f"), "there is no column 'f'"),
        (("score: f1", "score: method"), "column 'method' holds what is no number"),
        (("value: RTE", "value: rte"), "no row is of task 'rte'; accepted as runs.tasks.rte.value: MRPC, RTE, other"),
        (("task: data set, ", ""), "runs.columns.task: is missing"),
        (("seed: run", "init_seed: run"), "give seed, or init_seed and order_seed together"),
        (("baseline: plain", "baseline: old"), "baseline: unknown arm 'old'; accepted: ours, plain"),
        (("baseline: plain", ""), "baseline: is missing; accepted: ours, plain"),
        (("old}", "older}"), "no row has the arm 'older'; accepted as runs.arms.plain: new, old"),
        (
            ("scores.csv", "gone.csv"),
            "runs.file: there is no .*gone.csv; accepted: a CSV, TSV, JSON Lines or Parquet file",
        ),
        (("score: acc", "scores: acc"), "runs.tasks.rte.scores: unknown key .did you mean 'score'"),
        (("columns:", "column:"), "runs.column: unknown key .did you mean 'columns'"),
        (("scale: 100", "scale: 0"), "runs.scale: 0 is not accepted"),
    ],
)
def test_a_mistake_is_one_sentence(study, change, sentence):
    with pytest.raises(UserError, match=sentence):
        import_runs(study(change))


def test_a_run_that_is_there_twice_is_refused(study, rows):
    with pytest.raises(UserError, match="the run of task rte, arm plain, seed 1 is there twice"):
        import_runs(study(table=pd.concat([rows, rows.head(1)])))


def test_another_kind_of_file_is_refused(study, tmp_path):
    (tmp_path / "scores.xlsx").write_text("")
    with pytest.raises(UserError, match="'.xlsx' is not accepted; accepted: .csv, .tsv, .jsonl, .json, .parquet"):
        import_runs(study(("scores.csv", "scores.xlsx")))


def test_the_shipped_studies_of_published_runs_read_them(published_runs):
    folder = str(REPOSITORY.parent / "shared" / "data" / "published_runs")
    tables = import_runs(read_study(REPOSITORY / "config/studies/published_zhang_runs.yaml"), folder)
    counts = tables["runs"].groupby(["task", "arm"], sort=False)["degenerate"].sum()
    assert counts.tolist() == [36, 0, 0, 28, 0, 0, 6, 0, 0, 18, 0, 0]  # literature: the replication's failures
    assert len(tables["curves"]) == 6450
    grid = import_runs(read_study(REPOSITORY / "config/studies/published_zhang_fig9.yaml"), folder)["runs"]
    means = grid.groupby("arm")["score"].mean().to_dict()
    assert means == pytest.approx({"standard": 0.71225, "reinit5": 0.74348}, abs=1e-5)


@pytest.fixture
def depths():
    """A table of three depths on two tasks, of which validation prefers another one on each, and test a third."""
    test = {"plain": (70, 70), "re1": (71, 60), "re2": (60, 71), "re3": (99, 99)}
    dev = {"plain": (50, 50), "re1": (90, 60), "re2": (80, 70), "re3": (10, 10)}
    rows = [
        {"task": task, "arm": arm, "seed": seed, "acc": test[arm][i] + seed / 10, "dev": dev[arm][i] + seed}
        for i, task in enumerate(("a", "b"))
        for arm in test
        for seed in range(3)
    ]
    return pd.DataFrame(rows)


SELECTING = """
runs:
  file: {file}
  columns: {{task: task, arm: arm, seed: seed}}
  arms: {{plain: plain, re1: re1, re2: re2, re3: re3}}
  scale: 100
  tasks:
    a: {{metric: accuracy, score: acc, majority: 40, validation: dev}}
    b: {{metric: accuracy, score: acc, majority: 40, validation: dev}}
select: {{reinit: [re1, re2, re3]}}
baseline: plain
"""


@pytest.fixture
def selecting(tmp_path, depths):
    def write(*changes, table=depths):
        table.to_csv(tmp_path / "depths.csv", index=False)
        return read_changed(tmp_path, SELECTING.format(file=tmp_path / "depths.csv"), changes)

    return write


def test_the_best_of_some_arms_of_a_table_by_validation_stands_for_them(selecting, depths):
    study = selecting()
    assert study.compared_names() == ["plain", "reinit"]
    runs = import_runs(study)["runs"]
    assert len(runs) == 24  # all are kept
    chosen = candidates(runs).set_index(["task", "arm"])
    assert list(chosen.index[chosen["selected"]]) == [("a", "re1"), ("b", "re2")]
    compared = summarise(as_compared({"runs": runs})["runs"]).set_index(["task", "arm"])
    for task, arm in (("a", "re1"), ("b", "re2")):
        own = depths[(depths["task"] == task) & (depths["arm"] == arm)]["acc"].mean()
        assert compared.loc[(task, "reinit"), "mean"] == pytest.approx(own / 100)
    assert set(compared.reset_index()["arm"]) == {"plain", "reinit"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("  scale: 100\n", "  scale: 100\n  split: validation\n"), "runs.split says that those are judged"),
        (("majority: 40, validation: dev}\n    b", "majority: 40}\n    b"), "runs.tasks.a.validation: is missing"),
        (("[re1, re2, re3]", "[re1, re9]"), "select.reinit: unknown arm 're9'; accepted: plain, re1, re2, re3"),
        (("baseline: plain", "baseline: re1"), "baseline: 're1' is one of those that select.reinit chooses from"),
        (("  arms: {plain: plain, re1: re1, re2: re2, re3: re3}\n", ""), "accepted: runs.arms with each of them"),
    ],
)
def test_a_selection_in_a_table_that_cannot_be_made_is_refused(selecting, change, sentence):
    with pytest.raises(UserError) as refused:
        selecting(change)
    assert sentence in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_an_arm_without_validation_scores_is_not_chosen_silently(selecting, depths):
    there = ~((depths["task"] == "b") & (depths["arm"] == "re2"))
    with pytest.raises(UserError, match=r"select\.reinit: no run of task 'b' and arm 're2' has a validation score"):
        import_runs(selecting(table=depths[there]))
