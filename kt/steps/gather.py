"""Ask several questions at once: every answer that came, and every failure by name.

Pacing is the broker adapter's; a handful of threads only keeps its slots filled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
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
    """Answers and failures; each failure is journaled. AuthError and JournalError end it all."""
    answers: dict[str, T] = {}
    failures: dict[str, KtError] = {}
    if not questions:
        return Gathered(answers, failures)
    waiting = iter(questions.items())
    running: dict[Future[T], str] = {}
    with ThreadPoolExecutor(workers, thread_name_prefix="gather") as pool:
        while True:
            # Few are handed over at a time, so that a process that ends has few to wait for.
            for name, question in islice(waiting, workers - len(running)):
                running[pool.submit(question)] = name
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name = running.pop(future)
                try:
                    answers[name] = future.result()
                except (AuthError, JournalError):
                    raise
                except KtError as failure:
                    failures[name] = failure
                    note_error(ctx, f"{where}.{name}", failure)
    return Gathered(answers, failures)


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
