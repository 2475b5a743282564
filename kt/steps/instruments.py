"""The list of instruments, fetched once a day per process (ka10099).

The request is slow, so code that must not wait (booking a fill, pricing an exit) calls
`instrument`, which uses the list only if it has been fetched already.
"""

from __future__ import annotations

from datetime import date
from weakref import WeakKeyDictionary

from kt.errors import AuthError, KtError
from kt.ports import Market, concurrency
from kt.records import Instrument
from kt.steps.context import Context
from kt.steps.fan_out import note_error

AGAIN = 10.0
"""Seconds after a failed request until the list is requested again."""

_Known = tuple[date, dict[str, Instrument]]

_known: WeakKeyDictionary[Market, _Known] = WeakKeyDictionary()
_locks: WeakKeyDictionary[Market, concurrency.Lock] = WeakKeyDictionary()
_failed: WeakKeyDictionary[Market, tuple[float, KtError]] = WeakKeyDictionary()


def listed(ctx: Context) -> dict[str, Instrument]:
    """Today's instruments by stock code. Raises the market's errors; for AGAIN seconds after a
    failure the same error without a new request."""
    today, now = ctx.clock.now().date(), ctx.clock.monotonic()
    with _locks.setdefault(ctx.market, concurrency.lock()):
        found = _known.get(ctx.market)
        if found is not None and found[0] == today:
            return found[1]
        failed = _failed.get(ctx.market)
        if failed is not None and now < failed[0] + AGAIN:
            raise failed[1]
        try:
            stocks = {stock.stock_code: stock for stock in ctx.market.instruments()}
        except KtError as failure:
            _failed[ctx.market] = (now, failure)
            raise
        _known[ctx.market] = (today, stocks)
        return stocks


def known_list(ctx: Context) -> dict[str, Instrument] | None:
    """Like `listed`, but None when the list cannot be fetched, which is journaled. Raises
    AuthError."""
    try:
        return listed(ctx)
    except AuthError:
        raise
    except KtError as failure:
        note_error(ctx, "stocks.listed", failure)
        return None


def instrument(ctx: Context, stock_code: str) -> Instrument | None:
    """One instrument without any request; None when the list has not been fetched or lacks it."""
    found = _known.get(ctx.market)
    return found[1].get(stock_code) if found else None
