"""How orders fill on a minute bar: every case is computed by hand."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from kt.records import Side
from kt.rules.bar_fill import FillModel, fill_price, market_price


class Bar(NamedTuple):
    open: int
    high: int
    low: int
    close: int


UP = Bar(70_000, 70_500, 69_900, 70_300)
"""Prices in ticks of 100 won."""
LIMITS = (49_000, 91_000)
BUY, SELL = Side.BUY, Side.SELL


@pytest.mark.parametrize(
    ("price", "ticks", "side", "paid"),
    [
        ("open", 0, BUY, 70_000),
        ("open", 2, BUY, 70_200),
        ("worse", 0, BUY, 70_300),
        ("worse", 1, BUY, 70_400),
        ("extreme", 1, BUY, 70_600),
        ("open", 1, SELL, 69_900),
        ("worse", 1, SELL, 69_900),
        ("extreme", 3, SELL, 69_600),
    ],
)
def test_a_market_order_gets_the_worse_price_and_slippage(
    price: str, ticks: int, side: Side, paid: int
) -> None:
    model = FillModel(market_price=price, slippage_ticks=ticks)  # type: ignore[arg-type]
    assert market_price(model, UP, side, LIMITS) == paid
    assert fill_price(model, UP, side, 0, LIMITS) == paid


def test_slippage_crosses_tick_bands_and_stops_at_the_limits() -> None:
    model = FillModel(slippage_ticks=2)
    assert market_price(model, Bar(4_990, 4_995, 4_990, 4_995), BUY, (3_500, 6_500)) == 5_010
    near = Bar(90_900, 91_000, 90_800, 90_900)
    assert market_price(model, near, BUY, LIMITS) == 91_000
    low = Bar(49_100, 49_200, 49_000, 49_100)
    assert market_price(model, low, SELL, LIMITS) == 49_000


@pytest.mark.parametrize(
    ("side", "price", "touch", "got"),
    [
        (BUY, 69_800, False, None),  # never reached
        (BUY, 69_900, False, None),  # touched: the queue before it is unknown
        (BUY, 69_900, True, 69_900),
        (BUY, 70_000, False, 70_000),  # traded through, at its own price
        (BUY, 70_300, False, 70_300),
        (BUY, 71_000, False, 70_400),  # not worse than a market order: close 70,300 and one tick
        (SELL, 70_600, True, None),
        (SELL, 70_500, False, None),
        (SELL, 70_500, True, 70_500),
        (SELL, 70_400, False, 70_400),
        (SELL, 69_000, False, 69_900),  # open 70,000 less one tick
    ],
)
def test_a_limit_order_fills_when_the_price_trades_through(
    side: Side, price: int, touch: bool, got: int | None
) -> None:
    assert fill_price(FillModel(limit_touch=touch), UP, side, price, LIMITS) == got


def test_nothing_is_bought_where_there_are_no_sellers() -> None:
    locked = Bar(91_000, 91_000, 91_000, 91_000)
    assert fill_price(FillModel(), locked, BUY, 0, LIMITS) is None
    assert fill_price(FillModel(), locked, SELL, 0, LIMITS) == 90_900
    bottom = Bar(49_000, 49_000, 49_000, 49_000)
    assert fill_price(FillModel(), bottom, SELL, 0, LIMITS) is None
    assert fill_price(FillModel(), bottom, BUY, 0, LIMITS) == 49_050


def test_prices_off_the_grid_are_rounded_against_the_user() -> None:
    odd = Bar(70_020, 70_080, 69_980, 70_020)
    assert market_price(FillModel(slippage_ticks=0), odd, BUY, LIMITS) == 70_100
    assert market_price(FillModel(slippage_ticks=0), odd, SELL, LIMITS) == 70_000


@pytest.mark.parametrize(
    ("pct", "volume", "shares"), [(10, 1_000, 100), (10, 9, 0), (100, 9, 9), (2.5, 1_000, 25)]
)
def test_a_share_of_the_volume(pct: float, volume: int, shares: int) -> None:
    assert FillModel(participation_pct=pct).shares(volume) == shares
