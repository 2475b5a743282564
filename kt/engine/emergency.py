"""Emergencies (level 4): the configured action is taken once, and the owner is notified.

Outside trading hours, and when kt is stopped already, an alarm is only recorded: there is nothing
to stop, and a broker that is down at night is no emergency.
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
"""How long a run waits for its flatten after a defect of its own, in the clock's seconds."""
SAY_AGAIN = 600.0
"""After so many of the clock's seconds a continuing alarm is announced again."""


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
    ctx = runtime.ctx
    note_error(ctx, where, failure)
    if not isinstance(failure, KtError):
        text = "".join(traceback.format_exception(failure))
        notify(ctx, "critical", f"defect in {where}", text)
    runtime.announcer.failed(title, failure)
    if isinstance(failure, AuthError):
        _cannot_log_in(runtime, failure)
        return
    alarm = runtime.watchdog.error(error_kind(failure), ctx.clock.now())
    if alarm is not None:
        raise_alarm(runtime, alarm, fatal=not isinstance(failure, KtError))


def _cannot_log_in(runtime: Runtime, failure: AuthError) -> None:
    """Only a person can fix the keys: stop buying, notify the owner, end the run. The next run that
    can log in watches the exits at once."""
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
    """Handle an emergency. After a `fatal` one, a defect of kt itself, the run ends as well."""
    ctx, state = runtime.ctx, runtime.state
    reason = f"{alarm.code}: {alarm.detail}"
    stopped = halts(stops.current(ctx).mode)
    if fatal or (state.trading and not stopped and not _already_reducing(runtime, alarm)):
        state.alarms_said[alarm.code] = runtime.seconds
        runtime.report.alarms.append(reason)
        runtime.say(f"EMERGENCY {reason}")
        notify(ctx, "critical", f"kt: emergency {alarm.code}", alarm.detail)
        _act(runtime, reason)
    elif _announce_again(runtime, alarm):
        runtime.say(reason)
        notify(ctx, "warning", alarm.code, alarm.detail)
    if fatal:
        _end(runtime, reason)


def clear(runtime: Runtime, code: str) -> None:
    """The cause is over: the next alarm with this code is a new one."""
    runtime.state.alarms_said.pop(code, None)


def _already_reducing(runtime: Runtime, alarm: Alarm) -> bool:
    """Whether this alarm already set the current stop `reduce`, under which exits go on."""
    reducing = stops.current(runtime.ctx).mode is StopMode.REDUCE
    return reducing and alarm.code in runtime.state.alarms_said


def _announce_again(runtime: Runtime, alarm: Alarm) -> bool:
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
    """End the run after a defect of kt itself, once its flatten (if any) has finished. A flatten
    that does not finish in time is continued by the next run."""
    why = f"ended after {reason}"
    if not runtime.workers.busy(FLATTEN.name):
        runtime.end(why, ExitCode.ERROR)
    elif not runtime.state.ending:
        runtime.state.ending = why
        runtime.timers.every(Timer.END, LAST, runtime.seconds, first=LAST)


def end_now(runtime: Runtime) -> None:
    """The flatten did not finish in time."""
    runtime.end(runtime.state.ending, ExitCode.ERROR)


# flatten


def _flattened(runtime: Runtime, done: Flattened) -> None:
    """The flatten has finished."""
    runtime.orders_changed((*done.cancelled, *done.sold))
    runtime.say(done.text())
    if runtime.state.ending:
        runtime.end(runtime.state.ending, ExitCode.ERROR)


FLATTEN = Job("flatten", "the flatten", flattening.flatten, _flattened)
"""On a worker, so that the decision thread keeps folding the flatten's fills."""


def take_over(runtime: Runtime, stop: Stop) -> None:
    """Continue a flatten whose process has died."""
    if flattening.abandoned(runtime.ctx, stop) and not runtime.workers.busy(FLATTEN.name):
        runtime.say(f"going on with the flatten of {stop.at:%H:%M:%S}: {stop.reason}")
        FLATTEN.start(runtime, stop.reason, by=stop.by, patient=True)


# lost files


def files_lost(runtime: Runtime, lost: str) -> None:
    """The run's files were deleted or replaced. Another kt may be using new ones, so this run
    ends."""
    tell_disowned(runtime.ctx, lost)
    runtime.report.alarms.append(lost)
    runtime.end(lost, ExitCode.ERROR)


def tell_disowned(ctx: Context, lost: str) -> JournalError:
    """Notify the owner that the run ends and that exits are not watched any more; returns the error
    that ends the run."""
    text = f"{lost}; this run ends. Nobody watches what is held until `kt run` is started again"
    with contextlib.suppress(JournalError):  # that file may be the deleted one
        notify(ctx, "critical", "kt: the run ends", text)
    return JournalError(f"the run ended: {lost}", hint="`kt run` begins again with what it finds")
