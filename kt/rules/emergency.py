"""Level 4: what in the recent past is abnormal enough to stop everything."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kt.config.model import Emergency


@dataclass(frozen=True, slots=True)
class Alarm:
    """Why everything must stop, with its arithmetic."""

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


def rejects(in_row: int, settings: Emergency) -> Alarm | None:
    """The broker refused the last `in_row` orders without taking one in between."""
    return _alarm("REJECTS", in_row, settings.rejects_in_row, "refused orders in a row")


def burst(times: Sequence[datetime], now: datetime, settings: Emergency) -> Alarm | None:
    """Too many orders within the window. `times` are those of the recent sends."""
    count = _recent(times, now, settings.window)
    return _alarm("BURST", count, settings.burst_orders, f"orders in {settings.window:g} s")


def price_jump(stock_code: str, before: int, price: int, settings: Emergency) -> Alarm | None:
    """A held stock's price moved between two ticks further than a market does by itself."""
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


def mismatch(
    ours: Mapping[str, int], broker: Mapping[str, int], in_flight: Collection[str] = ()
) -> Alarm | None:
    """The broker holds other quantities than kt's books say.

    Stock code to shares, 0 and absent are the same. Stocks with orders `in_flight` may differ
    for a moment and are left out.
    """
    differences = [
        f"{code}: {ours.get(code, 0):,} here, {broker.get(code, 0):,} at the broker"
        for code in sorted({*ours, *broker})
        if code not in in_flight and ours.get(code, 0) != broker.get(code, 0)
    ]
    return Alarm("MISMATCH", "; ".join(differences)) if differences else None


def _recent(times: Sequence[datetime], now: datetime, window: float) -> int:
    return sum(0 <= (now - at).total_seconds() <= window for at in times)


def _alarm(code: str, count: int, limit: int, words: str) -> Alarm | None:
    return Alarm(code, f"{count:,} {words} >= limit {limit:,}") if count >= limit else None
