"""The stream's trades and books as kt reads them from the exchange's frames, without the frames."""

from __future__ import annotations

from msgspec.structs import replace

from kt.direct.market_records import saturated
from kt.records import BookUpdate, Side, StreamEvent, Tick
from kt.sim.wire.values import SATURATED


def as_read(event: StreamEvent) -> StreamEvent:
    """The event with whole seconds and what else a frame does not carry; nearly always the same."""
    if isinstance(event, Tick):
        return _tick(event)
    return _book_update(event) if isinstance(event, BookUpdate) else event


def _tick(event: Tick) -> Tick:
    """0B: the side is the sign of the quantity, so none is a purchase; there is no -0.0."""
    if event.at.microsecond:
        event = replace(event, at=event.at.replace(microsecond=0))
    if not event.quantity and event.side is Side.SELL:
        event = replace(event, side=Side.BUY)
    return event if event.change_pct else replace(event, change_pct=0.0)


def _book_update(event: BookUpdate) -> BookUpdate:
    """0D: quantities end at 32 bits."""
    at, book = event.at.replace(microsecond=0), event.book
    if max(book.total_ask, book.total_bid) > SATURATED:
        book = saturated(book)
    return replace(event, at=at, book=replace(book, at=at))
