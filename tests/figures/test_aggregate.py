"""All tasks together: the numbers are those of the tables, and what cannot be drawn is said."""

import numpy as np
import pandas as pd
import pytest

from seedvar.figures import aggregate, performance_profiles
from seedvar.stats.aggregate import aggregate as over_tasks
from seedvar.stats.aggregate import improvement, performance_profile


@pytest.fixture
def runs():
    rng = np.random.default_rng(0)
    rows = [
        {
            "task": task, "arm": arm, "init_seed": seed, "order_seed": seed, "metric": "accuracy", "split": "test",
            "score": 0.5 if arm == "odd" and seed == 0 else 0.7 + 0.02 * (arm == "new") + 0.01 * rng.standard_normal(),
            "majority": 0.5, "degenerate": arm == "odd" and seed == 0,
        }
        for task in ("cola", "rte") for arm in ("base", "new", "odd") for seed in range(6)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_each_arm_has_its_mean_and_its_chance_to_beat_the_baseline(runs):
    means, chances = over_tasks(runs), improvement(runs, "base")
    figure = aggregate.draw(aggregate.numbers(runs, means, chances))
    left, right = figure.axes
    assert [text.get_text() for text in left.get_yticklabels()] == [
        "base (12 runs)", "new (12 runs)", "odd (12 runs, 2 failed)",
    ]  # fmt: skip
    drawn = left.lines[0].get_xdata()
    by_hand = (runs.assign(x=(runs["score"] - 0.5) / 0.5).groupby(["arm", "task"])["x"].mean()).groupby("arm").mean()
    assert np.allclose(drawn, 100 * by_hand.loc[["base", "new", "odd"]])
    assert np.isnan(right.lines[0].get_xdata()[0])
    assert right.lines[0].get_xdata()[1] == pytest.approx(100 * chances["improvement"].iloc[0])
    assert right.get_xlabel() == "a run beats one of base (%)"


def test_without_a_trivial_predictor_there_is_a_note(runs):
    runs = runs.assign(majority=np.nan, metric="bleu")
    numbers = aggregate.numbers(runs, over_tasks(runs), improvement(runs, "base"))
    profiles = performance_profiles.numbers(runs, performance_profile(runs))
    for figure in (aggregate.draw(numbers), performance_profiles.draw(profiles)):
        assert [text.get_text() for text in figure.axes[0].texts] == ["no task has a normalised score"]


def test_many_profiles_have_a_panel_each(runs):
    many = pd.concat(runs.assign(arm=runs["arm"] + str(i)) for i in range(3))
    figure = performance_profiles.draw(performance_profiles.numbers(many, performance_profile(many)))
    names = [ax.get_title() for ax in figure.axes if ax.get_title()]
    assert names == [f"{arm}{i}" for i in range(3) for arm in ("base", "new", "odd")]
    assert [len(ax.lines) for ax in figure.axes[:9]] == [10] * 9  # the arm, eight others and the trivial predictor
