"""Live market data: trades and order books of the watched stocks, and market phases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from operator import itemgetter

import msgspec

from kt.records import Book, BookUpdate, SessionNotice, Tick, ViNotice
from kt.sim.exchange.ledger import Addressed, Ledger
from kt.sim.market.path import MarketTrade, SessionPath
from kt.sim.market.session_days import AUCTION_SECOND, CLOSING_SECOND

_LOOK_BACK = 120
"""Clock seconds: older trades are not sent (after a jump or at high speed)."""
_MOST = 3
"""The most trades of one stock per step: the lowest, the highest and the last."""
_MOST_NOTICES = 60
_PRICE = itemgetter(1)


class Ticker:
    """Remembers what was sent last, so that only changes are sent."""

    def __init__(self, ledger: Ledger, at: datetime) -> None:
        self._ledger = ledger
        self._shown = at
        self._books: dict[str, Book] = {}
        self._drawn: tuple[int, int, int] = (0, 0, 0)
        self._phases: dict[int, list[SessionNotice]] = {}
        self.codes: frozenset[str] = frozenset()
        self.of_books: frozenset[str] = frozenset()

    def watch(self, codes: set[str], books: set[str]) -> None:
        """Watch the trades of `codes`, and the order books of those among them that are in `books`,
        from now on; unknown codes are ignored."""
        self._drawn = (0, 0, 0)
        self.codes = frozenset(code for code in codes if self._ledger.board.knows(code))
        self.of_books = self.codes & books
        self._books = {code: book for code, book in self._books.items() if code in self.of_books}

    def events(self, at: datetime) -> list[Addressed]:
        """The events since the last call."""
        since, self._shown = self._shown, max(at, self._shown)
        found: list[Addressed] = [(None, item) for item in self.notices(since, at)]
        found += [(None, item) for item in self.interruptions(since, at)]
        moment = self._ledger.board.moment(at)
        first = self._ledger.board.days.second(moment.session, since) + 1
        first = max(first, moment.second - _LOOK_BACK)
        now = (moment.session, moment.second, self._ledger.depth.changes)
        same, self._drawn = now == self._drawn, now
        for code in () if same else sorted(self.codes):
            path = self._ledger.board.path(code, moment.session)
            found += [
                (None, self._tick(code, path, trade, quantity, moment.session))
                for trade, quantity in chosen(path, first, moment.second)
            ]
            if code not in self.of_books:
                continue
            update = self._book(code, path, moment.second, at)
            if update is not None:
                found.append((None, update))
        return found

    def _tick(
        self, code: str, path: SessionPath, trade: MarketTrade, quantity: int, session: int
    ) -> Tick:
        opening, high, low = path.range_at(trade.second)
        board, depth = self._ledger.board, self._ledger.depth
        continuous = trade.second < AUCTION_SECOND
        inner = trade.volume - path.cumulative[trade.second // 60] if continuous else None
        ask, bid = depth.top(code, path, board.unit(code), trade.second)
        return Tick(
            stock_code=code,
            price=trade.price,
            quantity=quantity,
            side=trade.side,
            volume=trade.volume,
            change_pct=path.change_pct(trade.price),
            at=board.days.at(session, trade.second),
            ask=ask,
            bid=bid,
            strength=path.strength_at(trade.second, 0, inner),
            open=opening,
            high=high,
            low=low,
        )

    def _book(self, code: str, path: SessionPath, second: int, at: datetime) -> BookUpdate | None:
        ledger = self._ledger
        book = ledger.depth.book(code, path, ledger.board.unit(code), second)
        if self._books.get(code) == book:
            return None
        self._books[code] = book
        return BookUpdate(stock_code=code, book=msgspec.structs.replace(book, at=at), at=at)

    def interruptions(self, since: datetime, at: datetime) -> list[ViNotice]:
        """Volatility interruptions, of any stock, that began or ended in (since, at]."""
        board, session = self._ledger.board, self._ledger.session
        found = []
        for code in board.chain.steered(session):
            path = board.path(code, session)
            for call in path.interruptions:
                for second, active in ((call.start, True), (call.end, False)):
                    moment = board.days.at(session, second)
                    if since < moment <= at:
                        price = path.price_at(call.start)
                        found.append(
                            ViNotice(stock_code=code, active=active, price=price, at=moment)
                        )
        return found

    # --- market phases ----------------------------------------------------------------------

    def notices(self, since: datetime, at: datetime) -> list[SessionNotice]:
        """The phase messages that were due in (since, at]; after a jump only the latest."""
        found = [item for item in self._lately(at) if since < item.at <= at]
        return found[-_MOST_NOTICES:]

    def phase(self, at: datetime) -> SessionNotice:
        """The latest phase message at a moment."""
        return [item for item in self._lately(at) if item.at <= at][-1]

    def _lately(self, at: datetime) -> list[SessionNotice]:
        """The messages of the current and the previous session."""
        session = self._ledger.board.days.session(at)
        if session not in self._phases:
            both = [*phases(self._ledger, session - 1), *phases(self._ledger, session)]
            self._phases = {session: both}
        return self._phases[session]


def chosen(path: SessionPath, first: int, last: int) -> Iterator[tuple[MarketTrade, int]]:
    """At most three trades that represent these seconds, each with the shares since the one
    before it, so that no volume is lost."""
    traded = _traded(path, first, last)
    if not traded:
        return
    if len(traded) > _MOST:  # of equal prices the first
        traded = sorted({min(traded, key=_PRICE), max(traded, key=_PRICE), traded[-1]})
    before = path.volume_at(first - 1)
    for second, _ in traded:
        trade = path.trade_at(second)
        if trade is not None:
            yield trade, trade.volume - before
            before = trade.volume


def _traded(path: SessionPath, first: int, last: int) -> list[tuple[int, int]]:
    """The seconds from `first` to `last` with a trade, and its price."""
    index, inside = divmod(first, 60)
    if path.skip <= index == last // 60 and last < AUCTION_SECOND:
        seconds = path.seconds_in(index)
        shares, ends = seconds.quantities, inside + last - first + 1
        return [(index * 60 + at, seconds.prices[at]) for at in range(inside, ends) if shares[at]]
    found = []
    second, end = max(first, path.skip * 60), min(last, AUCTION_SECOND - 1)
    while second <= end:
        index, inside = divmod(second, 60)
        part = slice(inside, min(60, inside + end - second + 1))
        seconds = path.seconds_in(index)
        sizes = zip(seconds.prices[part], seconds.quantities[part], strict=True)
        found += [(at, price) for at, (price, size) in enumerate(sizes, second) if size]
        second += part.stop - inside
    if first <= CLOSING_SECOND <= last and path.closing_volume:
        found.append((CLOSING_SECOND, path.closing_price))
    return found


def phases(ledger: Ledger, session: int) -> list[SessionNotice]:
    """The day's 0s messages: the countdown to the open (0), the open (3), the closing auction (2,
    every minute) and the close (4, 8)."""
    hours = ledger.board.days.hours(session)
    minute = timedelta(minutes=1)
    found = []
    at = hours.orders_from
    while at < hours.open:
        found.append(_notice("0", at, hours.open))
        at += minute
    found.append(_notice("3", hours.open, hours.open))
    at = hours.closing_auction
    while at < hours.close:
        found.append(_notice("2", at, hours.close))
        at += minute
    found.append(_notice("4", hours.close, hours.close))
    found.append(_notice("8", hours.close, hours.close))
    return found


def _notice(code: str, at: datetime, until: datetime) -> SessionNotice:
    return SessionNotice(code=code, at=at, left_seconds=int((until - at).total_seconds()))
