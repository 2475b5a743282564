"""Step 4: the safety validation. What may be ordered, or every reason why not, with arithmetic.

Decisions, orders typed by hand, exits and amends all go through the same rules. In test mode a
check passes with TEST_MODE noted among its results, and nothing is sent.
"""

from __future__ import annotations

from collections.abc import Sequence

from kt.ids import new_id
from kt.records import (
    Action,
    Check,
    CheckResult,
    Decision,
    Order,
    OrderTicket,
    OrderType,
    Origin,
    RiskLevel,
    SessionNotice,
    Side,
)
from kt.rules import fees, risk, size
from kt.rules.deciding import UNSTOPPABLE
from kt.rules.denials import Code
from kt.steps.context import Context
from kt.steps.facts import Account, Books, books, look
from kt.steps.rating import facts_for


def check(
    ctx: Context,
    decisions: Sequence[Decision],
    *,
    origin: Origin = Origin.CYCLE,
    account: Account | None = None,
    notice: SessionNotice | None = None,
) -> tuple[Check, ...]:
    """One check for each BUY and SELL, in their order; a HOLD needs none.

    What an earlier decision of the batch takes is not left for a later one. `account` is the
    account as just looked up; without it the broker is asked now.
    """
    wanted = [decision for decision in decisions if decision.action is not Action.HOLD]
    if not wanted:
        return ()
    codes = [decision.stock_code for decision in wanted]
    known = books(ctx, account or look(ctx, codes, notice=notice))
    checks = tuple(_of_decision(ctx, known, decision, origin) for decision in wanted)
    ctx.journal.checks(ctx.run, checks)
    return checks


def check_order(
    ctx: Context,
    wanted: OrderTicket,
    origin: Origin,
    *,
    reason: str = "",
    stock_name: str = "",
    account: Account | None = None,
    notice: SessionNotice | None = None,
) -> Check:
    """An order as somebody wants it, with exactly its quantity: passed or denied, not resized.

    A market sell of an exit asks the broker for the holdings alone: leaving must be quick.
    `account` is the account as just looked up; without it the broker is asked now.
    """
    brief = origin in UNSTOPPABLE and wanted.order_type is OrderType.MARKET
    codes = [wanted.stock_code]
    known = books(ctx, account or look(ctx, codes, everything=not brief, notice=notice))
    decision = Decision(
        action=Action(wanted.side),
        stock_code=wanted.stock_code,
        stock_name=stock_name or _name(known, wanted.stock_code),
        quantity=wanted.quantity,
        price=wanted.price,
        reason=reason,
        confidence=1.0,
        risk_level=RiskLevel.LOW,
        decided_at=ctx.clock.now(),
    )
    checked = _judge(ctx, known, decision, wanted, origin)
    ctx.journal.checks(ctx.run, (checked,))
    return checked


def check_amend(
    ctx: Context,
    order: Order,
    *,
    price: int,
    quantity: int = 0,
    notice: SessionNotice | None = None,
) -> Check:
    """A change of an open order by the same rules; the order itself is left out of the sums."""
    ticket = OrderTicket(
        side=order.side,
        stock_code=order.stock_code,
        quantity=quantity or order.open_quantity,
        order_type=OrderType.LIMIT,
        price=price,
    )
    known = books(ctx, look(ctx, [order.stock_code], notice=notice))
    decision = Decision(
        action=Action(order.side),
        stock_code=order.stock_code,
        stock_name=order.stock_name,
        quantity=ticket.quantity,
        price=price,
        reason=f"amend of {order.ord_no}",
        confidence=1.0,
        risk_level=RiskLevel.LOW,
        decision_id=order.decision_id,
        decided_at=ctx.clock.now(),
    )
    checked = _judge(ctx, known, decision, ticket, Origin.MANUAL, without=order)
    ctx.journal.checks(ctx.run, (checked,))
    return checked


def _of_decision(ctx: Context, known: Books, decision: Decision, origin: Origin) -> Check:
    sized = _size(ctx, known, decision)
    ticket = OrderTicket(
        side=Side(decision.action),
        stock_code=decision.stock_code,
        quantity=sized.quantity,
        order_type=OrderType.LIMIT,
        price=decision.price,
    )
    return _judge(ctx, known, decision, ticket, origin, sized=sized)


def _size(ctx: Context, known: Books, decision: Decision) -> size.Size:
    if decision.action is Action.SELL:
        return size.sell_size(decision, known.sellable(decision.stock_code) or 0)
    limits, deposit = ctx.config.limits, known.account.deposit
    invested = known.invested()
    if deposit is None or invested is None:
        return size.Size(0, "0: what the account can bear is not known")
    return size.buy_size(
        decision,
        decision.price,
        cash=deposit.orderable - sum(known.reserved.values()),
        per_stock_left=limits.per_stock - invested.get(decision.stock_code, 0),
        total_left=limits.total - sum(invested.values()),
        commission_pct=ctx.config.server.commission_pct,
    )


def _judge(
    ctx: Context,
    known: Books,
    decision: Decision,
    ticket: OrderTicket,
    origin: Origin,
    *,
    sized: size.Size | None = None,
    without: Order | None = None,
) -> Check:
    results = risk.validate(facts_for(ctx, known, decision, ticket, origin, without))
    passed = all(result.passed for result in results if result.code != Code.TEST_MODE)
    if sized is not None:
        results = (CheckResult(code="SIZE", passed=True, detail=sized.detail), *results)
    if passed and ticket.side is Side.BUY:
        value = fees.buy_cost(ticket.quantity * ticket.price, ctx.config.server.commission_pct)
        known.reserved[ticket.stock_code] = known.reserved.get(ticket.stock_code, 0) + value
    known.passed += passed
    now = ctx.clock.now()
    return Check(
        decision=decision,
        passed=passed,
        side=ticket.side,
        quantity=ticket.quantity,
        price=ticket.price,
        order_type=ticket.order_type,
        results=results,
        checked_at=now,
        check_id=new_id(now),
        buys_seen=known.buys_seen,
    )


def _name(known: Books, code: str) -> str:
    quote, held = known.account.quotes.get(code), known.account.held(code)
    return quote.stock_name if quote else held.stock_name if held else ""
