"""What the code of the package and of the rules never does, read from the code itself."""

import ast
import re

import pytest
from helpers import REPOSITORY

PACKAGE = REPOSITORY / "workflow" / "seedvar"
RULES = [REPOSITORY / "Snakefile", *sorted((REPOSITORY / "workflow" / "rules").glob("*.smk"))]

# Calls that run text as code, start processes or read files that can run code; where one is right, the reason.
RUNS_CODE = {
    "eval", "exec", "compile", "__import__", "getattr().system", "os.system", "os.popen", "pickle.load", "pickle.loads",
    "pd.read_pickle", "torch.load", "np.load", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "joblib.load",
    "marshal.loads", "shelve.open", "subprocess.run", "subprocess.Popen", "subprocess.call", "subprocess.check_output",
    "subprocess.check_call", "importlib.import_module", "runpy.run_path", "runpy.run_module", "tempfile.mktemp",
    "shutil.unpack_archive", "tarfile.open", "zipfile.ZipFile", "os.execvp", "os.spawnl",
}  # fmt: skip
A_CONSTANT = "a name out of a list of ours"
STATED = {
    ("strict.py", "yaml.load"): "with a SafeLoader",
    ("training/resuming.py", "torch.load"): "with weights_only, which reads tensors and plain values alone",
    ("training/device.py", "subprocess.run"): "git, a list of constant words, in the package's own folder",
    ("engine/warm.py", "subprocess.Popen"): "our own Python, a list of words, nothing imported from here",
    ("engine/warm.py", "importlib.import_module"): "a list of ours, and the entry that this user's own command sends",
    ("engine/jobs.py", "importlib.import_module"): A_CONSTANT,
    ("stats/compute.py", "importlib.import_module"): A_CONSTANT,
    ("training/parameter_groups.py", "importlib.import_module"): A_CONSTANT,
    ("methods/hooks.py", "importlib.import_module"): A_CONSTANT,
    ("data/metrics/__init__.py", "importlib.import_module"): A_CONSTANT,
    ("data/sources/__init__.py", "importlib.import_module"): A_CONSTANT,
    ("cli/tables.py", "importlib.import_module"): A_CONSTANT,
}


def calls_of(source):
    """Lists the calls in a module by their names as written, and the keywords that make one dangerous."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        words = {
            word.arg for word in node.keywords if isinstance(word.value, ast.Constant) and word.value.value is True
        }
        found += [name] if name in RUNS_CODE else []
        found += [f"{name}({word}=True)" for word in words & {"shell", "allow_pickle", "trust_remote_code"}]
        if name.split(".")[-1] == "from_pretrained" and "trust_remote_code" in words:
            found.append(name)
    return found


def test_no_module_runs_text_as_code():
    found = {
        (path.relative_to(PACKAGE).as_posix(), call)
        for path in PACKAGE.rglob("*.py")
        for call in calls_of(path.read_text())
    }
    assert found - STATED.keys() == set()
    assert STATED.keys() - found == set()  # the list says no more than there is


@pytest.mark.parametrize(
    "source", ["eval(x)", "os.system(x)", "pickle.load(f)", "f(x, shell=True)", "np.load(f, allow_pickle=True)"]
)
def test_such_a_call_is_found(source):
    assert calls_of(source)


def unquoted(source):
    """Lists what shell commands of rules take in without quoting it for the shell."""
    commands = re.findall(r"^ +shell:\n((?: +f?\".*\"\n)+)", source, re.MULTILINE)
    assert len(commands) == source.count("shell:")  # every command is written in the one way that is read here
    fields = [field for command in commands for field in re.findall(r"\{([^{}]*)\}", command)]
    return [field for field in fields if not field.endswith(":q")]


def test_no_word_reaches_a_shell_unquoted():
    """No exception: also what is a constant today."""
    assert [(path.name, field) for path in RULES for field in unquoted(path.read_text())] == []
    assert sum(path.read_text().count(":q}") for path in RULES) > 60


@pytest.mark.parametrize("command", ['"seedvar x {input.study}"', '"a {wildcards.model:q}"\n        " {log}"'])
def test_an_unquoted_word_is_found(command):
    assert unquoted(f"rule x:\n    shell:\n        {command}\n")


def test_the_path_of_imports_is_put_in_order_before_anything_of_ours_is_imported():
    first = re.search(r"^include: (.*)$|^configfile|^from |^import ", RULES[0].read_text(), re.MULTILINE)
    assert RULES[0].name == "Snakefile"
    assert first[1] == '"workflow/rules/imports.smk"'


def test_no_parameter_of_a_rule_is_a_pattern():
    """Braces in a parameter that is no function are wildcards to Snakemake: functions alone return a user's words."""
    for path in RULES:
        for block in re.findall(r"^    params:\n((?:        .*\n)+)", path.read_text(), re.MULTILINE):
            for value in re.findall(r"^        \w+=(.*),$", block, re.MULTILINE):
                is_function = re.fullmatch(r"[a-z_]+", value)
                assert is_function or value in ("[cell.specification() for cell in SURFACE_RUNS]", "SURFACE_GRID")


def test_every_test_that_the_threat_table_names_is_there():
    page = (REPOSITORY / "docs" / "security.md").read_text()
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", page)
    assert len(named) >= 15
    for file, name in named:
        places = list((REPOSITORY / "tests").rglob(file))
        assert any(f"def {name}(" in place.read_text() for place in places), f"{file}::{name}"
