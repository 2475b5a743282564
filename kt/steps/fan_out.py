"""Ask several questions at once: every answer that came, and every failure by name.

Pacing is the broker adapter's; a handful of threads only keeps its slots filled.
"""

from __future__ import annotations

import contextvars
import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
                answers[asked.name] = asked.answers[0]
            elif isinstance(asked.raised, KtError) and not isinstance(asked.raised, _FATAL):
                failures[asked.name] = asked.raised
                note_error(ctx, f"{where}.{asked.name}", asked.raised)
            else:
                raise asked.raised
    finally:
        waiting.clear()
    return Gathered(answers, failures)


_FATAL = (AuthError, JournalError)


@dataclass(slots=True)
class _Asked(Generic[T]):
    """One question with its answer, or with what it raised."""

    name: str
    answers: list[T] = field(default_factory=list)
    raised: Exception | None = None


def _ask(waiting: deque[tuple[str, Callable[[], T]]], done: queue.SimpleQueue[_Asked[T]]) -> None:
    """Ask what waits, one after another. What a question raises is raised again by `gather`."""
    while True:
        try:
            name, question = waiting.popleft()
        except IndexError:
            return
        asked = _Asked[T](name)
        try:
            asked.answers.append(question())
        except Exception as raised:  # noqa: BLE001 - carried to whoever asked, who raises it
            asked.raised = raised
        done.put(asked)


def error_kind(failure: BaseException) -> str:
    """One of the kinds of docs/architecture.md#error-kinds, or `wire` for what cannot be read."""
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
