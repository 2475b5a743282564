"""Makes a session of minute bars: those of a backtest's data, or of a replay file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from kt.rules import ticks
from kt.sim.market.bar_tables import BarRow
from kt.sim.market.listing import Listing
from kt.sim.market.path import SessionPath
from kt.sim.market.session_days import CONTINUOUS_MINUTES

P = TypeVar("P", bound=SessionPath)


def path_of_bars(
    kind: type[P], rows: Sequence[BarRow], listing: Listing, *, key: int, base: int, **more: Any
) -> P:
    """The path of a day's bars in the order of their minutes. A minute without a bar has no trades;
    without any bar the stock stays at `base`. `more` are further arguments of `kind`."""
    by_minute = {row.minute: row for row in rows if row.minute < CONTINUOUS_MINUTES}
    closing = [row for row in rows if row.minute >= CONTINUOUS_MINUTES]
    last, bars = base, []
    for minute in range(CONTINUOUS_MINUTES):
        bar = by_minute.get(minute) or BarRow(minute, last, last, last, last, 0, 0)
        bars.append(bar)
        last = bar.close
    return kind(
        key=key,
        base=base,
        limits=ticks.price_limits(base, listing.market, listing.kind),
        opening=rows[0].open if rows else base,
        closes=[bar.close for bar in bars],
        volumes=[bar.volume for bar in bars],
        closing_price=closing[-1].close if closing else last,
        closing_volume=sum(bar.volume for bar in closing),
        kind=listing.kind,
        opens=[bar.open for bar in bars],
        extremes=[(bar.high, bar.low) for bar in bars],
        **more,
    )
