"""The trading day: one decision thread reads one queue; slow work runs beside it.

Ticks, fills, balance and session frames, the stream's own state, timers and workers' answers
all come to `Day._turn`. A stop-loss therefore waits for nothing but the event before it.
"""

from __future__ import annotations

import queue
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

from kt.engine import handlers
from kt.engine.alarms import Alarms
from kt.engine.desk import Desk
from kt.engine.feed import Feed
from kt.engine.phases import Phases
from kt.engine.state import DayReport, DayState
from kt.engine.timers import Timers
from kt.engine.voice import Voice
from kt.engine.watchdog import Watchdog
from kt.engine.workers import Answered, Inline, Workers
from kt.errors import AuthError, ExitCode, JournalError, KtError
from kt.ports import Stream
from kt.steps.context import Context
from kt.steps.gather import error_kind, note_error
from kt.steps.waiting import by_hand, wait_for

TURN = 1.0
"""Seconds of the clock that a turn waits at most."""
LAST_ANSWERS = 3.0
"""Real seconds that an ending run waits for the answers of orders on their way."""
BURST = 100
"""Events handled in a row before phase and timers are looked at again."""


class Day:
    """`run()` trades until the day ends, `stop()` ends it from any thread or signal handler.

    With `until_close` the run ends when the day is settled and idle; without it, it waits for
    the next trading day. `announce` gets a line for people whenever something is worth one.
    `still_ours` says why the run must end when its files were deleted or replaced under it.
    """

    def __init__(
        self,
        ctx: Context,
        stream_factory: Callable[[], Stream],
        *,
        until_close: bool = False,
        announce: Callable[[str], None] | None = None,
        still_ours: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.ctx: Context = ctx
        self.until_close = until_close
        self.voice = Voice(ctx.clock, announce or (lambda line: None))
        self.announce = self.voice.say
        self.still_ours = still_ours
        self.queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.state: DayState = DayState()
        self.timers = Timers()
        self.report = DayReport()
        self.watchdog = Watchdog(ctx.config.emergency)
        self.workers = (Inline if by_hand(ctx.clock) else Workers)(self.queue, self._contain)
        self.feed = Feed(ctx, stream_factory, self.queue.put)
        self.alarms = Alarms(self)
        self.desk: Desk = Desk(self)
        self.phases: Phases = Phases(self)
        self._stopping = ""

    def stop(self, reason: str = "stopped") -> None:
        """End after the event at hand. Open orders stay at the broker; the next start finds
        them."""
        self._stopping = self._stopping or reason
        self.queue.put(None)

    def run(self) -> DayReport:
        """Until `stop`, the close, or something that a person must put right."""
        try:
            while not (self._stopping or self.state.ended):
                self._turn()
        finally:
            self._finish()
        return self.report

    def _turn(self) -> None:
        """The events that wait, the phase, and the timers that are due."""
        clock = self.ctx.clock
        wait = self.timers.next_in(clock.monotonic(), TURN)
        happened = wait_for(clock, self.queue, wait)
        handled = 0
        while happened is not None and not self._stopping:
            self.guarded("event", partial(handlers.handle, self, happened))
            handled += 1
            happened = self._next() if handled < BURST else None
        self.guarded("phase", self.phases.follow)
        for name in self.timers.due(clock.monotonic()):
            self.guarded(f"timer.{name}", partial(self.phases.timer, name))
        if lost := self.still_ours():
            self.alarms.disowned(lost)

    def _next(self) -> Any:
        try:
            return self.queue.get_nowait()
        except queue.Empty:
            return None

    def guarded(self, where: str, work: Callable[[], object]) -> None:
        """Do something on the decision thread; what it raises becomes an error of its kind."""
        try:
            work()
        except Exception as failure:  # noqa: BLE001 - the day outlives every single event
            self.failed(where, failure)

    def _contain(self, job: str, work: Callable[[], Any]) -> Answered:
        """A worker's job, whatever it raises."""
        try:
            return Answered(job, self._step(job, work))
        except Exception as failure:  # noqa: BLE001 - what a worker raises is its answer
            return Answered(job, failure=failure)

    def _step(self, name: str, work: Callable[[], Any]) -> Any:
        """Do it, time it, journal it."""
        ctx, clock = self.ctx, self.ctx.clock
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

    def failed(self, where: str, failure: Exception) -> None:
        """One of the five kinds of error: journaled, counted, and acted on."""
        if isinstance(failure, JournalError):
            self.end(f"the journal cannot be used, so nothing is sent: {failure}", ExitCode.ERROR)
            return
        try:
            self._note(where, failure)
        except JournalError as worse:
            self.end(f"the journal cannot be used, so nothing is sent: {worse}", ExitCode.ERROR)

    def _note(self, where: str, failure: Exception) -> None:
        note_error(self.ctx, where, failure)
        if not isinstance(failure, KtError):
            text = "".join(traceback.format_exception(failure))
            now = self.ctx.clock.now()
            self.ctx.journal.notice(self.ctx.run, "critical", f"defect in {where}", text, now)
        self.voice.failed(where.removeprefix("worker."), failure)
        if isinstance(failure, AuthError):
            self.alarms.authentication(failure)
            return
        alarm = self.watchdog.error(error_kind(failure), self.ctx.clock.now())
        if alarm is not None:
            self.alarms.raise_(alarm, fatal=not isinstance(failure, KtError))

    def end(self, reason: str, code: ExitCode = ExitCode.DONE) -> None:
        """The run is over after this event."""
        if not self.state.ended:
            self.state.ended = reason
            self.state.exit_code = code
            self.announce(reason)

    def _finish(self) -> None:
        """Leave nothing half done that can be done: the orders on their way answered, the stream
        closed, the books marked."""
        if not self.workers.drain(LAST_ANSWERS):
            self.announce("an order's answer did not come in time; the next start looks for it")
        self.feed.drop()
        state, report = self.state, self.report
        report.ended = state.ended or self._stopping
        report.exit_code = state.exit_code
        report.orders = self.desk.sent
        if state.exit_code is not ExitCode.ERROR:
            self.guarded("finish", self.phases.finish)
