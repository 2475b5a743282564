"""From books and a wanted order to the facts that the safety rules weigh."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from kt.records import (
    UNRESOLVED_STATES,
    Decision,
    Order,
    OrderTicket,
    OrderType,
    Origin,
    Quote,
    Side,
)
from kt.rules.facts import RiskFacts
from kt.steps.context import Context
from kt.steps.facts import Books
from kt.steps.gather import gather
from kt.steps.stocks import known_list


def facts_for(
    ctx: Context,
    known: Books,
    decision: Decision,
    ticket: OrderTicket,
    origin: Origin,
    without: Order | None,
) -> RiskFacts:
    """Everything `rules/risk.py` may ask about this order; None where it is not known."""
    code = ticket.stock_code
    quote = known.account.quotes.get(code)
    return RiskFacts(
        side=ticket.side,
        stock_code=code,
        quantity=ticket.quantity,
        price=ticket.price,
        order_type=ticket.order_type,
        origin=origin,
        now=ctx.clock.now(),
        limits=ctx.config.limits,
        excluded=code in ctx.config.scan.exclude,
        input_at=decision.decided_at,
        max_age=ctx.config.pipe.max_age,
        confidence=decision.confidence,
        last_price=quote.price if quote else None,
        lower_limit=quote.lower_limit if quote else None,
        upper_limit=quote.upper_limit if quote else None,
        **_permits(ctx, known),
        **_under_way(known, code, ticket.side, without),
        **_stock(ctx, ticket),
        **_money(ctx, known, ticket, quote, without),
    )


def _permits(ctx: Context, known: Books) -> dict[str, Any]:
    """What stops trading, and what the day allows."""
    may_order, may_buy, phase = known.phase()
    return {
        "stop": known.stop.mode,
        "stop_reason": known.stop.reason,
        "live": ctx.config.server.live,
        "test_mode": ctx.config.dry_run,
        "may_order": may_order,
        "may_buy": may_buy,
        "phase": phase,
        "commission_pct": ctx.config.server.commission_pct,
        "realised_today": known.realised,
        "unrealised": known.unrealised,
    }


def _under_way(known: Books, code: str, side: Side, without: Order | None) -> dict[str, Any]:
    """Locks, and orders that were sent or are on their way."""
    return {
        "lock": known.locks.get(code, ""),
        "unresolved": known.under_way(code, side, UNRESOLVED_STATES, without),
        "open_orders": known.open_orders(code, side, without),
        "orders_last_minute": known.sent(timedelta(minutes=1)),
        "orders_today": known.sent(),
    }


def _stock(ctx: Context, ticket: OrderTicket) -> dict[str, Any]:
    """From the list of stocks; a market sell needs none of it and does not wait for it."""
    if ticket.side is Side.SELL and ticket.order_type is OrderType.MARKET:
        return {}
    stocks = known_list(ctx)
    if stocks is None:
        return {}
    found = stocks.get(ticket.stock_code)
    if found is None:
        return {"listed": False}
    return {
        "listed": True,
        "warning": found.warning,
        "market": found.market,
        "kind": found.kind,
    }


def _money(
    ctx: Context, known: Books, ticket: OrderTicket, quote: Quote | None, without: Order | None
) -> dict[str, Any]:
    """What is held, what is bound, and what there is to buy with."""
    code = ticket.stock_code
    if ticket.side is Side.SELL:
        held = known.account.held(code)
        return {
            "held": None if known.account.holdings is None else held.quantity if held else 0,
            "sellable": _sellable(known, code, without),
        }
    invested, deposit = known.invested(without), known.account.deposit
    taken = sum(known.reserved.values())
    freed = without.open_quantity * without.price if without else 0
    cash = None if deposit is None else deposit.orderable - taken + freed
    return {
        "invested_in_stock": None if invested is None else invested.get(code, 0),
        "invested_total": None if invested is None else sum(invested.values()),
        "stocks": None if invested is None else len(invested),
        "in_stock": None if invested is None else code in invested,
        "cash": cash,
        "orderable": _orderable(ctx, ticket, quote, cash, taken - freed),
    }


def _sellable(known: Books, code: str, without: Order | None) -> int | None:
    """An order that is amended holds its own shares already."""
    sellable = known.sellable(code)
    if sellable is None or without is None:
        return sellable
    return sellable + without.open_quantity


def _orderable(
    ctx: Context, ticket: OrderTicket, quote: Quote | None, cash: int | None, taken: int
) -> int | None:
    """The broker's word for this stock and price; the cash where it gives none."""
    price = ticket.price or (quote.upper_limit if quote else 0)
    if not price:
        return None
    asked = gather(
        ctx,
        "check.orderable",
        {"answer": lambda: ctx.broker.orderable(ticket.stock_code, price)},
    )
    if asked.failures:
        return None
    answer = asked.answers["answer"]
    return cash if answer is None else answer.amount - taken
