"""Checks values against a model of what a user writes, and says in one sentence what is wrong."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import TypeVar, get_args

from pydantic import BaseModel, ValidationError

from seedvar.errors import UserError

Model = TypeVar("Model", bound=BaseModel)
# Pydantic names the branch of a union inside the place of a problem; the user's file does not have it.
BRANCH = re.compile(r"(constrained-)?(int|str|list|dict)(\[.*\])?|function.*|literal\[.*")
UNIONS = {
    "seeds": "accepted: a count of at least 1, a list of numbers from 0, {init: …, order: …}, or {width: …}",
    "tasks": "accepted: a list of names, or names with declarations",
}


def validate(model: type[Model], values: dict, path: Path | str) -> Model:
    """Makes a model of values.

    Args:
        model: What they should be.
        values: As they were read from a file.
        path: The file, for the message.

    Raises:
        UserError: One sentence with the file, the key and what is accepted.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{path}: {_explain(error, model)}") from None


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Puts the first problem that pydantic found into one sentence."""
    problems = error.errors(include_url=False)
    # Another branch of a union was meant; a misspelt key explains a missing one.
    problem = min(problems, key=lambda p: (bool(BRANCH.fullmatch(str(p["loc"][-1]))), p["type"] == "missing"))
    place = [str(part) for part in problem["loc"]]
    owner, shown = _walk(model, place)
    key = ".".join(shown)
    if problem["type"] == "extra_forbidden":
        accepted = list(owner.model_fields)
        close = difflib.get_close_matches(place[-1], accepted, n=1)
        hint = f" (did you mean '{close[0]}'?)" if close else ""
        return f"{key}: unknown key{hint}; accepted: {', '.join(accepted)}"
    if problem["type"] == "missing":
        return f"{key}: is missing; accepted: {_accepted(owner, place[-1])}"
    if key in UNIONS:
        message = UNIONS[key]
    elif problem["type"] == "value_error":  # a sentence of ours
        message = problem["msg"].removeprefix("Value error, ")
        return f"{key}: {message}" if key else message
    else:
        message = problem["msg"][0].lower() + problem["msg"][1:]
    given = "" if isinstance(problem["input"], dict | list) else f" {problem['input']!r} is not accepted;"
    return f"{key}:{given} {message}"


def _walk(model: type[BaseModel], place: list[str]) -> tuple[type[BaseModel], list[str]]:
    """Returns the model that the last key of a place belongs to, and the place as the user's file has it."""
    shown, branches = [], {}
    for number, part in enumerate(place):
        if part in branches:  # pydantic's name of the branch that it tried
            model, branches = branches[part], {}
            continue
        if BRANCH.fullmatch(part):
            continue
        shown.append(part)
        if part in model.model_fields and number < len(place) - 1:
            inner = _models(model.model_fields[part].annotation)
            branches = {each.__name__: each for each in inner}
            model = inner[0] if inner else model
    return model, shown


def _models(annotation) -> list[type[BaseModel]]:
    """Lists the models inside an annotation such as dict[str, X] | None."""
    if arguments := get_args(annotation):
        return [model for argument in arguments for model in _models(argument)]
    return [annotation] if isinstance(annotation, type) and issubclass(annotation, BaseModel) else []


def _accepted(owner: type[BaseModel], name: str) -> str:
    field = owner.model_fields.get(name)
    text = (field.description if field else None) or "a value"
    return text[0].lower() + text[1:].rstrip(".")
