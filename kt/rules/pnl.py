"""Profit and loss by average cost, exact to the won: positions and day results from fills.

A position's cost includes its buy commissions. A sale takes out its share of the price paid and of
the commissions, each cut to the won as the broker does. Over any sequence of fills the profits are
the money received, less the money paid, plus the cost of what is still held.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import msgspec

from kt.records import KST, DayResult, Fill, Order, Position, Side, Trade
from kt.rules import fees, round_trips
from kt.rules.round_trips import percent


@dataclass(frozen=True, slots=True)
class Applied:
    """The result of a fill. `position.quantity` 0 means closed; `trade` is set for a sale.

    `unmatched` shares were sold that the position did not have: they are in the trade without
    profit, because their cost is not known.
    """

    position: Position
    trade: Trade | None = None
    unmatched: int = 0


def apply_fill(position: Position | None, order: Order, fill: Fill) -> Applied:
    """The position after a fill, its fee and tax included. Exit prices are unchanged (0 for a new
    position): `rules/exit_prices.py` sets them from the average price."""
    if fill.side is Side.BUY:
        return Applied(_bought(position, fill))
    held = position or _empty(fill)
    matched = min(held.quantity, fill.quantity)
    unmatched = fill.quantity - matched
    value = (held.cost - held.fees) * matched // held.quantity if matched else 0
    buy_fee = held.fees * matched // held.quantity if matched else 0
    proceeds = fill.quantity * fill.price - fill.fee - fill.tax
    bought = value + proceeds * unmatched // fill.quantity
    profit = proceeds - bought - buy_fee
    trade = Trade(
        stock_code=fill.stock_code,
        stock_name=fill.stock_name,
        quantity=fill.quantity,
        buy_price=bought / fill.quantity,
        sell_price=float(fill.price),
        fee=fill.fee,
        tax=fill.tax,
        profit=profit,
        profit_pct=percent(profit, bought + buy_fee),
        opened_at=held.opened_at,
        closed_at=fill.at,
        order_id=order.order_id,
        origin=order.origin,
        decision_id=order.decision_id,
        bought=bought,
        buy_fee=buy_fee,
    )
    return Applied(_sold(held, matched, value, buy_fee, fill.at), trade, unmatched)


def mark(
    position: Position,
    price: int,
    at: datetime,
    *,
    market: str,
    kind: str,
    commission_pct: float = fees.REAL_COMMISSION_PCT,
) -> Position:
    """The position marked at a price in won: its value, and its profit after commission and tax if
    all of it were sold at that price today."""
    value = price * position.quantity
    net = fees.net_proceeds(
        value,
        market=market,
        kind=kind,
        trade_date=at.astimezone(KST).date(),
        commission_pct=commission_pct,
    )
    profit = net - position.cost if position.quantity else 0
    return msgspec.structs.replace(
        position,
        price=price,
        value=value,
        profit=profit,
        profit_pct=percent(profit, position.cost),
        updated_at=at,
    )


def day_result(
    day: date,
    sales: Sequence[Trade],
    fills: Iterable[Fill],
    positions: Sequence[Position],
    at: datetime,
) -> DayResult:
    """One day's profit and loss in won. The unrealised part is that of the positions as marked. The
    trades are the round trips that ended on the day, so `sales` must include each one's first sale.
    Sales and fills of other days are ignored otherwise."""
    ended = [
        trip
        for trip in round_trips.round_trips(sales, positions)
        if not trip.open and trip.closed_at.astimezone(KST).date() == day
    ]
    sales = [sale for sale in sales if sale.closed_at.astimezone(KST).date() == day]
    done = [fill for fill in fills if fill.at.astimezone(KST).date() == day]
    return DayResult(
        day=day,
        realised=sum(sale.profit for sale in sales),
        unrealised=sum(position.profit for position in positions),
        fees=sum(fill.fee for fill in done),
        taxes=sum(fill.tax for fill in done),
        trades=len(ended),
        wins=sum(trip.won for trip in ended),
        bought=sum(fill.quantity * fill.price for fill in done if fill.side is Side.BUY),
        sold=sum(fill.quantity * fill.price for fill in done if fill.side is Side.SELL),
        at=at,
    )


def _bought(position: Position | None, fill: Fill) -> Position:
    held = position if position and position.quantity else _empty(fill)
    quantity = held.quantity + fill.quantity
    value = held.cost - held.fees + fill.price * fill.quantity
    fees = held.fees + fill.fee + fill.tax
    return msgspec.structs.replace(
        held,
        quantity=quantity,
        sellable=held.sellable + fill.quantity,
        average_price=(value + quantity // 2) // quantity,
        cost=value + fees,
        fees=fees,
        updated_at=max(held.updated_at, fill.at),
    )


def _sold(held: Position, quantity: int, value: int, fees: int, at: datetime) -> Position:
    return msgspec.structs.replace(
        held,
        quantity=held.quantity - quantity,
        sellable=max(0, held.sellable - quantity),
        cost=held.cost - value - fees,
        fees=held.fees - fees,
        updated_at=max(held.updated_at, at),
    )


def _empty(fill: Fill) -> Position:
    return Position(
        stock_code=fill.stock_code,
        stock_name=fill.stock_name,
        quantity=0,
        average_price=0,
        cost=0,
        opened_at=fill.at,
        updated_at=fill.at,
    )
