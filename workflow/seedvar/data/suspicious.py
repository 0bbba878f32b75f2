"""What is odd about data that can be trained on: said by `seedvar check`, and in `data.json` beside the tokens."""

from __future__ import annotations

import numpy as np

from seedvar.data.examples import Examples
from seedvar.data.labels import listing
from seedvar.data.splits import split

FEW = 20  # examples to judge a run by; with fewer, one example is more than 5 points
MUCH_CUT = 0.2  # share of inputs that are cut


def suspicions(examples: Examples, how: str = "halves") -> list[str]:
    """Lists what is odd about the examples of a task, a sentence each; [] as a rule.

    Args:
        examples: See `examples.read_examples`.
        how: The recipe's `split`, see `splits.split`.
    """
    task, parts = examples.task, split(examples.task, examples.labels, how)
    texts = {name: _rows(examples, part) for name, part in parts.items()}
    labels = {name: examples.labels[part.source][part.rows] for name, part in parts.items()}
    said = []
    learned = set(texts["train"])
    for name in [name for name in parts if name != "train"]:
        n, n_learned = len(texts[name]), sum(text in learned for text in texts[name])
        if n_learned:
            said.append(
                f"{n_learned:,} of {n:,} {name} examples ({100 * n_learned / n:.1f} %) are training examples too"
            )
        if n < FEW:
            said.append(f"{name} has {n} examples, so that one of them is {100 / n:.0f} % of a score")
        if not task.is_regression and len(np.unique(labels[name])) == 1:
            said.append(f"every {name} example has the class {task.classes[int(labels[name][0])]}")
    for place, column in enumerate(task.columns):
        same = [name for name in parts if len(texts[name]) > 1 and len({text[place] for text in texts[name]}) == 1]
        if same:
            said.append(f"every text of {column} is the same in {listing(same)}")
    if not task.is_regression:
        counts = np.bincount(labels["train"].astype(int), minlength=task.n_classes)
        if rare := [name for name, n in zip(task.classes, counts, strict=True) if n < 2]:
            said.append(f"fewer than 2 training examples of the class {listing(rare)}")
    return said


def much_cut(lengths: np.ndarray, max_length: int) -> list[str]:
    """Says that many inputs are cut, if they are.

    Args:
        lengths: Tokens of each input before it is cut, or after.
        max_length: Where it is cut.
    """
    share = float((lengths >= max_length).mean()) if len(lengths) else 0.0
    return (
        [f"{100 * share:.0f} % of the inputs fill all {max_length} tokens or are cut there"] if share > MUCH_CUT else []
    )


def _rows(examples: Examples, part) -> list[tuple[str, ...]]:
    columns = examples.texts[part.source]
    return [tuple(column[row].strip() for column in columns) for row in part.rows]
