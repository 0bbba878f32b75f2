"""One gate: whatever a user writes wrongly is refused in one sentence before any work, and nothing else is.

`python tests/gate/test_gate.py` tries every mutation and counts, also where sentences are poor.
"""

import os
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from mutations import CURVES, RUNS, SOUND, STUDY, TABLE, TASK, Case, cases, written

from seedvar.engine.plan import make_plan
from seedvar.errors import UserError
from seedvar.study.site import key_values, settings

CASES = cases()
SLOW_S = 2
ACCEPTED = ("accepted", "give ")  # a sentence says what may stand there
OF_LIBRARIES = ("input should", "valid string", "Value error", "Traceback", "Error:")


def lay_out(folder: Path) -> None:
    """Makes the folder that all cases start from: sound data, and a folder and a pipe that are called like data."""
    for name in ("config/tasks", "config/studies", "folder.csv"):
        (folder / name).mkdir(parents=True)
    for name, content in {**SOUND, "runs.csv": RUNS.encode(), "curves.csv": CURVES.encode()}.items():
        (folder / name).write_bytes(content)
    os.mkfifo(folder / "pipe.csv")


def sentence_about(case: Case) -> str | None:
    """Reads what a case has written, in the working directory; returns the sentence, or None if it is accepted."""
    Path("config/config.yaml").write_bytes(case.config)
    Path("mine.yaml").write_bytes(case.study)
    before = {name: Path(name).read_bytes() if Path(name).exists() else None for name in case.files}
    for name, content in case.files.items():
        Path(name).write_bytes(content)
    try:
        make_plan(settings(key_values(case.pairs)), Path("results"))
    except UserError as error:
        return str(error)
    finally:
        for name, content in before.items():
            Path(name).unlink()
            if content is not None:
                Path(name).write_bytes(content)
    return None


def wrong_with(sentence: str, case: Case) -> str | None:
    """Says what is wrong with the sentence about a case, if anything."""
    if "\n" in sentence or not sentence.isprintable():
        return "not one line"
    if not any(word in sentence for word in ACCEPTED):
        return "does not say what is accepted"
    if any(word in sentence for word in OF_LIBRARIES):
        return "speaks of a library"
    if case.key and not any(key in sentence for key in [*case.key.split("."), "task 'mine'"]):
        return "does not name the key"
    if not any(name in sentence for name in (".yaml", ".yml", "--config")):
        return "does not name the file"
    return None


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of all cases of this module."""
    made = tmp_path_factory.mktemp("gate")
    lay_out(made)
    return made


@pytest.fixture(autouse=True)
def in_folder(folder, monkeypatch):
    """Works in the folder, with no settings from outside."""
    monkeypatch.chdir(folder)
    for name in ("SEEDVAR_GLUE_DIR", "SEEDVAR_RUNS_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("base", [STUDY, {**STUDY, "tasks": {"mine": TASK}}, TABLE], ids=["study", "own data", "table"])
def test_what_all_mutations_start_from_is_accepted(base):
    config = written({"study": "mine.yaml", "models": {"small": "syn-bert"}})
    assert sentence_about(Case("base", written(base), config=config)) is None


@pytest.mark.parametrize("kind", list(CASES))
def test_every_mistake_is_refused_in_one_sentence_that_names_the_place_and_what_is_accepted(kind):
    wrong = {}
    for case in [case for case in CASES[kind] if case.reason is None]:
        start = time.process_time()
        sentence = sentence_about(case)
        problem = "is accepted" if sentence is None else wrong_with(sentence, case)
        if time.process_time() - start > SLOW_S:
            problem = "takes long"
        if problem:
            wrong[case.name] = f"{problem}: {sentence}"
    assert wrong == {}


@pytest.mark.parametrize("kind", list(CASES))
def test_what_only_looks_wrong_is_accepted(kind):
    fine = [case for case in CASES[kind] if case.reason]
    assert {case.name: said for case in fine if (said := sentence_about(case)) is not None} == {}


def test_there_are_enough_mutations_of_every_kind():
    least = {"study": 150, "names": 50, "config": 50, "declaration": 50, "data": 40, "table": 60}
    assert {kind: len(CASES[kind]) >= n for kind, n in least.items()} == dict.fromkeys(least, True)


def test_nothing_that_is_refused_is_written_or_run(folder):
    """The cases above have tried to run commands and to write outside the folder of results."""
    left = {path.name for path in folder.iterdir()} - set(SOUND)
    assert left <= {"config", "folder.csv", "pipe.csv", "runs.csv", "curves.csv", "mine.yaml", "results"}
    if (folder / "results").exists():
        assert {path.name for path in (folder / "results").iterdir()} <= {".digests.json"}


def main() -> None:
    """Tries everything and counts."""
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        lay_out(Path(place))
        os.chdir(place)
        for kind, of_kind in CASES.items():
            counts = Counter()
            for case in of_kind:
                try:
                    sentence = sentence_about(case)
                    said = "accepted" if sentence is None else wrong_with(sentence, case) or "refused in one sentence"
                except Exception as error:
                    said, sentence = "traceback", repr(error)
                counts[("looks wrong: " if case.reason else "") + said] += 1
                if said != ("accepted" if case.reason else "refused in one sentence"):
                    print(f"{kind}: {case.name}: {said}: {sentence}", file=sys.stderr)
            print(f"{kind}: {len(of_kind)} cases: {dict(counts)}")
        os.chdir("/")


if __name__ == "__main__":
    main()
