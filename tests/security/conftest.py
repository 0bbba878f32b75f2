"""A project to attack: a copy of the workflow, with a canary beside it that nothing may touch."""

import pytest
from security.attacked import Project

from seedvar.cli.main import main


@pytest.fixture(scope="module")
def shared_project(tmp_path_factory, copy_repository):
    """One copy for the tests of a module."""
    root = tmp_path_factory.mktemp("attacked")
    (root / "canary").mkdir()
    for name in ("a.txt", "b.yaml"):
        (root / "canary" / name).write_text("sings\n")
    return Project(root, copy_repository(root, package=False))


@pytest.fixture
def project(shared_project):
    """A project of which everything outside results/ is after a test as it was when it began to run something."""
    return shared_project


@pytest.fixture
def command(project, monkeypatch, capsys):
    """Runs a command of seedvar in the project; returns its exit code and all that it said."""

    def run(*words):
        monkeypatch.chdir(project.folder)
        capsys.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as error:  # of the parser of commands
            code = error.code
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


@pytest.fixture
def is_refused(command):
    """Runs a command that is answered with exit code 2 and one sentence."""

    def run(*words, match):
        code, said = command(*words)
        assert code == 2, said
        assert said.startswith("seedvar: ")
        assert said.count("\n") == 1
        assert said[:-1].isprintable()
        assert match in said
        return said

    return run
