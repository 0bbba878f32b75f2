"""Figures are as wide as a page, their letters can be read there, and nothing sticks out, however much they show."""

import importlib
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from seedvar.figures import OVERVIEW
from seedvar.figures.overview import SMALLEST_LETTERS
from seedvar.figures.style import PAGE, break_titles, short_names

PUBLISHED = Path(__file__).parents[2] / "results" / "published"
NUMBERS = sorted(PUBLISHED.glob("*/figures/*.csv"))
ONE_EACH = list({path.stem: path for path in NUMBERS if path.parts[-3] in ("quickstart", "table1_small")}.values())


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def drawn(path: Path, numbers: pd.DataFrame):
    return importlib.import_module(f"seedvar.figures.{path.stem.replace('-', '_')}").draw(short_names(numbers))


def faults(figure, monkeypatch) -> list[str]:
    """What is wider than the page, smaller than can be read, or outside of the figure."""
    texts, draw = {}, Text.draw

    def recorded(text, *args):
        texts[id(text)] = text
        return draw(text, *args)

    with monkeypatch.context() as patched:
        patched.setattr(Text, "draw", recorded)  # of all texts those that are drawn
        break_titles(figure)
        FigureCanvasAgg(figure).draw()
    width = figure.get_size_inches()[0]
    found = [f"{width} inches wide"] if width > PAGE else []
    inside = figure.bbox.padded(1)
    for text in texts.values():
        box, said = text.get_window_extent(), text.get_text()
        if not said.strip() or not text.get_visible():
            continue
        if text.get_fontsize() < SMALLEST_LETTERS:
            found.append(f"{said!r} in {text.get_fontsize()} points")
        if not (inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0 and box.y1 <= inside.y1):
            found.append(f"{said!r} sticks out")
    for ax in figure.axes:
        names = [label for label in ax.get_xticklabels() if id(label) in texts and label.get_rotation() == 0]
        places = sorted((label.get_window_extent() for label in names), key=lambda box: box.x0)
        if any(left.x1 > right.x0 for left, right in zip(places, places[1:], strict=False)):
            found.append(f"{[label.get_text() for label in names]} run into each other")
    return found


@pytest.mark.parametrize("path", NUMBERS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_the_published_figures(path, monkeypatch):
    assert faults(drawn(path, pd.read_csv(path)), monkeypatch) == []


@pytest.mark.parametrize("path", ONE_EACH, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_with_a_dozen_tasks_and_with_forty_arms(path, monkeypatch):
    numbers = pd.read_csv(path)
    if "task" in numbers:
        many = [
            numbers.assign(task=numbers["task"] + f" of the kind {i}") for i in range(6 if len(numbers) < 3000 else 3)
        ]
        assert faults(drawn(path, pd.concat(many, ignore_index=True)), monkeypatch) == []
    if path.stem == OVERVIEW:  # counts of three digits stand beside their bars
        many = [numbers.assign(init_seed=1000 * i + numbers["init_seed"]) for i in range(12)]
        assert faults(drawn(path, pd.concat(many, ignore_index=True)), monkeypatch) == []
    if "arm" in numbers:
        many = [numbers.assign(arm=numbers["arm"] + f"+learning_rate{i}e-5") for i in range(1, 11)]
        assert faults(drawn(path, pd.concat(many, ignore_index=True)), monkeypatch) == []


@pytest.mark.parametrize("n", [2, 5, 8, 9, 14])
@pytest.mark.parametrize("kind", ["distribution", "reinit-depth", "learning-rates", "training-length"])
def test_names_below_a_panel_do_not_run_into_each_other_however_short_they_are(kind, n, monkeypatch):
    """Below a short name of an arm stands how many of its runs failed, which is longer."""
    path = next(path for path in NUMBERS if path.stem == kind)
    numbers = pd.read_csv(path)
    numbers = numbers[numbers["task"].isin(numbers["task"].unique()[:2])]
    one = numbers[numbers["arm"] == numbers["arm"].iloc[0]]
    changes = [{"arm": f"a{i}", "depth": str(i), "learning_rate": 1e-6 * (i + 1), "updates": 2**i} for i in range(n)]
    of_kind = [{name: value for name, value in each.items() if name in numbers} for each in changes]
    if kind == "training-length":
        of_kind = [{**each, "depth": float("nan")} for each in of_kind]
    assert faults(drawn(path, pd.concat([one.assign(**each) for each in of_kind])), monkeypatch) == []
