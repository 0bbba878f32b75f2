"""The synthetic tasks: RTE, MRPC, CoLA and STS-B in small, made from `grammar`.

They have the shape, the metric and the label balance of the GLUE tasks that
they are named after, and nothing else of them: every sentence is made up here.
Data are a pure function of (task, split, size), so they are the same for every
seed, as a published data set would be.
"""

from __future__ import annotations

import random
from dataclasses import replace

from seedvar.data.grammar import KIND_OF, Fact, alter, corrupt, random_fact, render, weaken

SIZES = {"train": 480, "validation": 400}

PARAPHRASE_SHARE = 0.67  # of MRPC's training pairs
ACCEPTABLE_SHARE = 0.70  # of CoLA's training sentences


def make_examples(task: str, split: str, size: int | None = None) -> list[dict]:
    """Makes the examples of one split.

    Args:
        task: `syn-rte`, `syn-mrpc`, `syn-cola` or `syn-stsb`.
        split: `train` or `validation`.
        size: Number of examples; by default that of `SIZES`.

    Returns:
        One dict an example, with the columns of the GLUE task: `sentence`, or
        `sentence1` and `sentence2`, and `label` (a class number; for syn-stsb a
        similarity from 0 to 5).
    """
    rng = random.Random(f"{task}/{split}")
    return [MAKERS[task](rng) for _ in range(size or SIZES[split])]


def pretraining_text(rng: random.Random) -> tuple[list[str], list[str], bool]:
    """Draws the text that the embedded model is pre-trained on.

    Returns:
        A sentence; a second one, empty one time in five, else one that says the same, less, or
        something else; and whether the second is about another fact altogether. Pairs that
        belong together let masked-language modelling learn which words mean the same.
    """
    fact = random_fact(rng)
    kind = rng.random()
    if kind < 0.2:
        return render(fact, rng), [], False
    if kind < 0.5:
        second = fact
    elif kind < 0.7:
        second = weaken(fact, rng)
    elif kind < 0.8:
        second = alter(fact, rng)
    else:
        second = random_fact(rng)
    return render(fact, rng), render(second, rng), kind >= 0.8


def _pair(first: Fact, second: Fact, rng: random.Random, label: float) -> dict:
    return {
        "sentence1": " ".join(render(first, rng)),
        "sentence2": " ".join(render(second, rng)),
        "label": label,
    }


def _entailment(rng: random.Random) -> dict:
    """As in RTE, 0 is entailment: the second sentence follows from the first."""
    fact = random_fact(rng)
    follows = rng.random() < 0.5
    second = weaken(fact if follows else alter(fact, rng), rng)
    if not follows and _implies(fact, second):  # weakening undid the alteration
        second = alter(fact, rng)
    return _pair(fact, second, rng, 0 if follows else 1)


def _paraphrase(rng: random.Random) -> dict:
    """As in MRPC, 1 is a paraphrase."""
    fact = random_fact(rng)
    same = rng.random() < PARAPHRASE_SHARE
    return _pair(fact, fact if same else alter(fact, rng), rng, int(same))


def _acceptability(rng: random.Random) -> dict:
    """As in CoLA, 1 is acceptable."""
    words = render(random_fact(rng), rng)
    acceptable = rng.random() < ACCEPTABLE_SHARE
    return {"sentence": " ".join(words if acceptable else corrupt(words, rng)), "label": int(acceptable)}


def _similarity(rng: random.Random) -> dict:
    """As in STS-B, 5 says the same and 0 shares nothing: a point for each shared part of the fact.

    The parts are agent, verb, patient (their nouns and numbers) and the two
    qualities; a place or manner goes with both sentences or with none.
    """
    first, other = random_fact(rng), random_fact(rng)
    second, score = first, 0
    for part in ("agent", "verb", "patient"):
        if rng.random() < 0.5:
            second = replace(second, **{part: getattr(other, part)})
    score += second.verb == first.verb
    for part in ("agent", "patient"):
        mine, theirs = getattr(first, part), getattr(second, part)
        score += (mine.noun, mine.plural) == (theirs.noun, theirs.plural)
        score += mine.adjective == theirs.adjective
    return _pair(first, second, rng, float(score))


def _implies(first: Fact, second: Fact) -> bool:
    """Whether `second` is true whenever `first` is."""

    def fits(mine, theirs):
        noun = theirs.noun in (mine.noun, KIND_OF[mine.noun])
        return noun and mine.plural == theirs.plural and theirs.adjective in (None, mine.adjective)

    return (
        fits(first.agent, second.agent)
        and fits(first.patient, second.patient)
        and first.verb == second.verb
        and second.place in (None, first.place)
        and second.manner in (None, first.manner)
    )


MAKERS = {"syn-rte": _entailment, "syn-mrpc": _paraphrase, "syn-cola": _acceptability, "syn-stsb": _similarity}
