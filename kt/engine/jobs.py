"""A job: slow work on a worker, and what its result does on the decision thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Concatenate, Generic, ParamSpec, TypeVar

from kt.engine.runtime import Runtime
from kt.engine.workers import Task, Then
from kt.steps.context import Context

P = ParamSpec("P")
T = TypeVar("T")


def _nothing(*_: object, **__: object) -> str:
    return ""


def _always(runtime: Runtime) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Job(Generic[P, T]):
    """One kind of slow work, defined next to what its result does. `P` are the arguments of a
    start, `T` is what the work returns."""

    name: str
    """Unique among the jobs; the journal's table `steps` has it."""
    title: str
    """For people: "<title> failed: ..."."""
    work: Callable[Concatenate[Context, P], T]
    """Runs on a worker. It must not read the day's state: it gets what it needs as arguments."""
    then: Callable[[Runtime, T], object] = _nothing
    """What the result does, on the decision thread."""
    when: Callable[[Runtime], bool] = _always
    """Whether there is anything to do now."""
    about: Callable[P, str] = _nothing
    """The stock that a start is about: one runs at a time for each stock. Empty: one at a time."""
    failed: Callable[[Runtime, Exception], object] = _nothing
    """What a failure does beyond being journaled, counted and announced."""
    orders: bool = False
    """Whether it may send an order."""

    def start(self, runtime: Runtime, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Run it beside all others; False when there is nothing to do or the last one still
        runs."""
        about = self.about(*args, **kwargs)
        return self.when(runtime) and runtime.workers.start(
            self._task(runtime, about, *args, **kwargs)
        )

    def line_up(self, runtime: Runtime, *args: P.args, **kwargs: P.kwargs) -> None:
        """Run it after all that were lined up before: what buys, amends and cancels."""
        runtime.workers.line_up(self._task(runtime, "", *args, **kwargs))

    def _task(self, runtime: Runtime, about: str, *args: P.args, **kwargs: P.kwargs) -> Task:
        def work() -> Then:
            return partial(self.then, runtime, self.work(runtime.ctx, *args, **kwargs))

        return Task(
            f"{self.name}.{about}" if about else self.name,
            f"{self.title} of {about}" if about else self.title,
            work,
            partial(self.failed, runtime),
            self.orders,
        )
