"""The order book that others make: ten levels a side around the last trade, and what was eaten."""

from __future__ import annotations

from dataclasses import dataclass

from kt.records import Book, Level, Side
from kt.rules import ticks
from kt.sim.market import auction
from kt.sim.market.days import AUCTION_SECOND
from kt.sim.market.noise import scatter
from kt.sim.market.path import SessionPath

LEVELS = 10
_EPOCH = 11
"""Seconds a level keeps its size; levels change at different seconds."""
_ROUGHLY_AN_ORDER = 2_500_000
"""Won: what one of the many orders inside a level is worth."""


@dataclass(frozen=True, slots=True)
class Eaten:
    """Shares taken from a level while it had the size of `epoch`; it refills with the next."""

    epoch: int
    quantity: int


class Depth:
    """Displayed sizes as a function of stock, price and second, less what accounts took."""

    def __init__(self) -> None:
        self.eaten: dict[tuple[str, Side, int], Eaten] = {}
        self.taken: set[tuple[str, Side, int]] = set()
        """Levels eaten since somebody last cleared this."""
        self.takes = 0
        """How often something was eaten."""

    def best(self, path: SessionPath, second: int) -> tuple[int, int]:
        """(ask, bid) prices; 0 where a limit leaves no room for that side."""
        if auction.expected(path, second)[0]:
            last, side = auction.expected(path, second)[0], Side.BUY
        else:
            last, side = path.price_at(second), path.side_at(min(second, AUCTION_SECOND - 1))
        last = ticks.round_down(last, path.kind)
        above, below = up(last, path.kind), down(last, path.kind)
        ask, bid = (last, below) if side is Side.BUY else (above, last)
        if last >= path.upper:
            ask, bid = 0, path.upper
        elif last <= path.lower:
            ask, bid = path.lower, 0
        return ask if ask <= path.upper else 0, bid if bid >= path.lower else 0

    def epoch(self, path: SessionPath, price: int, second: int) -> int:
        return (second + price // ticks.tick_size(price, path.kind) * 7 % _EPOCH) // _EPOCH

    def size(
        self, code: str, path: SessionPath, unit: int, side: Side, price: int, second: int
    ) -> int:
        """Displayed shares at a price of one side (BUY = the bid side), at this second.

        `unit` is what the stock trades in a usual minute.
        """
        epoch = self.epoch(path, price, second)
        bits = scatter(path.key ^ price, 2 * epoch + (side is Side.BUY))
        first, then = (bits & 0xFFFF) / 65536, ((bits >> 16) & 0xFFFF) / 65536
        lean = 3 * (path.buying(second // 60 + 2) - 0.5)
        weight = 1 + lean if side is Side.BUY else 1 - lean
        size = 1 + int(unit * max(0.3, weight) * first * (0.1 + 2.4 * then * then))
        eaten = self.eaten.get((code, side, price))
        if eaten is not None and eaten.epoch == epoch:
            size -= eaten.quantity
        return max(0, size)

    def take(
        self, code: str, path: SessionPath, side: Side, price: int, second: int, quantity: int
    ) -> None:
        """Remember that an account took shares from the level (`side` is the level's)."""
        epoch, name = self.epoch(path, price, second), (code, side, price)
        before = self.eaten.get(name)
        taken = before.quantity if before is not None and before.epoch == epoch else 0
        self.eaten[name] = Eaten(epoch, taken + quantity)
        self.taken.add(name)
        self.takes += 1

    def levels(
        self, code: str, path: SessionPath, unit: int, side: Side, second: int
    ) -> list[Level]:
        """The displayed levels of one side, best first; emptied ones are left out."""
        ask, bid = self.best(path, second)
        price, move = (bid, down) if side is Side.BUY else (ask, up)
        found: list[Level] = []
        for _ in range(LEVELS):
            if not price or not path.lower <= price <= path.upper:
                break
            size = self.size(code, path, unit, side, price, second)
            if size:
                found.append(Level(price, size))
            price = move(price, path.kind)
        return found

    def book(self, code: str, path: SessionPath, unit: int, second: int) -> Book:
        asks = tuple(self.levels(code, path, unit, Side.SELL, second))
        bids = tuple(self.levels(code, path, unit, Side.BUY, second))
        return Book(
            stock_code=code,
            asks=asks,
            bids=bids,
            total_ask=sum(level.quantity for level in asks),
            total_bid=sum(level.quantity for level in bids),
        )


def pieces(path: SessionPath, price: int, second: int, quantity: int) -> list[int]:
    """A taken quantity split into the single orders it met, each an execution of its own."""
    usual = max(1, _ROUGHLY_AN_ORDER // price)
    found: list[int] = []
    step = 0
    while quantity > 0 and len(found) < 9:
        bits = scatter(path.key ^ price, (second << 4) + step) & 0xFF
        size = min(quantity, 1 + usual * bits * bits // 65536)
        found.append(size)
        quantity -= size
        step += 1
    if quantity:
        found.append(quantity)
    return found


def up(price: int, kind: str = "STOCK") -> int:
    """The next grid price above a grid price."""
    return price + ticks.tick_size(price, kind)


def down(price: int, kind: str = "STOCK") -> int:
    """The next grid price below a grid price; 0 below the first."""
    return price - ticks.tick_size(price - 1, kind) if price > 0 else 0
