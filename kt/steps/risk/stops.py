"""The stops: halt, reduce, begin flatten, resume. A stop with an end date is lifted here.

A stop is durable when the function returns (flag file first, then the row). The work of a flatten
is in `orders/flatten.py`.
"""

from __future__ import annotations

from datetime import date

from kt.errors import Denied
from kt.records import CheckResult, Origin, Side, Stop, StopMode
from kt.rules.risk import stop_rules as rules
from kt.rules.risk.denials import Code
from kt.steps.context import Context
from kt.steps.notices import notify


def current(ctx: Context) -> Stop:
    """The stop in force now. One that has expired is lifted first, which is journaled."""
    stop = ctx.journal.stop()
    if stop.mode is StopMode.RUNNING or rules.in_force(stop, ctx.clock.now().date()):
        return stop
    return _set(ctx, StopMode.RUNNING, f"a new trading day; lifted: {stop.reason}", "kt", None)


def refusal(ctx: Context, side: Side, origin: Origin) -> CheckResult | None:
    """Why the stop in force forbids such an order (`kt.rules.risk.stop_rules`); None when it does
    not."""
    stop = current(ctx)
    code = rules.refusal(stop.mode, side, origin)
    if code is None:
        return None
    what = "kt is halted" if code is Code.HALTED else "only orders that shrink a position"
    return CheckResult(code=code, passed=False, detail=f"{what}: {stop.reason}")


def halt(ctx: Context, reason: str, by: str = "owner", until: date | None = None) -> Stop:
    """Forbid new orders of any kind; cancels stay allowed."""
    return _set(ctx, StopMode.HALT, reason, by, until)


def reduce(ctx: Context, reason: str, by: str = "owner", until: date | None = None) -> Stop:
    """Allow only orders that shrink a position. A stop already in force is changed only by the
    owner."""
    stop = current(ctx)
    if by != "owner" and stop.mode is not StopMode.RUNNING:
        return stop
    return _set(ctx, StopMode.REDUCE, reason, by, until)


def begin_flatten(ctx: Context, reason: str, by: str = "owner") -> Stop:
    """Allow only orders of flatten and of exits; `orders/flatten.py` sells and then halts."""
    stop = ctx.journal.stop()
    if stop.mode is StopMode.FLATTEN and stop.reason == reason:
        return stop  # the owner was notified when it began
    return _set(ctx, StopMode.FLATTEN, reason, by, None)


def resume(ctx: Context, reason: str = "", by: str = "owner") -> Stop:
    """Trade again. Raises Denied(FLATTENING) while a flatten is in progress."""
    stop = ctx.journal.stop()
    if stop.mode is StopMode.FLATTEN:
        raise Denied(
            "a flatten is under way; nothing was changed",
            hint="let `kt flatten` end, or `kt halt` first",
            code="FLATTENING",
        )
    return _set(ctx, StopMode.RUNNING, reason or f"resumed after: {stop.reason}", by, None)


def _set(ctx: Context, mode: StopMode, reason: str, by: str, until: date | None) -> Stop:
    now = ctx.clock.now()
    stop = Stop(mode=mode, reason=reason, by=by, at=now, until=until)
    ctx.journal.set_stop(stop)
    level = "info" if mode is StopMode.RUNNING else "critical"
    notify(ctx, level, f"kt: {mode}", reason)
    return stop
