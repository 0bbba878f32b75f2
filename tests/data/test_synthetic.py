"""The synthetic tasks have the shapes of their GLUE models, and the same content always."""

import pytest

from seedvar.data.synthetic import SIZES, make_examples
from seedvar.files import digest


@pytest.mark.parametrize("task", ["syn-rte", "syn-mrpc", "syn-cola", "syn-stsb"])
def test_data_are_the_same_every_time_and_differ_between_splits(task):
    train = make_examples(task, "train", 50)
    assert train == make_examples(task, "train", 50)
    assert train != make_examples(task, "validation", 50)


def test_label_balance_is_that_of_the_models():
    share = {
        t: sum(e["label"] for e in make_examples(t, "train")) / SIZES["train"]
        for t in ("syn-rte", "syn-mrpc", "syn-cola")
    }
    assert 0.45 < share["syn-rte"] < 0.55
    assert 0.62 < share["syn-mrpc"] < 0.72
    assert 0.65 < share["syn-cola"] < 0.75
    scores = {e["label"] for e in make_examples("syn-stsb", "train")}
    assert scores == {0.0, 1.0, 2.0, 3.0, 4.0, 5.0}


def test_the_content_is_that_of_the_published_results():
    """A change of the grammar is a change of the data: results/quickstart has to be made anew."""
    examples = {task: make_examples(task, "train") for task in ("syn-rte", "syn-mrpc", "syn-cola", "syn-stsb")}
    assert digest(examples)[:16] == "a404cc351b1d02fc"
