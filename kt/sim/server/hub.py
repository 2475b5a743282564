"""Hands the exchange's events to the sessions that registered for them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING

from kt.errors import UnknownStock
from kt.ports import Broker, Market
from kt.records import OrderNotice, Quote, Side, StreamEvent
from kt.sim.wire import realtime, stream
from kt.sim.wire.realtime import ACCOUNT_TYPES, Surroundings

if TYPE_CHECKING:
    from collections.abc import Callable

    from kt.sim.server.session import Session

log = logging.getLogger("kt.exchange")
ROWS_IN_FRAME = 50
Event = tuple[str | None, StreamEvent]
Row = tuple[str, str, bytes]
"""Type, side (of account rows) and the row as JSON."""


class Hub:
    """The sessions by app key: one each, the newest."""

    def __init__(self, market: Market, account: Callable[[str], Broker]) -> None:
        self._market = market
        self._account = account
        self._sessions: dict[str, Session] = {}
        self._values: dict[tuple[str, str], int] = {}
        """Won filled so far by account and order number, since this process began."""

    def __len__(self) -> int:
        return len(self._sessions)

    def join(self, app_key: str, session: Session) -> Session | None:
        """Makes this the app key's session; the one that it replaces is returned."""
        older = self._sessions.get(app_key)
        self._sessions[app_key] = session
        return older if older is not session else None

    def leave(self, app_key: str, session: Session) -> None:
        if self._sessions.get(app_key) is session:
            del self._sessions[app_key]

    def watched(self) -> set[str]:
        """Every stock that some session registered."""
        return set().union(*(session.codes() for session in self._sessions.values()))

    def publish(self, events: Iterable[Event]) -> None:
        """Each session's rows in the order in which they happened; market rows of one type go
        together in a frame, an account row in a frame of its own."""
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

    def _market_rows(self, event: StreamEvent, outgoing: dict[str, list[Row]]) -> None:
        code = getattr(event, "stock_code", "")
        made: tuple[str, dict[str, str]] | None = None
        for app_key, session in self._sessions.items():
            items = session.items(event, code)
            if not items:
                continue
            if made is None:
                found = realtime.values(event, Surroundings(quote=self._quote(code)))
                if found is None:
                    return
                made = found[0], found[2]
            kind, values = made
            for item in items:
                row = stream.ENCODER.encode(realtime.row(kind, item, values))
                outgoing.setdefault(app_key, []).append((kind, "", row))

    def _account_row(
        self, account: str, event: StreamEvent, outgoing: dict[str, list[Row]]
    ) -> None:
        session = self._sessions.get(account)
        if session is None or not session.items(event, ""):
            return
        around = self._around(account, event)
        found = realtime.values(event, around)
        if found is None:
            return
        kind, code, values = found
        # Recorded: the item of an order row is empty; a balance row names its stock.
        item = "" if kind == "00" else code
        side = ""
        if isinstance(event, OrderNotice):
            side = "buy" if event.side is Side.BUY else "sell"
        row = stream.ENCODER.encode(realtime.row(kind, item, values))
        outgoing.setdefault(account, []).append((kind, side, row))

    def _around(self, account: str, event: StreamEvent) -> Surroundings:
        code = getattr(event, "stock_code", "")
        filled = value = 0
        if isinstance(event, OrderNotice):
            filled = event.quantity - event.open_quantity
            value = self._values.get((account, event.ord_no), 0)
        return Surroundings(self._quote(code), self._account(account).account(), filled, value)

    def _quote(self, code: str) -> Quote | None:
        try:
            return self._market.quote(code) if code else None
        except UnknownStock:
            return None


def _send(session: Session, rows: list[Row]) -> None:
    for kind, group in groupby(rows, key=lambda row: row[0]):
        same = list(group)
        if kind in ACCOUNT_TYPES:
            for _, side, row in same:
                session.send_rows(kind, side, [row])
            continue
        for start in range(0, len(same), ROWS_IN_FRAME):
            session.send_rows(kind, "", [row for _, _, row in same[start : start + ROWS_IN_FRAME]])
