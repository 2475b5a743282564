"""Emergency triggers (level 4): what is abnormal enough to stop trading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kt.config.model import Emergency
from kt.records import Concern, Order


@dataclass(frozen=True, slots=True)
class Alarm:
    """Why trading must stop, with its arithmetic."""

    code: str
    """SYSTEM_ERRORS, CONNECTION, REJECTS, BURST, PRICE_JUMP or MISMATCH."""
    detail: str


def system_errors(times: Sequence[datetime], now: datetime, settings: Emergency) -> Alarm | None:
    """Too many system errors within the window. `times` are those of the recent errors."""
    count = _recent(times, now, settings.window)
    return _alarm("SYSTEM_ERRORS", count, settings.errors, f"errors in {settings.window:g} s")


def connection(failed: int, settings: Emergency) -> Alarm | None:
    """The connection is not back after `failed` attempts in a row."""
    return _alarm("CONNECTION", failed, settings.reconnects, "failed reconnects in a row")


def rejects(refused: Sequence[Order], settings: Emergency) -> Alarm | None:
    """Too many refused orders in a row, with no accepted one in between.

    Refusals that concern the account or the app key count one each, others once per stock; those
    that concern the whole market do not count.
    """
    general = sum(order.concerns in _OF_THE_ACCOUNT for order in refused)
    stocks = {o.stock_code for o in refused if o.concerns not in _NOT_OF_A_STOCK}
    count = general + len(stocks)
    return _alarm("REJECTS", count, settings.rejects_in_row, "refused orders in a row")


_OF_THE_ACCOUNT = frozenset({Concern.ACCOUNT, Concern.KEY})
_NOT_OF_A_STOCK = _OF_THE_ACCOUNT | {Concern.MARKET}


def burst(times: Sequence[datetime], now: datetime, settings: Emergency) -> Alarm | None:
    """Too many orders within the window. `times` are those of the recent sends."""
    count = _recent(times, now, settings.window)
    return _alarm("BURST", count, settings.burst_orders, f"orders in {settings.window:g} s")


def price_jump(stock_code: str, before: int, price: int, settings: Emergency) -> Alarm | None:
    """The price of a held stock moved more between two ticks than is plausible."""
    if before <= 0 or price <= 0:
        return None
    moved = (price - before) * 100 / before
    if abs(moved) < settings.price_jump_pct:
        return None
    return Alarm(
        "PRICE_JUMP",
        f"{stock_code}: {before:,} to {price:,} is {moved:+.2f} % between two ticks, "
        f"limit {settings.price_jump_pct:g} %",
    )


def _recent(times: Sequence[datetime], now: datetime, window: float) -> int:
    return sum(0 <= (now - at).total_seconds() <= window for at in times)


def _alarm(code: str, count: int, limit: int, words: str) -> Alarm | None:
    return Alarm(code, f"{count:,} {words} >= limit {limit:,}") if count >= limit else None
