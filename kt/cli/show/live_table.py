"""The live table of `kt watch`: one row per stock, and below it the newest account events."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kt.cli.show import columns
from kt.cli.show.cells import clock, money, percent, plain, signed, updown
from kt.cli.show.table import Column, render
from kt.cli.show.width import shorten
from kt.records import (
    BalanceNotice,
    BookUpdate,
    OrderNotice,
    Quote,
    SessionNotice,
    StreamEvent,
    StreamState,
    Tick,
    ViNotice,
)
from kt.text import visible
from kt.translation import tr

if TYPE_CHECKING:
    from kt.cli.support.console import Console

REDRAW_SECONDS = 0.2
LINES = 8
ENTER, LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
HOME, CLEAR_LINE, CLEAR_BELOW = "\x1b[H", "\x1b[K", "\x1b[J"


@dataclass
class LiveRow:
    """The current values of one stock."""

    code: str
    name: str
    price: int
    change_pct: float
    volume: int
    strength: float = 0.0
    bid: int = 0
    ask: int = 0
    at: str = ""


COLUMNS = (
    Column("code", lambda row: row.code),
    Column("name", lambda row: row.name, shorten=14),
    Column("price", lambda row: money(row.price), right=True, color=lambda r: updown(r.change_pct)),
    columns.CHANGE,
    Column("volume", lambda row: money(row.volume), right=True, rank=1),
    Column("strength", lambda row: plain(row.strength or None), right=True, rank=3),
    Column("bid", lambda row: money(row.bid or None), right=True, rank=2),
    Column("ask", lambda row: money(row.ask or None), right=True, rank=2),
    Column("time", lambda row: row.at, rank=4),
)


class LiveTable:
    """Draws on the terminal's alternate screen, and prints the last table when it ends."""

    def __init__(self, console: Console, quotes: Sequence[Quote]) -> None:
        self._console = console
        self._rows = {quote.stock_code: _row(quote) for quote in quotes}
        self._lines: deque[str] = deque(maxlen=LINES)
        self._drawn = 0.0

    def enter(self) -> None:
        self._console.steer(ENTER)
        self._draw()

    def leave(self) -> None:
        self._console.steer(LEAVE + self._console.shown(self.text()))

    def take(self, event: StreamEvent | None) -> None:
        """Apply one event, and redraw if the last redraw is REDRAW_SECONDS ago."""
        if isinstance(event, Tick):
            self._tick(event)
        elif isinstance(event, BookUpdate):
            self._book(event)
        elif event is not None:
            self._lines.append(line(event))
        if time.monotonic() - self._drawn >= REDRAW_SECONDS:
            self._draw()

    def text(self) -> str:
        table = render(COLUMNS, list(self._rows.values()), self._console) if self._rows else ""
        width = self._console.width or 80
        return table + "".join(f"{shorten(text, width)}\n" for text in self._lines)

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        lines = self._console.shown(self.text()).replace("\n", CLEAR_LINE + "\n")
        self._console.steer(HOME + lines + CLEAR_BELOW)

    def _tick(self, tick: Tick) -> None:
        row = self._rows.setdefault(tick.stock_code, LiveRow(tick.stock_code, "", 0, 0.0, 0))
        row.price, row.change_pct, row.volume = tick.price, tick.change_pct, tick.volume
        row.strength, row.at = tick.strength or row.strength, clock(tick.at)
        row.bid, row.ask = tick.bid or row.bid, tick.ask or row.ask

    def _book(self, update: BookUpdate) -> None:
        row = self._rows.setdefault(update.stock_code, LiveRow(update.stock_code, "", 0, 0.0, 0))
        row.bid = update.book.bids[0].price if update.book.bids else 0
        row.ask = update.book.asks[0].price if update.book.asks else 0
        row.at = clock(update.at)


@contextmanager
def live(console: Console, quotes: Sequence[Quote]) -> Iterator[LiveTable]:
    """A live table; the normal screen and the cursor are always restored, also after Ctrl-C."""
    table = LiveTable(console, quotes)
    try:
        table.enter()
        yield table
    finally:
        table.leave()


def _row(quote: Quote) -> LiveRow:
    return LiveRow(
        code=quote.stock_code,
        name=quote.stock_name,
        price=quote.price,
        change_pct=quote.change_pct,
        volume=quote.volume,
        bid=quote.bid,
        ask=quote.ask,
        at=clock(quote.at),
    )


def line(event: StreamEvent) -> str:
    """One event as a line of text."""
    return visible(tr(_words(event)))


def _words(event: StreamEvent) -> str:
    head = clock(event.at)
    if isinstance(event, Tick):
        size = f"{event.side} {money(event.quantity)}"
        return f"{head} {event.stock_code} {money(event.price)} {percent(event.change_pct)} {size}"
    if isinstance(event, BookUpdate):
        bid, ask = event.book.bids[:1], event.book.asks[:1]
        sides = [f"{money(level.price)} x {money(level.quantity)}" for level in (*bid, *ask)]
        return f"{head} {event.stock_code} book {' / '.join(sides)}"
    if isinstance(event, OrderNotice):
        done = event.status == "FILL"
        quantity = event.fill_quantity if done else event.quantity
        price = event.fill_price if done else event.price
        what = f"{event.side} {money(quantity)} at {money(price) if price else 'market'}"
        stock = f"{event.stock_code} {event.stock_name}"
        return f"{head} order {event.ord_no} {event.status} {stock} {what} {event.reject_reason}"
    if isinstance(event, BalanceNotice):
        held = f"{event.stock_code} {event.stock_name} {money(event.quantity)} shares"
        today = f"today {signed(event.realised_today)}"
        return f"{head} balance {held} at {money(event.average_price)}, {today}"
    return f"{head} {_of_market(event)}"


def _of_market(event: SessionNotice | ViNotice | StreamState) -> str:
    if isinstance(event, SessionNotice):
        return f"session {event.code}, {event.left_seconds} s left"
    if isinstance(event, ViNotice):
        state = "interrupted" if event.active else "trades again"
        return f"{event.stock_code} volatility: {state} at {money(event.price)}"
    return f"stream {event.state} {event.detail}"
