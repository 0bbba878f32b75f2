"""The exceptions that are no defects: a user's mistake, and a wish to stop."""

from __future__ import annotations

import signal

from seedvar.words import printable


class UserError(Exception):
    """Something that the user can put right.

    Its text is one sentence that names the file, the key and the accepted values; the
    command line prints it without a traceback and exits with code 2. It stays one line
    whatever was in the file: control characters are shown as \\n and the like.
    """

    def __init__(self, sentence: str = ""):
        super().__init__(printable(str(sentence)))


class Stopped(Exception):
    """The process was asked to end, by Ctrl-C or by whoever runs it.

    Args:
        number: The signal; the exit `code` is 128 more, as a shell has it.
        kept: What is kept of the work, for the one line that is printed.
    """

    def __init__(self, number: int, kept: str = ""):
        how = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        super().__init__(f"stopped by {how}" + (f"; {kept}" if kept else ""))
        self.number, self.code = number, 128 + number


def first_line(error: Exception) -> str:
    """Returns the first line of what a library raised, or its kind where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
