"""What is odd about data, but no reason to refuse them, is said."""

import numpy as np
import pytest

from seedvar.data.examples import Examples
from seedvar.data.suspicious import much_cut, suspicions
from seedvar.data.task import Task


def examples(train, validation, classes=("bad", "good")):
    """Examples of (text, label) pairs."""
    splits = {"train": train, "validation": validation}
    return Examples(
        Task("mine", "mine", ("body",), classes, "accuracy" if classes else "spearman"),
        {name: [[text for text, _ in rows]] for name, rows in splits.items()},
        {name: np.array([label for _, label in rows], np.float32) for name, rows in splits.items()},
    )


TRAIN = [(f"text {n}", n % 2) for n in range(30)]
DEV = [(f"another {n}", n % 2) for n in range(30)]


def test_sound_data_give_no_warning():
    assert suspicions(examples(TRAIN, DEV)) == []


@pytest.mark.parametrize(
    ("train", "dev", "sentence"),
    [
        (TRAIN, [("text 3 ", 1), *DEV], "1 of 31 validation examples (3.2 %) are training examples too"),
        (TRAIN, DEV[:4], "validation has 4 examples, so that one of them is 25 % of a score"),
        (TRAIN, [(text, 1) for text, _ in DEV], "every validation example has the class good"),
        ([("same", n % 2) for n in range(30)], DEV, "every text of body is the same in train"),
        ([*TRAIN[::2], ("x", 1)], DEV, "fewer than 2 training examples of the class good"),
    ],
)
def test_each_oddity_is_one_sentence(train, dev, sentence):
    assert suspicions(examples(train, dev)) == [sentence]


def test_numbers_have_no_classes_to_be_rare():
    numbers = [(f"text {n}", n / 7) for n in range(30)]
    assert suspicions(examples(numbers, [(f"other {n}", n / 3) for n in range(30)], classes=())) == []


def test_inputs_that_are_cut_are_counted_from_a_fifth_on():
    assert much_cut(np.array([8, 8, 3, 4, 5]), 8) == ["40 % of the inputs fill all 8 tokens or are cut there"]
    assert much_cut(np.array([8, 7, 3, 4, 5]), 8) == []
