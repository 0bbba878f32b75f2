"""Checks values against a model of what a user writes, and says in one sentence what is wrong."""

from __future__ import annotations

import difflib
import types
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from seedvar.errors import UserError
from seedvar.study.accepted import found, hint, in_words

Model = TypeVar("Model", bound=BaseModel)
UNIONS = {
    "seeds": "accepted: a count of at least 1, a list of numbers from 0, {init: …, order: …}, {width: …}, "
    "or {until: decided}",
    "tasks": "accepted: a list of names, or names with declarations",
}
# Kinds of problems that say no more than that a value is not of a type, of which another may be accepted.
OF_TYPE = ("_type", "_parsing", "_from_float", "literal_error")
TOO_SHORT = ("too_short", "string_too_short")


class Place(NamedTuple):
    """Where in a user's file a problem is.

    Attributes:
        owner: The model that the last key belongs to.
        keys: The keys that lead there.
        kind: The annotation of what is accepted there.
        is_clear: Whether the value is of one of the kinds that are accepted there, so that the problem is about that.
    """

    owner: type[BaseModel]
    keys: tuple[str, ...]
    kind: Any = Any
    is_clear: bool = True


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
        raise UserError(f"{path}: {_explain(error, model, values)}") from None


def check_matters(study, path: Path | str) -> None:
    """Refuses a smallest difference for a task that the study does not have.

    Raises:
        UserError: One sentence with the file, the key and what is accepted.
    """
    if isinstance(study.smallest_difference, dict):
        for task in study.smallest_difference:
            if task not in study.tasks:
                accepted = ", ".join(study.tasks)
                raise UserError(f"{path}: smallest_difference: unknown task '{task}'; accepted: {accepted}")


def _explain(error: ValidationError, model: type[BaseModel], values: dict) -> str:
    """Puts the first problem that pydantic found into one sentence."""
    placed = [
        (place, each) for each in error.errors(include_url=False) if (place := _place(model, values, each["loc"]))
    ]
    place, problem = min(placed, key=lambda pair: pair[1]["type"] == "missing")  # a misspelt key explains a missing one
    here = [each for other, each in placed if other.keys == place.keys]  # of an optional number there is one of each
    problem = next((each for each in here if not each["type"].endswith(OF_TYPE)), problem)
    is_clear = place.is_clear and (len(here) == 1 or not problem["type"].endswith(OF_TYPE))
    name, key = place.keys[-1] if place.keys else "", ".".join(place.keys)
    if is_clear and problem["type"] == "extra_forbidden":
        accepted = list(place.owner.model_fields)
        return f"{key}: unknown key{did_you_mean(name, accepted)}; accepted: {', '.join(accepted)}"
    if is_clear and problem["type"] == "missing":
        return f"{key}: is missing; accepted: {_accepted(place)}"
    given = found(problem["input"])
    if problem["type"] == "value_error":  # a sentence of ours
        message = problem["msg"].removeprefix("Value error, ")
        if message.startswith("accepted") and not isinstance(problem["input"], dict | list):
            message = f"{given} is not accepted; {message}"
        return f"{key}: {message}" if key else message
    if key in UNIONS:
        return f"{key}: {given} is not accepted; {UNIONS[key]}"
    words = in_words(place.kind)
    if problem["type"] in TOO_SHORT:
        return f"{key}: holds nothing; accepted: {words}"
    if problem["type"] == "recursion_loop":
        given = "a value that holds itself"
    return f"{key}: {given} is not accepted; accepted: {words}{hint(problem['input'], words)}"


def did_you_mean(name: str, accepted) -> str:
    """Returns ` (did you mean 'epochs'?)` where a name is close to one that is accepted, else nothing."""
    close = difflib.get_close_matches(name, list(accepted), n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""


def _place(model: type[BaseModel], values, parts: tuple) -> Place | None:
    """Finds where a problem is, by walking model and values along pydantic's place of it.

    Pydantic tries every member of a union and puts its name into the place. A problem with a member that the user
    cannot have meant is none.

    Returns:
        The place, or None for such a problem.
    """
    owner, kind, keys, parts = model, model, [], list(parts)
    whole = model
    while parts:
        members = _members(kind)
        if len(members) > 1:
            meant = _meant(members, values)
            if tried := [member for member in members if parts and _is_called(member, parts[0])]:
                del parts[0]
            if not meant:
                return Place(owner, tuple(keys), whole, is_clear=False)
            members = [member for member in meant if not tried or member in tried]
            if not members:
                return None
        kind = members[0]
        if not parts or parts[0] == "[key]":
            break
        part = parts.pop(0)
        keys.append(str(part))
        if _is_model(kind):
            owner, field = kind, kind.model_fields.get(part)
            kind = Annotated[field.annotation, *field.metadata, None] if field else Any
        else:
            kind = (get_args(kind) or (Any,))[-1]  # of a list, a tuple of equals, or the values of a dict
        whole = kind
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            values = None
    return Place(owner, tuple(keys), whole)


def _members(kind) -> list:
    """Lists the kinds of values that an annotation accepts, without None."""
    if get_origin(kind) is Annotated:
        return _members(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return [member for each in get_args(kind) if each is not type(None) for member in _members(each)]
    return [kind]


def _meant(members: list, value) -> list:
    """Lists the members of a union that a value may be meant as: of models those that share most keys with it."""
    if isinstance(value, list):
        return [member for member in members if get_origin(member) in (list, tuple)]
    if not isinstance(value, dict):
        scalar = lambda kind: get_origin(kind) in (None, Literal) and not _is_model(kind)  # noqa: E731
        return [member for member in members if scalar(member)]
    models = [member for member in members if _is_model(member)]
    if len(models) > 1:
        shared = [len(set(value) & set(member.model_fields)) for member in models]
        models = [member for member, n in zip(models, shared, strict=True) if n == max(shared) > 0]
    return models or [member for member in members if get_origin(member) is dict]


def _is_model(kind) -> bool:
    return isinstance(kind, type) and get_origin(kind) is None and issubclass(kind, BaseModel)


def _is_called(member, part) -> bool:
    """Says whether pydantic calls a member of a union so: `Arm`, `constrained-int`, `list[str]`, `literal['full']`."""
    if _is_model(member):
        return part == member.__name__
    name = getattr(get_origin(member) or member, "__name__", str(get_origin(member) or member))
    return str(part).removeprefix("constrained-").partition("[")[0] == name.rpartition(".")[2].lower()


def _accepted(place: Place) -> str:
    fields = place.owner.model_fields
    text = next((fields[key].description for key in reversed(place.keys) if key in fields), None) or "a value"
    first = text[0] if text[1:2].isupper() else text[0].lower()  # CSV stays CSV
    return first + text[1:].rstrip(".")
