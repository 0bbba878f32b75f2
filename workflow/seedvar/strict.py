"""The ground of everything that a user writes: what is not known is refused, and nothing is guessed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field

from seedvar.errors import UserError


class Strict(BaseModel):
    """Refuses keys that it does not know, NaN and infinities; and takes no truth value or text for a number."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)


SeedNumber = Annotated[int, Field(ge=0, lt=2**31)]


class _Loader(yaml.SafeLoader):
    """YAML without two surprises: a key given twice is an error, and 2e-5 is a number."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise UserError(
                    f"line {key_node.start_mark.line + 1}: the key '{key}' is given twice; once is accepted"
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def read_yaml(path: Path | str) -> dict:
    """Reads a YAML file that holds a mapping.

    Raises:
        UserError: There is no such file, it is not YAML, or a key is given twice.
    """
    try:
        with open(path, encoding="utf-8") as file:
            value = yaml.load(file, _Loader)  # noqa: S506, a SafeLoader
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not text in UTF-8") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: is not valid YAML ({' '.join(str(error).split())})") from None
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: holds no keys; a mapping of keys to values is accepted")
    return value
