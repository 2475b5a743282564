"""Matches orders against minute bars: at the end of each bar, and never in the bar in which the
order arrived (docs/virtual-clock.md#fills)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kt.rules.bar_fill import FillModel, fill_price
from kt.sim.exchange.fill_booking import book_matches
from kt.sim.exchange.ledger import Ledger
from kt.sim.exchange.matching import Match
from kt.sim.exchange.order_records import SimOrder
from kt.sim.market.bar_tables import BarRow
from kt.sim.market.minute_seconds import Minute
from kt.sim.market.path import SessionPath
from kt.sim.market.session_days import CLOSING_SECOND, CONTINUOUS_MINUTES


def run_bars(ledger: Ledger, code: str, orders: Sequence[SimOrder], start: int, until: int) -> None:
    """Match one stock's orders with the bars that end after second `start`, up to `until`."""
    model = ledger.board.fill_model
    assert model is not None
    path = ledger.board.path(code, ledger.session)
    for second, bar in _ended(path, start, until):
        matches = match_bar(model, path, second, bar, orders)
        if matches:
            book_matches(ledger, matches, ledger.board.days.at(ledger.session, second))


def _ended(path: SessionPath, start: int, until: int) -> Iterator[tuple[int, Minute | BarRow]]:
    """The bars with trades that end in (start, until], each with its last second."""
    first = max(path.skip, (start + 1) // 60)
    for index in range(first, min(CONTINUOUS_MINUTES, (until + 1) // 60)):
        if path.volumes[index] and start < 60 * index + 59:
            yield 60 * index + 59, path.minute(index)
    if start < CLOSING_SECOND <= until and path.closing_volume:
        yield CLOSING_SECOND, _closing(path)


def _closing(path: SessionPath) -> BarRow:
    """The closing auction as a bar of one price."""
    price = path.closing_price
    return BarRow(CONTINUOUS_MINUTES, price, price, price, price, path.closing_volume, 0)


def match_bar(
    model: FillModel,
    path: SessionPath,
    second: int,
    bar: Minute | BarRow,
    orders: Sequence[SimOrder],
) -> list[Match]:
    """What fills in the bar that ends in `second`: the orders that were there before it, in the
    order of their numbers, until the account's share of the volume is used up."""
    latest = second if second == CLOSING_SECOND else second - 59
    left = model.shares(bar.volume)
    limits = (path.lower, path.upper)
    matches = []
    for order in sorted(orders, key=lambda order: order.ord_no):
        if not order.open or order.since >= latest:
            continue
        price = fill_price(model, bar, order.side, order.price, limits, path.kind)
        size = min(order.open, left)
        if price is not None and size > 0:
            left -= size
            matches.append(Match(order, price, size))
    return matches
