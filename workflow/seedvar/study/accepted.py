"""Says in words which values an annotation of a model accepts, and what was found in their place."""

from __future__ import annotations

import types
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

MAPPING = "a mapping of keys to values"
YAML_WORDS = ("true", "false", "null")
BOUNDS = {"ge": "from {}", "gt": "above {}", "le": "at most {}", "lt": "below {}"}


def in_words(kind, limits: dict | None = None) -> str:
    """Says which values an annotation accepts: `a whole number from 1 to 100`, `adamw or bertadam`, `a list of text`.

    Args:
        kind: The annotation, as of a field of a model.
        limits: Limits that stand outside it, by their names in pydantic.
    """
    limits, origin = dict(limits or {}), get_origin(kind)
    if origin is Annotated:
        inner, *about = get_args(kind)
        return in_words(inner, limits | limits_of(about))
    if origin in (Union, types.UnionType):
        return ", or ".join(in_words(each, limits) for each in get_args(kind) if each is not type(None))
    if origin is Literal:
        *most, last = [f'"{word}" in quotation marks' if word in YAML_WORDS else str(word) for word in get_args(kind)]
        return f"{', '.join(most)} or {last}" if most else last
    if origin is list:
        return f"a list of {in_words(get_args(kind)[0]).removeprefix('a ')}"
    if origin is tuple:
        return f"[{', '.join(in_words(each) for each in get_args(kind))}]"
    if kind is bool:
        return "true or false"
    if kind in (int, float):
        return f"a {'whole ' if kind is int else ''}number{_range(limits)}"
    if kind is str:
        return "text"
    return MAPPING


def limits_of(metadata) -> dict:
    """Returns the limits among what pydantic keeps beside a type: `ge`, `gt`, `le`, `lt`."""
    found = {}
    for each in metadata:
        if isinstance(each, FieldInfo):
            found |= limits_of(each.metadata)
        found |= {name: getattr(each, name) for name in BOUNDS if getattr(each, name, None) is not None}
    return found


def _range(limits: dict) -> str:
    if {"ge", "le"} <= set(limits):
        return f" from {_number(limits['ge'])} to {_number(limits['le'])}"
    said = [text.format(_number(limits[name])) for name, text in BOUNDS.items() if name in limits]
    return f" {', '.join(said)}" if said else ""


def _number(value) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


def found(value) -> str:
    """Says what was found, on one line and not at length."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | str):
        text = repr(value)
        return text if len(text) <= 60 else f"{text[:58]}…{text[-1] if isinstance(value, str) else ''}"
    if isinstance(value, BaseModel | dict):
        return "a mapping"
    return "a list" if isinstance(value, list | tuple | set) else f"a value of the kind {type(value).__name__}"


def hint(value, words: str) -> str:
    """Says how quotation marks would help, where they would: text that is a number, or a number in place of text."""
    if isinstance(value, str) and "number" in words:
        try:
            float(value)
        except ValueError:
            return ""
        return ", without quotation marks"
    if words == "text" and isinstance(value, int | float):
        return f', such as "{found(value)}" in quotation marks'
    return ""
