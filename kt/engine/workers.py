"""Slow work off the decision thread: one job of a name at a time, answers as events."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answered:
    """A worker's job ended: with a value, or with what it raised."""

    job: str
    value: Any = None
    failure: Exception | None = None


Contain = Callable[[str, Callable[[], Any]], Answered]
"""Runs the work and makes an answer even of what it raises."""


class Workers:
    """Runs named jobs beside the decision thread and puts their answers on its queue.

    The threads are daemons: a process that ends does not wait for an analyst's slow answer.
    """

    def __init__(self, answers: queue.SimpleQueue[Any], contain: Contain) -> None:
        self._answers = answers
        self._contain = contain
        self._busy: set[str] = set()
        self._lock = threading.Lock()

    def start(self, job: str, work: Callable[[], Any]) -> bool:
        """Begin a job; False when the one before it has not ended yet (this one is skipped)."""
        with self._lock:
            if job in self._busy:
                return False
            self._busy.add(job)
        threading.Thread(target=self._run, args=(job, work), name=f"kt-{job}", daemon=True).start()
        return True

    def busy(self, job: str) -> bool:
        with self._lock:
            return job in self._busy

    def _run(self, job: str, work: Callable[[], Any]) -> None:
        answered = self._contain(job, work)
        with self._lock:
            self._busy.discard(job)
        self._answers.put(answered)


class Inline(Workers):
    """Does the work at once: where the clock is moved by hand, nothing can run beside it."""

    def start(self, job: str, work: Callable[[], Any]) -> bool:
        self._answers.put(self._contain(job, work))
        return True
