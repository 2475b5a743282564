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

BY = "emergency"


class Alarms:
    """Halts or flattens."""

    def __init__(self, day: Day) -> None:
        self._day = day

    def raise_(self, alarm: Alarm, *, fatal: bool = False) -> None:
        """An emergency. After a `fatal` one, a defect of kt itself, the run ends as well."""
        day, ctx = self._day, self._day.ctx
        reason = f"{alarm.code}: {alarm.detail}"
        stopped = stops.current(ctx).mode in (StopMode.HALT, StopMode.FLATTEN)
        if fatal or (day.phases.trading and not stopped):
            day.report.alarms.append(reason)
            day.announce(f"EMERGENCY {reason}")
            stops.tell(ctx, "critical", f"kt: emergency {alarm.code}", alarm.detail)
            self._act(reason, fatal)
        else:
            day.announce(reason)
            ctx.journal.notice(ctx.run, "warning", alarm.code, alarm.detail, ctx.clock.now())
        if fatal:
            day.end(f"ended after {reason}", ExitCode.ERROR)

    def _act(self, reason: str, fatal: bool) -> None:
        """A defect of kt itself halts at once: what is broken should not sell."""
        ctx = self._day.ctx
        if stops.current(ctx).mode in (StopMode.HALT, StopMode.FLATTEN):
            return
        if ctx.config.emergency.action == "flatten" and not fatal:
            stops.begin_flatten(ctx, reason, by=BY)
            self.flatten(reason, by=BY)
        else:
            stops.halt(ctx, reason, by=BY)

    def flatten(self, reason: str, by: str) -> None:
        """On a worker: the decision thread goes on folding the fills that it brings about."""
        ctx, workers = self._day.ctx, self._day.workers
        workers.start("flatten", lambda: flatten.flatten(ctx, reason, by=by))

    def take_over(self, stop: Stop) -> None:
        """A flatten whose process is gone is brought to its end."""
        if flatten.abandoned(self._day.ctx, stop) and not self._day.workers.busy("flatten"):
            self._day.announce(f"going on with the flatten of {stop.at:%H:%M:%S}: {stop.reason}")
            self.flatten(stop.reason, stop.by)

    def authentication(self, failure: AuthError) -> None:
        """Nobody but a person can put keys right: halt, say so, end."""
        ctx = self._day.ctx
        reason = f"AUTH: {failure}"
        self._day.report.alarms.append(reason)
        stops.halt(ctx, reason, by=BY)
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
