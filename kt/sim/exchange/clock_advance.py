"""Advances the exchange: resting orders, auctions, the end of a session."""

from __future__ import annotations

from datetime import datetime

from kt.sim.exchange.bar_matching import run_bars
from kt.sim.exchange.fill_booking import book_matches
from kt.sim.exchange.ledger import Ledger
from kt.sim.exchange.matching import Liquidity, match_auction, match_resting, may_trade
from kt.sim.exchange.order_entry import queue_up
from kt.sim.exchange.order_records import SimOrder
from kt.sim.market.session_days import AUCTION_SECOND, CLOSING_SECOND

_END = 24 * 3600


def run_to(ledger: Ledger, at: datetime) -> None:
    """Match everything up to a moment, across sessions."""
    moment = ledger.board.moment(at)
    while ledger.session < moment.session:
        _run(ledger, _END)
        ledger.begin_session(ledger.session + 1)
        ledger.board.chain.forget(ledger.session - ledger.board.chain.kept)
    _run(ledger, moment.second)


def _run(ledger: Ledger, until: int) -> None:
    """Match the current session up to and including a second."""
    start = ledger.matched
    if until <= start:
        return
    ledger.matched = until
    fills = len(ledger.fills)
    waiting: dict[str, list[SimOrder]] = {}
    for order in ledger.open_orders():
        waiting.setdefault(order.code, []).append(order)
    for code, orders in waiting.items():
        _run_stock(ledger, code, orders, start, until)
        for order in orders:
            ledger.queue_moved(order)
    if waiting and (len(ledger.fills) > fills or until >= CLOSING_SECOND):
        ledger.save()


def _run_stock(ledger: Ledger, code: str, orders: list[SimOrder], start: int, until: int) -> None:
    if ledger.board.fill_model is not None:
        run_bars(ledger, code, orders, start, until)
        if start < CLOSING_SECOND <= until:
            _expire(ledger, orders)
        return
    path = ledger.board.path(code, ledger.session)
    opens = path.skip * 60
    if start < opens <= until and not path.halted(opens):
        _auction(ledger, code, orders, opens, path.opening, max(1, path.auction))
    _continuous(ledger, code, orders, max(start, opens) + 1, min(until, AUCTION_SECOND - 1))
    if start < CLOSING_SECOND <= until:
        price, volume = path.closing_price, path.closing_volume
        if not path.halted(CLOSING_SECOND) and not path.locked(CLOSING_SECOND):
            _auction(ledger, code, orders, CLOSING_SECOND, price, volume)
        _expire(ledger, orders)


def _continuous(ledger: Ledger, code: str, orders: list[SimOrder], first: int, last: int) -> None:
    board, second = ledger.board, first
    path, unit = board.path(code, ledger.session), board.unit(code)
    while second <= last:
        waiting = [order for order in orders if order.open]
        if not waiting:
            return
        minute = second // 60
        if not any(may_trade(order, path, minute) for order in waiting):
            second = (minute + 1) * 60
            continue
        ended = next((call for call in path.interruptions if call.end == second), None)
        if path.suspended(second):
            pass
        elif ended is not None:
            _auction(ledger, code, orders, second, ended.price, ended.volume)
        else:
            matches = match_resting(waiting, Liquidity(code, path, ledger.depth, unit, second))
            if matches:
                book_matches(ledger, matches, board.days.at(ledger.session, second))
        second += 1


def _auction(
    ledger: Ledger, code: str, orders: list[SimOrder], second: int, price: int, volume: int
) -> None:
    board = ledger.board
    path = board.path(code, ledger.session)
    at = board.days.at(ledger.session, second)
    book_matches(ledger, match_auction(orders, path, price, volume), at)
    if second < CLOSING_SECOND:
        liquidity = Liquidity(code, path, ledger.depth, board.unit(code), second)
        for order in orders:
            queue_up(order, liquidity)


def _expire(ledger: Ledger, orders: list[SimOrder]) -> None:
    """Expire orders still open after the closing auction; the broker sends no frame for it."""
    at = ledger.board.days.at(ledger.session, CLOSING_SECOND)
    for order in orders:
        if order.open:
            order.gone += order.open
            order.open = 0
            order.expired = True
            ledger.touch(order, at)
