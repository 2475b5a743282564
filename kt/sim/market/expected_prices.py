"""Expected prices during the call auctions, which converge to the final auction price."""

from __future__ import annotations

from kt.rules import ticks
from kt.sim.market.draw import snap
from kt.sim.market.noise import bell, share
from kt.sim.market.path import SessionPath
from kt.sim.market.session_days import AUCTION_SECOND, CLOSING_SECOND

OPENING_SECONDS = 30 * 60
"""The length of the opening auction on an ordinary day."""
_STEP = 5
"""Seconds between two updates of the expected price."""


def expected(path: SessionPath, second: int) -> tuple[int, int]:
    """The expected (price, volume) of the running auction; zeros outside an auction, while the
    stock is halted, and where it is not known."""
    if not path.auctions_known or (path.steered and path.halted(second)):
        return 0, 0
    begin = path.skip * 60 - OPENING_SECONDS
    if begin <= second < path.skip * 60:
        return _converging(path, second, begin, OPENING_SECONDS, path.base, *opening_print(path))
    if AUCTION_SECOND <= second < CLOSING_SECOND:
        last = path.price_at(second)
        length = CLOSING_SECOND - AUCTION_SECOND
        target = path.closing_price, path.closing_volume
        return _converging(path, second, AUCTION_SECOND, length, last, *target)
    call = path.interruption(second) if path.steered else None
    if call is not None:
        last, length = path.price_at(second), call.end - call.start
        return _converging(path, second, call.start, length, last, call.price, call.volume)
    return 0, 0


def opening_print(path: SessionPath) -> tuple[int, int]:
    """The final (price, volume) of the opening auction."""
    return path.opening, max(1, path.auction)


def _converging(
    path: SessionPath, second: int, begin: int, length: int, start: int, price: int, volume: int
) -> tuple[int, int]:
    step = (second - begin) // _STEP
    passed = (second - begin) / length
    noise = bell(path.key ^ 0xA0C, step) * (1 - passed) * 0.004 * start
    wanted = start + (price - start) * passed * (2 - passed) + noise
    found = max(path.lower, min(path.upper, snap(wanted, path.kind)))
    collected = 0.15 + 0.8 * passed * passed + 0.05 * share(path.key ^ 0xB0C, step)
    return found, max(1, int(volume * min(1.0, collected)))


def background(
    path: SessionPath, price: int, volume: int
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """The simulated auction orders (buys, sells), each a list of (price, shares), best first.

    They clear at `price` for `volume` shares. One side has a surplus at that price, so that
    accounts' orders on the other side can trade there without moving the auction price.
    """
    tick = ticks.tick_size(price, path.kind)
    eager = volume // 2
    surplus = 1 + int(volume * share(path.key ^ 0xC0C, price))
    above, below = min(path.upper, price + 3 * tick), max(path.lower, price - 3 * tick)
    more_buyers = share(path.key ^ 0xD0C, price) < 0.5
    at_price = volume - eager
    buys = [(above, eager), (price, at_price + (surplus if more_buyers else 0))]
    sells = [(below, eager), (price, at_price + (0 if more_buyers else surplus))]
    return buys, sells
