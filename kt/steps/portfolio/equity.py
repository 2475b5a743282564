"""The account's equity, from the journal alone: the broker's last cash figure, the cash flow of
kt's fills since then, and the shares at their last prices."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from msgspec.structs import replace

from kt.records import KST, Equity
from kt.steps.context import Context


def current(ctx: Context) -> Equity | None:
    """The current equity; None before the broker's first cash figure (kt00001 `d2_entra`)."""
    with ctx.journal.together():
        noted, flow = ctx.journal.cash_note(), ctx.journal.cash_flow()
        positions = ctx.journal.positions()
    if noted is None:
        return None
    cash = noted.cash + flow.won - noted.won
    value = sum(held.value for held in positions)
    minute = ctx.clock.now().replace(second=0, microsecond=0)
    return Equity(at=minute, cash=cash, value=value, equity=cash + value, moved=noted.moved)


def begin(ctx: Context) -> None:
    """Keep the equity as it is when the cash is noted for the first time, under the minute before:
    the minute's own record will be that of its end, with what is bought in it."""
    first = current(ctx)
    if first is not None:
        ctx.journal.put_equity(replace(first, at=first.at - timedelta(minutes=1)))


def start(ctx: Context, day: date) -> Equity | None:
    """The equity at the start of a day: the last record before the day, or, if there is none, the
    first since."""
    midnight = beginning(day)
    before = ctx.journal.equity_before(midnight)
    if before is not None:
        return before
    since = ctx.journal.equity(since=midnight, until=ctx.clock.now(), limit=1)
    return since[0] if since else None


def course(ctx: Context, since: date, until: date | None = None) -> tuple[Equity, ...]:
    """The equity by minute from a day until the end of another, or until now; the last record
    before that day comes first, where there is one."""
    begins, before = beginning(since), start(ctx, since)
    end = beginning(until + timedelta(days=1)) if until else ctx.clock.now()
    stored = ctx.journal.equity(since=begins, until=end)
    return (before, *stored) if before is not None and before.at < begins else stored


def beginning(day: date) -> datetime:
    """Midnight in Korea at the start of a day."""
    return datetime.combine(day, time(), KST)
