"""Keeps Snakemake from wasting time on thousands of jobs."""

from __future__ import annotations

import gc
import threading

from seedvar.engine.progress import Jobs


def calm(scheduler) -> None:
    """Lets a scheduler have one timer at a time for its next look at the jobs that are ready.

    With a limit of jobs a second, which Snakemake always has, 9.27 looks again a second after every look and
    never stops: after a thousand jobs it looks a thousand times a second, which takes a whole core away from
    training. One look a second serves the limit as well; the end of a job is a reason to look in any case.

    Args:
        scheduler: Snakemake's `JobScheduler`; one without such timers is left as it is.
    """
    if not hasattr(scheduler, "_schedule_reevalutation"):
        return
    lock = threading.Lock()
    timers: list[threading.Timer] = []

    def look_again(delay: float) -> None:
        with lock:
            if not timers:
                timers.append(threading.Timer(delay, look))
                timers[0].daemon = True
                timers[0].start()

    def look() -> None:
        with lock:
            timers.clear()
        scheduler._open_jobs.release()

    scheduler._schedule_reevalutation = look_again


def look_for_garbage_less() -> None:
    """Has Python look less often for garbage: the objects that Snakemake makes for a job live until its end.

    Looking among them takes about a tenth of the time in which thousands of jobs are planned.
    """
    gc.set_threshold(200_000, 20, 100)


def jobs_now(dag) -> Jobs:
    """Returns what Snakemake is at.

    Args:
        dag: Snakemake's, while its scheduler works.
    """
    scheduler = dag.workflow.scheduler

    def results(jobs) -> frozenset[str]:
        each = [one for job in list(jobs) for one in (list(job) if job.is_group() else [job])]
        return frozenset(str(job.output[0]) for job in each if job.rule.name == "train")

    steps = (scheduler.finished_jobs, len(dag))
    return Jobs(results(scheduler.running), results(scheduler.failed), steps, not dag.workflow.local_exec)
