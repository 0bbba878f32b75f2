"""Finds, reads and checks study files."""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter

from seedvar.cells.places import RESERVED
from seedvar.errors import UserError
from seedvar.strict import NAME_IN_WORDS, is_name, read_yaml
from seedvar.study.checks import check_study
from seedvar.study.study import Study
from seedvar.study.table_study import TableStudy, check_table_study
from seedvar.study.validation import did_you_mean, validate

FOLDER = Path("config/studies")


def read_study(path: Path | str) -> Study | TableStudy:
    """Reads and checks a study file, of cells to train or (`runs`) of a table of runs.

    Raises:
        UserError: One sentence with the file, the key and what is accepted.
    """
    _check_name(path)
    values = read_yaml(path)
    if "runs" in values:
        study = validate(TableStudy, values, path)
        check_table_study(study, path)
    else:
        study = validate(Study, values, path)
        check_study(study, path)
    return study


def study_path(name: str) -> Path:
    """Returns the file of a study that is named, or given by its path.

    Raises:
        UserError: There is no such study.
    """
    if name.endswith((".yaml", ".yml")):
        path = Path(name)
        if not path.is_file():
            raise UserError(f"{path}: there is no such study file; accepted: a path to one, or {_listed()}")
        return path
    path = FOLDER / f"{name}.yaml"
    if not is_name(name) or not path.is_file():
        hint = did_you_mean(name, _known())
        where = f"there is no {path}" if is_name(name) else f"'{name}' is no name for a study"
        raise UserError(f"--config study={name}: {where}{hint}; accepted: {_listed()}, or a path that ends in .yaml")
    return path


def _known() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def _listed() -> str:
    return ", ".join(_known()) or f"the name of a file in {FOLDER}"


def _check_name(path: Path | str) -> None:
    name = Path(path).stem
    if not is_name(name) or name.casefold() in RESERVED:
        raise UserError(
            f"{path}: '{name}' is no name for a study; accepted: {NAME_IN_WORDS}, but not {', '.join(RESERVED)}"
        )


def json_schema(model) -> dict:
    """Returns the JSON schema (draft 2020-12) of a study file (`Study | TableStudy`) or of config.yaml."""
    schema = TypeAdapter(model).json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
