"""Slow work off the decision thread: named jobs beside it, orders one after another."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answered:
    """A worker's job ended: with a value, or with what it raised."""

    job: str
    value: Any = None
    failure: Exception | None = None


Work = Callable[[], Any]
Contain = Callable[[str, Work], Answered]
"""Runs the work and makes an answer even of what it raises."""


class Workers:
    """Runs work beside the decision thread and puts the answers on its queue.

    The threads are daemons: a process that ends does not wait for an analyst's slow answer.
    """

    def __init__(self, answers: queue.SimpleQueue[Any], contain: Contain) -> None:
        self._answers = answers
        self._contain = contain
        self._busy: set[str] = set()
        self._in_line: queue.SimpleQueue[tuple[str, Work]] = queue.SimpleQueue()
        self._waiting = 0
        self._lock = threading.Condition()
        self._line: threading.Thread | None = None

    def start(self, job: str, work: Work) -> bool:
        """Begin a job; False when the one before it has not ended yet (this one is skipped)."""
        with self._lock:
            if job in self._busy:
                return False
            self._busy.add(job)
        threading.Thread(target=self._run, args=(job, work), name=f"kt-{job}", daemon=True).start()
        return True

    def line_up(self, job: str, work: Work) -> None:
        """Do it after all that was lined up before: buys, amends and cancels of the day."""
        with self._lock:
            self._waiting += 1
            if self._line is None:
                self._line = threading.Thread(target=self._serve, name="kt-orders", daemon=True)
                self._line.start()
        self._in_line.put((job, work))

    def busy(self, job: str) -> bool:
        with self._lock:
            return job in self._busy

    @property
    def sending(self) -> bool:
        """Whether an order may be on its way, whose number nobody knows yet."""
        with self._lock:
            return self._sending()

    def drain(self, seconds: float) -> bool:
        """Wait for the orders on their way, so many real seconds at most; whether none is left."""
        ends = time.monotonic() + seconds
        with self._lock:
            while self._sending() and (left := ends - time.monotonic()) > 0:
                self._lock.wait(left)
            return not self._sending()

    def _sending(self) -> bool:
        return self._waiting > 0 or any(job.startswith(EXIT) for job in self._busy)

    def _run(self, job: str, work: Work) -> None:
        answered = self._contain(job, work)
        with self._lock:
            self._busy.discard(job)
            self._lock.notify_all()
        self._answers.put(answered)

    def _serve(self) -> None:
        while True:
            job, work = self._in_line.get()
            answered = self._contain(job, work)
            with self._lock:
                self._waiting -= 1
                self._lock.notify_all()
            self._answers.put(answered)


EXIT = "exit."
"""What the names of the jobs that sell a position begin with."""


class Inline(Workers):
    """Does the work at once: where the clock is moved by hand, nothing can run beside it."""

    def start(self, job: str, work: Work) -> bool:
        self._answers.put(self._contain(job, work))
        return True

    def line_up(self, job: str, work: Work) -> None:
        self._answers.put(self._contain(job, work))
