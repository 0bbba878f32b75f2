"""What is said of a task before anything is trained."""

import pytest

from seedvar.data import describe as description
from seedvar.data.declaration import Declaration
from seedvar.data.examples import read_examples
from seedvar.data.sources import located
from seedvar.models.tokenizer import QuickTokenizer


@pytest.fixture
def reviews(tmp_path):
    def made(rows, **declared):
        path = tmp_path / "reviews.csv"
        path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))
        declaration = Declaration(source={"train": str(path)}, text="text", split={"validation": 0.2}, **declared)
        source = located(declaration)
        return read_examples("reviews", declaration, source), source

    return made


def describe(*arguments, **options):
    """The lines on a task without what is odd about these few examples; see `test_suspicious.py`."""
    lines = description.describe(*arguments, **options)
    return [line for line in lines if not line.startswith("  warning: ")]


def test_the_user_sees_sizes_classes_metric_and_rule(reviews, tmp_path):
    lines = describe(*reviews([("the dog " * 60, "good")] * 15 + [("the cat", "bad")] * 5, metric="macro_f1"))
    shown = ("the dog " * 60)[:89].strip()
    assert lines == [
        f"reviews: text -> label; from {tmp_path}/reviews.csv",
        "  train: 16 examples; 2 classes: bad (4), good (12)",
        "  validation: 4 examples, from the source's train split; 2 classes: bad (1), good (3)",
        "  test: none; macro-F1 is judged on validation",
        *[f"  e.g. good: '{shown}…'"] * 3,
        "  metric: macro-F1 (the higher, the better), with accuracy; the trivial predictor has 42.9 on validation",
        "  a run has failed if at the end its macro-F1 on validation is at most 42.9 or not defined",
    ]


def test_errors_are_shown_in_their_own_unit_and_direction(reviews):
    lines = describe(*reviews([("a", n) for n in range(10)], labels="number", metric="mse"))
    assert lines[1].startswith("  train: 8 examples; labels 0 to 9, mean ")
    assert "mean squared error (the lower, the better); the trivial predictor has " in lines[-2]
    assert " on validation is at least " in lines[-1]


def test_lengths_are_those_of_the_tokenizer(reviews, tiny_models):
    tokenizer = QuickTokenizer(tiny_models("bert"), "tiny")
    data = reviews([("the dog", "x"), ("the cat sees the xylophone", "y")] * 5)
    (line,) = [line for line in describe(*data, tokenizers=[tokenizer], max_length=6) if "tokens" in line]
    assert line == (
        "  tokens an example (tiny): median 6, 95 % 7, longest 7; 5 (50.0 %) are cut at 6; "
        "unknown tokens: 14.3 %, which is much: is it the model's own tokenizer, and the text in its language?"
    )


def test_the_class_that_an_f1_is_of_is_named(reviews):
    lines = describe(*reviews([("a", "spam"), ("b", "ham")] * 5, metric="f1"))
    assert lines[-2].startswith("  metric: F1 of the class spam (the higher, the better), with accuracy; ")
    assert lines[-1] == "  a run has failed if at the end its accuracy on validation is at most 50.0 or not defined"
