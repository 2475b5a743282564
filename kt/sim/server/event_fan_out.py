"""Sends the exchange's events to the sessions that registered for them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import groupby
from typing import TYPE_CHECKING, Any, Protocol

from kt.errors import UnknownStock
from kt.ports import Broker, Market
from kt.records import (
    BalanceNotice,
    BookUpdate,
    OrderNotice,
    Quote,
    SessionNotice,
    Side,
    StreamEvent,
    Tick,
    ViNotice,
)
from kt.sim.wire import realtime, stream_frames
from kt.sim.wire.account_rows import RowContext
from kt.sim.wire.realtime import ACCOUNT_TYPES, MARKET_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS_IN_FRAME = 50
KINDS: dict[type[Any], str] = {
    Tick: "0B",
    BookUpdate: "0D",
    OrderNotice: "00",
    BalanceNotice: "04",
    SessionNotice: "0s",
    ViNotice: "1h",
}
Event = tuple[str | None, StreamEvent]
Row = tuple[str, str, Any]
"""Type, side (of account rows) and the row as JSON; for a listener with `take_records` an event."""
RECORDS = frozenset({"0B", "0D"})
"""The types whose events such a listener gets as they are."""


class Listener(Protocol):
    """A WebSocket session as the fan-out sees it."""

    def codes(self, kinds: Collection[str] = MARKET_TYPES) -> set[str]:
        """The stock codes that it registered for these types."""
        ...

    def items(self, kind: str, code: str) -> list[str]:
        """The items under which it registered this type of this stock."""
        ...

    @property
    def take_records(self) -> Callable[[list[StreamEvent]], None] | None:
        """Takes a frame's trades or books as they are, in the same process; None for JSON."""
        ...

    def send_rows(self, kind: str, side: str, rows: list[bytes]) -> None: ...
    def replace(self) -> None:
        """Called when the app key has logged in elsewhere."""
        ...


