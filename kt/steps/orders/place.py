"""Step 5: place, amend and cancel orders. The only module that calls the broker's order gateway:
durable intent, one send, one outcome (docs/orders.md#promises).

A failed or rejected send raises nothing: the state of the returned order is the outcome, UNKNOWN
until recovery has found it. Exceptions mean that nothing was sent; the one exception is NotKept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from msgspec.structs import replace

from kt.errors import Denied, JournalError, NotKept
from kt.ports.gateway import unseal
from kt.records import (
    EXITS,
    AmendTicket,
    CancelTicket,
    Check,
    CheckResult,
    Order,
    OrderEvent,
    OrderEventKind,
    OrderState,
    Outcome,
    OutcomeStatus,
)
from kt.rules.risk.denials import Code
from kt.steps.context import Context
from kt.steps.failpoints import hit
from kt.steps.notices import notify
from kt.steps.order_events import event, from_outcome
from kt.steps.orders import intent, order_change
from kt.steps.orders.order_change import Changed, OrderChange
from kt.steps.reconcile.order_recovery import lock_unknown
from kt.steps.risk import check
from kt.steps.risk.stops import refusal

SENDS = 3
"""Maximum sends of one order, amend or cancel that the broker refuses for its rate limit (429).
This is the only place that retries one: each send has its events in the journal."""
PAUSE = 1.0
"""Seconds before the second send (twice as long before the third), so that other requests get
their share of the rate limit. An exit does not pause: it waits for the rate limit alone."""
CHECKS = 5
"""Maximum new checks of an order while other processes keep ordering in between."""

_AFTER_PLACE = {
    OutcomeStatus.ACKED: OrderEventKind.ACKED,
    OutcomeStatus.REJECTED: OrderEventKind.REJECTED,
    OutcomeStatus.NOT_PLACED: OrderEventKind.NOT_PLACED,
    OutcomeStatus.UNKNOWN: OrderEventKind.UNKNOWN,
}


def place(
    ctx: Context,
    checked: Check,
    *,
    client_id: str = "",
    again: bool = False,
    tick_at: datetime | None = None,
) -> Order:
    """Send one checked order; the order with its outcome. A check that did not pass gives a DENIED
    order. A repeated client id, or a decision that already became an order (unless `again`),
    returns that first order and sends nothing. `tick_at` is when the tick that caused the order
    was received.

    Raises, with nothing sent: Denied(DUPLICATE) when the stock and side has an unresolved intent,
    Denied(CLIENT_ID) when the id was used for another order, Denied(STALE_INPUT) when another run
    has bought since the check, JournalError when the intent cannot be written, Unreachable when
    the order list cannot be fetched for a buy, KtError(CLOCK) when the clock is wrong. Raises
    NotKept when the order was sent and its outcome cannot be written.
    """
    first = _earlier_order(ctx, checked, client_id, again=again)
    if first is not None:
        return first
    order = intent.new_order(ctx, checked, client_id, tick_at)
    refused = intent.denial(ctx, checked)
    if refused is not None:
        return _deny(ctx, order, refused)
    if order.origin not in EXITS:
        check.check_clock(ctx)
    order = replace(order, noted_ord_no=intent.noted_number(ctx, order))
    hit("place.before_plan", ctx.profile)
    planned = _plan(ctx, order, checked, again=again)
    mine = planned.order_id == order.order_id and planned.state is OrderState.SENDING
    return _send(ctx, planned, checked) if mine else planned


def place_checked(
    ctx: Context, checked: Check, *, client_id: str = "", again: bool = False
) -> tuple[Order, Check]:
    """Place an order; when another process has bought since the check, check again and retry. The
    order, and the check it was placed with. Raises what `place` raises."""
    for _ in range(CHECKS):
        try:
            return place(ctx, checked, client_id=client_id, again=again), checked
        except Denied as denied:
            if denied.code != Code.STALE_INPUT:
                raise
            checked = check.again(ctx, checked)
    return place(ctx, checked, client_id=client_id, again=again), checked


def _plan(ctx: Context, order: Order, checked: Check, *, again: bool) -> Order:
    """Write PLANNED and SENDING in one durable transaction that also reads the stops. Returns
    another order when the request is a repeat, and a DENIED one when a stop forbids it.

    If the process dies before the commit nothing is written; after it, the order may have been
    sent, and recovery looks for it."""
    with ctx.journal.together():
        refused = refusal(ctx, order.side, order.origin)
        if refused is not None:
            return _deny(ctx, order, refused)
        intent.check_not_stale(ctx, checked)
        intent_event = event(ctx, order.order_id, OrderEventKind.PLANNED)
        planned = ctx.journal.plan_order(order, intent_event, again=again)
        hit("place.planned", ctx.profile)
        if planned.order_id != order.order_id:
            return planned
        return ctx.journal.record(_sending(ctx, order, 1))


def _sending(ctx: Context, order: Order, attempt: int) -> OrderEvent:
    return event(ctx, order.order_id, OrderEventKind.SENDING, key=str(attempt))


def _earlier_order(ctx: Context, checked: Check, client_id: str, *, again: bool) -> Order | None:
    """The order that this client id or decision led to before, whatever its quantity was. Raises
    Denied(CLIENT_ID) when the id was used for another order."""
    decision_id = checked.decision_id
    first = ctx.journal.repeated(client_id, decision_id=decision_id, ticket=checked.ticket)
    if first or again:
        return first
    return ctx.journal.order_of_decision(decision_id, checked.side, checked.stock_code)


def _deny(ctx: Context, order: Order, refused: CheckResult) -> Order:
    """Journal the order as DENIED with the reason. In test mode the client id is not used up: the
    real order may still have it."""
    if refused.code == Code.TEST_MODE:
        order = replace(order, client_id="")
    return ctx.journal.plan_order(
        order,
        event(
            ctx,
            order.order_id,
            OrderEventKind.DENIED,
            code=refused.code,
            message=refused.detail,
        ),
    )


def _send(ctx: Context, order: Order, checked: Check) -> Order:
    """Send an order that the journal has as SENDING; again after a rate limit refusal."""
    attempt = 1
    while True:
        hit("place.sending", ctx.profile)
        outcome = unseal(ctx.gateway).place(checked.ticket)
        hit("place.sent", ctx.profile)
        answered = from_outcome(ctx, order, _AFTER_PLACE[outcome.status], outcome, key=str(attempt))
        with _outcome_recorded(order, _description(order), outcome):
            order = ctx.journal.record(answered)
        hit("place.recorded", ctx.profile)
        if not _rate_limited(outcome) or attempt == SENDS:
            break
        if order.origin not in EXITS:
            ctx.clock.sleep(PAUSE * attempt)
        attempt += 1
        with ctx.journal.together():
            if intent.overtaken(ctx, order, checked):
                return order  # NOT_PLACED; during the pause an order or a stop was added
            order = ctx.journal.record(_sending(ctx, order, attempt))
        if order.state is not OrderState.SENDING:
            return order  # another process resolved this intent: it must not be sent
    with _outcome_recorded(order, _description(order), outcome):
        return _after(ctx, order, outcome)


def _description(order: Order) -> str:
    return f"{order.side} {order.quantity:,} {order.stock_code}"


def _after(ctx: Context, order: Order, outcome: Outcome) -> Order:
    if outcome.status is OutcomeStatus.UNKNOWN:
        lock_unknown(ctx, order, outcome.evidence)
    elif outcome.status is OutcomeStatus.REJECTED:
        ctx.journal.error(
            ctx.run,
            "order",
            f"place.{order.stock_code}",
            f"[{outcome.code}] {outcome.message}",
            ctx.clock.now(),
        )
    elif order.state is OrderState.UNKNOWN:
        # Another process had recorded it as UNKNOWN; the answer is certain.
        return ctx.journal.record(from_outcome(ctx, order, OrderEventKind.GIVEN_UP, outcome))
    return order


def amend(ctx: Context, order: Order, *, price: int) -> Changed:
    """Change the price (won) of the whole open quantity of one of kt's orders: amending a part
    would leave two orders at the broker. Check the price first (`check.check_amend`).

    Raises Denied when a stop or the order's state forbids it or another change is pending,
    KtError(CLOCK), JournalError, and NotKept when the outcome cannot be written."""

    def send() -> Changed:
        order_change.check_stops(ctx, order)
        check.check_clock(ctx)
        change = order_change.request(ctx, order.order_id, order_change.AMEND, price=price)
        number, code = change.order.ord_no, order.stock_code
        ticket = AmendTicket(ord_no=number, stock_code=code, quantity=0, price=price)
        return _changed(ctx, change, unseal(ctx.gateway).amend(ticket))

    return _retried(send)


def cancel(ctx: Context, order: Order, *, quantity: int = 0) -> Changed:
    """Cancel `quantity` shares of one of kt's open orders (0 = all that is open); allowed under
    every stop. Raises Denied when the order's state forbids it, JournalError, and NotKept when
    the outcome cannot be written."""

    def send() -> Changed:
        change = order_change.request(ctx, order.order_id, order_change.CANCEL, quantity=quantity)
        number, code = change.order.ord_no, order.stock_code
        ticket = CancelTicket(ord_no=number, stock_code=code, quantity=quantity)
        return _changed(ctx, change, unseal(ctx.gateway).cancel(ticket))

    return _retried(send)


def _retried(send: Callable[[], Changed]) -> Changed:
    """Call `send` again while the broker refuses the change for its rate limit (429). Each send
    checks the order and the stops anew; the gateway's rate limit makes the pause."""
    for _ in range(SENDS - 1):
        changed = send()
        if not _rate_limited(changed.outcome):
            return changed
    return send()


