"""Step 5, and the only door to the broker's order methods: durable intent, one send, one outcome.

Nothing here raises for what the wire did: the order that comes back says how it ended, and
UNKNOWN means that nobody knows yet. What is raised is what stopped it before the send.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

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
    SymbolLock,
)
from kt.rules.risk.denials import Code
from kt.steps.context import Context
from kt.steps.failpoints import hit
from kt.steps.orders import intent, order_change
from kt.steps.orders.clock_skew import check_time
from kt.steps.orders.order_change import Changed, OrderChange
from kt.steps.orders.order_events import event, from_outcome
from kt.steps.orders.outcome_guard import guarded
from kt.steps.risk.stops import refusal, tell

SENDS = 3
"""At most so many sends of an order, an amend or a cancel that the broker says it did not take
(429). This is the only place that retries one: each send has its events in the journal."""
PAUSE = 1.0
"""Seconds before it is sent again: others may need the budget more. An exit needs it most and
waits for its turn in the budget alone, which stays closed for a second after a 429."""

_AFTER_PLACE = {
    OutcomeStatus.ACKED: OrderEventKind.ACKED,
    OutcomeStatus.REJECTED: OrderEventKind.REJECTED,
    OutcomeStatus.NOT_PLACED: OrderEventKind.NOT_PLACED,
    OutcomeStatus.UNKNOWN: OrderEventKind.UNKNOWN,
}


def place(ctx: Context, check: Check, *, client_id: str = "", again: bool = False) -> Order:
    """Send one checked order. The same client id again, or a decision that has become an order and
    is not wanted `again`, returns the first order and sends nothing.

    Raises Denied(DUPLICATE) when the same stock and side already has an unresolved intent,
    Denied(CLIENT_ID) when the id was used for other contents, Denied(STALE_INPUT) when another
    run has ordered since the check, JournalError when the intent cannot be kept, Unreachable
    when a buy's starting point cannot be asked, KtError(CLOCK) when the clock is wrong: nothing
    was sent.
    """
    first = _sent_before(ctx, check, client_id, again=again)
    if first is not None:
        return first
    order = intent.intend(ctx, check, client_id)
    refused = intent.denial(ctx, check)
    if refused is not None:
        return _deny(ctx, order, refused)
    if order.origin not in EXITS:
        check_time(ctx)
    order = replace(order, noted_ord_no=intent.noted_number(ctx, order))
    hit("place.before_plan", ctx.profile)
    planned = _plan(ctx, order, check, again=again)
    mine = planned.order_id == order.order_id and planned.state is OrderState.SENDING
    return _send(ctx, planned, check) if mine else planned


def _plan(ctx: Context, order: Order, check: Check, *, again: bool) -> Order:
    """The intent with its first sending, in one durable transaction and under the stops as they
    are in it; what the journal has instead, when the order is one of before or is denied. Of a
    process that dies in here nothing stays, and one that dies later may have sent the order."""
    with ctx.journal.together():
        refused = refusal(ctx, order.side, order.origin)
        if refused is not None:
            return _deny(ctx, order, refused)
        intent.nothing_bought_since(ctx, check)
        intended = event(ctx, order.order_id, OrderEventKind.PLANNED)
        planned = ctx.journal.plan_order(order, intended, again=again)
        hit("place.planned", ctx.profile)
        if planned.order_id != order.order_id:
            return planned
        return ctx.journal.record(_sending(ctx, order, 1))


def _sending(ctx: Context, order: Order, attempt: int) -> OrderEvent:
    return event(ctx, order.order_id, OrderEventKind.SENDING, key=str(attempt))


def _sent_before(ctx: Context, check: Check, client_id: str, *, again: bool) -> Order | None:
    """The first order of this very wish, however it was sized then. Raises Denied(CLIENT_ID)."""
    decision_id = check.decision_id
    first = ctx.journal.repeated(client_id, decision_id=decision_id, ticket=check.ticket)
    if first or again:
        return first
    return ctx.journal.order_of_decision(decision_id, check.side, check.stock_code)


def _deny(ctx: Context, order: Order, refused: CheckResult) -> Order:
    """Kept with its reason. A rehearsal in test mode leaves its client id to the real order."""
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


def _send(ctx: Context, order: Order, check: Check) -> Order:
    """Send what the journal has as SENDING, and again what the broker surely did not take."""
    attempt = 1
    while True:
        hit("place.sending", ctx.profile)
        outcome = unseal(ctx.gateway).place(check.ticket)
        hit("place.sent", ctx.profile)
        told = from_outcome(ctx, order, _AFTER_PLACE[outcome.status], outcome, key=str(attempt))
        with guarded(order, _named(order), outcome):
            order = ctx.journal.record(told)
        hit("place.recorded", ctx.profile)
        if not _not_taken(outcome) or attempt == SENDS:
            break
        if order.origin not in EXITS:
            ctx.clock.sleep(PAUSE * attempt)
        attempt += 1
        with ctx.journal.together():
            if intent.overtaken(ctx, order, check):
                return order  # not placed, and in the pause somebody ordered or set a stop
            order = ctx.journal.record(_sending(ctx, order, attempt))
        if order.state is not OrderState.SENDING:
            return order  # another process settled this intent: it must not be sent any more
    with guarded(order, _named(order), outcome):
        return _after(ctx, order, outcome)


def _named(order: Order) -> str:
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
        # Another process gave up waiting for this answer; the answer is certain.
        return ctx.journal.record(from_outcome(ctx, order, OrderEventKind.GIVEN_UP, outcome))
    return order


def lock_unknown(ctx: Context, order: Order, evidence: str) -> None:
    """Tell the owner, then lock the stock until somebody knows. The notice is kept before the
    lock, so that a stock that is locked is one that somebody was told of, whenever kt dies."""
    title = f"order outcome unknown: {order.side} {order.stock_code} x{order.quantity}"
    text = (
        f"{evidence.rstrip('.')}. {order.stock_code} is locked. kt looks for it at the broker; "
        "if it stays unknown, look there yourself and use "
        f"`kt order resolve {order.order_id}`."
    )
    ctx.journal.notice(ctx.run, "critical", title, text, ctx.clock.now())
    ctx.journal.flush()
    ctx.journal.lock_symbol(
        SymbolLock(
            stock_code=order.stock_code,
            reason=f"the outcome of order {order.order_id} is unknown ({evidence})",
            order_id=order.order_id,
            at=ctx.clock.now(),
        )
    )
    ctx.notifier.notify("critical", title, text)


def amend(ctx: Context, order: Order, *, price: int) -> Changed:
    """Change the price of an open order of ours, of all that is open: an amend of a part would
    leave two orders at the broker under two prices. Check the price first (check.check_amend).
    Raises Denied when the stops or the order's state forbid it, or another change of it is
    under way."""

    def send() -> Changed:
        order_change.not_stopped(ctx, order)
        check_time(ctx)
        asked = order_change.keep(ctx, order.order_id, order_change.AMEND, price=price)
        number, code = asked.order.ord_no, order.stock_code
        ticket = AmendTicket(ord_no=number, stock_code=code, quantity=0, price=price)
        return _changed(ctx, asked, unseal(ctx.gateway).amend(ticket))

    return _retried(send)


def cancel(ctx: Context, order: Order, *, quantity: int = 0) -> Changed:
    """Take back an open order of ours (quantity 0 = all that is open); allowed under every stop.
    Raises Denied when the order's state forbids it."""

    def send() -> Changed:
        asked = order_change.keep(ctx, order.order_id, order_change.CANCEL, quantity=quantity)
        number, code = asked.order.ord_no, order.stock_code
        ticket = CancelTicket(ord_no=number, stock_code=code, quantity=quantity)
        return _changed(ctx, asked, unseal(ctx.gateway).cancel(ticket))

    return _retried(send)


