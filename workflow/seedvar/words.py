"""How things are called and written for people: tasks, numbers, times. Scores: `data.shown`."""

from __future__ import annotations

SEEDS = ["init_seed", "order_seed"]  # the columns of a run's seeds
KEYS = ["task", "arm", *SEEDS]  # the columns that name a run in every table
SPLITS = ("validation", "test")  # that are scored
CHECKPOINTS = ("last", "best")  # that are scored
SYNTHETIC = "syn-"  # how the names of the package's synthetic tasks begin, and no others
CLEAR = "\r\x1b[K"  # has a terminal forget its last line
MOST_TITLES = 6  # of tasks in the title of a panel that shows them together
ALPHA = 0.05  # level of every test: what is said, printed in bold and filled


def recipe_columns(columns: list[str]) -> list[str]:
    """Lists the columns of a runs table that hold the recipe: those between its slug and the run's status."""
    if "slug" not in columns or "status" not in columns:
        return []
    return columns[columns.index("slug") + 1 : columns.index("status")]


def printable(text: str, kept: str = "") -> str:
    """Returns a text for a terminal: what would move its cursor, colour it or turn it round is written out, as \\x1b.

    Args:
        text: The text.
        kept: Control characters that stay, such as line breaks.
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each in kept else each.encode("unicode_escape").decode() for each in text
    )


def task_title(task: str) -> str:
    """Returns a task's name for a title; synthetic tasks are called synthetic."""
    return f"{task} (synthetic)" if task.startswith(SYNTHETIC) else task


def all_titles(tasks) -> str:
    """Returns the titles of several tasks, for a panel that shows them together."""
    names = list(dict.fromkeys(tasks))
    if len(names) > MOST_TITLES:
        synthetic = sum(name.startswith(SYNTHETIC) for name in names)
        return f"{len(names)} tasks" + (f", {synthetic} of them synthetic" if synthetic else "")
    return ", ".join(task_title(name) for name in names)


def in_words(number: float) -> str:
    """Writes a large number: 12,345 or 1.2e+15."""
    return f"{number:,.0f}" if number < 1e9 else f"{number:.2e}"


def hours(seconds: float) -> str:
    """Writes a time in hours, or in minutes where it is short."""
    return f"{seconds / 3600:,.1f} hours" if seconds >= 5400 else f"{seconds / 60:.1f} minutes"


def size_in_words(n_bytes: float) -> str:
    """Writes a size in MB or GB."""
    return f"{n_bytes / 1e9:,.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:,.1f} MB"


def n_cells(n: int) -> str:
    """Writes a number of cells."""
    return "1 cell" if n == 1 else f"{n:,} cells"