def _rate_limited(outcome: Outcome) -> bool:
    return outcome.status is OutcomeStatus.NOT_PLACED and outcome.retryable


def _changed(ctx: Context, change: OrderChange, outcome: Outcome) -> Changed:
    """Record the outcome of an amend or a cancel; the owner is notified when it is unknown."""
    kind, order = change.kind, change.order
    hit(f"{kind.name}.sent", ctx.profile)
    with _outcome_recorded(order, f"the {kind.name} of {order.ord_no}", outcome):
        after = ctx.journal.record(order_change.outcome_event(ctx, change, outcome))
    hit(f"{kind.name}.recorded", ctx.profile)
    if outcome.status is OutcomeStatus.UNKNOWN:
        notify(
            ctx,
            "critical",
            f"{kind.name} outcome unknown: {order.stock_code} {order.ord_no}",
            f"{outcome.evidence.rstrip('.')}. kt asks the broker what stands; see `kt order list`.",
        )
    return Changed(after, outcome)


_SURELY_NO_ORDER = (OutcomeStatus.NOT_PLACED, OutcomeStatus.REJECTED)


@contextmanager
def _outcome_recorded(order: Order, what: str, outcome: Outcome) -> Iterator[None]:
    """Around writing the outcome of a send: a JournalError becomes NotKept unless the broker
    surely has no such order, so that nobody takes it for unsent. The intent is in the journal,
    and the next start looks for it at the broker."""
    try:
        yield
    except NotKept:
        raise
    except JournalError as error:
        if outcome.status in _SURELY_NO_ORDER:
            raise
        number = f" under {outcome.ord_no}" if outcome.ord_no else ""
        raise NotKept(
            f"{what} was sent{number} ({outcome.evidence}), but what became of it could not be "
            f"written down: {error.message}",
            hint=f"Do not send it again. {error.hint or 'See `kt doctor`'}; then `kt order list` "
            f"asks the broker about order {order.order_id}.",
            code=error.code,
        ) from error
