"""Helpers for tests of orders, exits and positions: order, buy, sell, read what was journaled."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from kt.ids import new_id
from kt.records import (
    EXITS,
    Action,
    Decision,
    Instrument,
    MarketName,
    Order,
    OrderTicket,
    OrderType,
    Origin,
    Position,
    RiskLevel,
    Side,
)
from kt.steps.orders import exits, place
from kt.steps.orders.exits import Left
from kt.steps.reconcile import order_tracking
from kt.steps.risk import check
from tests import fakes
from tests.fakes import NAMES, SAMSUNG, World

PRICES = {SAMSUNG: 70_000, "000660": 180_000, "035720": 45_000}


def order_now(world: World, client_id: str = "", **wanted: object) -> Order:
    """Checked and placed."""
    checked = check.check_order(world.ctx, fakes.intent(**wanted))  # type: ignore[arg-type]
    return place.place(world.ctx, checked, client_id=client_id)


def kinds(world: World, order: Order) -> list[str]:
    """What the journal has recorded of it, oldest first."""
    return [happened.kind for happened in world.journal.order_events(order.order_id)]


def market_sell(quantity: int, code: str = SAMSUNG) -> OrderTicket:
    """What an exit sends for a stop."""
    return OrderTicket(
        side=Side.SELL, stock_code=code, quantity=quantity, order_type=OrderType.MARKET, price=0
    )


def bought(world: World, quantity: int = 10, price: int = 0, code: str = SAMSUNG) -> Order:
    """Bought by kt, filled and booked; what was sent and asked for it is forgotten."""
    price = price or PRICES[code]
    wanted = fakes.intent(quantity=quantity, price=price, code=code)
    order = place.place(world.ctx, check.check_order(world.ctx, wanted))
    assert order.ord_no, order
    order_tracking.on_notice(world.ctx, world.broker.fill(order.ord_no, quantity, price))
    forget(world)
    return order


def forget(world: World) -> None:
    world.broker.sent.clear()
    world.broker.asked.clear()
    world.market.asked.clear()
    world.notifier.told.clear()


def resting(
    world: World,
    quantity: int = 10,
    price: int = 71_000,
    origin: Origin = Origin.MANUAL,
    order_type: OrderType = OrderType.LIMIT,
) -> Order:
    """A sell of Samsung's that stands at the broker."""
    wanted = replace(
        fakes.intent(
            Side.SELL, quantity=quantity, price=price, origin=origin, order_type=order_type
        ),
        stock_name=NAMES[SAMSUNG],
    )
    if origin in EXITS:
        checked = check.check_exit(world.ctx, wanted, quantity)
    else:
        checked = check.check_order(world.ctx, wanted)
    order = place.place(world.ctx, checked)
    assert order.ord_no, order
    forget(world)
    return order


def leave(world: World, price: int, code: str = SAMSUNG) -> Left:
    """The one exit that a price makes due, and what became of it."""
    (due,) = exits.exits_at(world.ctx, {code: price})
    return exits.leave(world.ctx, due)


def position(world: World, code: str = SAMSUNG) -> Position:
    (found,) = [held for held in world.journal.positions() if held.stock_code == code]
    return found


def now(world: World, order: Order) -> Order:
    found = world.journal.order(order.order_id)
    assert found is not None
    return found


def titles(world: World) -> list[str]:
    return [title for _, title, _ in world.notifier.told]


def noted(world: World) -> list[tuple[str, str]]:
    """The errors in the journal: where, and what."""
    rows = world.journal.events(kinds=["error"], limit=1000)
    return [(row["place"], row["message"]) for row in rows]


def decided(world: World, **more: Any) -> Decision:
    code = more.get("stock_code", SAMSUNG)
    fields: dict[str, Any] = {
        "action": Action.BUY,
        "stock_code": code,
        "stock_name": NAMES[code],
        "quantity": 10,
        "price": PRICES[code],
        "reason": "test",
        "confidence": 0.9,
        "risk_level": RiskLevel.LOW,
        "decision_id": new_id(world.clock.now()),
        "decided_at": world.clock.now(),
    }
    return Decision(**(fields | more))


def warned() -> Instrument:
    """Samsung as a stock that the exchange warns of."""
    return Instrument(
        stock_code=SAMSUNG,
        stock_name="삼성전자",
        market=MarketName.KOSPI,
        base_price=70_000,
        listed_shares=1,
        warning="관리종목",
    )


def filled_meanwhile(world: World, order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of 4 is filled between the look at it and its cancel."""
    real = place.cancel

    def too_late(ctx: object, wanted: object) -> object:
        order_tracking.on_notice(world.ctx, world.broker.fill(order.ord_no, 4, 71_000))
        return real(world.ctx, order)

    monkeypatch.setattr(place, "cancel", too_late)
