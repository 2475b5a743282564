"""Groups sales into round trips: a position from its first share to its last."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from kt.records import Position, RoundTrip, Trade


def round_trips(sales: Iterable[Trade], positions: Iterable[Position] = ()) -> list[RoundTrip]:
    """The round trips that these sales belong to, in the order of their last sales.

    `sales` must start with the first one of each position. A round trip whose position is among
    `positions` is still open. When a sale was booked before its purchase was known, all of its rows
    belong to the position that it turned out to sell.
    """
    parts: dict[tuple[str, datetime], list[Trade]] = {}
    ordered = sorted(sales, key=lambda sale: sale.closed_at)
    opened: dict[str, datetime] = {}
    for sale in ordered:
        opened[sale.order_id] = min(sale.opened_at, opened.get(sale.order_id, sale.opened_at))
    for sale in ordered:
        parts.setdefault((sale.stock_code, opened[sale.order_id]), []).append(sale)
    held = {(position.stock_code, position.opened_at) for position in positions}
    found = [_trip(at, several, (code, at) in held) for (code, at), several in parts.items()]
    return sorted(found, key=lambda trip: trip.closed_at)


def _trip(opened_at: datetime, parts: Sequence[Trade], still_held: bool) -> RoundTrip:
    last = parts[-1]
    quantity = sum(part.quantity for part in parts)
    bought = sum(part.bought for part in parts)
    buy_fee = sum(part.buy_fee for part in parts)
    fee = buy_fee + sum(part.fee for part in parts)
    tax = sum(part.tax for part in parts)
    profit = sum(part.profit for part in parts)
    gross = profit + fee + tax
    return RoundTrip(
        stock_code=last.stock_code,
        stock_name=last.stock_name,
        quantity=quantity,
        buy_price=bought / quantity if quantity else 0.0,
        sell_price=(bought + gross) / quantity if quantity else 0.0,
        bought=bought,
        sold=bought + gross,
        gross=gross,
        fee=fee,
        tax=tax,
        profit=profit,
        profit_pct=percent(profit, bought + buy_fee),
        gross_pct=percent_of(gross, bought + buy_fee),
        opened_at=opened_at,
        closed_at=last.closed_at,
        held_minutes=int((last.closed_at - opened_at).total_seconds() // 60),
        open=still_held,
        origin=last.origin,
        decision_id=last.decision_id,
        parts=tuple(parts),
    )


def percent(part: int, whole: int) -> float:
    """`part` in percent of `whole`, to two decimals; 0 when `whole` is 0."""
    return round(part * 100 / whole, 2) if whole else 0.0


def percent_of(part: int | None, whole: int | None) -> float | None:
    """`part` in percent of `whole`, to two decimals; None when one is unknown or `whole` is not
    positive."""
    if part is None or whole is None or whole <= 0:
        return None
    return round(part * 100 / whole, 2)
