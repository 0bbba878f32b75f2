"""Labels as they stand in files: what counts as the same class, and what as a number.

Labels of classes compare as text, so that 1, 1.0 and "1" are one class, whichever kind of file they come from.
"""

from __future__ import annotations

import math
import re

MOST_CLASSES = 1_000  # more of them look like numbers
LARGEST = 3.4e38  # number that float32 holds


def label_text(value) -> str:
    """Returns the name of a class.

    Args:
        value: Text, a number or a truth value, of Python's or NumPy's types.

    Raises:
        ValueError: It is missing, or nothing of these; the text says what was found.
    """
    value = value.item() if hasattr(value, "item") else value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        raise ValueError("nothing")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        if math.isinf(value):
            raise ValueError(str(value))
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str):
        raise ValueError(f"a {type(value).__name__}")
    text = value.strip()
    if not text:
        raise ValueError("nothing")
    if text.lower() in ("true", "false"):  # as pandas, R and spreadsheets write truth values
        return text.lower()
    return re.sub(r"^(-?\d+)\.0+$", r"\1", text)


def label_number(value) -> float:
    """Returns the value of a label that is a real number.

    Raises:
        ValueError: It is missing, no number, or not finite; the text says what was found.
    """
    value = value.item() if hasattr(value, "item") else value
    if value is None or (isinstance(value, str) and not value.strip()):
        raise ValueError("nothing")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(str(value).lower() if isinstance(value, bool) else f"a {type(value).__name__}")
    try:
        number = math.nan if isinstance(value, str) and "_" in value else float(value)
    except (ValueError, OverflowError):
        number = math.nan
    if not abs(number) <= LARGEST:  # NaN is not
        raise ValueError(shortened(str(value)))
    return number


def in_class_order(names) -> list[str]:
    """Sorts the different names of classes: as numbers where all are, else as text."""
    names = set(names)
    try:
        return sorted(names, key=lambda name: (label_number(name), name))
    except ValueError:
        return sorted(names)


def shortened(text: str, length: int = 40) -> str:
    """Returns a text in quotation marks, on one line and cut to so many characters."""
    text = " ".join(text.split())
    return f"'{text}'" if len(text) <= length else f"'{text[: length - 1]}…'"


def listing(names, most: int = 10) -> str:
    """Lists names for a sentence, the first of many."""
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
