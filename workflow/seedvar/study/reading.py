"""Finds, reads and checks what a user writes."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from pydantic import TypeAdapter

from seedvar.errors import UserError
from seedvar.study.checks import _check_study
from seedvar.study.study import Study
from seedvar.study.table_study import TableStudy, check_table_study
from seedvar.study.validation import _validate


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


def read_study(path: Path | str) -> Study | TableStudy:
    """Reads and checks a study file, of cells to train or (`runs`) of a table of runs.

    Raises:
        UserError: One sentence with the file, the key and what is accepted.
    """
    values = read_yaml(path)
    _check_name(path)
    if "runs" in values:
        study = _validate(TableStudy, values, path)
        check_table_study(study, path)
    else:
        study = _validate(Study, values, path)
        _check_study(study, path)
    return study


def study_path(name: str) -> Path:
    """Returns the file of a study that is named, or given by its path.

    Raises:
        UserError: There is no such study.
    """
    if name.endswith((".yaml", ".yml")):
        path = Path(name)
        if not path.is_file():
            raise UserError(f"{path}: there is no such study file")
        return path
    path = Path("config/studies") / f"{name}.yaml"
    if not path.is_file():
        known = sorted(p.stem for p in Path("config/studies").glob("*.yaml"))
        raise UserError(f"--config study={name}: there is no {path}; accepted: {', '.join(known)}, or a path to a file")
    return path


# Folders below results/ that are not a study's.
RESERVED = ["cells", "data", "logs", "models", "store"]


def _check_name(path: Path | str) -> None:
    name = Path(path).stem
    if not re.fullmatch(r"[A-Za-z0-9][\w.+-]*", name) or name in RESERVED:
        raise UserError(
            f"{path}: '{name}' is no name for a study; accepted: letters, digits and . _ + -, "
            f"but not {', '.join(RESERVED)}"
        )


def json_schema(model) -> dict:
    """Returns the JSON schema (draft 2020-12) of a study file (`Study | TableStudy`) or of config.yaml."""
    schema = TypeAdapter(model).json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
