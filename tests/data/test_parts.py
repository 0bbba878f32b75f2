"""A task whose declaration leaves no example for a part is refused before anything is trained."""

import numpy as np
import pytest

from seedvar.data.declaration import Declaration
from seedvar.data.examples import content_of, read_examples
from seedvar.data.sources import located
from seedvar.data.splits import split
from seedvar.data.task import Shares, Task
from seedvar.errors import UserError

CLASSES = {"train": np.array([0.0, 1.0] * 20), "validation": np.array([0.0, 1.0] * 5)}
NUMBERS = {"train": np.arange(40.0), "validation": np.arange(10.0)}


@pytest.mark.parametrize(
    ("task", "labels", "sentence"),
    [
        (Task("t", "t", ("text",), ("a", "b"), "accuracy", split="held_out"), CLASSES, "leaves no example for train"),
        (Task("t", "t", ("text",), (), "pearson", split="halves"), NUMBERS, "leaves no example for validation"),
        (
            Task("t", "t", ("text",), ("a", "b"), "accuracy", split=Shares(validation=0.001)),
            {"train": CLASSES["train"]},
            "leaves no example for validation; accepted: larger shares",
        ),
    ],
)
def test_a_part_without_examples_is_refused(task, labels, sentence):
    with pytest.raises(UserError, match=f"tasks.t.split: {sentence}"):
        split(task, labels, "halves")


def test_content_is_what_examples_say_whatever_the_form_of_their_file(tmp_path):
    def content(text):
        (tmp_path / "a.csv").write_bytes(text.encode())
        declaration = Declaration(
            source={"train": str(tmp_path / "a.csv"), "validation": str(tmp_path / "a.csv")}, text="text"
        )
        return content_of(read_examples("t", declaration, located(declaration)))

    plain = content("text,label\na,x\nb,y\n")
    assert content("\ufefftext,label\r\na,x\r\nb,y\r\n") == plain  # as Windows writes it
    assert content('id,label,text\n1,x,"a"\n2,y,"b"\n') == plain  # a column that nobody reads
    assert content("text,label\na,x\nc,y\n") != plain
    assert content("text,label\na,y\nb,x\n") != plain
