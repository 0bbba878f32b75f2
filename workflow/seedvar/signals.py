"""Signals that ask a process to end: Ctrl-C, a closed terminal, a scheduler or a time limit."""

from __future__ import annotations

import contextlib
import signal
import threading

from seedvar.errors import Stopped

ASKING_TO_END = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def heard(handler):
    """Has a handler called with the number of each signal that asks this process to end.

    What is ignored, such as SIGHUP under `nohup`, stays so. Outside the main thread nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in ASKING_TO_END}
    mine = [number for number, old in before.items() if old != signal.SIG_IGN]
    for number in mine:
        signal.signal(number, lambda number, frame: handler(number))
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, before[number])


def end(number: int) -> None:
    """Ends this process in order.

    Raises:
        Stopped: Always.
    """
    raise Stopped(number)
