"""Threads for slow work: jobs run side by side, orders one after another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kt.ports import concurrency

Then = Callable[[], object]
"""What the result of a job does, on the decision thread."""


@dataclass(frozen=True, slots=True)
class Task:
    """One start of a job. No two tasks of the same name run at once, and the next one starts after
    the result of the last was applied: it may say that there is nothing to do, or to wait."""

    name: str
    """The job's name and, after a dot, the stock that it is about if there is one."""
    title: str
    """For people: "<title> failed: ..."."""
    work: Callable[[], Then]
    """Runs on a worker."""
    failed: Callable[[Exception], object] = lambda failure: None
    """What a failure does, on the decision thread."""
    orders: bool = False
    """Whether it may send an order."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A task has ended: with what its result does, or with what it raised."""

    task: Task
    outcome: Then | Exception


Run = Callable[[Task], Answered]
"""Does the task's work; an exception is an answer as well."""
READY = 10
"""Threads started with the first job. Starting a thread is slow while others compute, and several
exits may be due in one tick."""


class Workers:
    """Runs tasks off the decision thread; `answer` puts what they came to on its queue.

    The threads are reused, and they are daemons: a process that ends does not wait for a slow
    answer of the analyst.
    """

    def __init__(self, answer: Callable[[Answered], object], run: Run) -> None:
        self._put = answer
        self._run = run
        self._busy: set[str] = set()
        self._tasks = concurrency.mailbox()
        self._line = concurrency.mailbox()
        self._threads = 0
        self._idle = 0
        self._orders = 0
        self._line_started = False
        self._lock = concurrency.condition()

    def start(self, task: Task) -> bool:
        """Run it beside all others; False (and it is skipped) until `release` of the one of its
        name that was started before."""
        with self._lock:
            if task.name in self._busy:
                return False
            self._busy.add(task.name)
            self._orders += task.orders
            while not self._idle or self._threads < READY:
                self._threads += 1
                self._idle += 1
                concurrency.start(self._serve, f"kt-worker-{self._threads}")
            self._idle -= 1
        self._tasks.put(task)
        return True

    def line_up(self, task: Task) -> None:
        """Run it after all that were lined up before: buys, amends and cancels of the day."""
        with self._lock:
            self._orders += task.orders
            if not self._line_started:
                self._line_started = True
                concurrency.start(self._serve_line, "kt-orders")
        self._line.put(task)

    def release(self, task: Task) -> None:
        """Its answer was taken from the queue and is about to be applied."""
        with self._lock:
            self._busy.discard(task.name)

    def busy(self, name: str) -> bool:
        with self._lock:
            return name in self._busy

    @property
    def sending(self) -> bool:
        """Whether an order may have been sent whose answer is not on the queue yet."""
        with self._lock:
            return self._orders > 0

    def drain(self, seconds: float) -> bool:
        """Wait for the answers of orders, at most so many real seconds; whether all arrived."""
        ends = concurrency.monotonic() + seconds
        with self._lock:
            while self._orders and (left := ends - concurrency.monotonic()) > 0:
                self._lock.wait(left)
            return not self._orders

    def close(self) -> None:
        """End every thread: idle ones now, the others when their work is done."""
        with self._lock:
            for _ in range(self._threads):
                self._tasks.put(None)
            self._line.put(None)

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None:
            answered = self._run(task)
            with self._lock:
                self._idle += 1
            self._answer(answered)

    def _serve_line(self) -> None:
        while (task := self._line.get()) is not None:
            self._answer(self._run(task))

    def _answer(self, answered: Answered) -> None:
        """The answer first, the count after: a frame of the order that is read while `sending`
        is true is followed by the answer on the queue."""
        self._put(answered)
        with self._lock:
            self._orders -= answered.task.orders
            self._lock.notify_all()


class Inline(Workers):
    """Runs each task at once, for a clock that is moved by hand: nothing can run beside it."""

    def start(self, task: Task) -> bool:
        self._put(self._run(task))
        return True

    def line_up(self, task: Task) -> None:
        self._put(self._run(task))
