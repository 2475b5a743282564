"""A job of the day: slow work beside the decision thread, and what its answer leads to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Concatenate, Generic, ParamSpec, TypeVar

from kt.engine.runtime import Runtime
from kt.steps.context import Context

P = ParamSpec("P")
T = TypeVar("T")


def _nothing(*_: object, **__: object) -> str:
    return ""


def _always(runtime: Runtime) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Job(Generic[P, T]):
    """One kind of slow work. Each is defined beside what its answer does; `registry.py` lists
    them all. `P` are the arguments of one start, `T` is what the work returns."""

    name: str
    title: str
    """For people: "<title> failed: ..."."""
    work: Callable[Concatenate[Context, P], T]
    """Runs on a worker: it gets what it needs of the day's state as arguments."""
    then: Callable[[Runtime, T], object] = _nothing
    """What the answer does, on the decision thread."""
    when: Callable[[Runtime], bool] = _always
    """Whether there is anything to do now."""
    about: Callable[P, str] = _nothing
    """The stock that a start is about: one at a time for each. Empty: one at a time."""
    failed: Callable[[Runtime, Exception], None] | None = None
    """What a failure does beyond being noted, counted and announced."""
    orders: bool = False
    """While it runs an order may be on its way; when it has ended, the order's number is known."""

    def start(self, runtime: Runtime, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Beside all others; False when there is nothing to do or the one before still runs."""
        if not self.when(runtime):
            return False
        about = self.about(*args, **kwargs)
        name = f"{self.name}.{about}" if about else self.name
        return runtime.workers.start(name, partial(self.work, runtime.ctx, *args, **kwargs))

    def line_up(self, runtime: Runtime, *args: P.args, **kwargs: P.kwargs) -> None:
        """After all that was lined up before: what buys, amends and cancels."""
        runtime.workers.line_up(self.name, partial(self.work, runtime.ctx, *args, **kwargs))
