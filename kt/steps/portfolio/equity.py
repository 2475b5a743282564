"""What the account is worth, from the journal alone: the cash as the broker told it last, what
kt's fills moved since then, and the shares at their last prices."""

from __future__ import annotations

from datetime import date, datetime, time

from kt.records import KST, Equity
from kt.steps.context import Context


def look(ctx: Context) -> Equity | None:
    """The account now; None before the broker has told the cash (kt00001 `d2_entra`)."""
    with ctx.journal.together():
        noted, flow = ctx.journal.cash_note(), ctx.journal.cash_flow()
        positions = ctx.journal.positions()
    if noted is None:
        return None
    cash = noted.cash + flow.won - noted.won
    value = sum(held.value for held in positions)
    minute = ctx.clock.now().replace(second=0, microsecond=0)
    return Equity(at=minute, cash=cash, value=value, equity=cash + value, moved=noted.moved)


def start(ctx: Context, day: date) -> Equity | None:
    """The equity with which a day began: the last minute of a day before it, or, where none was
    kept, the first since."""
    midnight = beginning(day)
    before = ctx.journal.equity_before(midnight)
    if before is not None:
        return before
    since = ctx.journal.equity(since=midnight, until=ctx.clock.now())
    return since[0] if since else None


def beginning(day: date) -> datetime:
    """Midnight in Korea."""
    return datetime.combine(day, time(), KST)
