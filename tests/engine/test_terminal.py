"""Of what Snakemake says, a run shows what somebody has to know, and more to who asks for it."""

import io
import logging
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter, logger
from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.common import LogEvent

from seedvar.engine.terminal import FailedJobs, Screen
from seedvar.tables.failed_jobs import failed_jobs

ERROR = {
    "event": LogEvent.JOB_ERROR, "rule_name": "train", "rule_msg": None, "jobid": 7, "indent": False, "aux": {},
    "input": [], "output": ["result.json"], "log": ["cell.log"], "conda_env": None,
    "shellcmd": "seedvar train --cell '{...}'",
}  # fmt: skip


@pytest.fixture
def said(monkeypatch):
    """Lets Snakemake say, in a run with these settings, what it says of a cell that crashes; returns what is shown."""

    def run(quiet=frozenset({Quietness.RULES}), stopped=False, **asked):
        settings = dict.fromkeys(("dryrun", "printshellcmds", "verbose", "debug_dag", "show_failed_logs"), False)
        settings = SimpleNamespace(**settings | asked, quiet=quiet)
        stream = io.StringIO()
        usual = DefaultFilter(quiet, settings.debug_dag, settings.verbose, settings.dryrun, settings.printshellcmds)
        handler = ColorizingTextHandler(True, stream, DefaultFormatter(quiet), usual)
        handler.name = "DefaultStreamHandler"
        monkeypatch.setattr(logger, "handlers", [handler])
        monkeypatch.setattr(logger, "level", logging.INFO)
        monkeypatch.setattr(logger, "propagate", False)
        screen = Screen(SimpleNamespace(output_settings=settings))
        logger.info("Building DAG of jobs...")
        logger.info("Job stats:\ntrain 3", extra={"event": LogEvent.RUN_INFO})
        logger.info("Nothing to be done")
        screen.start()
        logger.info("Select jobs to execute...")
        logger.info("Shell command: x", extra={"event": LogEvent.SHELLCMD, "cmd": "seedvar train --cell"})
        logger.info("Finished jobid: 3", extra={"event": LogEvent.JOB_FINISHED, "job_id": 3})
        logger.warning("a warning")
        if stopped:
            logger.info("Terminating processes on user request, this might take some time.")
        logger.error("RuleException:\nCalledProcessError in file x, line 1:\nCommand 'seedvar train' failed")
        logger.error("Error in rule train", extra=ERROR)
        screen.end(failed=True)
        logger.info("Complete log(s): x.log")
        logger.error("WorkflowError:\nAt least one job did not complete successfully.")
        return stream.getvalue()

    return run


def test_errors_and_warnings_are_shown_and_nothing_of_jobs_that_go_well(said):
    shown = said()
    for text in ("Nothing to be done", "a warning", "Error in rule train:", "log: cell.log", "Complete log(s)"):
        assert text in shown
    assert shown.endswith("WorkflowError:\nAt least one job did not complete successfully.\n")
    for text in ("Building", "Job stats", "Select", "Finished", "Shell command", "RuleException", "--cell"):
        assert text not in shown


def test_after_ctrl_c_jobs_that_were_stopped_are_no_errors(said):
    shown = said(stopped=True)
    assert "Terminating processes on user request" in shown
    assert "a warning" in shown
    assert not any(text in shown for text in ("Error", "Complete log(s)"))


def test_who_asks_for_commands_sees_them_and_all_the_rest(said):
    shown = said(printshellcmds=True)
    for text in ("seedvar train --cell", "Select jobs", "Finished jobid: 3", "Error in rule train:", "Job stats"):
        assert text in shown


@pytest.mark.parametrize(
    ("quiet", "is_shown", "is_not"),
    [
        ({Quietness.ALL}, [], ["Select", "a warning", "Error in rule"]),
        ({Quietness.PROGRESS}, ["a warning", "Error in rule", "seedvar train --cell '{...}'"], ["Finished"]),
        (set(), ["Finished", "Job stats", "Select"], []),
    ],
)
def test_another_wish_for_quiet_is_left_to_snakemake(said, quiet, is_shown, is_not):
    shown = said(frozenset(quiet))
    assert all(text in shown for text in is_shown)
    assert not any(text in shown for text in is_not)


def test_a_dry_run_shows_its_plan(said):
    shown = said(dryrun=True)
    assert "Job stats" in shown
    assert "Building" in shown


def test_jobs_that_failed_are_written_down_but_not_those_that_a_user_stopped(tmp_path):
    handler = FailedJobs(tmp_path)
    error = logging.makeLogRecord({"msg": "Error in rule train", **ERROR})
    handler.emit(logging.makeLogRecord({"msg": "Finished jobid: 3", "event": LogEvent.JOB_FINISHED}))
    handler.emit(error)
    handler.emit(logging.makeLogRecord({"msg": "Terminating processes on user request, this might take some time."}))
    handler.emit(error)
    assert [len(times) for times in failed_jobs(tmp_path).values()] == [1]
    assert list(failed_jobs(tmp_path)) == [Path("cell.log")]
