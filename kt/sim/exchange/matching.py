"""Price-time matching against the displayed order book and the other accounts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kt.records import Side
from kt.rules import price_time_priority
from kt.sim.exchange.order_records import SimOrder
from kt.sim.market import expected_prices
from kt.sim.market.depth import Depth, pieces
from kt.sim.market.path import SessionPath


@dataclass(frozen=True, slots=True)
class Match:
    """A quantity of one order that trades at a price; `against` is the other account's order."""

    order: SimOrder
    price: int
    quantity: int
    against: SimOrder | None = None


@dataclass(frozen=True, slots=True)
class Liquidity:
    """The displayed liquidity of one stock at one second."""

    code: str
    path: SessionPath
    depth: Depth
    unit: int
    second: int

    def displayed(self, side: Side, price: int) -> int:
        return self.depth.size(self.code, self.path, self.unit, side, price, self.second)

    def take(self, side: Side, price: int, quantity: int) -> None:
        self.depth.take(self.code, self.path, side, price, self.second, quantity)


def other(side: Side) -> Side:
    return Side.SELL if side is Side.BUY else Side.BUY


def by_priority(orders: Iterable[SimOrder]) -> list[SimOrder]:
    return sorted(
        orders,
        key=lambda order: price_time_priority.priority(order.side, order.price, order.ord_no),
    )


def match_arriving(
    order: SimOrder, resting: Sequence[SimOrder], liquidity: Liquidity
) -> list[Match]:
    """Match an arriving order. Takes from the book; changes no order.

    Within a price level, the displayed shares ahead of an account's order are filled first, then
    the account's order, then the rest of the level.
    """
    facing = other(order.side)
    levels = liquidity.depth.levels(
        liquidity.code, liquidity.path, liquidity.unit, facing, liquidity.second
    )
    sizes = {level.price: level.quantity for level in levels}
    waiting = by_priority(item for item in resting if item.side is facing and item.open)
    waiting = [item for item in waiting if item.price]
    prices = sorted({*sizes, *(item.price for item in waiting)}, reverse=facing is Side.BUY)
    matches: list[Match] = []
    left = order.open
    for price in prices:
        if left <= 0 or not price_time_priority.crosses(order.side, order.price, price):
            break
        found = _at_price(order, price, left, sizes.get(price, 0), waiting, liquidity)
        matches += found
        left -= sum(match.quantity for match in found)
    return matches


def _at_price(
    order: SimOrder,
    price: int,
    left: int,
    displayed: int,
    waiting: Sequence[SimOrder],
    liquidity: Liquidity,
) -> list[Match]:
    matches: list[Match] = []

    def take_displayed(wanted: int) -> int:
        size = min(wanted, left, displayed)
        if size > 0:
            liquidity.take(other(order.side), price, size)
            matches.extend(
                Match(order, price, piece)
                for piece in pieces(liquidity.path, price, liquidity.second, size)
            )
        return max(0, size)

    for item in waiting:
        if item.price != price:
            continue
        size = take_displayed(item.ahead)
        displayed, left = displayed - size, left - size
        size = min(left, item.open)
        if size > 0:
            matches.append(Match(order, price, size, against=item))
            left -= size
    take_displayed(left)
    return matches


def match_resting(orders: Sequence[SimOrder], liquidity: Liquidity) -> list[Match]:
    """Match the resting orders of one stock in one second; updates their queue positions."""
    matches: list[Match] = []
    trade = liquidity.path.trade_at(liquidity.second)
    for side in (Side.BUY, Side.SELL):
        left = trade.quantity if trade else 0
        served_ahead = 0  # displayed shares at the trade's price that the trade has filled
        for order in by_priority(item for item in orders if item.side is side and item.open):
            if not order.price:
                matches += match_arriving(order, (), liquidity)
                continue
            if trade is None or not price_time_priority.crosses(side, order.price, trade.price):
                continue
            if trade.price == order.price and trade.side is not side:
                more = min(max(0, order.ahead - served_ahead), left)
                served_ahead += more
                left -= more
                order.ahead = max(0, order.ahead - served_ahead)
            size = min(order.open, left)
            if size > 0:
                order.ahead = 0
                left -= size
                matches.append(Match(order, order.price, size))
    return matches


def may_trade(order: SimOrder, path: SessionPath, minute: int) -> bool:
    """Whether a minute's price range reaches the order."""
    if not order.price:
        return True
    bar = path.minute(minute)
    return order.price >= bar.low if order.side is Side.BUY else order.price <= bar.high


def match_auction(
    orders: Sequence[SimOrder], path: SessionPath, price: int, volume: int
) -> list[Match]:
    """Match the accounts' orders in a call auction that clears at `price`
    (docs/market-rules.md#matching).

    The simulated orders determine the price; the accounts' orders join them by price and time.
    """
    eligible = [order for order in orders if order.open]
    eligible = [
        order for order in eligible if price_time_priority.crosses(order.side, order.price, price)
    ]
    buys, sells = expected_prices.background(path, price, volume)
    sums = {
        side: sum(size for _, size in crowd)
        + sum(order.open for order in eligible if order.side is side)
        for side, crowd in ((Side.BUY, buys), (Side.SELL, sells))
    }
    traded = min(sums.values())
    matches: list[Match] = []
    for side, crowd in ((Side.BUY, buys), (Side.SELL, sells)):
        rows: list[tuple[tuple[int, int], SimOrder | None, int]] = [
            (price_time_priority.priority(side, at, 0), None, size) for at, size in crowd
        ]
        for order in eligible:
            if order.side is side:
                key = price_time_priority.priority(side, order.price, order.ord_no)
                rows.append((key, order, order.open))
        left = traded
        for _, owner, size in sorted(rows, key=lambda row: row[0]):
            got = min(size, left)
            left -= got
            if owner is not None and got > 0:
                matches.append(Match(owner, price, got))
    return matches
