"""Checks values against the models of a study and says in one sentence what is wrong."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ValidationError

from seedvar.cells.recipe import Recipe
from seedvar.errors import UserError
from seedvar.study.study import CrossedSeeds, Grid, RecipeByTask, SeedsUntil


def _validate(model: type[BaseModel], values: dict, path: Path | str):
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{path}: {_explain(error, model)}") from None


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Puts the first problem that pydantic found into one sentence."""
    problems = error.errors(include_url=False)
    problem = min(problems, key=lambda p: p["type"] == "missing")  # a misspelt key explains a missing one
    place = [str(part) for part in problem["loc"]]
    # Pydantic names the branch of a union inside the place; the user's file does not have it.
    shown = [
        part
        for part in place
        if not re.fullmatch(r"(constrained-)?(int|list)(\[.*\])?|CrossedSeeds|SeedsUntil|function.*", part)
    ]
    key = ".".join(shown)
    if problem["type"] == "extra_forbidden":
        parts = place[:-1]
        owner = model
        if parts and parts[0] in ("recipe", "arms"):
            owner = Recipe if "by_task" in parts else RecipeByTask
        elif parts and parts[0] in ("probes", "runs"):
            owner = owner_of(model, parts)
        elif parts and parts[0] == "grid":
            owner = Grid
        elif parts and parts[0] == "seeds":
            owner = SeedsUntil if "SeedsUntil" in parts else CrossedSeeds
        accepted = list(owner.model_fields)
        close = difflib.get_close_matches(place[-1], accepted, n=1)
        hint = f" (did you mean '{close[0]}'?)" if close else ""
        return f"{key}: unknown key{hint}; accepted: {', '.join(accepted)}"
    if problem["type"] == "missing":
        return f"{key}: is missing; accepted: {_accepted(model, key)}"
    message = problem["msg"][0].lower() + problem["msg"][1:]
    if key == "seeds":
        message = "accepted: a count of at least 1, a list of numbers from 0, {init: …, order: …}, or {width: …}"
    given = "" if isinstance(problem["input"], dict | list) else f" {problem['input']!r} is not accepted;"
    return f"{key}:{given} {message}"


def owner_of(model: type[BaseModel], place: list[str]) -> type[BaseModel]:
    """Returns the model that the keys at a place of a file belong to, such as ["runs", "columns"]."""
    for part in place:
        field = model.model_fields.get(part)
        inner = (
            [t for t in _types(field.annotation) if isinstance(t, type) and issubclass(t, BaseModel)] if field else []
        )
        model = inner[0] if inner else model
    return model


def _types(annotation) -> list:
    """Lists the types inside an annotation such as dict[str, X] | None."""
    arguments = get_args(annotation)
    return [annotation] if not arguments else [t for argument in arguments for t in _types(argument)]


def _accepted(model: type[BaseModel], key: str) -> str:
    field = model.model_fields.get(key)
    text = (field.description if field else None) or "a value"
    return text[0].lower() + text[1:].rstrip(".")
