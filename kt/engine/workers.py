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
EXIT = "exit."
"""What the names of the jobs that sell a position begin with."""
READY = 10
"""Threads that wait for work from the first job on: so many exits may be due in one tick, and a
thread that is only begun then takes its time while others compute."""
Jobs = queue.SimpleQueue[tuple[str, Work] | None]
Contain = Callable[[str, Work], Answered]
"""Runs the work and makes an answer even of what it raises."""


class Workers:
    """Runs work beside the decision thread and puts the answers on its queue.

    The threads are daemons: a process that ends does not wait for an analyst's slow answer. Each
    waits for the next job when it has ended one.
    """

    def __init__(self, answers: queue.SimpleQueue[Any], contain: Contain) -> None:
        self._answers = answers
        self._contain = contain
        self._busy: set[str] = set()
        self._jobs: Jobs = queue.SimpleQueue()
        self._in_line: Jobs = queue.SimpleQueue()
        self._threads = 0
        self._idle = 0
        self._orders = 0
        self._line: threading.Thread | None = None
        self._lock = threading.Condition()

    def start(self, job: str, work: Work) -> bool:
        """Begin a job; False when the one before it has not ended yet (this one is skipped)."""
        with self._lock:
            if job in self._busy:
                return False
            self._busy.add(job)
            self._orders += job.startswith(EXIT)
            while not self._idle or self._threads < READY:
                self._hire()
            self._idle -= 1
        self._jobs.put((job, work))
        return True

    def line_up(self, job: str, work: Work) -> None:
        """Do it after all that was lined up before: buys, amends and cancels of the day."""
        with self._lock:
            self._orders += 1
            if self._line is None:
                self._line = threading.Thread(
                    target=self._serve_line, name="kt-orders", daemon=True
                )
                self._line.start()
        self._in_line.put((job, work))

    def busy(self, job: str) -> bool:
        with self._lock:
            return job in self._busy

    @property
    def sending(self) -> bool:
        """Whether an order may be on its way whose answer is not on the queue yet."""
        with self._lock:
            return self._orders > 0

    def drain(self, seconds: float) -> bool:
        """Wait for the orders on their way, so many real seconds at most; whether none is left."""
        ends = time.monotonic() + seconds
        with self._lock:
            while self._orders and (left := ends - time.monotonic()) > 0:
                self._lock.wait(left)
            return not self._orders

    def close(self) -> None:
        """Let every thread go that waits, and the others when they have done their work."""
        with self._lock:
            for _ in range(self._threads):
                self._jobs.put(None)
            self._in_line.put(None)

    def _hire(self) -> None:
        self._threads += 1
        self._idle += 1
        name = f"kt-worker-{self._threads}"
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    def _serve(self) -> None:
        while (given := self._jobs.get()) is not None:
            job, work = given
            answered = self._contain(job, work)
            with self._lock:
                self._busy.discard(job)
                self._idle += 1
            self._answer(answered, order=job.startswith(EXIT))

    def _serve_line(self) -> None:
        while (given := self._in_line.get()) is not None:
            self._answer(self._contain(*given), order=True)

    def _answer(self, answered: Answered, *, order: bool) -> None:
        """An order is on its way until its answer is on the queue: who sees a frame of it before
        that knows that the answer comes after the frame."""
        self._answers.put(answered)
        with self._lock:
            self._orders -= order
            self._lock.notify_all()


class Inline(Workers):
    """Does the work at once: where the clock is moved by hand, nothing can run beside it."""

    def start(self, job: str, work: Work) -> bool:
        self._answers.put(self._contain(job, work))
        return True

    def line_up(self, job: str, work: Work) -> None:
        self._answers.put(self._contain(job, work))
