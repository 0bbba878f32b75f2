"""The digest of code is that of its meaning: how it is written and where it stands counts for nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from seedvar.cells.syntax import PACKAGE, code_digest

CODE = '''"""What it does."""

import torch
from seedvar.errors import UserError


class Method:
    """A method."""

    strength: float = 0.5

    def act(self, model, n=2):
        """Acts on a model."""
        # half of it
        return [self.strength * p for p in model.parameters()][:n], f"{n!r:>3}"
'''


def digest_of(tmp_path, text, name="module.py"):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return code_digest(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# half of it", "# a share of it"),
        ("        # half of it\n", ""),
        ('"""What it does."""', '"""Something else."""'),
        ('        """Acts on a model."""\n', ""),
        ('    """A method."""\n\n', ""),
        (
            "[self.strength * p for p in model.parameters()][:n]",
            "[\n            self.strength * p for p in model.parameters()\n        ][:n]",
        ),
        ('f"{n!r:>3}"', "f'{n!r:>3}'"),
        ("0.5", "5e-1"),
        ("from seedvar.errors import UserError", "from seedvar.ground.errors import UserError"),
        ("from seedvar.errors import UserError\n", "import seedvar.files\n"),
    ],
)
def test_how_code_is_written_counts_for_nothing(tmp_path, old, new):
    assert old in CODE
    assert digest_of(tmp_path, CODE.replace(old, new)) == digest_of(tmp_path, CODE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0.5", "0.25"),
        ("n=2", "n=3"),
        ("n=2", "n=2.0"),
        ("n=2", "n=True"),
        ("import torch\n", "import torch\nimport numpy\n"),
        ("import torch\n", ""),
        ("model.parameters()", "model.buffers()"),
        ("[:n]", "[n:]"),
        ("{n!r:>3}", "{n!s:>3}"),
        ("        return", "        self.strength\n        return"),
        ('        """Acts on a model."""\n', '        """Acts on a model."""\n        "no docstring"\n'),
        ("class Method:", "class Method(torch.nn.Module):"),
        ("    def act", "    @staticmethod\n    def act"),
    ],
)
def test_what_code_says_counts(tmp_path, old, new):
    assert old in CODE
    assert digest_of(tmp_path, CODE.replace(old, new)) != digest_of(tmp_path, CODE)


def test_a_place_counts_for_nothing(tmp_path):
    assert digest_of(tmp_path, CODE) == digest_of(tmp_path, CODE, "elsewhere/other.py")


def test_other_versions_of_python_find_the_same_digests():
    """The digest must not depend on the interpreter: a laptop's and a cluster's share a store."""
    names = ["training/loop.py", "training/cell.py", "methods/diagnostics.py", "data/splits.py"]
    script = f"""
import importlib.util, sys
spec = importlib.util.spec_from_file_location("syntax", {str(PACKAGE / "cells" / "syntax.py")!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(*[module.code_digest({str(PACKAGE)!r} + "/" + name) for name in {names!r}])
"""
    here = [code_digest(PACKAGE / name) for name in names]
    others = [path for n in (11, 12, 13, 14) for path in _interpreters(f"3.{n}")]
    for python in others:
        done = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True)
        assert done.stdout.split() == here, python
    if not others:
        pytest.skip("no other Python on this machine")


def _interpreters(version):
    from shutil import which

    found = which(f"python{version}")
    places = [Path(found)] if found else []
    places += sorted(Path.home().glob(f".pyenv/versions/{version}*/bin/python"))
    return [p for p in places[-1:] if str(p) != sys.executable]
