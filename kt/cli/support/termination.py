"""SIGTERM and SIGHUP end this process: cleanly if possible, and in any case within 5 seconds."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

LONGEST = 4.5
"""Real seconds from the signal to the forced exit, whatever blocks the process."""
UNHURRIED = 2.5
"""Real seconds that code with its own clean-up, such as the trading day, may take to stop."""
ENDINGS = (signal.SIGTERM, signal.SIGHUP)


class Terminated(BaseException):
    """A terminating signal arrived: unwind the stack to release locks and sockets, then exit."""

    def __init__(self, number: int = signal.SIGTERM) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


def caught() -> tuple[signal.Signals, ...]:
    """The signals to handle: under nohup SIGHUP stays ignored."""
    return tuple(one for one in ENDINGS if signal.getsignal(one) is not signal.SIG_IGN)


@contextlib.contextmanager
def unwinding() -> Iterator[None]:
    """Inside this block the first signal raises Terminated; further signals are ignored, so that
    the clean-up can finish."""

    def unwind(number: int, frame: object) -> None:
        for one in before:
            signal.signal(one, signal.SIG_IGN)
        raise Terminated(number)

    before: dict[signal.Signals, Any] = {}
    # Python runs signal handlers only in the main thread.
    if threading.current_thread() is threading.main_thread():
        before = {one: signal.signal(one, unwind) for one in caught()}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def hurry(number: int) -> None:
    """Raise Terminated in UNHURRIED seconds, unless `calm` cancels it before."""

    def unwind(alarm: int, frame: object) -> None:
        raise Terminated(number)

    signal.signal(signal.SIGALRM, unwind)
    signal.setitimer(signal.ITIMER_REAL, UNHURRIED)


def calm() -> None:
    """Cancel `hurry`."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def end_in_time() -> None:
    """From now on, force this process to exit `LONGEST` seconds after one of the signals.

    Python runs signal handlers in the main thread between bytecodes: not while a C call blocks,
    such as a DNS look-up, and an exception raised in a finalizer is lost. So a separate thread
    reads every signal from a pipe (`signal.set_wakeup_fd`).
    """
    with contextlib.suppress(OSError):  # no file descriptor left: go without
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        threading.Thread(
            target=_exit_after_signal, args=(reader,), name="kt-ending", daemon=True
        ).start()


def _exit_after_signal(reader: int) -> None:
    number = 0
    while number not in ENDINGS:
        number = os.read(reader, 1)[0]
    time.sleep(LONGEST)
    with contextlib.suppress(OSError):
        os.set_blocking(2, False)  # the reader of stderr may hang too
        os.write(2, b"kt: forced to exit while something was blocked; the next start recovers.\n")
    os._exit(128 + number)
