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

from kt.records import (
    KST,
    DayResult,
    Equity,
    Fill,
    Order,
    Position,
    RoundTrip,
    Side,
    StockResult,
    Trade,
)
from kt.rules import fees, round_trips
from kt.rules.round_trips import percent, percent_of


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
    realised = sum(sale.profit for sale in sales)
    unrealised = sum(position.profit for position in positions)
    gross, invested = before_costs(sales, positions), paid(sales, positions)
    return DayResult(
        day=day,
        realised=realised,
        unrealised=unrealised,
        gross=gross,
        invested=invested,
        invested_pct=percent_of(realised + unrealised, invested),
        gross_pct=percent_of(gross, invested),
        fees=sum(fill.fee for fill in done),
        taxes=sum(fill.tax for fill in done),
        trades=len(ended),
        wins=sum(trip.won for trip in ended),
        bought=sum(fill.quantity * fill.price for fill in done if fill.side is Side.BUY),
        sold=sum(fill.quantity * fill.price for fill in done if fill.side is Side.SELL),
        at=at,
    )


def stock_results(
    sales: Sequence[Trade], positions: Sequence[Position], since: date
) -> list[StockResult]:
    """One row a stock that was sold since a day or is held, the best first. `sales` go back to
    where the positions began; a trade counts when all of it is sold."""
    ended = [
        trip
        for trip in round_trips.round_trips(sales, positions)
        if not trip.open and trip.closed_at.astimezone(KST).date() >= since
    ]
    sales = [sale for sale in sales if sale.closed_at.astimezone(KST).date() >= since]
    names = {sale.stock_code: sale.stock_name for sale in sales}
    names |= {held.stock_code: held.stock_name for held in positions}
    found = [
        _stock_result(
            code,
            name,
            [sale for sale in sales if sale.stock_code == code],
            [held for held in positions if held.stock_code == code],
            [trip for trip in ended if trip.stock_code == code],
        )
        for code, name in names.items()
    ]
    return sorted(found, key=lambda row: -row.total)


def _stock_result(
    code: str,
    name: str,
    sales: Sequence[Trade],
    positions: Sequence[Position],
    ended: Sequence[RoundTrip],
) -> StockResult:
    realised = sum(sale.profit for sale in sales)
    unrealised = sum(held.profit for held in positions)
    gross, invested = before_costs(sales, positions), paid(sales, positions)
    return StockResult(
        stock_code=code,
        stock_name=name,
        quantity=sum(held.quantity for held in positions),
        realised=realised,
        unrealised=unrealised,
        fees=sum(sale.fee + sale.buy_fee for sale in sales),
        taxes=sum(sale.tax for sale in sales),
        trades=len(ended),
        wins=sum(trip.won for trip in ended),
        gross=gross,
        invested=invested,
        invested_pct=percent_of(realised + unrealised, invested),
        gross_pct=percent_of(gross, invested),
    )


def before_costs(sales: Iterable[Trade], positions: Iterable[Position]) -> int:
    """What sales brought and positions are up or down by at their prices, in won, before all
    commission and tax."""
    sold = sum(sale.profit + sale.fee + sale.tax + sale.buy_fee for sale in sales)
    return sold + sum(held.value - (held.cost - held.fees) for held in positions)


def paid(sales: Iterable[Trade], positions: Iterable[Position]) -> int:
    """Won that the sold and the held shares were paid with, commission included."""
    return sum(sale.bought + sale.buy_fee for sale in sales) + sum(held.cost for held in positions)


def account_return(result: DayResult, before: Equity | None, after: Equity | None) -> DayResult:
    """The day with what the account gained from the last minute before it to `after`, in percent;
    what came or went without a trade is no gain, and the costs paid that day are added for the
    figure before costs. Without an equity before it nothing is known."""
    if after is None:
        return result
    known = msgspec.structs.replace(result, equity=after.equity)
    if before is None:
        return known
    moved = after.moved - before.moved
    gained = after.equity - before.equity - moved
    costs = result.fees + result.taxes
    return msgspec.structs.replace(
        known,
        moved=moved,
        equity_pct=percent_of(gained, before.equity),
        equity_gross_pct=percent_of(gained + costs, before.equity),
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
