"""Formats the live order book: type 0D with all of its FIDs."""

from __future__ import annotations

from kt.records import BookUpdate, Level, Quote
from kt.sim.wire.call import Row
from kt.sim.wire.values import (
    change_pct,
    clock,
    counter,
    direction,
    plain_rate,
    price,
    rate,
    signed,
)

LEVELS = 10
LP_FIDS = [*range(621, 641)]
BOTH_VENUES = [*range(6044, 6088), *range(6100, 6116)]
"""Quantities by venue: the exchange has only one venue, so it sends 0, like the document's
example."""
_ZEROS = {str(fid): "0" for fid in (*LP_FIDS, *BOTH_VENUES)}
_EMPTY = Level(0, 0)


def book_values(event: BookUpdate, quote: Quote | None) -> Row:
    book = event.book
    base = quote.base_price if quote else 0
    values: Row = {"21": clock(event.at)}
    for number in range(LEVELS):
        ask = book.asks[number] if number < len(book.asks) else _EMPTY
        bid = book.bids[number] if number < len(book.bids) else _EMPTY
        values[str(41 + number)] = price(ask.price, base)
        values[str(61 + number)] = counter(ask.quantity)
        values[str(81 + number)] = "0"
        values[str(51 + number)] = price(bid.price, base)
        values[str(71 + number)] = counter(bid.quantity)
        values[str(91 + number)] = "0"
    asks, bids = book.total_ask, book.total_bid
    values |= {
        "121": counter(asks),
        "122": "0",
        "125": counter(bids),
        "126": "0",
        "128": signed(bids - asks),
        "129": plain_rate(bids / asks * 100 if asks else 0.0),
        "138": signed(asks - bids),
        "139": plain_rate(asks / bids * 100 if bids else 0.0),
        "13": str(quote.volume if quote else 0),
        "299": "0.00",
        "215": "",
        "216": "",
    }
    return values | _expected(quote, base) | _ZEROS


def _expected(quote: Quote | None, base: int) -> Row:
    """The expected auction price and volume; zeros outside an auction."""
    expected = quote.expected_price if quote else 0
    volume = quote.expected_volume if quote else 0
    if not expected:
        return {"23": "0", "24": "0", "200": "0", "201": "0.00", "238": "3",
                "291": "0", "292": "0", "293": "3", "294": "0", "295": "0.00"}  # fmt: skip
    sign, change = direction(expected, base), signed(expected - base)
    percent = rate(change_pct(expected, base))
    return {"23": price(expected, base), "24": counter(volume),
            "200": change, "201": percent, "238": sign,
            "291": price(expected, base), "292": counter(volume),
            "293": sign, "294": change, "295": percent}  # fmt: skip
