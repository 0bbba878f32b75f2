"""What a run shows: seedvar's lines, warnings and errors, and of Snakemake's jobs nothing while all goes well."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from pathlib import Path

from seedvar.tables.failed_jobs import note_failed
from seedvar.words import CLEAR

# What Snakemake says before a run, and what it says in a run that has to be known.
PREAMBLE = ("Building DAG", "Using shell", "Conda environments: ignored", "Group jobs: inactive")
STOPPED = "Terminating processes on user request"
NEEDED = (STOPPED, "Trying to restart job")
CLOSING = ("Complete log(s)", "Elapsed time", "WorkflowError:\nAt least one job did not complete")  # not after Ctrl-C
REPEATED = "RuleException:\nCalledProcessError"  # "Error in rule" follows, with the log


class LiveLine:
    """A terminal whose last line is drawn again and again, below what is written to it.

    The cursor waits at the line's beginning, so that what other processes write begins there.
    """

    def __init__(self, stream):
        self.stream = stream
        self._lock = threading.RLock()
        self._is_drawn, self._is_whole = False, True

    def draw(self, line: str) -> None:
        """Shows a line in place of the one before, as much of it as the terminal is wide."""
        with self._lock:
            if self._is_whole:
                self.stream.write(f"{CLEAR}{line[: _width(self.stream) - 1]}\r")
                self.stream.flush()
                self._is_drawn = True

    def write(self, text: str) -> int:
        """Writes above the line, which comes back when it is drawn next."""
        with self._lock:
            if self._is_drawn:
                self.stream.write(CLEAR)
                self._is_drawn = False
            if text:
                self._is_whole = text.endswith("\n")
            return self.stream.write(text)

    def __getattr__(self, name: str):
        return getattr(self.stream, name)


def _width(stream) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


class Less(logging.Filter):
    """Leaves out of what Snakemake says what needs no one's attention.

    Warnings and errors are never left out, but for those of jobs that a user has stopped, and what says once more, with
    the whole command, that a job failed.
    """

    def __init__(self):
        super().__init__()
        self.is_running, self.is_stopped = False, False

    def filter(self, record: logging.LogRecord) -> bool:
        """Returns whether a message is shown."""
        from snakemake_interface_logger_plugins.common import LogEvent

        text, event = str(record.msg), getattr(record, "event", None)
        if text.startswith(STOPPED):
            self.is_stopped = True
        if self.is_stopped and text.startswith(CLOSING):
            return False
        if record.levelno != logging.INFO:
            failed = event in (LogEvent.JOB_ERROR, LogEvent.GROUP_ERROR)
            return record.levelno > logging.INFO and not text.startswith(REPEATED) and not (failed and self.is_stopped)
        if self.is_running:
            return text.startswith(NEEDED)
        about_the_run = (LogEvent.WORKFLOW_STARTED, LogEvent.RESOURCES_INFO, LogEvent.RUN_INFO)
        return event not in about_the_run and not text.startswith(PREAMBLE)


class FailedJobs(logging.Handler):
    """Writes down which jobs have failed, but for those that a user has stopped."""

    def __init__(self, results: Path):
        super().__init__()
        self.results, self.is_stopped = results, False

    def emit(self, record: logging.LogRecord) -> None:
        """Looks at a message of Snakemake's."""
        from snakemake_interface_logger_plugins.common import LogEvent

        self.is_stopped = self.is_stopped or str(record.msg).startswith(STOPPED)
        if getattr(record, "event", None) == LogEvent.JOB_ERROR and not self.is_stopped:
            with contextlib.suppress(OSError):  # the error itself is what matters
                note_failed(self.results, [str(log) for log in record.log])


class Screen:
    """Where Snakemake and seedvar write during a run.

    Args:
        workflow: Snakemake's.
        results: The results folder, for the list of jobs that failed; without it, there is none.

    Attributes:
        progress: Whether a user wants to see progress.
    """

    def __init__(self, workflow, results: Path | None = None):
        from snakemake.logging import DefaultFilter, DefaultFormatter, logger
        from snakemake.settings.enums import Quietness

        class Shorter(DefaultFormatter):
            """Leaves out the command of a job that failed: it is the first line of its log."""

            def format_job_error(self, msg):
                return super().format_job_error(msg | {"shellcmd": None})

        asked = workflow.output_settings
        quiet = set(asked.quiet or ())
        self.progress = not quiet & {Quietness.ALL, Quietness.PROGRESS}
        self._handlers = [handler for handler in logger.handlers if handler.name == "DefaultStreamHandler"]
        self._less, self._before = Less(), None
        if results and not asked.dryrun:
            logger.addHandler(FailedJobs(results))
        if asked.dryrun or quiet != {Quietness.RULES}:  # the profile's; anything else is the user's own wish
            return
        wants_more = asked.printshellcmds or asked.verbose or asked.debug_dag
        all_of_it = DefaultFilter(set(), asked.debug_dag, asked.verbose, False, asked.printshellcmds)
        for handler in self._handlers:
            handler.filters = [all_of_it if wants_more else self._less]
            if not wants_more:
                handler.setFormatter(Shorter(quiet, asked.show_failed_logs))

    def start(self):
        """Begins a run; returns the stream for progress."""
        self._less.is_running = True
        if not (sys.stderr.isatty() and os.environ.get("TERM") != "dumb"):
            return sys.stderr
        self._before, sys.stderr = sys.stderr, LiveLine(sys.stderr)
        self._lead(self._before, sys.stderr)
        return sys.stderr

    def end(self, failed: bool) -> None:
        """Ends a run; of one that has failed Snakemake's last words are shown."""
        self._less.is_running = not failed
        if self._before:
            sys.stderr.write("")
            self._lead(sys.stderr, self._before)
            sys.stderr, self._before = self._before, None

    def _lead(self, old, new) -> None:
        for handler in self._handlers:
            if handler.stream is old:
                with contextlib.suppress(ValueError):
                    handler.setStream(new)
