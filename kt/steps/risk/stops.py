"""The stops by name: halt, reduce and resume; a stop that ends by itself is lifted here.

Setting a stop is durable when it returns, flag file first. `flatten` is in flatten.py: it is
this and a piece of work.
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
    """The stop in force now; one whose day has come is lifted first."""
    stop = ctx.journal.stop()
    if stop.mode is StopMode.RUNNING or rules.in_force(stop, ctx.clock.now().date()):
        return stop
    return _set(ctx, StopMode.RUNNING, f"a new trading day; lifted: {stop.reason}", "kt", None)


def refusal(ctx: Context, side: Side, origin: Origin) -> CheckResult | None:
    """Why the stop in force lets no such order leave; None when it may
    (`kt.rules.risk.stop_rules`)."""
    stop = current(ctx)
    code = rules.refusal(stop.mode, side, origin)
    if code is None:
        return None
    what = "kt is halted" if code is Code.HALTED else "only orders that shrink a position"
    return CheckResult(code=code, passed=False, detail=f"{what}: {stop.reason}")


def halt(ctx: Context, reason: str, by: str = "owner", until: date | None = None) -> Stop:
    """No new order of any kind; cancels stay allowed."""
    return _set(ctx, StopMode.HALT, reason, by, until)


def reduce(ctx: Context, reason: str, by: str = "owner", until: date | None = None) -> Stop:
    """Only orders that shrink a position. A stop already in force stays as it is, unless it is
    the owner who asks."""
    stop = current(ctx)
    if by != "owner" and stop.mode is not StopMode.RUNNING:
        return stop
    return _set(ctx, StopMode.REDUCE, reason, by, until)


def begin_flatten(ctx: Context, reason: str, by: str = "owner") -> Stop:
    """From here on only flatten's own orders leave; flatten.py does the work and then halts."""
    stop = ctx.journal.stop()
    if stop.mode is StopMode.FLATTEN and stop.reason == reason:
        return stop  # whoever began it has told everybody
    return _set(ctx, StopMode.FLATTEN, reason, by, None)


def resume(ctx: Context, reason: str = "", by: str = "owner") -> Stop:
    """Trade again. A flatten under way is refused: halt it first, or let it end."""
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
