"""A job of the day: slow work beside the decision thread, and what its answer leads to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Concatenate, Generic, ParamSpec, TypeVar

from kt.engine.runtime import Runtime

P = ParamSpec("P")
T = TypeVar("T")


def _nothing(*_: object, **__: object) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Job(Generic[P, T]):
    """One kind of slow work. Each is defined beside what its answer does; `registry.py` lists
    them all. `P` are the arguments of one start, `T` is what the work returns."""

    name: str
    title: str
    """For people: "<title> failed: ..."."""
    work: Callable[Concatenate[Runtime, P], Callable[[], T] | None]
    """Called on the decision thread with what is known there: what a worker is to do, or None
    when there is nothing to do now."""
    then: Callable[[Runtime, T], object] = _nothing
    """What the answer does, on the decision thread."""
    about: Callable[P, str] = _nothing
    """The stock that this start is about; jobs of one name run one at a time for each stock."""
    failed: Callable[[Runtime, Exception], None] | None = None
    """What a failure does beyond being noted, counted and announced."""
    orders: bool = False
    """When it has ended, the numbers of the orders that it sent are known."""

    def start(self, runtime: Runtime, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Beside all others; False when there is nothing to do or the one before still runs."""
        work = self.work(runtime, *args, **kwargs)
        if work is None:
            return False
        about = self.about(*args, **kwargs)
        return runtime.workers.start(f"{self.name}.{about}" if about else self.name, work)

    def line_up(self, runtime: Runtime, *args: P.args, **kwargs: P.kwargs) -> None:
        """After all that was lined up before: what buys, amends and cancels."""
        work = self.work(runtime, *args, **kwargs)
        if work is not None:
            runtime.workers.line_up(self.name, work)