class EventFanOut:
    """The sessions by app key: only the newest of each."""

    def __init__(self, market: Market, account: Callable[[str], Broker]) -> None:
        self._market = market
        self._account = account
        self._sessions: dict[str, Listener] = {}
        self._values: dict[tuple[str, str], int] = {}
        """Won filled so far by account and order number, since this process began."""
        self._quotes: dict[str, Quote | None] = {}
        """The quotes of the step being published, cached because they are the costliest part of a
        row."""

    def __len__(self) -> int:
        return len(self._sessions)

    def join(self, app_key: str, session: Listener) -> Listener | None:
        """Make this the app key's session; returns the one it replaces."""
        older = self._sessions.get(app_key)
        self._sessions[app_key] = session
        return older if older is not session else None

    def leave(self, app_key: str, session: Listener) -> None:
        if self._sessions.get(app_key) is session:
            del self._sessions[app_key]

    def watched(self, kinds: Collection[str] = MARKET_TYPES) -> set[str]:
        """The stocks that any session registered, for these types."""
        return set().union(*(session.codes(kinds) for session in self._sessions.values()))

    def publish(self, events: Iterable[Event]) -> None:
        """Each session's frames in order of time; market rows of one type share a frame, and an
        account row has its own."""
        self._quotes.clear()
        outgoing: dict[str, list[Row]] = {}
        for account, event in events:
            if account is None:
                self._market_rows(event, outgoing)
                continue
            if isinstance(event, OrderNotice):
                key = (account, event.ord_no)
                worth = event.fill_quantity * event.fill_price
                self._values[key] = self._values.get(key, 0) + worth
            self._account_row(account, event, outgoing)
        for app_key, rows in outgoing.items():
            session = self._sessions.get(app_key)
            if session is not None:
                _send(session, rows)

    def relay(self, rows: Iterable[tuple[str, str, bytes]]) -> None:
        """Send recorded rows (type, stock code, row) to the sessions that registered for them."""
        for kind, code, row in rows:
            for session in self._sessions.values():
                if session.items(kind, code) or session.items(kind, ""):
                    session.send_rows(kind, "", [row])

    def _market_rows(self, event: StreamEvent, outgoing: dict[str, list[Row]]) -> None:
        code = getattr(event, "stock_code", "")
        kinds = {KINDS[type(event)]}
        if isinstance(event, BookUpdate):
            kinds.add("0H")
        asked = []
        for app_key, session in self._sessions.items():
            for kind in kinds:
                items = session.items(kind, code) or _whole_market_items(session, kind, code)
                if kind in RECORDS and session.take_records is not None:
                    outgoing.setdefault(app_key, []).extend((kind, "", event) for _ in items)
                else:
                    asked += [(app_key, kind, item) for item in items]
        if not asked:
            return
        quote = self._quote(code)
        made: dict[str, dict[str, str] | None] = {}
        for app_key, kind, item in asked:
            if kind not in made:
                made[kind] = self._market_values(kind, event, quote)
            values = made[kind]
            if values is not None:
                row = stream_frames.ENCODER.encode(realtime.row(kind, item, values))
                outgoing.setdefault(app_key, []).append((kind, "", row))

    def _market_values(
        self, kind: str, event: StreamEvent, quote: Quote | None
    ) -> dict[str, str] | None:
        if kind == "0H":
            in_auction = (
                quote is not None and quote.expected_price and isinstance(event, BookUpdate)
            )
            return realtime.expected(quote, event.at) if quote and in_auction else None
        if isinstance(event, ViNotice) and quote is not None:
            listed = self._market.instruments()
            market = next(one.market for one in listed if one.stock_code == event.stock_code)
            return realtime.interruption(event, quote, market)
        found = realtime.values(event, RowContext(quote=quote))
        return found[2] if found else None

    def _account_row(
        self, account: str, event: StreamEvent, outgoing: dict[str, list[Row]]
    ) -> None:
        session = self._sessions.get(account)
        if session is None or not session.items(KINDS[type(event)], ""):
            return
        found = realtime.values(event, self._row_context(account, event))
        if found is None:
            return
        kind, code, values = found
        # Recorded: the item of an order row is empty; a balance row names its stock.
        item = "" if kind == "00" else code
        side = ""
        if isinstance(event, OrderNotice):
            side = "buy" if event.side is Side.BUY else "sell"
        row = stream_frames.ENCODER.encode(realtime.row(kind, item, values))
        outgoing.setdefault(account, []).append((kind, side, row))

    def _row_context(self, account: str, event: StreamEvent) -> RowContext:
        code = getattr(event, "stock_code", "")
        filled = value = 0
        if isinstance(event, OrderNotice):
            filled = event.quantity - event.open_quantity
            value = self._values.get((account, event.ord_no), 0)
        return RowContext(self._quote(code), self._account(account).account(), filled, value)

    def _quote(self, code: str) -> Quote | None:
        if code not in self._quotes:
            try:
                self._quotes[code] = self._market.quote(code) if code else None
            except UnknownStock:
                self._quotes[code] = None
        return self._quotes[code]


def _whole_market_items(session: Listener, kind: str, code: str) -> list[str]:
    """Interruptions may be registered for the whole market; a row then names its stock."""
    return [code] if kind == "1h" and session.items(kind, "") else []


def _send(session: Listener, rows: list[Row]) -> None:
    for kind, group in groupby(rows, key=lambda row: row[0]):
        same = list(group)
        if kind in ACCOUNT_TYPES:
            for _, side, row in same:
                session.send_rows(kind, side, [row])
            continue
        for start in range(0, len(same), ROWS_IN_FRAME):
            made = [row for _, _, row in same[start : start + ROWS_IN_FRAME]]
            if kind in RECORDS and session.take_records is not None:
                session.take_records(made)
            else:
                session.send_rows(kind, "", made)
