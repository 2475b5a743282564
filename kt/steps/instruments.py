"""What is known about each listed stock: asked for once a day in a process, by those who can wait.

The list is long and slow to get. Booking a fill or pricing an exit must not wait for it, so
these take what is known already.
"""

from __future__ import annotations

from datetime import date
from threading import Lock
from weakref import WeakKeyDictionary

from kt.errors import AuthError, KtError
from kt.ports import Market
from kt.records import Instrument
from kt.steps.context import Context
from kt.steps.fan_out import note_error

AGAIN = 10.0
"""Seconds before a list that could not be had is asked for again."""

_Known = tuple[date, dict[str, Instrument]]

_lock = Lock()
_known: WeakKeyDictionary[Market, _Known] = WeakKeyDictionary()
_failed: WeakKeyDictionary[Market, tuple[float, KtError]] = WeakKeyDictionary()


def listed(ctx: Context) -> dict[str, Instrument]:
    """Today's stocks by code. Raises the market's errors when the list cannot be had, for a
    while without asking again."""
    today, now = ctx.clock.now().date(), ctx.clock.monotonic()
    with _lock:
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
    """The list, or None when it cannot be had; the failure is journaled."""
    try:
        return listed(ctx)
    except AuthError:
        raise
    except KtError as failure:
        note_error(ctx, "stocks.listed", failure)
        return None


def instrument(ctx: Context, stock_code: str) -> Instrument | None:
    """One stock as far as it is known without asking; None when it is not."""
    found = _known.get(ctx.market)
    return found[1].get(stock_code) if found else None
