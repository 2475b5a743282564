"""The trading day: one decision thread reads one queue; slow work runs on workers.

Ticks, fills, balance and session frames, the stream's state, timers and workers' answers are all
handled by `Day._turn`. A stop-loss therefore waits for the event before it and for nothing else.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from kt.engine import dispatch, emergency, schedule
from kt.engine.announcer import Announcer
from kt.engine.feed import Feed
from kt.engine.runtime import Event, Runtime
from kt.engine.state import DayReport
from kt.engine.watchdog import Watchdog
from kt.engine.workers import Answered, Inline, Task, Workers
from kt.errors import ExitCode, KtError
from kt.ports import Stream, concurrency
from kt.ports.concurrency import Mailbox
from kt.steps.context import Context
from kt.steps.waiting import by_hand, wait_for

T = TypeVar("T")
TURN = 1.0
"""Longest wait of one turn, in the clock's seconds."""
LAST_ANSWERS = 3.0
"""How long an ending run waits for the answers of sent orders, in real seconds."""
BURST = 100
"""Events handled before phase and timers are checked again."""


class Day:
    """`run()` trades until the day ends; `stop()` ends it from any thread or signal handler.

    With `until_close` the run ends when the day is settled and idle; without it, it waits for the
    next trading day. `announce` gets a line for people whenever something worth one happens.
    `publish` gets the figures for monitors every minute (kt/engine/metrics.py).
    `still_ours` returns why the run must end when its files were deleted or replaced.
    """

    def __init__(
        self,
        ctx: Context,
        stream_factory: Callable[[], Stream],
        *,
        until_close: bool = False,
        announce: Callable[[str], None] | None = None,
        still_ours: Callable[[], str | None] = lambda: None,
        publish: Callable[[str], None] | None = None,
    ) -> None:
        events: Mailbox[Event | None] = concurrency.mailbox()
        self.runtime = Runtime(
            ctx,
            events,
            (Inline if by_hand(ctx.clock) else Workers)(events.put, partial(_run, ctx)),
            Feed(ctx, stream_factory, events.put),
            Announcer(ctx.clock, announce or (lambda line: None)),
            Watchdog(ctx.config.emergency),
            until_close,
            publish,
        )
        self._still_ours = still_ours
        self._stopping = ""

    def stop(self, reason: str = "stopped") -> None:
        """End after the current event. Open orders stay at the broker; the next start finds
        them."""
        self._stopping = self._stopping or reason
        self.runtime.events.put(None)

    def run(self) -> DayReport:
        """Trade until `stop`, the close, or an error that needs a person."""
        try:
            while not (self._stopping or self.runtime.state.ended):
                self._turn()
        finally:
            self._finish()
        return self.runtime.report

    def _turn(self) -> None:
        """Handle the waiting events, the phase, and the timers that are due."""
        runtime = self.runtime
        wait = runtime.timers.next_in(runtime.seconds, TURN)
        happened = wait_for(runtime.ctx.clock, runtime.events, wait)
        handled = 0
        while happened is not None and not self._stopping:
            self._guarded("event", partial(dispatch.handle, runtime, happened))
            handled += 1
            happened = self._next() if handled < BURST else None
        self._guarded("phase", partial(schedule.follow, runtime))
        for timer in runtime.timers.due(runtime.seconds):
            self._guarded(f"timer.{timer}", partial(schedule.DUE[timer], runtime))
        if lost := self._still_ours():
            emergency.files_lost(runtime, lost)

    def _next(self) -> Event | None:
        try:
            return self.runtime.events.get_nowait()
        except queue.Empty:
            return None

    def _guarded(self, where: str, work: Callable[[], object]) -> None:
        """Run something on the decision thread; an exception is handled as an error of its kind."""
        try:
            work()
        except Exception as failure:  # noqa: BLE001 - the day outlives every single event
            emergency.failed(self.runtime, where, failure)

    def _finish(self) -> None:
        """Finish cleanly: wait for the answers of sent orders, close the stream, mark the
        positions."""
        runtime, report = self.runtime, self.runtime.report
        if not runtime.workers.drain(LAST_ANSWERS):
            runtime.say("an order's answer did not come in time; the next start looks for it")
        runtime.workers.close()
        runtime.feed.drop()
        report.ended = runtime.state.ended or self._stopping
        report.exit_code = runtime.state.exit_code
        if report.exit_code is not ExitCode.ERROR:
            self._guarded("finish", partial(schedule.finish, runtime))


def _run(ctx: Context, task: Task) -> Answered:
    """Do a task's work, on a worker."""
    try:
        return Answered(task, _step(ctx, task.name, task.work))
    except Exception as failure:  # noqa: BLE001 - what a worker raises is its answer
        return Answered(task, failure)


def _step(ctx: Context, name: str, work: Callable[[], T]) -> T:
    """Do the work and journal how long it took and how it ended."""
    clock = ctx.clock
    started, began = clock.now(), clock.monotonic()
    outcome, detail = "failed", ""
    try:
        result = work()
        outcome = "done"
    except KtError as failure:
        detail = str(failure)
        raise
    finally:
        seconds = clock.monotonic() - began
        ctx.journal.step(ctx.run, name, started, seconds, outcome, detail)
    return result
