"""Cash reconciliation: the broker's cash against the last noted cash and the fills since then.
Deposits and withdrawals are reported once.

The figure is the deposit after settlement of all trades (kt00001 `d2_entra`). A trade changes it
at once and its settlement two sessions later does not (docs/market-rules.md#settlement), so it can
be compared across days.
"""

from __future__ import annotations

from msgspec.structs import replace

from kt.errors import AuthError, JournalError, KtError
from kt.records import CashFlow, CashNote
from kt.steps.context import Context
from kt.steps.fan_out import note_error
from kt.steps.notices import notify
from kt.steps.portfolio import equity
from kt.steps.reconcile import order_tracking, position_reconciliation
from kt.steps.results import Difference

MIN_ROUNDING = 10
ROUNDING_PER_FILL = 11
"""Won by which the cash may differ, at least and per fill: commission is rounded down to 10 won and
tax to 1 won of an order's total value, and costs that a frame lacks are estimated."""


def compare(ctx: Context) -> tuple[Difference, ...]:
    """Compare the cash and note the broker's figure for the next time; the difference, journaled.
    Nothing is compared or noted while one of kt's orders is open, while positions differ too, or
    when the broker does not answer.

    After external trades, which are booked at an estimated price, the broker's figure is noted
    without a comparison. Raises AuthError and JournalError.
    """
    last = ctx.journal.cash_note()
    current = _current(ctx)
    for _ in range(position_reconciliation.COMPARISONS - 1):
        if current is None or last is None or not _unexplained(last, current):
            break
        ctx.clock.sleep(position_reconciliation.PAUSE)
        order_tracking.catch_up(ctx)
        before, current = _gap(last, current), _current(ctx)
        if (
            current is None
            or _gap(last, current) != before
            or position_reconciliation.differing(ctx)
        ):
            return ()
    return () if current is None else _record(ctx, last, current)


def _current(ctx: Context) -> CashNote | None:
    """The cash and the fills at one time; None when an order is open, a fill arrived in between,
    or the broker did not answer."""
    flow = ctx.journal.cash_flow()
    if position_reconciliation.in_flight(ctx):
        return None
    try:
        deposit = ctx.broker.deposit()
    except (AuthError, JournalError):
        raise
    except KtError as failure:
        note_error(ctx, "cash.compare", failure)
        return None
    if position_reconciliation.in_flight(ctx) or ctx.journal.cash_flow() != flow:
        return None
    if deposit.cash and not deposit.d2_cash:  # 0: this server does not fill the field
        return None
    return _note(ctx, deposit.d2_cash, flow)


def _note(ctx: Context, cash: int, flow: CashFlow) -> CashNote:
    return CashNote(
        cash=cash, won=flow.won, fills=flow.fills, outside=flow.outside, at=ctx.clock.now()
    )


def _expected(last: CashNote, current: CashNote) -> int:
    return last.cash + current.won - last.won


def _gap(last: CashNote, current: CashNote) -> int:
    return current.cash - _expected(last, current)


def _unexplained(last: CashNote, current: CashNote) -> bool:
    """Whether the difference is larger than the rounding of the fills' costs."""
    rounding = max(MIN_ROUNDING, ROUNDING_PER_FILL * abs(current.fills - last.fills))
    return current.outside == last.outside and abs(_gap(last, current)) > rounding


def _moved(last: CashNote | None, current: CashNote) -> int:
    """Won that came in less won that went out without a trade of kt's, since the first note. The
    rounding of costs is none of it; what is off after trades outside kt is."""
    if last is None:
        return 0
    outside = current.outside != last.outside
    unexplained = outside or _unexplained(last, current)
    return last.moved + (_gap(last, current) if unexplained else 0)


def _record(ctx: Context, last: CashNote | None, current: CashNote) -> tuple[Difference, ...]:
    """Note the broker's figure, unless another process has done so, and report the difference."""
    with ctx.journal.together():
        if ctx.journal.cash_note() != last:
            return ()
        ctx.journal.put_cash_note(replace(current, moved=_moved(last, current)))
        if last is None:
            equity.begin(ctx)
    if last is None or not _unexplained(last, current):
        return ()
    difference = Difference(
        what="cash",
        stock_code="",
        ours=f"{_expected(last, current):,} won",
        brokers=f"{current.cash:,} won",
        done=f"{_gap(last, current):+,} won since {last.at:%Y-%m-%d %H:%M:%S} is a deposit or a "
        "withdrawal, or trades outside kt; kt now goes on from the broker's figure",
        notified=True,
    )
    notify(ctx, "warning", "cash differs", difference.text())
    return (difference,)