def _retried(send: Callable[[], Changed]) -> Changed:
    """`send` again while the broker says that it did not take the change (429). Each send checks
    the order and the stops anew; the gateway's rate limit makes the pause."""
    for _ in range(SENDS - 1):
        changed = send()
        if not _not_taken(changed.outcome):
            return changed
    return send()


def _not_taken(outcome: Outcome) -> bool:
    return outcome.status is OutcomeStatus.NOT_PLACED and outcome.retryable


def _changed(ctx: Context, asked: OrderChange, outcome: Outcome) -> Changed:
    """What the send made of the wish, written down; one that nobody knows about is told."""
    verb, order = asked.verb, asked.order
    hit(f"{verb.name}.sent", ctx.profile)
    with guarded(order, f"the {verb.name} of {order.ord_no}", outcome):
        after = ctx.journal.record(order_change.ended(ctx, asked, outcome))
    hit(f"{verb.name}.recorded", ctx.profile)
    if outcome.status is OutcomeStatus.UNKNOWN:
        tell(
            ctx,
            "critical",
            f"{verb.name} outcome unknown: {order.stock_code} {order.ord_no}",
            f"{outcome.evidence.rstrip('.')}. kt asks the broker what stands; see `kt order list`.",
        )
    return Changed(after, outcome)
