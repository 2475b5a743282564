"""Decodes WebSocket frames into StreamEvents; one invalid row does not lose the others.

Trades and books come by the thousand, so they have a fast path that knows only the usual spelling.
What it cannot read goes through the exact rules of `kt.broker.wire`, which also name the invalid
field (`0B.data[2].10`). Sources: the API's pages of the real-time types 00, 04,
0B, 0D, 0s and 1h; field names there are numbers (FIDs).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Raw, field

from kt.broker.stream.envelope import FRAME, UNREADABLE, Frame, RawRow, decode_loosely
from kt.broker.stream.notices import balance_notice, order_notice, session_notice, vi_notice
from kt.broker.wire import OnFault, Row, scalars, shown
from kt.errors import WireError
from kt.ports import Clock
from kt.records import Book, BookUpdate, Level, Side, StreamEvent, StreamKind, Tick

T = TypeVar("T", bound=StreamEvent)
OnFrame = Callable[[bytes], None] | None

Usual = Annotated[str, Meta(max_length=18)]
"""Longer texts (padding, garbage) are read by the exact rules."""
UsualRate = Annotated[str, Meta(max_length=12)]


class TradeValues(msgspec.Struct, kw_only=True):
    """What kt reads of 0B, in the order of the wire: that is the fastest to decode."""

    time: Usual = field(name="20")
    price: Usual = field(name="10")
    change_pct: UsualRate = field(name="12")
    ask: Usual = field(name="27", default="")
    bid: Usual = field(name="28", default="")
    quantity: Usual = field(name="15")
    volume: Usual = field(name="13")
    open: Usual = field(name="16", default="")
    high: Usual = field(name="17", default="")
    low: Usual = field(name="18", default="")
    strength: UsualRate = field(name="228", default="")


LEVELS = range(10)
BOOK_FIDS = (
    "21",
    *(fid for i in LEVELS for fid in (f"{41 + i}", f"{61 + i}", f"{51 + i}", f"{71 + i}")),
    "121",
    "125",
)
"""Time; then ask price, its quantity, bid price, its quantity, level by level; the totals."""

BookValues = msgspec.defstruct(
    "BookValues",
    [(f"fid{fid}", Usual) for fid in BOOK_FIDS],
    rename={f"fid{fid}": fid for fid in BOOK_FIDS},
)

_TRADE = msgspec.json.Decoder(TradeValues)
_BOOK = msgspec.json.Decoder(BookValues)
_ANY = msgspec.json.Decoder(dict[str, Any])

MOMENTS_KEPT = 4096


class FrameReader:
    """Reads one connection's frames. Not thread-safe.

    `on_fault` is called for every row that had to be left out, `on_frame` gets every frame as it
    came. `counts` holds frames, events, faults
    and, as `unknown:<type>`, rows of types kt does not read.
    """

    def __init__(self, clock: Clock, on_fault: OnFault, on_frame: OnFrame = None) -> None:
        self.clock = clock
        self.on_frame = on_frame
        self.on_fault = on_fault
        self.counts: Counter[str] = Counter()
        self._today = date.min
        self._received_at: datetime | None = None
        self._moments: dict[str, datetime] = {}
        self._codes: dict[str, str] = {}
        self._readers: dict[str, Callable[[RawRow, str], StreamEvent]] = {
            StreamKind.TRADE: self._trade,
            StreamKind.BOOK: self._book,
            StreamKind.ORDERS: self._by(order_notice),
            StreamKind.BALANCE: self._by(balance_notice),
            StreamKind.SESSION: self._by(session_notice),
            StreamKind.VI: self._by(vi_notice),
        }

    def open(self, data: bytes) -> Frame:
        """Decode the envelope of a frame, not its rows. Raises WireError."""
        self.counts["frames"] += 1
        if self.on_frame is not None:
            self.on_frame(data)
        try:
            return FRAME.decode(data)
        except UNREADABLE:
            return decode_loosely(data, self.report)

    def events(self, frame: Frame) -> list[StreamEvent]:
        """The rows of a data frame that can be read; `faulty` is called for the others."""
        self._received_at = self.clock.now()
        today = self._received_at.date()
        if today != self._today or len(self._moments) > MOMENTS_KEPT:
            self._today = today
            self._moments.clear()
        events: list[StreamEvent] = []
        for index, row in enumerate(frame.data or ()):
            read = self._readers.get(row.type)
            if read is None:
                self.counts[f"unknown:{row.type[:8]}"] += 1
                continue
            try:
                events.append(read(row, f"{row.type}.data[{index}]"))
            except WireError as fault:
                self.report(fault)
        self.counts["events"] += len(events)
        return events

    def read(self, data: bytes) -> list[StreamEvent]:
        """All events of one frame; none for a frame that is not data. Never raises."""
        try:
            return self.events(self.open(data))
        except WireError as fault:
            self.report(fault)
            return []

    def report(self, fault: WireError) -> None:
        self.counts["faults"] += 1
        self.on_fault(fault)

    def _by(self, notice: Callable[[Row, datetime], T]) -> Callable[[RawRow, str], T]:
        return lambda row, where: notice(self._row(row, where), self.clock.now())

    def _row(self, row: RawRow, where: str) -> Row:
        try:
            return Row(_ANY.decode(row.values), where)
        except UNREADABLE:
            raise WireError(f"{where}.values", shown(bytes(row.values))) from None

    def _code(self, row: RawRow, where: str) -> str:
        item = row.item or ""
        try:
            code = self._codes[item] = scalars.code(item)
        except ValueError:
            raise WireError(f"{where}.item", shown(item)) from None
        return code

    def _moment(self, text: str) -> datetime | None:
        """Raises ValueError."""
        at = scalars.moment(text, self._today)
        if at is not None:
            self._moments[text] = at
        return at

    def _trade(self, row: RawRow, where: str) -> Tick:
        try:
            values = _TRADE.decode(row.values)
            at = self._moments.get(values.time) or self._moment(values.time)
            change_pct, strength = values.change_pct, values.strength
            quantity, price = int(values.quantity), abs(int(values.price))
            # int() takes no exponent, no NaN and no infinity: so float() meets none of them.
            int(change_pct.replace(".", "", 1))
            int(strength.replace(".", "", 1) or "0")
            if not at or not price or not _plain(row.values):
                return self._trade_exactly(row, where)
            return Tick(
                stock_code=self._codes.get(row.item or "") or self._code(row, where),
                price=price,
                quantity=abs(quantity),
                side=Side.SELL if quantity < 0 else Side.BUY,
                volume=abs(int(values.volume)),
                change_pct=float(change_pct) or 0.0,  # no minus zero
                at=at,
                ask=abs(int(values.ask or "0")),
                bid=abs(int(values.bid or "0")),
                strength=float(strength or "0") or 0.0,
                open=abs(int(values.open or "0")),
                high=abs(int(values.high or "0")),
                low=abs(int(values.low or "0")),
                received_at=self._received_at,
            )
        except (*UNREADABLE, ValueError):
            return self._trade_exactly(row, where)

    def _trade_exactly(self, row: RawRow, where: str) -> Tick:
        """0B by the rules. FID 15's sign is the side that hit the other's quote."""
        values = self._row(row, where)
        quantity = values.integer("15")
        price = values.price("10")
        if price == 0:
            # A price of 0 must not reach a stop-loss.
            raise WireError(f"{where}.10", shown(values.fields.get("10")))
        return Tick(
            stock_code=self._code(row, where),
            price=price,
            quantity=abs(quantity),
            side=Side.SELL if quantity < 0 else Side.BUY,
            volume=values.price("13"),
            change_pct=values.rate("12"),
            at=values.moment("20", self._today),
            ask=values.price("27", 0),
            bid=values.price("28", 0),
            strength=values.rate("228", 0.0),
            open=values.price("16", 0),
            high=values.price("17", 0),
            low=values.price("18", 0),
            received_at=self._received_at,
        )

    def _book(self, row: RawRow, where: str) -> BookUpdate:
        try:
            time, *texts = msgspec.structs.astuple(_BOOK.decode(row.values))
            at = self._moments.get(time) or self._moment(time)
            numbers = [*map(int, texts)]
            if not at or not _plain(row.values):
                return self._book_exactly(row, where)
            code = self._codes.get(row.item or "") or self._code(row, where)
        except (*UNREADABLE, ValueError):
            return self._book_exactly(row, where)
        return _update(code, at, numbers)

    def _book_exactly(self, row: RawRow, where: str) -> BookUpdate:
        """0D by the rules: an empty level is `-0`, `0` or a blank."""
        values = self._row(row, where)
        numbers = [values.price(fid, 0) for fid in BOOK_FIDS[1:]]
        at = values.moment("21", self._today)
        return _update(self._code(row, where), at, numbers)


def _plain(raw: Raw) -> bool:
    """Python reads `1_000` and Thai digits as numbers, and the broker's rules do not; an escape
    (`\\u005f`) may hide either."""
    text = bytes(raw)
    return text.isascii() and b"_" not in text and b"\\" not in text


def _update(code: str, at: datetime, numbers: list[int]) -> BookUpdate:
    """From the numbers of BOOK_FIDS without the time. Prices carry a direction as their sign."""
    ask_prices, bid_prices = numbers[0:40:4], numbers[2:40:4]
    asks = zip(ask_prices, numbers[1:40:4], strict=True)
    bids = zip(bid_prices, numbers[3:40:4], strict=True)
    book = Book(
        stock_code=code,
        asks=tuple([Level(abs(price), abs(size)) for price, size in asks if price and size]),
        bids=tuple([Level(abs(price), abs(size)) for price, size in bids if price and size]),
        total_ask=abs(numbers[40]),
        total_bid=abs(numbers[41]),
        at=at,
    )
    return BookUpdate(stock_code=code, book=book, at=at)
