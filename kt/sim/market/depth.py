"""The simulated order book: ten price levels a side around the last trade, less the quantities
that accounts have taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kt.records import Book, Level, Side
from kt.rules import price_time_priority, ticks
from kt.sim.market import expected_prices
from kt.sim.market.noise import scatter
from kt.sim.market.path import SessionPath
from kt.sim.market.session_days import AUCTION_SECOND

LEVELS = 10
_EPOCH = 11
"""Seconds for which a price level keeps its size; levels change at different seconds."""
_LOCKED = 20
"""The extra quantity at each price of the only side of a locked stock, in minutes of usual
volume."""
_ROUGHLY_AN_ORDER = 1_200_000
"""The approximate value of a single order inside a price level, in won."""


@dataclass(frozen=True, slots=True)
class ConsumedLevel:
    """Shares taken from a price level during one `epoch`; it refills in the next."""

    epoch: int
    quantity: int


class Depth:
    """Displayed quantities, computed from stock, price and second, less what accounts took."""

    def __init__(self) -> None:
        self.consumed: dict[tuple[str, Side, int], ConsumedLevel] = {}
        self.taken: set[tuple[str, Side, int]] = set()
        """Levels that were consumed since the set was last cleared."""
        self.changes = 0
        """How many times accounts have changed a book."""
        self._resting: dict[str, dict[tuple[Side, int], int]] = {}
        self._open: dict[int, int] = {}

    def clear(self) -> None:
        """Reset for a new session: nothing consumed, no resting orders."""
        self.consumed.clear()
        self.taken.clear()
        self._resting.clear()
        self._open.clear()

    def show(self, number: int, code: str, side: Side, price: int, quantity: int) -> None:
        """Set the open quantity of an account's resting order (0: no longer in the book)."""
        delta = quantity - self._open.get(number, 0)
        if not delta:
            return
        self._open[number] = quantity
        levels = self._resting.setdefault(code, {})
        levels[side, price] = levels.get((side, price), 0) + delta
        if not levels[side, price]:
            del levels[side, price]
        self.changes += 1

    def best(self, path: SessionPath, second: int) -> tuple[int, int]:
        """(ask, bid) prices; 0 for a side without room inside the price limits, and in a halt."""
        kept = path.best_seen
        if kept is None or kept[0] != second:
            kept = path.best_seen = second, self._find_best(path, second)
        return kept[1]

    def _find_best(self, path: SessionPath, second: int) -> tuple[int, int]:
        if path.steered and path.halted(second):
            return 0, 0
        expected = 0
        if path.steered or not path.skip * 60 <= second < AUCTION_SECOND:
            expected = expected_prices.expected(path, second)[0]
        if expected:
            last, side = expected, Side.BUY
        else:
            last, side = path.price_at(second), path.side_at(min(second, AUCTION_SECOND - 1))
        tick = ticks.tick_size(last, path.kind)
        last -= last % tick
        ask, bid = (last, down(last, path.kind)) if side is Side.BUY else (last + tick, last)
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
        """Displayed shares at a price of one side (BUY: the bid side) in this second.

        `unit` is the stock's usual volume of one minute.
        """
        tick = ticks.tick_size(price, path.kind)
        return self._sizes(code, path, unit, side, (price,), tick, second)[0]

    def _sizes(
        self,
        code: str,
        path: SessionPath,
        unit: int,
        side: Side,
        prices: Sequence[int],
        tick: int,
        second: int,
    ) -> list[int]:
        """`size` at prices that have the same tick."""
        is_bid = side is Side.BUY
        lean = 3 * (path.buying(second // 60 + path.lead) - 0.5)
        most = unit * max(0.3, 1 + lean if is_bid else 1 - lean)
        extra = 1 + (_LOCKED * unit if path.steered and path.locked(second) else 0)
        key, consumed, found = path.key, self.consumed, []
        for price in prices:
            epoch = (second + price // tick * 7 % _EPOCH) // _EPOCH
            bits = scatter(key ^ price, 2 * epoch + is_bid)
            first, then = (bits & 0xFFFF) / 65536, ((bits >> 16) & 0xFFFF) / 65536
            size = extra + int(most * first * (0.1 + 2.4 * then * then))
            if consumed:
                taken = consumed.get((code, side, price))
                if taken is not None and taken.epoch == epoch:
                    size -= taken.quantity
            found.append(size if size > 0 else 0)
        return found

    def take(
        self, code: str, path: SessionPath, side: Side, price: int, second: int, quantity: int
    ) -> None:
        """Record that an account took shares from a price level of `side`."""
        epoch, name = self.epoch(path, price, second), (code, side, price)
        before = self.consumed.get(name)
        taken = before.quantity if before is not None and before.epoch == epoch else 0
        self.consumed[name] = ConsumedLevel(epoch, taken + quantity)
        self.taken.add(name)
        self.changes += 1

    def levels(
        self, code: str, path: SessionPath, unit: int, side: Side, second: int
    ) -> list[Level]:
        """The displayed price levels of one side, best first, without the accounts' orders; empty
        levels are left out."""
        found: list[Level] = []
        for prices, tick in self._shown(path, side, second):
            sizes = self._sizes(code, path, unit, side, prices, tick, second)
            found += [Level(*level) for level in zip(prices, sizes, strict=True) if level[1]]
        return found

    def _shown(
        self, path: SessionPath, side: Side, second: int
    ) -> Iterable[tuple[Sequence[int], int]]:
        """The prices of a side's levels, best first, in parts that have one tick each, and this
        tick."""
        ask, bid = self.best(path, second)
        best, kind = (bid, path.kind) if side is Side.BUY else (ask, path.kind)
        if not best:
            return ()
        tick = ticks.tick_size(best, kind)
        step = -tick if side is Side.BUY else tick
        end = best + LEVELS * step
        if path.lower < end < path.upper and ticks.tick_size(end, kind) == tick:
            return ((range(best, end, step), tick),)
        move, prices = (down if side is Side.BUY else up), [best]
        while len(prices) < LEVELS:
            prices.append(move(prices[-1], kind))
        return [
            ((price,), ticks.tick_size(price, kind))
            for price in prices
            if path.lower <= price <= path.upper
        ]

    def top(self, code: str, path: SessionPath, unit: int, second: int) -> tuple[int, int]:
        """The displayed (ask, bid) prices: without empty levels, with the accounts' orders."""
        ask, bid = self.best(path, second)
        if not self._resting.get(code) and not self._emptied(code, path, unit, second, ask, bid):
            return ask, bid
        book = self.book(code, path, unit, second)
        return (
            book.asks[0].price if book.asks else 0,
            book.bids[0].price if book.bids else 0,
        )

    def _emptied(
        self, code: str, path: SessionPath, unit: int, second: int, ask: int, bid: int
    ) -> bool:
        if not self.consumed:
            return False
        for name in ((code, Side.SELL, ask), (code, Side.BUY, bid)):
            if name in self.consumed:
                _, side, price = name
                if not self.size(code, path, unit, side, price, second):
                    return True
        return False

    def book(self, code: str, path: SessionPath, unit: int, second: int) -> Book:
        """Both sides, including the accounts' resting orders.

        Displayed levels that an account's resting order crosses are left out, because they are
        about to trade with it.
        """
        asks = self.levels(code, path, unit, Side.SELL, second)
        bids = self.levels(code, path, unit, Side.BUY, second)
        placed = self._resting.get(code)
        if placed and not expected_prices.expected(path, second)[0]:
            asks, bids = _with_resting(asks, bids, placed)
        return Book(
            stock_code=code,
            asks=tuple(asks[:LEVELS]),
            bids=tuple(bids[:LEVELS]),
            total_ask=sum(level.quantity for level in asks[:LEVELS]),
            total_bid=sum(level.quantity for level in bids[:LEVELS]),
        )


def _with_resting(
    asks: list[Level], bids: list[Level], placed: Mapping[tuple[Side, int], int]
) -> tuple[list[Level], list[Level]]:
    """Both sides with the accounts' resting orders, best first."""
    sizes = {
        side: {level.price: level.quantity for level in levels}
        for side, levels in ((Side.SELL, asks), (Side.BUY, bids))
    }
    for (side, price), quantity in placed.items():
        facing = Side.SELL if side is Side.BUY else Side.BUY
        sizes[facing] = {
            at: size
            for at, size in sizes[facing].items()
            if not price_time_priority.crosses(side, price, at)
        }
        sizes[side][price] = sizes[side].get(price, 0) + quantity
    asks = [Level(price, sizes[Side.SELL][price]) for price in sorted(sizes[Side.SELL])]
    bids = [Level(price, sizes[Side.BUY][price]) for price in sorted(sizes[Side.BUY])[::-1]]
    return asks, bids


def pieces(path: SessionPath, price: int, second: int, quantity: int) -> list[int]:
    """Split a taken quantity into the single orders it matched; each is one execution."""
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
    """The next price one tick up."""
    return price + ticks.tick_size(price, kind)


def down(price: int, kind: str = "STOCK") -> int:
    """The next price one tick down; 0 below the lowest."""
    return price - ticks.tick_size(price - 1, kind) if price > 0 else 0
