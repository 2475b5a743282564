"""kt's note of the cash beside what the broker says: money that moved without kt shows once.

Compared is the deposit after settlement of all trades (kt00001 `d2_entra`): a trade moves it at
once, its settlement two sessions later does not (docs/market-rules.md#settlement), so it goes
on over days.
"""

from __future__ import annotations

from kt.errors import AuthError, JournalError, KtError
from kt.records import CashFlow, CashNote
from kt.steps.context import Context
from kt.steps.fan_out import note_error
from kt.steps.reconcile import order_tracking, position_reconciliation
from kt.steps.results import Difference

LEAST = 10
A_FILL = 11
"""Won by which a fill's costs may be off: commission is cut to 10 won and tax to 1, of an order's
whole value, and what a frame did not tell is supposed."""


def compare(ctx: Context) -> tuple[Difference, ...]:
    """The cash since the last note, beside what the fills since then moved; the broker's figure
    is the new note. While an order of ours is under way, where shares differ too, or when the
    broker does not answer, the old note waits for the next time.

    What trades outside kt brought nobody knows to the won (they are booked at the cost of the
    shares): after these the broker's figure is taken as it is.
    """
    noted = ctx.journal.cash_note()
    seen = _look(ctx)
    for _ in range(position_reconciliation.LOOKS - 1):
        if seen is None or noted is None or not _unexplained(noted, seen):
            break
        ctx.clock.sleep(position_reconciliation.PAUSE)
        order_tracking.catch_up(ctx)
        before, seen = _gap(noted, seen), _look(ctx)
        if seen is None or _gap(noted, seen) != before or position_reconciliation.differing(ctx):
            return ()
    return () if seen is None else _keep(ctx, noted, seen)


def _look(ctx: Context) -> CashNote | None:
    """The cash and the fills of one moment; None when they may not be of the same."""
    flow = ctx.journal.cash_flow()
    if position_reconciliation.in_flight(ctx):
        return None
    try:
        told = ctx.broker.deposit()
    except (AuthError, JournalError):
        raise
    except KtError as failure:
        note_error(ctx, "cash.compare", failure)
        return None
    if position_reconciliation.in_flight(ctx) or ctx.journal.cash_flow() != flow:
        return None
    if told.cash and not told.d2_cash:  # not every server tells it, and 0 stands for that too
        return None
    return _note(ctx, told.d2_cash, flow)


def _note(ctx: Context, cash: int, flow: CashFlow) -> CashNote:
    return CashNote(
        cash=cash, won=flow.won, fills=flow.fills, outside=flow.outside, at=ctx.clock.now()
    )


def _expected(noted: CashNote, seen: CashNote) -> int:
    return noted.cash + seen.won - noted.won


def _gap(noted: CashNote, seen: CashNote) -> int:
    return seen.cash - _expected(noted, seen)


def _unexplained(noted: CashNote, seen: CashNote) -> bool:
    """Whether money moved that neither fills nor the rounding of their costs account for."""
    rounding = max(LEAST, A_FILL * abs(seen.fills - noted.fills))
    return seen.outside == noted.outside and abs(_gap(noted, seen)) > rounding


def _keep(ctx: Context, noted: CashNote | None, seen: CashNote) -> tuple[Difference, ...]:
    """Take the broker's figure, unless another process was faster, and tell what it shows."""
    with ctx.journal.together():
        if ctx.journal.cash_note() != noted:
            return ()
        ctx.journal.put_cash_note(seen)
    if noted is None or not _unexplained(noted, seen):
        return ()
    difference = Difference(
        what="cash",
        stock_code="",
        ours=f"{_expected(noted, seen):,} won",
        brokers=f"{seen.cash:,} won",
        done=f"{_gap(noted, seen):+,} won since {noted.at:%Y-%m-%d %H:%M:%S} is a deposit or a "
        "withdrawal, or trades outside kt; kt now goes on from the broker's figure",
    )
    ctx.journal.notice(ctx.run, "warning", "cash differs", difference.text(), ctx.clock.now())
    return (difference,)
