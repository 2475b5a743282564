"""Ask several questions at once: every answer that came, and every failure by name.

Pacing is the broker adapter's; a handful of threads only keeps its slots filled.
"""

from __future__ import annotations

import contextvars
import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, TypeVar

from kt.errors import AuthError, JournalError, KtError, RateLimited, Unreachable, WireError
from kt.steps.context import Context

T = TypeVar("T")

WORKERS = 6


@dataclass(frozen=True, slots=True)
class Gathered(Generic[T]):
    """What came back, by the question's name."""

    answers: dict[str, T]
    failures: dict[str, KtError]

    def raise_if_empty(self) -> None:
        """Nothing at all came back: the first failure is the reason."""
        if not self.answers and self.failures:
            raise next(iter(self.failures.values()))


def gather(
    ctx: Context, where: str, questions: Mapping[str, Callable[[], T]], workers: int = WORKERS
) -> Gathered[T]:
    """Answers and failures; each failure is journaled. AuthError and JournalError end it all.

    The threads are daemons: a process that is told to end waits for no answer.
    """
    answers: dict[str, T] = {}
    failures: dict[str, KtError] = {}
    waiting = deque(questions.items())
    done: queue.SimpleQueue[_Asked[T]] = queue.SimpleQueue()
    for _ in range(min(workers, len(questions))):
        patience = contextvars.copy_context()  # how long the caller may wait holds for its threads
        threading.Thread(
            target=patience.run, args=(_ask, waiting, done), name="kt-gather", daemon=True
        ).start()
    try:
        for _ in questions:
            asked = done.get()
            if asked.raised is None:
                answers[asked.name] = asked.answer()
            elif isinstance(asked.raised, KtError) and not isinstance(asked.raised, _FATAL):
                failures[asked.name] = asked.raised
                note_error(ctx, f"{where}.{asked.name}", asked.raised)
            else:
                raise asked.raised
    finally:
        waiting.clear()
    return Gathered(answers, failures)


_FATAL = (AuthError, JournalError)


class _Asked(Generic[T]):
    """One question and its answer; what it raised is carried to whoever asked."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.values: list[T] = []
        self.raised: BaseException | None = None

    def answer(self) -> T:
        return self.values[0]

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: object, raised: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.raised = raised
        return True


def _ask(waiting: deque[tuple[str, Callable[[], T]]], done: queue.SimpleQueue[_Asked[T]]) -> None:
    """Ask what waits, one after another."""
    while True:
        try:
            name, question = waiting.popleft()
        except IndexError:
            return
        asked = _Asked[T](name)
        with asked:
            asked.values.append(question())
        done.put(asked)


def error_kind(failure: BaseException) -> str:
    """The process document's five kinds, and `wire` for what cannot be read."""
    kinds: tuple[tuple[Any, str], ...] = (
        (AuthError, "auth"),
        (RateLimited, "rate"),
        (Unreachable, "network"),
        (WireError, "wire"),
        (JournalError, "fatal"),
        (KtError, "order"),
    )
    return next((kind for error, kind in kinds if isinstance(failure, error)), "fatal")


def note_error(ctx: Context, where: str, failure: BaseException) -> None:
    """One row of `errors`."""
    ctx.journal.error(ctx.run, error_kind(failure), where, str(failure), ctx.clock.now())
