"""The ground of everything that a user writes: what is not known is refused, and nothing is guessed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field

from seedvar.errors import UserError

# Names of studies, arms, tasks and data stand in paths, tables and commands.
MOST_CHARACTERS = 100
NAME = rf"[A-Za-z0-9][A-Za-z0-9._+-]{{0,{MOST_CHARACTERS - 1}}}"
NAME_IN_WORDS = f"letters, digits and . _ + -, a letter or digit first, at most {MOST_CHARACTERS} characters"

MOST_BYTES = 5_000_000  # of a file that a person writes
DEEPEST = 50  # lists and mappings in one another
MOST_MERGED = 10_000  # keys of one mapping, `<<` included


def is_name(text) -> bool:
    """Says whether a text can be a name."""
    return isinstance(text, str) and re.fullmatch(NAME, text) is not None


def differ_by_case(names) -> list[tuple[str, str]]:
    """Lists pairs of different names that are one where a file system does not tell capitals apart."""
    first: dict[str, str] = {}
    pairs = [(first.setdefault(name.casefold(), name), name) for name in names]
    return [(one, other) for one, other in pairs if one != other]


class Strict(BaseModel):
    """Refuses keys that it does not know, NaN and infinities; and takes no truth value or text for a number."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)


SeedNumber = Annotated[int, Field(ge=0, lt=2**31)]
Difference = Annotated[float, Field(gt=0, le=1e6)]  # of two scores


class _Loader(yaml.SafeLoader):
    """YAML without surprises.

    A key is text and is given once, 2e-5 is a number, and what YAML reads as something else than it looks like (`no`
    as false, 010 as 8, 1:30 as 90, 2020-01-01 as a day) is refused.
    """

    depth = 0

    def compose_node(self, parent, index):
        self.depth += 1
        if self.depth > DEEPEST:
            raise RecursionError
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def flatten_mapping(self, node):
        super().flatten_mapping(node)
        if len(node.value) > MOST_MERGED:
            raise _refused(node, f"a mapping comes to more than {MOST_MERGED:,} keys; accepted: fewer of them")

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key_node, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                what = f"'{key_node.value}'" if isinstance(key_node, yaml.ScalarNode) else f"a {key_node.id}"
                raise _refused(key_node, f"the key {what} is no text; accepted: text, if need be in quotation marks")
            if key in seen:
                raise _refused(key_node, f"the key '{key}' is given twice; once is accepted")
            seen.add(key)
        return super().construct_mapping(node, deep)

    def construct_plain_bool(self, node):
        if node.value.lower() not in ("true", "false"):
            word = f"'{node.value}'"
            raise _refused(
                node, f"{word} is a truth value in YAML; accepted: true or false, or {word} in quotation marks"
            )
        return self.construct_yaml_bool(node)

    def construct_plain_int(self, node):
        if not re.fullmatch(r"[-+]?(0|[1-9]\d{0,30})", node.value):
            raise _refused(
                node,
                f"'{_cut(node.value)}' is no plain whole number; accepted: decimal digits without a leading 0, or a "
                "word in quotation marks",
            )
        return int(node.value)

    def construct_plain_float(self, node):
        if ":" in node.value or "_" in node.value:
            raise _refused(
                node,
                f"'{_cut(node.value)}' is no plain number; accepted: a number such as 0.001 or 1e-3, or a word in "
                "quotation marks",
            )
        return self.construct_yaml_float(node)

    def refuse_day(self, node):
        raise _refused(
            node, f"'{_cut(node.value)}' is a day in YAML; accepted: '{_cut(node.value)}' in quotation marks"
        )


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)
for _kind, _construct in {
    "bool": _Loader.construct_plain_bool,
    "int": _Loader.construct_plain_int,
    "float": _Loader.construct_plain_float,
    "timestamp": _Loader.refuse_day,
}.items():
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _construct)


def _refused(node, sentence: str) -> UserError:
    return UserError(f"line {node.start_mark.line + 1}: {sentence}")


def _cut(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"


def read_yaml(path: Path | str) -> dict:
    """Reads a YAML file that holds a mapping.

    Raises:
        UserError: There is no such file, it is not YAML, or it says what YAML does not take as it looks.
    """
    try:
        if Path(path).exists() and not Path(path).is_file():
            raise UserError("is no file; accepted: a YAML file")
        with open(path, "rb") as file:
            text = file.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise UserError(f"is larger than {MOST_BYTES / 1e6:g} MB; accepted: a file that a person writes")
        value = yaml.load(text.decode("utf-8"), _Loader)  # noqa: S506, a SafeLoader
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); accepted: a YAML file") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not text in UTF-8; accepted: YAML in UTF-8") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: is not valid YAML ({_place(error)}); accepted: a mapping of keys to values") from None
    except RecursionError:
        raise UserError(f"{path}: is nested too deeply; accepted: a mapping of keys to values") from None
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except (ValueError, TypeError, LookupError, AttributeError) as error:  # of what YAML's own tags ask for
        what = " ".join(str(error).split())
        raise UserError(f"{path}: is not valid YAML ({_cut(what)}); accepted: a mapping of keys to values") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: holds no keys; a mapping of keys to values is accepted")
    return value


def _place(error: yaml.YAMLError) -> str:
    """Says in which line a file is not YAML, and why."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if mark is None or problem is None:
        return _cut(" ".join(str(error).split()))
    return f"line {mark.line + 1}: {' '.join(problem.split())}"
