"""Run several requests in parallel and collect answers and failures by name.

The rate limit is the broker adapter's; a few threads are enough to use it fully.
"""

from __future__ import annotations

import contextvars
import queue
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import isinf
from typing import Any, Generic, TypeVar

from kt.errors import AuthError, JournalError, KtError, RateLimited, Unreachable, WireError
from kt.ports import concurrency
from kt.ports.concurrency import Mailbox
from kt.ports.patience import time_left
from kt.steps.context import Context

T = TypeVar("T")

WORKERS = 6
_Waiting = deque[tuple[str, Callable[[], T]]]
"""Requests that no worker has taken yet, with their names."""


@dataclass(frozen=True, slots=True)
class Gathered(Generic[T]):
    """Answers and failures, by the name of the request."""

    answers: dict[str, T]
    failures: dict[str, KtError]

    def raise_if_empty(self) -> None:
        """Raise the first failure when there is no answer at all."""
        if not self.answers and self.failures:
            raise next(iter(self.failures.values()))


def gather(
    ctx: Context,
    where: str,
    questions: Mapping[str, Callable[[], T]],
    workers: int = WORKERS,
    lane: Callable[[str], str] = lambda name: "",
) -> Gathered[T]:
    """Run the `questions`; each failure is journaled as `where`.name. Raises AuthError and
    JournalError at once. What has no answer when the caller's deadline (`kt.ports.patience`) is
    over is a failure too (Unreachable), journaled once for all. Each `lane` (of a name) has its own
    `workers`, so that a slow one holds up no other. The threads are daemons: a process that has to
    end does not wait for answers."""
    answers: dict[str, T] = {}
    failures: dict[str, KtError] = {}
    lanes: dict[str, _Waiting[T]] = {}
    for name, question in questions.items():
        lanes.setdefault(lane(name), deque()).append((name, question))
    done: Mailbox[_Asked[T]] = concurrency.mailbox()
    for waiting in lanes.values():
        _start(min(workers, len(waiting)), waiting, done)
    try:
        while len(answers) + len(failures) < len(questions):
            asked = _next(done)
            if asked is None:
                late = [name for name in questions if name not in answers | failures]
                failures |= _too_late(ctx, where, late)
            elif asked.raised is None:
                answers[asked.name] = asked.answers[0]
            elif isinstance(asked.raised, KtError) and not isinstance(asked.raised, _FATAL):
                failures[asked.name] = asked.raised
                note_error(ctx, f"{where}.{asked.name}", asked.raised)
            else:
                raise asked.raised
    finally:
        for waiting in lanes.values():
            waiting.clear()
    return Gathered(answers, failures)


_FATAL = (AuthError, JournalError)


@dataclass(slots=True)
class _Asked(Generic[T]):
    """One request with its answer or its exception."""

    name: str
    answers: list[T] = field(default_factory=list)
    raised: Exception | None = None


def _too_late(ctx: Context, where: str, names: list[str]) -> dict[str, KtError]:
    note_error(ctx, where, Unreachable(f"{len(names)} requests: no answer in time"))
    return dict.fromkeys(names, Unreachable("no answer in time"))


def _start(workers: int, waiting: _Waiting[T], done: Mailbox[_Asked[T]]) -> None:
    """Threads with the caller's deadline (`kt.ports.patience`)."""
    for _ in range(workers):
        context = contextvars.copy_context()
        concurrency.start(partial(context.run, _ask, waiting, done), "kt-gather")


def _next(done: Mailbox[_Asked[T]]) -> _Asked[T] | None:
    """The next answer; None when the caller's time is over."""
    left = time_left()
    try:
        return done.get(timeout=None if isinf(left) else left)
    except queue.Empty:
        return None


def _ask(waiting: _Waiting[T], done: Mailbox[_Asked[T]]) -> None:
    """A worker thread: take requests until none is left. `gather` raises what they raise."""
    while True:
        try:
            name, question = waiting.popleft()
        except IndexError:
            return
        asked: _Asked[T] = _Asked(name)
        try:
            asked.answers.append(question())
        except Exception as raised:  # noqa: BLE001 - carried to whoever asked, who raises it
            asked.raised = raised
        done.put(asked)


def error_kind(failure: BaseException) -> str:
    """The kind of an error (docs/architecture.md#error-kinds); `wire` for an unreadable answer."""
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
    """Journal an error: one row of the table `errors`."""
    ctx.journal.error(ctx.run, error_kind(failure), where, str(failure), ctx.clock.now())
