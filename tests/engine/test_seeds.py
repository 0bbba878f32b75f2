"""Seeds are added in batches until the widest interval is narrow enough, and no further."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from seedvar.cells.record import RunRecord
from seedvar.engine.seeds import decided, look, look_line, with_seeds
from seedvar.errors import UserError
from seedvar.stats.sequential import look_interval
from seedvar.study.grid import expand
from seedvar.study.reading import read_study
from seedvar.study.study import Study

STUDY = Study(
    model="tiny",
    tasks=["syn-rte"],
    seeds={"width": 0.1, "batch": 2, "at_most": 5},
    arms={"steady": {}, "wild": {"epochs": 4}},
    baseline="steady",
)
SCORES = {"steady": [0.70, 0.71, 0.70, 0.72, 0.71], "wild": [0.60, 0.75, 0.68, 0.69, 0.70]}


@pytest.fixture
def results(tmp_path):
    for arm, cell in expand(STUDY):
        score = {"validation": {"accuracy": 0.6}, "test": {"accuracy": SCORES[arm][cell.init_seed]}}
        record = RunRecord(
            cell=cell.specification(), fingerprint="f", slug=cell.recipe.slug(), recipe=cell.recipe.model_dump(),
            status="finished", degenerate=False, metric="accuracy", scores={"last": score, "best": score},
            majority={"validation": 0.5, "test": 0.5}, updates=1, best_update=1, train_loss=0.1, constant_loss=0.69,
            examples={}, wall_time_s=1.0, device="cpu", threads=1, versions={},
        )  # fmt: skip
        folder = tmp_path / cell.folder()
        folder.mkdir(parents=True)
        (folder / "result.json").write_text(record.model_dump_json())
    return tmp_path


def test_a_look_sees_the_widest_interval_of_the_seeds_so_far(results):
    seen = look(STUDY, results, batch=1)
    wild = np.array(SCORES["wild"][:4])
    low, high = look_interval(wild, np.empty(0), 0.5)
    assert seen["seeds"] == 4
    assert (seen["task"], seen["arm"]) == ("syn-rte", "wild")
    assert seen["widest"] == pytest.approx(high - low)
    assert not seen["enough"]
    quality = STUDY.model_copy(update={"seeds": STUDY.seeds.model_copy(update={"statistic": "quality"})})
    low, high = stats.t.interval(0.98, 3, stats.tmean(wild), stats.sem(wild))
    assert look(quality, results, batch=1)["widest"] == pytest.approx(high - low)


def test_failures_that_were_not_seen_are_said(results):
    seen = look(STUDY, results, batch=2)
    assert (seen["reached"], seen["enough"]) == (False, True)  # as many as are allowed, and not narrow enough
    assert seen["failures"] == "0 of 5 failed still allows 45 %"


def test_two_runs_have_no_interval_yet(results):
    seen = look(STUDY, results, batch=0)
    assert (seen["widest"], seen["enough"]) == (None, False)


def test_it_is_enough_when_the_interval_is_narrow_or_there_are_as_many_as_allowed(results):
    assert look(STUDY, results, batch=2)["enough"]  # 5 of at most 5
    easy = STUDY.model_copy(update={"seeds": STUDY.seeds.model_copy(update={"width": 3.0})})
    assert look(easy, results, batch=1)["enough"]


def test_the_study_ends_with_the_first_look_that_was_enough(tmp_path):
    (tmp_path / "seeds").mkdir()
    for batch, (seeds, enough) in enumerate([(2, False), (4, True), (5, True)]):
        (tmp_path / "seeds" / f"{batch}.json").write_text(json.dumps({"seeds": seeds, "enough": enough}))
    assert decided(STUDY, tmp_path).seed_pairs() == [(0, 0), (1, 1), (2, 2), (3, 3)]
    assert decided(with_seeds(STUDY, 3), tmp_path).seeds == 3


def test_the_last_batch_may_be_smaller():
    assert STUDY.seeds.counts == [2, 4, 5]


def until_decided(**changes):
    seeds = {"until": "decided", "batch": 5, "at_most": 20} | changes
    return STUDY.model_copy(update={"seeds": Study.model_validate(STUDY.model_dump() | {"seeds": seeds}).seeds})


def test_looks_double_and_end_with_as_many_seeds_as_allowed():
    assert until_decided(at_most=50).seeds.counts == [5, 10, 20, 40, 50]
    assert until_decided(at_most=20).seeds.counts == [5, 10, 20]
    assert until_decided(at_most=3).seeds.counts == [3]
    assert (until_decided(at_most=50).looks, STUDY.looks) == (5, 1)


def record_scores(monkeypatch, scores, failed=()):
    """Has the looks see these scores, by arm."""
    runs = [
        {"task": "syn-rte", "arm": arm, "metric": "accuracy", "majority": 0.5, "status": "finished", "score": score}
        | {"degenerate": (arm, seed) in failed}
        for arm, values in scores.items()
        for seed, score in enumerate(values)
    ]
    cells = [(row["arm"], SimpleNamespace(folder=lambda: "", row=row), None) for row in runs]
    monkeypatch.setattr("seedvar.engine.seeds.read_cells", lambda study, results: cells)
    monkeypatch.setattr("seedvar.engine.seeds.run_row", lambda arm, cell, *others: cell.row)


def test_seeds_are_added_until_every_comparison_is_settled(monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    steady, far = 0.7 + rng.normal(0, 0.01, 10), 0.6 + rng.normal(0, 0.01, 10)
    record_scores(monkeypatch, {"steady": steady, "wild": far, "third": steady[::-1] + 0.001})
    study = until_decided().model_copy(update={"baseline": "steady"})
    seen = look(study, tmp_path, batch=1)
    assert (seen["seeds"], seen["arms"], list(seen["open"])) == (10, 2, ["third"])
    assert (seen["reached"], seen["enough"]) == (False, False)
    assert look_line(seen) == "10 seeds: mean: 1 of 2 comparisons decided; open: third (p 1.000): more are needed"
    assert look(study, tmp_path, batch=2)["enough"]  # no more are allowed
    record_scores(monkeypatch, {"steady": steady, "wild": far})
    seen = look(study, tmp_path, batch=1)
    assert (seen["reached"], seen["enough"], seen["open"]) == (True, True, {})
    assert look_line(seen) == "10 seeds: mean: 1 of 1 comparisons decided: enough"


def test_arms_that_are_the_same_by_what_matters_are_decided(monkeypatch, tmp_path):
    steady = 0.7 + np.random.default_rng(0).normal(0, 0.001, 10)
    record_scores(monkeypatch, {"steady": steady, "wild": steady[::-1]})
    assert not look(until_decided(), tmp_path, batch=1)["reached"]
    study = until_decided().model_copy(update={"smallest_difference": 0.01})
    assert look(study, tmp_path, batch=1)["reached"]
    failing = [("wild", 0)]
    record_scores(monkeypatch, {"steady": steady, "wild": np.r_[0.5, steady[1:]]}, failing)
    assert not look(study, tmp_path, batch=1)["reached"]  # the mean of all runs is another question
    quality = until_decided(question="quality").model_copy(update={"smallest_difference": 0.01})
    assert look(quality, tmp_path, batch=1)["reached"]


def test_all_p_values_are_multiplied_by_the_number_of_looks(monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    record_scores(
        monkeypatch, {arm: 0.7 + shift + rng.normal(0, 0.01, 5) for arm, shift in (("steady", 0), ("wild", 0.01))}
    )
    waiting = [look(until_decided(at_most=at_most), tmp_path, batch=0)["open"]["wild"] for at_most in (5, 20, 50)]
    assert waiting[1:] == pytest.approx([3 * waiting[0], 5 * waiting[0]])


@pytest.mark.parametrize(
    ("seeds", "sentence"),
    [
        ("{width: 0}", "seeds.width: 0 is not accepted; accepted: a number above 0"),
        ("{until: never}", "seeds.until: 'never' is not accepted; accepted: decided"),
        ("{until: decided, batch: 1}", "seeds.batch: 1 is not accepted; accepted: "),
        ("{until: decided}", "seeds.until: one arm has nothing to decide; accepted: {width: …}, or a second arm"),
        ("{width: 0.1, bach: 3}", "seeds.bach: unknown key .did you mean 'batch'.*; accepted: width, statistic, batch"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path, seeds, sentence):
    path = tmp_path / "mine.yaml"
    path.write_text(f"model: syn-bert\ntasks: [syn-rte]\nseeds: {seeds}\narms: {{a: {{}}}}\n")
    with pytest.raises(UserError, match=sentence):
        read_study(path)
