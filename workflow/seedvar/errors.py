"""The one exception that stands for a user's mistake."""


class UserError(Exception):
    """Something that the user can put right.

    Its text is one sentence that names the file, the key and the accepted values; the
    command line prints it without a traceback and exits with code 2.
    """
