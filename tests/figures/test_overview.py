"""The one picture shows every run, whatever its neighbours."""

from xml.etree import ElementTree

import matplotlib.colors
import numpy as np
import pandas as pd
import pytest

from seedvar.figures import COLUMN, overview
from seedvar.figures.style import FAILED_COLOUR, save, short_names
from seedvar.stats.describe import summarise


def make_runs(scores: dict[tuple[str, str], list[float]], metric="accuracy", majority=0.5) -> pd.DataFrame:
    """Makes runs from scores by task and arm; those that are no better than the trivial predictor have failed."""
    rows = [
        {"task": task, "arm": arm, "init_seed": seed, "order_seed": seed, "metric": metric, "split": "test"}
        | {"score": score, "majority": majority, "degenerate": score <= majority, "status": "finished"}
        for (task, arm), values in scores.items()
        for seed, score in enumerate(values)
    ]
    return pd.DataFrame(rows)


def numbers_of(runs, baseline=None):
    return overview.numbers(runs, summarise(runs), baseline)


def marks(figure) -> list[tuple]:
    """Returns panel, place and colour of every mark of a run."""
    found = []
    for number, ax in enumerate(figure.axes):
        for line in ax.lines:
            if str(line.get_gid()).startswith("run-"):
                x, y = (float(values[0]) for values in line.get_data())
                found.append((number, round(x, 6), round(y, 6), matplotlib.colors.to_hex(line.get_color()).upper()))
    return found


@pytest.mark.parametrize("width", [7.0, COLUMN])
@pytest.mark.parametrize("n", [1, 2, 5, 50])
def test_runs_with_one_score_are_as_many_marks(n, width):
    runs = make_runs({("rte", "a"): [0.8] * n, ("rte", "b"): [0.5] * n})
    found = marks(overview.draw(numbers_of(runs, "a"), width=width))
    assert len(set(found)) == len(found) == 2 * n
    assert sum(mark[-1] == FAILED_COLOUR for mark in found) == n
    of_a = [y for _, _, y, colour in found if colour != FAILED_COLOUR]
    assert all(abs(y) < 0.5 for y in of_a)  # none leaves its row


def test_marks_of_many_arms_and_tasks_are_distinct_and_stay_in_their_rows():
    rng = np.random.default_rng(0)
    scores = {(f"t{t}", f"arm {a}"): list(0.5 + 0.02 * rng.integers(0, 20, 6)) for t in range(12) for a in range(40)}
    runs = make_runs(scores)
    for width in (7.0, COLUMN):
        figure = overview.draw(numbers_of(runs, "arm 7"), width=width)
        found = marks(figure)
        assert len(set(found)) == len(found) == len(runs)
        assert figure.get_size_inches()[0] == width
        assert figure.axes[0].get_yticklabels()[0].get_text() == "arm 7"  # the baseline comes first
        letters = [text.get_fontsize() for ax in figure.axes for text in (*ax.get_yticklabels(), *ax.get_xticklabels())]
        assert min(letters) >= 6


def test_stacked_marks_are_centred():
    for n in (2, 3, 4, 7):
        shifts = overview.swarm(np.zeros(n), 4.0, 30.0)
        assert len(set(shifts)) == n
        assert shifts.mean() == pytest.approx(0, abs=2.1)
        assert np.ptp(shifts) <= 26 + 1e-9


def test_scores_are_normalised_and_errors_turned_round():
    runs = make_runs({("rte", "a"): [0.75, 0.5], ("rte", "b"): [1.0, 0.75]})
    assert list(numbers_of(runs)["shown"]) == [50, 0, 100, 50]
    errors = make_runs({("mine", "a"): [1.0, 0.5, 0.25]}, "mse", 2.0).assign(degenerate=False)
    found = numbers_of(errors)
    assert list(found["shown"]) == [50, 75, 87.5]
    assert (found["mean_low"] <= found["mean"]).all()
    assert "errors turned round" in overview.draw(found).texts[0].get_text()


def test_without_a_trivial_predictor_the_axes_are_those_of_the_scores():
    runs = make_runs({("rte", "a"): [0.7, 0.8]}, majority=0.0).assign(majority=np.nan)
    found = numbers_of(runs)
    assert list(found["shown"]) == [70, 80]
    assert overview.draw(found).axes[0].get_xlabel() == "test accuracy × 100"


def test_a_run_far_off_squeezes_no_others_and_is_named():
    scores = {("text", "a"): [20.0, 21, 22, 23, 24, 9000.0], ("text", "b"): [19.0, 20, 21, 22, 23, 24]}
    runs = make_runs(scores, metric="mse", majority=30.0).assign(degenerate=False)
    figure = overview.draw(numbers_of(runs.assign(majority=np.nan), "a"))
    ax = figure.axes[0]
    assert ax.get_xlim()[1] < 30
    assert ax.get_xlabel().endswith("; 1 beyond, at the edge")
    assert len(marks(figure)) == len(runs)
    of_runs = [line for line in ax.lines if str(line.get_gid()).startswith("run-")]
    assert len(of_runs) == len(runs)
    assert not any(line.get_clip_on() for line in of_runs)  # what is at the edge is not cut in half there
    assert max(x for number, x, *_ in marks(figure) if number == 0) == pytest.approx(ax.get_xlim()[1])
    assert overview._own_limits(numbers_of(runs))[1] > 30  # what nothing learned scores is on the axis
    runs.loc[0, "score"] = np.nan  # of a run that diverged, where there is no trivial predictor
    label = overview.draw(numbers_of(runs.assign(majority=np.nan), "a")).axes[0].get_xlabel()
    assert label.endswith("; 1 beyond, at the edge")


def test_the_share_of_failed_runs_is_that_of_all_tasks():
    runs = make_runs({("rte", "a"): [0.5, 0.8], ("mrpc", "a"): [0.9, 0.5]})
    assert [text.get_text() for text in overview.draw(numbers_of(runs)).axes[-1].texts] == ["2/4"]


def test_the_svg_says_of_each_run_what_it_is_and_a_users_words_stay_text(tmp_path):
    arm = "<script>alert(1)</script>&"
    runs = make_runs({("rte", arm): [0.8, 0.5]}).assign(slug="adamw+lr1e-5")
    found = numbers_of(runs)
    save(overview.draw(short_names(found)), [tmp_path / "it.svg"], overview.tooltips(found))
    page = (tmp_path / "it.svg").read_text()
    assert "<script" not in page
    said = [one.text for one in ElementTree.fromstring(page).iter("{http://www.w3.org/2000/svg}title")]
    assert said == [
        f"{arm} on rte, seed 0: 80.0 (test accuracy × 100); adamw+lr1e-5",
        f"{arm} on rte, seed 1: 50.0 (test accuracy × 100); failed: no better than the trivial predictor, 50; "
        "adamw+lr1e-5",
    ]
    save(overview.draw(short_names(found)), [tmp_path / "again.svg"], overview.tooltips(found))
    assert (tmp_path / "again.svg").read_text() == page
