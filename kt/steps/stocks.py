"""What is known about each listed stock, asked once a day in a process."""

from __future__ import annotations

from datetime import date
from threading import Lock
from weakref import WeakKeyDictionary

from kt.errors import AuthError, KtError
from kt.ports import Market
from kt.records import Instrument
from kt.steps.context import Context
from kt.steps.gather import note_error

_Known = tuple[date, dict[str, Instrument]]

_lock = Lock()
_known: WeakKeyDictionary[Market, _Known] = WeakKeyDictionary()


def listed(ctx: Context) -> dict[str, Instrument]:
    """Today's stocks by code. Raises the market's errors when the list cannot be had."""
    today = ctx.clock.now().date()
    with _lock:
        found = _known.get(ctx.market)
        if found is None or found[0] != today:
            stocks = {stock.stock_code: stock for stock in ctx.market.instruments()}
            found = (today, stocks)
            _known[ctx.market] = found
        return found[1]


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
    """One stock of the list; None when it is not there or the list cannot be had."""
    return (known_list(ctx) or {}).get(stock_code)
