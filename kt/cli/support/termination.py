"""SIGTERM and SIGHUP end this process: in order where that can be had, and within five seconds."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

LONGEST = 4.5
"""Real seconds from the signal to the end, whatever the process hangs in."""
UNHURRIED = 2.5
"""Real seconds that whoever ends by itself, as the trading day does, may take for it."""
ENDINGS = (signal.SIGTERM, signal.SIGHUP)


class Terminated(BaseException):
    """A signal that ends arrived: unwind, so that locks and sockets are let go, and end."""

    def __init__(self, number: int = signal.SIGTERM) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


def caught() -> tuple[signal.Signals, ...]:
    """Those to listen to: under nohup SIGHUP stays ignored."""
    return tuple(one for one in ENDINGS if signal.getsignal(one) is not signal.SIG_IGN)


@contextlib.contextmanager
def unwinding() -> Iterator[None]:
    """While this lasts, the first of the signals raises Terminated; more change nothing, for the
    unwinding must come to its end."""

    def unwind(number: int, frame: object) -> None:
        for one in before:
            signal.signal(one, signal.SIG_IGN)
        raise Terminated(number)

    before: dict[signal.Signals, Any] = {}
    # Only the main thread gets signals: who runs us on another minds them there.
    if threading.current_thread() is threading.main_thread():
        before = {one: signal.signal(one, unwind) for one in caught()}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def hurry(number: int) -> None:
    """Somebody was asked to end by itself: Terminated is raised if it takes too long for that.
    `calm` takes it back."""

    def unwind(alarm: int, frame: object) -> None:
        raise Terminated(number)

    signal.signal(signal.SIGALRM, unwind)
    signal.setitimer(signal.ITIMER_REAL, UNHURRIED)


def calm() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def end_in_time() -> None:
    """From now on this process is gone `LONGEST` seconds after one of the signals.

    Python calls a signal's handler on the main thread between two of its steps: not while that
    waits for a name server, and an exception in the wrong place is swallowed. So a thread of its
    own hears of every signal too.
    """
    with contextlib.suppress(OSError):  # no handle to spare: then without
        heard, told = os.pipe()
        os.set_blocking(told, False)
        signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        threading.Thread(target=_see_to_it, args=(heard,), name="kt-ending", daemon=True).start()


def _see_to_it(heard: int) -> None:
    number = 0
    while number not in ENDINGS:
        number = os.read(heard, 1)[0]
    time.sleep(LONGEST)
    with contextlib.suppress(OSError):
        os.set_blocking(2, False)  # who should read it may hang too
        os.write(2, b"kt: ended without waiting for what hangs; the next start settles the rest.\n")
    os._exit(128 + number)
