"""A checkout to run the workflow in: its package is the repository's, unless a test asks for one to change."""

import subprocess

import pytest
from helpers import copy_package


@pytest.fixture
def checkout(tmp_path, copy_repository):
    """A copy of the repository's workflow without the package."""
    return copy_repository(tmp_path, package=False)


@pytest.fixture
def own_package(checkout):
    """Gives the checkout a package of its own."""
    copy_package(checkout)
    return checkout / "workflow" / "seedvar"


@pytest.fixture(scope="session")
def copy_of():
    """Copies a folder that tests share: times of change and links as they are, hard work not done twice."""

    def copy(source, target):
        subprocess.run(["cp", "--archive", source, target], check=True)
        return target

    return copy
