"""A standing clock, an exchange at 10:00 and short ways to order and to steer."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from kt.clock import ManualClock
from kt.records import (
    KST,
    BalanceNotice,
    OrderNotice,
    OrderTicket,
    OrderType,
    Outcome,
    Side,
    StreamEvent,
)
from kt.rules import ticks
from kt.sim.exchange import Exchange, Steer, Steered
from kt.sim.exchange.broker_port import ExchangeBroker
from kt.sim.market.board import Board
from kt.sim.market.chain import Chain
from kt.sim.market.listing import listings
from kt.sim.market.path import SessionPath
from kt.sim.market.plan import Planner
from kt.sim.market.session_days import SessionDays

DAY = datetime(2026, 11, 23, tzinfo=KST)
CODE = "030530"
"""A stock that runs in session 0 of seed 1."""
STATEFUL: list[Exchange] = []
"""Exchanges that hold a file open; who opens them lets go of them after the test."""


def at(hour: int, minute: int = 0, second: float = 0, day: int = 0) -> datetime:
    """A time of the first session's day, or of one so many days later."""
    return DAY + timedelta(days=day, hours=hour, minutes=minute, seconds=second)


def opened(
    now: datetime | None = None,
    *,
    seed: int = 1,
    state: Path | None = None,
    cash: int = 10_000_000,
    costs: str = "real",
    replay: Path | None = None,
    delay: float = 0.7,
) -> tuple[Exchange, ManualClock]:
    clock = ManualClock(now or at(10, 0, 7))
    exchange = Exchange(
        clock=clock,
        seed=seed,
        cash=cash,
        costs=costs,
        state_path=state,
        replay=replay,
        listing_delay=delay,
    )
    if state is not None:
        STATEFUL.append(exchange)
    return exchange, clock


def ticket(
    side: Side, quantity: int, price: int = 0, code: str = CODE, kind: OrderType | None = None
) -> OrderTicket:
    kind = kind or (OrderType.LIMIT if price else OrderType.MARKET)
    return OrderTicket(side=side, stock_code=code, quantity=quantity, order_type=kind, price=price)


def buy(broker: ExchangeBroker, quantity: int, price: int = 0, code: str = CODE) -> Outcome:
    return broker.place(ticket(Side.BUY, quantity, price, code))


def sell(broker: ExchangeBroker, quantity: int, price: int = 0, code: str = CODE) -> Outcome:
    return broker.place(ticket(Side.SELL, quantity, price, code))


def mine(exchange: Exchange, key: str = "a") -> list[StreamEvent]:
    """The account's events since the last look."""
    return [event for owner, event in exchange.advance() if owner == key]


def orders(events: list[StreamEvent]) -> list[OrderNotice]:
    return [event for event in events if isinstance(event, OrderNotice)]


def balances(events: list[StreamEvent]) -> list[BalanceNotice]:
    return [event for event in events if isinstance(event, BalanceNotice)]


def paths(seed: int, session: int = 0) -> dict[str, SessionPath]:
    chain = chain_of(seed)
    return {listing.code: chain.path(listing, session) for listing in listings()}


def chain_of(seed: int) -> Chain:
    return Chain(Planner(seed, listings()))


def board_of(seed: int = 1) -> Board:
    return Board(seed, SessionDays(DAY.date(), 0))


def steer(exchange: Exchange, code: str = CODE, **wish: Any) -> Steered:
    """Steer a stock; what became of it."""
    return exchange.steer(Steer(stock_code=code, **wish))


def step(exchange: Exchange, steps: int, code: str = CODE) -> int:
    """A price so many ticks from the last."""
    return ticks.step(exchange.market.quote(code).price, steps)


def filled(broker: ExchangeBroker, clock: ManualClock) -> dict[str, int]:
    """Shares by order number, once the lists show them."""
    clock.advance(1)
    found: dict[str, int] = {}
    for row in broker.executions():
        found[row.ord_no] = found.get(row.ord_no, 0) + row.quantity
    return found
