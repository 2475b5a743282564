"""Level 4 in action: what the configuration says is done, once, and the owner is told.

Outside trading hours, and when kt is stopped already, an alarm is only noted: there is nothing
to stop, and a broker that rests at night is no emergency.
"""

from __future__ import annotations

import contextlib
import traceback

from kt.engine.jobs import Job
from kt.engine.runtime import Runtime
from kt.engine.timers import Timer
from kt.errors import AuthError, ExitCode, JournalError, KtError
from kt.records import Stop, StopMode
from kt.rules.emergency_triggers import Alarm
from kt.rules.risk.stop_rules import halts
from kt.steps.context import Context
from kt.steps.fan_out import error_kind, note_error
from kt.steps.notices import notify
from kt.steps.orders import flatten as flattening
from kt.steps.results import Flattened
from kt.steps.risk import stops

BY = flattening.EMERGENCY
LAST = 60.0
"""Seconds of the clock that a run waits for its flatten after a defect of its own."""
SAY_AGAIN = 600.0
"""Seconds of the clock after which an alarm that goes on is mentioned again."""


# errors


def failed(runtime: Runtime, where: str, failure: Exception, *, title: str = "") -> None:
    """Journal, count and announce an error, and do what its kind asks for
    (docs/architecture.md#error-kinds). `title` is `where` in words."""
    unusable = "the journal cannot be used, so nothing is sent"
    if isinstance(failure, JournalError):
        runtime.end(f"{unusable}: {failure}", ExitCode.ERROR)
        return
    try:
        _note(runtime, where, failure, title or where)
    except JournalError as worse:
        runtime.end(f"{unusable}: {worse}", ExitCode.ERROR)


def _note(runtime: Runtime, where: str, failure: Exception, title: str) -> None:
    ctx, now = runtime.ctx, runtime.ctx.clock.now()
    note_error(ctx, where, failure)
    if not isinstance(failure, KtError):
        text = "".join(traceback.format_exception(failure))
        ctx.journal.notice(ctx.run, "critical", f"defect in {where}", text, now)
    runtime.announcer.failed(title, failure)
    if isinstance(failure, AuthError):
        _cannot_log_in(runtime, failure)
        return
    alarm = runtime.watchdog.error(error_kind(failure), ctx.clock.now())
    if alarm is not None:
        raise_alarm(runtime, alarm, fatal=not isinstance(failure, KtError))


def _cannot_log_in(runtime: Runtime, failure: AuthError) -> None:
    """Nobody but a person can put keys right: buy nothing more, say so, end. The next run
    that can log in watches the exits at once."""
    reason = f"AUTH: {failure}"
    runtime.report.alarms.append(reason)
    stops.reduce(runtime.ctx, reason, by=BY)
    hint = f"{failure} {failure.hint or ''}".strip()
    notify(runtime.ctx, "critical", "kt: cannot log in", hint)
    runtime.end(f"ended: {failure}", ExitCode.AUTH)


# alarms


def raise_if(runtime: Runtime, alarm: Alarm | None) -> None:
    if alarm is not None:
        raise_alarm(runtime, alarm)


def raise_alarm(runtime: Runtime, alarm: Alarm, *, fatal: bool = False) -> None:
    """An emergency. After a `fatal` one, a defect of kt itself, the run ends as well."""
    ctx, state = runtime.ctx, runtime.state
    reason = f"{alarm.code}: {alarm.detail}"
    stopped = halts(stops.current(ctx).mode)
    if fatal or (state.trading and not stopped and not _acted(runtime, alarm)):
        state.alarms_said[alarm.code] = runtime.seconds
        runtime.report.alarms.append(reason)
        runtime.say(f"EMERGENCY {reason}")
        notify(ctx, "critical", f"kt: emergency {alarm.code}", alarm.detail)
        _act(runtime, reason)
    elif _worth_saying(runtime, alarm):
        runtime.say(reason)
        ctx.journal.notice(ctx.run, "warning", alarm.code, alarm.detail, ctx.clock.now())
    if fatal:
        _end(runtime, reason)


def over(runtime: Runtime, code: str) -> None:
    """What raised it has passed: the next one is a new alarm."""
    runtime.state.alarms_said.pop(code, None)


def _acted(runtime: Runtime, alarm: Alarm) -> bool:
    """Whether this alarm goes on under a stop that it set and that lets exits leave."""
    reducing = stops.current(runtime.ctx).mode is StopMode.REDUCE
    return reducing and alarm.code in runtime.state.alarms_said


def _worth_saying(runtime: Runtime, alarm: Alarm) -> bool:
    said = runtime.state.alarms_said
    if runtime.seconds - said.get(alarm.code, -SAY_AGAIN) < SAY_AGAIN:
        return False
    said[alarm.code] = runtime.seconds
    return True


def _act(runtime: Runtime, reason: str) -> None:
    ctx = runtime.ctx
    action = ctx.config.emergency.action
    if halts(stops.current(ctx).mode):
        return
    if action == "flatten":
        stops.begin_flatten(ctx, reason, by=BY)
        FLATTEN.start(runtime, reason, by=BY, patient=True)
    elif action == "reduce":
        stops.reduce(ctx, reason, by=BY)
    else:
        stops.halt(ctx, reason, by=BY)


def _end(runtime: Runtime, reason: str) -> None:
    """A defect of kt itself: the run ends, after the flatten that it began if there is one.
    What that cannot bring to its end in time, the next run does."""
    why = f"ended after {reason}"
    if not runtime.workers.busy(FLATTEN.name):
        runtime.end(why, ExitCode.ERROR)
    elif not runtime.state.ending:
        runtime.state.ending = why
        runtime.timers.every(Timer.END, LAST, runtime.seconds, first=LAST)


def end_now(runtime: Runtime) -> None:
    """The flatten took too long."""
    runtime.end(runtime.state.ending, ExitCode.ERROR)


# flatten


def _flattened(runtime: Runtime, done: Flattened) -> None:
    """It has ended, as well as it could."""
    runtime.booked((*done.cancelled, *done.sold))
    runtime.say(done.text())
    if runtime.state.ending:
        runtime.end(runtime.state.ending, ExitCode.ERROR)


FLATTEN = Job("flatten", "the flatten", flattening.flatten, _flattened)
"""On a worker: the decision thread goes on folding the fills that it brings about."""


def take_over(runtime: Runtime, stop: Stop) -> None:
    """A flatten whose process is gone is brought to its end."""
    if flattening.abandoned(runtime.ctx, stop) and not runtime.workers.busy(FLATTEN.name):
        runtime.say(f"going on with the flatten of {stop.at:%H:%M:%S}: {stop.reason}")
        FLATTEN.start(runtime, stop.reason, by=stop.by, patient=True)


# lost files


def disowned(runtime: Runtime, lost: str) -> None:
    """The run's files are gone from under it. What had happened was still acted on; now
    another kt may be at work on files of its own, so this one ends."""
    tell_disowned(runtime.ctx, lost)
    runtime.report.alarms.append(lost)
    runtime.end(lost, ExitCode.ERROR)


def tell_disowned(ctx: Context, lost: str) -> JournalError:
    """The owner hears that the run ends and what nobody watches now; the error that ends it."""
    text = f"{lost}; this run ends. Nobody watches what is held until `kt run` is started again"
    ctx.notifier.notify("critical", "kt: the run ends", text)
    with contextlib.suppress(JournalError):  # whoever reads that file, if anybody does
        ctx.journal.notice(ctx.run, "critical", "the run ends", text, ctx.clock.now())
    return JournalError(f"the run ended: {lost}", hint="`kt run` begins again with what it finds")
