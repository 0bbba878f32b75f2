"""The one exception that stands for a user's mistake."""


class UserError(Exception):
    """Something that the user can put right.

    Its text is one sentence that names the file, the key and the accepted values; the
    command line prints it without a traceback and exits with code 2.
    """


def first_line(error: Exception) -> str:
    """Returns the first line of what a library raised, or its kind where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
