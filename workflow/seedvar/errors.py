"""The one exception that stands for a user's mistake."""

from __future__ import annotations

import re


class UserError(Exception):
    """Something that the user can put right.

    Its text is one sentence that names the file, the key and the accepted values; the
    command line prints it without a traceback and exits with code 2. It stays one line
    whatever was in the file: control characters are shown as \\n and the like.
    """

    def __init__(self, sentence: str = ""):
        super().__init__(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", lambda found: repr(found[0])[1:-1], str(sentence)))


def first_line(error: Exception) -> str:
    """Returns the first line of what a library raised, or its kind where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
