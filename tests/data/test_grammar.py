"""The grammar's sentences mean what they should."""

import doctest
import random

from seedvar.data import grammar
from seedvar.data.grammar import alter, corrupt, random_fact, render, vocabulary, weaken


def test_the_examples_in_the_docstrings_are_true():
    assert doctest.testmod(grammar).failed == 0


def test_the_vocabulary_covers_every_sentence():
    rng, known = random.Random(0), set(vocabulary())
    for _ in range(500):
        fact = random_fact(rng)
        for said in (fact, weaken(fact, rng), alter(fact, rng)):
            assert set(render(said, rng)) <= known


def test_altering_changes_the_fact_and_weakening_takes_away():
    rng = random.Random(1)
    for _ in range(200):
        fact = random_fact(rng)
        assert alter(fact, rng) != fact
        assert weaken(fact, rng) != fact


def test_a_corrupted_sentence_is_another_sentence():
    rng = random.Random(2)
    for _ in range(500):
        words = render(random_fact(rng), rng)
        assert corrupt(words, rng) != words
