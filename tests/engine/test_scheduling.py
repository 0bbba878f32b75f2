"""Snakemake's scheduler looks at its jobs now and then, not ever more often."""

import threading
import time

from seedvar.engine.scheduling import calm


class Scheduler:
    """As much of Snakemake's as `calm` touches, with its loop: after every look it asks for another one."""

    def __init__(self):
        self._open_jobs = threading.Semaphore(0)
        self.looks = 0

    def _schedule_reevalutation(self, delay):
        threading.Timer(delay, self._open_jobs.release).start()

    def run(self, seconds, jobs):
        """Looks whenever it is told to, by a timer or by the end of one of the jobs."""
        end = time.monotonic() + seconds
        for _ in range(jobs):
            self._open_jobs.release()
        while self._open_jobs.acquire(timeout=max(0, end - time.monotonic())):
            self.looks += 1
            self._schedule_reevalutation(0.1)


def test_looks_do_not_multiply():
    usual, calmed = Scheduler(), Scheduler()
    calm(calmed)
    for scheduler in (usual, calmed):
        scheduler.run(seconds=1, jobs=20)
    assert 20 < calmed.looks <= 31  # one for each job, and one every tenth of a second
    assert usual.looks > 2 * calmed.looks


def test_a_scheduler_without_such_timers_is_left_alone():
    scheduler = object()
    calm(scheduler)


def test_snakemake_still_has_what_is_calmed():
    from snakemake import api  # noqa: F401, the scheduler's module cannot be imported first
    from snakemake.scheduling.job_scheduler import JobScheduler

    assert hasattr(JobScheduler, "_schedule_reevalutation")
