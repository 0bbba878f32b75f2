"""A small English: who does what to whom in a village.

Every synthetic sentence is the rendering of a `Fact`: an agent does something
to a patient, perhaps somewhere or in some manner. Meaning lives in the fact,
form in `render`: the same fact can be said with synonyms, in the passive, in
the singular or plural. So paraphrase, entailment, similarity and acceptability
are known by construction, and the tasks of `synthetic.py` need no annotator.

    >>> import random
    >>> fact = random_fact(random.Random(1))
    >>> " ".join(render(fact))
    'the horse likes the young cats'
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

# Each row is one meaning; its columns are words that say it equally well.
SYNONYMS = {
    "adjective": [("big", "large"), ("small", "little"), ("fast", "quick"), ("slow", "sluggish"),
                  ("happy", "glad"), ("sad", "unhappy"), ("old", "aged"), ("young", "youthful")],
    "place": [("garden", "yard"), ("forest", "wood"), ("road", "street"), ("house", "home")],
    "manner": [("often", "frequently"), ("rarely", "seldom"), ("today", "now")],
}  # fmt: skip

# A verb is (third person singular, plural and infinitive, participle), twice: the two are synonyms.
VERBS = [
    (("chases", "chase", "chased"), ("pursues", "pursue", "pursued")),
    (("sees", "see", "seen"), ("notices", "notice", "noticed")),
    (("helps", "help", "helped"), ("assists", "assist", "assisted")),
    (("likes", "like", "liked"), ("loves", "love", "loved")),
    (("finds", "find", "found"), ("discovers", "discover", "discovered")),
    (("follows", "follow", "followed"), ("trails", "trail", "trailed")),
]

# Who there is, by kind: the kind's own word is true of every member.
KINDS = {
    ("animal", "animals"): [("dog", "dogs"), ("cat", "cats"), ("horse", "horses"), ("fox", "foxes"),
                            ("bird", "birds"), ("sheep", "sheep"), ("rabbit", "rabbits")],
    ("person", "people"): [("farmer", "farmers"), ("doctor", "doctors"), ("teacher", "teachers"),
                           ("baker", "bakers"), ("singer", "singers"), ("child", "children")],
}  # fmt: skip
KIND_OF = {member: kind for kind, members in KINDS.items() for member in members}
NOUNS = list(KIND_OF)

OPPOSITE = {0: 1, 1: 0, 2: 3, 3: 2, 4: 5, 5: 4, 6: 7, 7: 6}  # rows of SYNONYMS["adjective"]


@dataclass(frozen=True)
class Party:
    """Somebody who takes part: a noun (singular, plural), one or many, and perhaps a quality."""

    noun: tuple[str, str]
    plural: bool = False
    adjective: int | None = None  # row of SYNONYMS["adjective"]


@dataclass(frozen=True)
class Fact:
    """What a sentence says, whatever its words: `agent` does `verb` to `patient`."""

    agent: Party
    verb: int  # row of VERBS
    patient: Party
    place: int | None = None  # row of SYNONYMS["place"]
    manner: int | None = None  # row of SYNONYMS["manner"]


def random_party(rng: random.Random, adjective_chance: float = 0.5) -> Party:
    """Draws a party; nouns that look alike in singular and plural stay singular."""
    noun = rng.choice(NOUNS)
    plural = noun[0] != noun[1] and rng.random() < 0.4
    adjective = rng.randrange(len(SYNONYMS["adjective"])) if rng.random() < adjective_chance else None
    return Party(noun, plural, adjective)


def random_fact(rng: random.Random) -> Fact:
    """Draws a fact about two different parties, with a place or a manner half of the time."""
    agent = random_party(rng)
    patient = random_party(rng)
    while patient.noun == agent.noun:
        patient = random_party(rng)
    fact = Fact(agent, rng.randrange(len(VERBS)), patient)
    extra = rng.random()
    if extra < 0.25:
        return replace(fact, place=rng.randrange(len(SYNONYMS["place"])))
    if extra < 0.5:
        return replace(fact, manner=rng.randrange(len(SYNONYMS["manner"])))
    return fact


def _noun_phrase(party: Party, pick) -> list[str]:
    words = ["the"]
    if party.adjective is not None:
        words.append(pick(SYNONYMS["adjective"][party.adjective]))
    return [*words, party.noun[party.plural]]


def render(fact: Fact, rng: random.Random | None = None) -> list[str]:
    """Says a fact in words.

    Args:
        fact: What to say.
        rng: Draws the synonyms, and the passive one time in four; without it, the first
            word of every row and the active voice.

    Returns:
        The sentence as a list of lower-case words, without punctuation.
    """
    pick = rng.choice if rng else lambda row: row[0]
    singular, plural, participle = pick(VERBS[fact.verb])
    agent, patient = _noun_phrase(fact.agent, pick), _noun_phrase(fact.patient, pick)
    if rng and rng.random() < 0.25:
        words = [*patient, "are" if fact.patient.plural else "is", participle, "by", *agent]
    else:
        words = [*agent, plural if fact.agent.plural else singular, *patient]
    if fact.place is not None:
        words += ["in", "the", pick(SYNONYMS["place"][fact.place])]
    if fact.manner is not None:
        words.append(pick(SYNONYMS["manner"][fact.manner]))
    return words


def weaken(fact: Fact, rng: random.Random) -> Fact:
    """Returns a fact that follows from `fact` and says less: a kind for a member, a detail dropped."""
    options = ["agent kind", "patient kind"]
    options += ["agent adjective"] if fact.agent.adjective is not None else []
    options += ["patient adjective"] if fact.patient.adjective is not None else []
    options += ["place or manner"] if (fact.place, fact.manner) != (None, None) else []
    for option in rng.sample(options, rng.randint(1, 2)):
        if option == "place or manner":
            fact = replace(fact, place=None, manner=None)
            continue
        role, what = option.split()
        party = getattr(fact, role)
        change = {"adjective": None} if what == "adjective" else {"noun": KIND_OF[party.noun]}
        fact = replace(fact, **{role: replace(party, **change)})
    return fact


def alter(fact: Fact, rng: random.Random) -> Fact:
    """Returns a fact that is *not* true whenever `fact` is, though it has most of its words."""
    change = rng.choice(["swap", "verb", "agent", "patient", "opposite"])
    if change == "opposite":
        roles = [role for role in ("agent", "patient") if getattr(fact, role).adjective is not None]
        if not roles:
            change = "swap"
        else:
            role = rng.choice(roles)
            party = getattr(fact, role)
            return replace(fact, **{role: replace(party, adjective=OPPOSITE[party.adjective])})
    if change == "swap":
        return replace(fact, agent=fact.patient, patient=fact.agent)
    if change == "verb":
        return replace(fact, verb=rng.choice([v for v in range(len(VERBS)) if v != fact.verb]))
    party = getattr(fact, change)
    taken = {fact.agent.noun, fact.patient.noun}
    noun = rng.choice([n for n in NOUNS if n not in taken and (n[0] != n[1] or not party.plural)])
    return replace(fact, **{change: replace(party, noun=noun)})


def corrupt(words: list[str], rng: random.Random) -> list[str]:
    """Makes a grammatical sentence ungrammatical by one slip.

    The slip is a verb of the wrong number, two neighbouring words swapped, a
    word lost, or a word said twice; always one that leaves a sentence which
    `render` cannot say.
    """
    words = list(words)
    number = {"is": "are", "are": "is"}
    for pair in VERBS:
        for singular, plural, _ in pair:
            number |= {singular: plural, plural: singular}
    verbs = [i for i, word in enumerate(words) if word in number]
    slip = rng.choice(["agreement", "agreement", "order", "loss", "repeat"])
    if slip == "agreement":
        # "the sheep chase(s)" would be right both ways.
        if not {"sheep"} & set(words):
            words[verbs[0]] = number[words[verbs[0]]]
            return words
        slip = "order"
    starts = [i for i, word in enumerate(words) if word == "the"]
    if slip == "order":  # "dog the sees": a determiner behind the next word
        i = rng.choice(starts)
        words[i], words[i + 1] = words[i + 1], words[i]
    elif slip == "loss":  # "dog sees the cat", "the dog the cat"
        del words[rng.choice([*starts, verbs[0]])]
    else:
        i = rng.choice([*starts, verbs[0]])
        words.insert(i, words[i])
    return words


def vocabulary() -> list[str]:
    """Lists every word that `render` can say, sorted."""
    words = {"the", "in", "is", "are", "by"}
    words |= {word for rows in SYNONYMS.values() for row in rows for word in row}
    words |= {word for pair in VERBS for forms in pair for word in forms}
    words |= {word for nouns in (NOUNS, KINDS) for noun in nouns for word in noun}
    return sorted(words)
