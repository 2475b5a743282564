"""The price grid: the exchange's own examples, and what must hold at every price."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kt.rules.ticks import (
    KINDS,
    is_on_tick,
    price_limits,
    round_down,
    round_up,
    step,
    tick_size,
    ticks_to,
)

PRICES = st.integers(1, 3_000_000)
KIND = st.sampled_from(sorted(KINDS))
MARKET = st.sampled_from(["KOSPI", "KOSDAQ", "KONEX"])


@pytest.mark.parametrize(
    ("price", "tick"),
    [
        (0, 1),
        (1_999, 1),
        (2_000, 5),
        (4_999, 5),
        (5_000, 10),
        (19_999, 10),
        (20_000, 50),
        (49_999, 50),
        (50_000, 100),
        (199_999, 100),
        (200_000, 500),
        (499_999, 500),
        (500_000, 1_000),
        (3_000_000, 1_000),
    ],
)
def test_the_tick_size_of_a_stock_depends_on_its_price(price: int, tick: int) -> None:
    assert tick_size(price) == tick


@pytest.mark.parametrize(
    ("kind", "price", "tick"),
    [
        ("ETF", 1_999, 1),
        ("ETF", 2_000, 5),
        ("ETF", 500_000, 5),
        ("ETN", 1_999, 1),
        ("ETN", 10_000, 5),
        ("ELW", 5, 5),
        ("ELW", 10_000, 5),
    ],
)
def test_etf_etn_and_elw_have_their_own_tick_tables(kind: str, price: int, tick: int) -> None:
    assert tick_size(price, kind) == tick


@pytest.mark.parametrize(
    ("base", "lower", "upper"),
    [
        (252_500, 177_000, 328_000),  # ka10001 of 2026-09-18
        (9_980, 6_990, 12_970),  # the exchange's own example
        (5_290, 3_710, 6_870),  # 307180 traded at its limit on 2026-03-09
        (65_600, 46_000, 85_200),  # 263750, 2026-03-19
        (34_000, 23_800, 44_200),  # 458350, 2026-03-09
        (802, 562, 1_042),  # 031860, 2026-03-12
        (14_590, None, 18_960),
        (109_100, None, 141_800),
        (356, None, 462),
        (1_477, None, 1_920),
        (3_705, None, 4_815),
        (25_200, None, 32_750),
    ],
)
def test_price_limits_as_they_really_were(base: int, lower: int | None, upper: int) -> None:
    found = price_limits(base)

    assert found[1] == upper
    assert lower is None or found[0] == lower


def test_price_limits_round_a_base_off_the_grid_up_first() -> None:
    assert price_limits(252_250) == price_limits(252_500)


def test_konex_price_limits_are_fifteen_percent() -> None:
    assert price_limits(10_000, "KONEX") == (8_500, 11_500)


def test_the_lower_limit_is_not_seventy_percent_rounded_up() -> None:
    assert price_limits(5_290)[0] == 3_710 != round_up(-(-5_290 * 7 // 10))


@given(PRICES, KIND)
def test_rounding_encloses_the_price_and_is_idempotent(price: int, kind: str) -> None:
    low, high = round_down(price, kind), round_up(price, kind)

    assert low <= price <= high
    assert round_down(low, kind) == low == round_up(low, kind)
    assert round_down(high, kind) == high == round_up(high, kind)
    assert (low == price) == (high == price) == is_on_tick(price, kind)
    assert high - low <= tick_size(price, kind)


@given(PRICES, PRICES, KIND)
def test_rounding_keeps_the_order(one: int, other: int, kind: str) -> None:
    one, other = sorted((one, other))
    assert round_down(one, kind) <= round_down(other, kind)
    assert round_up(one, kind) <= round_up(other, kind)
    assert tick_size(one, kind) <= tick_size(other, kind)


@given(PRICES, st.integers(0, 2_000), KIND)
def test_steps_up_and_down_return_to_the_start(price: int, n: int, kind: str) -> None:
    start = round_up(price, kind)
    there = step(start, n, kind)

    assert is_on_tick(there, kind)
    assert ticks_to(there, kind) - ticks_to(start, kind) == n
    assert step(there, -n, kind) == start


@given(PRICES, KIND)
def test_a_step_is_the_next_grid_price(price: int, kind: str) -> None:
    assert step(price, 1, kind) == round_up(price + 1, kind)
    assert step(price, -1, kind) == max(tick_size(1, kind), round_down(price - 1, kind))


def test_no_step_from_off_the_grid_is_the_price_below() -> None:
    assert step(70_050, 0) == 70_000
    assert (step(70_050, 1), step(70_050, -1)) == (70_100, 70_000)


def test_steps_never_leave_the_grid_at_the_bottom() -> None:
    assert step(3, -100) == 1
    assert step(2, -100, "ELW") == 5


@given(PRICES, MARKET)
def test_limits_lie_on_the_grid_around_the_base(base: int, market: str) -> None:
    lower, upper = price_limits(base, market)
    base = round_up(base)
    width = base * (15 if market == "KONEX" else 30) // 100

    assert is_on_tick(lower)
    assert is_on_tick(upper)
    assert lower <= base <= upper
    assert base - width <= lower
    assert upper <= base + width
    assert lower - tick_size(base) < base - width + tick_size(base)
    assert step(upper, 1) > base + width - tick_size(base)


@given(PRICES)
def test_the_upper_limit_is_the_floor_of_thirteen_tenths(base: int) -> None:
    base = round_up(base)
    assert price_limits(base)[1] == round_down(base * 13 // 10)


@given(PRICES, PRICES)
def test_limits_rise_with_the_base(one: int, other: int) -> None:
    one, other = sorted((one, other))
    assert price_limits(one) <= price_limits(other)
    assert price_limits(one)[1] <= price_limits(other)[1]


def test_invalid_prices_kinds_and_markets_raise_a_clear_error() -> None:
    with pytest.raises(ValueError, match="BOND"):
        tick_size(1_000, "BOND")
    with pytest.raises(ValueError, match="NASDAQ"):
        price_limits(1_000, "NASDAQ")
    with pytest.raises(ValueError, match="above 0"):
        price_limits(0)
    with pytest.raises(ValueError, match="below 0"):
        tick_size(-1)
    assert not is_on_tick(0)
