"""The intent of a new order: its record, the last checks before the send, and the highest order
number so far, from which recovery would search."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime

from kt.errors import AuthError, Denied, KtError
from kt.ids import new_id
from kt.ports.patience import within
from kt.records import (
    EXITS,
    UNRESOLVED_STATES,
    Check,
    CheckResult,
    Order,
    OrderState,
    Origin,
    Side,
)
from kt.rules import trading_phases
from kt.rules.risk.denials import Code
from kt.steps.context import Context
from kt.steps.fan_out import note_error
from kt.steps.risk.account_exposure import buys_of_others, exits_of, shares_offered
from kt.steps.risk.stops import refusal

ORDER_LIST_TIMEOUT = 1.0
"""Real seconds that a sell waits for the broker's list of orders."""


def new_order(ctx: Context, check: Check, client_id: str, tick_at: datetime | None) -> Order:
    """The order record in state PLANNED, not journaled yet. `tick_at` is when the tick that caused
    it was received."""
    now = ctx.clock.now()
    return Order(
        order_id=new_id(now),
        run=ctx.run,
        side=check.side,
        stock_code=check.stock_code,
        stock_name=check.stock_name,
        order_type=check.order_type,
        quantity=check.quantity,
        price=check.price,
        state=OrderState.PLANNED,
        origin=check.origin,
        created_at=now,
        updated_at=now,
        client_id=client_id,
        decision_id=check.decision_id,
        reason=check.reason,
        tick_at=tick_at,
    )


def denial(ctx: Context, check: Check) -> CheckResult | None:
    """Why this order must not be sent; None when it may. The check's own denial first, then the
    stop, the end of buying, the stock's lock and test mode as they are now."""
    if not check.passed:
        return check.denials[0] if check.denials else _refused("UNKNOWN", "the check did not pass")
    stopped = refusal(ctx, check.side, check.origin)
    if stopped is not None:
        return stopped
    if check.side is Side.BUY and _too_late(ctx, check):
        return _refused("NO_NEW_BUYS", f"the time for buys ended after {check.checked_at:%H:%M:%S}")
    if check.origin not in EXITS:
        for lock in ctx.journal.locks():
            if lock.stock_code == check.stock_code and (
                lock.until is None or lock.until > ctx.clock.now()
            ):
                return _refused("SYMBOL_LOCKED", lock.reason)
    if ctx.config.dry_run:
        return _refused("TEST_MODE", "test mode: everything was done but the sending")
    return None


def _too_late(ctx: Context, check: Check) -> bool:
    """Whether buying ended between the check and now: a confirmation or the earlier orders of a
    batch take time."""
    hours = ctx.config.session
    return trading_phases.may_buy(check.checked_at, hours) and not trading_phases.may_buy(
        ctx.clock.now(), hours
    )


def _refused(code: str, detail: str) -> CheckResult:
    return CheckResult(code=code, passed=False, detail=detail)


def check_not_stale(ctx: Context, check: Check) -> None:
    """Raises Denied(STALE_INPUT) when another run has planned a buy since the check (the two
    together might exceed a limit), or when an exit has offered the shares that this sells. Call it
    inside the transaction that plans the order."""
    if _others_bought_since(ctx, check):
        raise Denied(
            f"another kt process has ordered since {check.stock_code} was checked; "
            "nothing was sent",
            hint="Check it again.",
            code=Code.STALE_INPUT,
        )
    if _exit_since(ctx, check):
        raise Denied(
            f"an exit has sold {check.stock_code} since it was checked; nothing was sent",
            hint="Check it again.",
            code=Code.STALE_INPUT,
        )


def _exit_since(ctx: Context, check: Check) -> bool:
    """Whether an exit has offered shares of the stock since the check: exits leave at once, beside
    all others."""
    if check.side is Side.BUY or check.origin in EXITS:
        return False
    today = ctx.journal.orders(day=ctx.clock.now().date(), stock_code=check.stock_code)
    return shares_offered(exits_of(today, check.stock_code)) > max(0, check.exits_seen)


def _others_bought_since(ctx: Context, check: Check) -> bool:
    if check.side is not Side.BUY or check.buys_seen < 0:
        return False
    today = ctx.journal.orders(day=ctx.clock.now().date())
    return buys_of_others(ctx, today) > check.buys_seen


def overtaken(ctx: Context, order: Order, check: Check) -> bool:
    """Whether an order that was not placed may no longer be sent again: a stop was set, another
    order of the stock and side is unresolved, another run has bought since the check, or an exit
    has sold the stock. Call it
    inside the transaction that records the next SENDING."""
    if refusal(ctx, order.side, order.origin) is not None:
        return True
    waiting = ctx.journal.orders(states=UNRESOLVED_STATES, stock_code=order.stock_code)
    another_pending = any(
        other.side is order.side and other.order_id != order.order_id
        for other in waiting
        if other.origin is not Origin.EXTERNAL
    )
    return another_pending or _others_bought_since(ctx, check) or _exit_since(ctx, check)


def noted_number(ctx: Context, order: Order) -> str:
    """The highest order number of today, by the journal and the broker's list (kt00007); recovery
    searches above it.

    For a buy the broker must answer: raises its errors. A sell waits a second and then uses the
    journal's number; an exit uses the journal's number at once.
    """
    highest = ctx.journal.highest_number(ctx.clock.now().date())
    if order.origin in EXITS:
        return highest
    try:
        with within(ORDER_LIST_TIMEOUT) if order.side is Side.SELL else nullcontext():
            listed = ctx.broker.day_orders(highest)
    except KtError as failure:
        if order.side is Side.BUY or isinstance(failure, AuthError):
            raise
        note_error(ctx, "place.noted_number", failure)
        return highest
    return max([highest, *(row.ord_no for row in listed)], key=lambda number: int(number or 0))
