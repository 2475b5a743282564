"""Level 4 in action: what the configuration says is done, once, and the owner is told.

Outside trading hours, and when kt is stopped already, an alarm is only noted: there is nothing
to stop, and a broker that rests at night is no emergency.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from kt.errors import AuthError, ExitCode, JournalError
from kt.records import Stop, StopMode
from kt.rules.emergency import Alarm
from kt.steps import flatten, stops

if TYPE_CHECKING:
    from kt.engine.day import Day
    from kt.steps.context import Context

BY = flatten.EMERGENCY
LAST = 60.0
"""Seconds of the clock that a run waits for its flatten after a defect of its own."""


SAY_AGAIN = 600.0
"""Seconds of the clock after which an alarm that goes on is mentioned again."""


class Alarms:
    """Does what `emergency.action` says. An alarm that goes on is said once."""

    def __init__(self, day: Day) -> None:
        self._day = day
        self._said: dict[str, float] = {}

    def raise_(self, alarm: Alarm, *, fatal: bool = False) -> None:
        """An emergency. After a `fatal` one, a defect of kt itself, the run ends as well."""
        day, ctx = self._day, self._day.ctx
        reason = f"{alarm.code}: {alarm.detail}"
        stopped = stops.current(ctx).mode in (StopMode.HALT, StopMode.FLATTEN)
        if fatal or (day.phases.trading and not stopped and not self._acted(alarm)):
            self._said[alarm.code] = ctx.clock.monotonic()
            day.report.alarms.append(reason)
            day.announce(f"EMERGENCY {reason}")
            stops.tell(ctx, "critical", f"kt: emergency {alarm.code}", alarm.detail)
            self._act(reason)
        elif self._worth_saying(alarm):
            day.announce(reason)
            ctx.journal.notice(ctx.run, "warning", alarm.code, alarm.detail, ctx.clock.now())
        if fatal:
            self._end(reason)

    def over(self, code: str) -> None:
        """What raised it has passed: the next one is a new alarm."""
        self._said.pop(code, None)

    def _acted(self, alarm: Alarm) -> bool:
        """Whether this alarm goes on under a stop that it set and that lets exits leave."""
        reducing = stops.current(self._day.ctx).mode is StopMode.REDUCE
        return reducing and alarm.code in self._said

    def _worth_saying(self, alarm: Alarm) -> bool:
        now = self._day.ctx.clock.monotonic()
        if now - self._said.get(alarm.code, -SAY_AGAIN) < SAY_AGAIN:
            return False
        self._said[alarm.code] = now
        return True

    def _act(self, reason: str) -> None:
        ctx = self._day.ctx
        action = ctx.config.emergency.action
        if stops.current(ctx).mode in (StopMode.HALT, StopMode.FLATTEN):
            return
        if action == "flatten":
            stops.begin_flatten(ctx, reason, by=BY)
            self.flatten(reason, by=BY)
        elif action == "reduce":
            stops.reduce(ctx, reason, by=BY)
        else:
            stops.halt(ctx, reason, by=BY)

    def _end(self, reason: str) -> None:
        """A defect of kt itself: the run ends, after the flatten that it began if there is one.
        What that cannot bring to its end in time, the next run does."""
        day = self._day
        why = f"ended after {reason}"
        if not day.workers.busy("flatten"):
            day.end(why, ExitCode.ERROR)
        elif not day.state.ending:
            day.state.ending = why
            now = day.ctx.clock.monotonic()
            day.timers.every("flatten or end", LAST, now, first=LAST)

    def flattened(self) -> None:
        """The flatten has ended, as well as it could."""
        if self._day.state.ending:
            self._day.end(self._day.state.ending, ExitCode.ERROR)

    def flatten(self, reason: str, by: str) -> None:
        """On a worker: the decision thread goes on folding the fills that it brings about."""
        ctx, workers = self._day.ctx, self._day.workers
        workers.start("flatten", lambda: flatten.flatten(ctx, reason, by=by, patient=True))

    def take_over(self, stop: Stop) -> None:
        """A flatten whose process is gone is brought to its end."""
        ctx, day = self._day.ctx, self._day
        if flatten.abandoned(ctx, stop) and not day.workers.busy("flatten"):
            day.announce(f"going on with the flatten of {stop.at:%H:%M:%S}: {stop.reason}")
            self.flatten(stop.reason, stop.by)

    def authentication(self, failure: AuthError) -> None:
        """Nobody but a person can put keys right: buy nothing more, say so, end. The next run
        that can log in watches the exits at once."""
        ctx = self._day.ctx
        reason = f"AUTH: {failure}"
        self._day.report.alarms.append(reason)
        stops.reduce(ctx, reason, by=BY)
        stops.tell(ctx, "critical", "kt: cannot log in", f"{failure} {failure.hint or ''}".strip())
        self._day.end(f"ended: {failure}", ExitCode.AUTH)

    def disowned(self, lost: str) -> None:
        """The run's files are gone from under it. What had happened was still acted on; now
        another kt may be at work on files of its own, so this one ends."""
        tell_disowned(self._day.ctx, lost)
        self._day.report.alarms.append(lost)
        self._day.end(lost, ExitCode.ERROR)


def tell_disowned(ctx: Context, lost: str) -> JournalError:
    """The owner hears that the run ends and what nobody watches now; the error that ends it."""
    text = f"{lost}; this run ends. Nobody watches what is held until `kt run` is started again"
    ctx.notifier.notify("critical", "kt: the run ends", text)
    with contextlib.suppress(JournalError):  # whoever reads that file, if anybody does
        ctx.journal.notice(ctx.run, "critical", "the run ends", text, ctx.clock.now())
    return JournalError(f"the run ended: {lost}", hint="`kt run` begins again with what it finds")
