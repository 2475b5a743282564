"""Where a position is sold: the configured numbers, and bounds that hold at any price."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from kt.config.model import Exits
from kt.records import Origin, Position
from kt.rules.exit_prices import ExitPrices, due, exit_prices, trailed
from kt.rules.ticks import is_on_tick, step
from tests.rules.make import T0

HELD = Position(
    stock_code="005930",
    stock_name="삼성전자",
    quantity=10,
    average_price=70_000,
    cost=700_100,
    opened_at=T0,
    updated_at=T0,
    stop_price=66_500,
    target_price=77_000,
)


def test_the_process_documents_example() -> None:
    assert exit_prices(70_000, Exits()) == ExitPrices(stop=66_500, target=77_000)


def test_stop_and_target_are_rounded_up_to_the_grid() -> None:
    assert exit_prices(70_033, Exits()) == ExitPrices(stop=66_600, target=77_100)
    assert exit_prices(10_000, Exits(), "ETF") == ExitPrices(stop=9_500, target=11_000)
    assert exit_prices(10_003, Exits(), "ETF") == ExitPrices(stop=9_505, target=11_005)
    near = Exits(stop_loss_pct=0.01, take_profit_pct=0.01)
    assert exit_prices(10_000, near, "ETF") == ExitPrices(stop=9_995, target=10_005)


@given(
    st.integers(2, 2_000_000),
    st.floats(0.01, 30),
    st.floats(0.01, 1_000),
)
def test_stop_below_and_target_above_on_the_grid(average: int, loss: float, gain: float) -> None:
    found = exit_prices(average, Exits(stop_loss_pct=loss, take_profit_pct=gain))

    assert found.stop < average < found.target
    assert is_on_tick(found.stop)
    assert is_on_tick(found.target)
    assert found.target >= average * (1 + gain / 100) - 1e-3
    assert found.stop >= average * (1 - loss / 100) - 1e-3 or found.stop == step(average, -1)


def test_an_average_of_one_won_has_no_stop_and_of_zero_no_exits() -> None:
    assert exit_prices(1, Exits()) == ExitPrices(stop=0, target=2)
    with pytest.raises(ValueError, match="above 0"):
        exit_prices(0, Exits())


@pytest.mark.parametrize(
    ("price", "exit_due"),
    [
        (66_400, Origin.STOP_LOSS),
        (66_500, Origin.STOP_LOSS),
        (66_600, None),
        (76_900, None),
        (77_000, Origin.TAKE_PROFIT),
        (77_500, Origin.TAKE_PROFIT),
        (0, None),
    ],
)
def test_a_price_beyond_stop_or_target_triggers_that_exit(
    price: int, exit_due: Origin | None
) -> None:
    assert due(HELD, price, T0, Exits()) is exit_due


def test_no_exit_without_shares_or_prices() -> None:
    late, settings = T0 + timedelta(days=9), Exits(max_holding_minutes=1)
    assert due(replace(HELD, quantity=0), 1, late, settings) is None
    bare = replace(HELD, stop_price=0, target_price=0)
    for price in (1, 70_000, 10**9):
        assert due(bare, price, late, settings) is None


def test_when_stop_and_target_trigger_at_once_the_stop_wins() -> None:
    crossed = replace(HELD, stop_price=77_500)
    assert due(crossed, 77_200, T0, Exits()) is Origin.STOP_LOSS
    assert due(replace(crossed, trailing=True), 77_200, T0, Exits()) is Origin.TRAILING_STOP


@pytest.mark.parametrize(
    ("minutes", "price", "exit_due"),
    [
        (59, 70_000, None),
        (60, 70_000, Origin.TIME_STOP),
        (60, 66_500, Origin.STOP_LOSS),
        (60, 77_000, Origin.TAKE_PROFIT),
        (60, 0, None),
    ],
)
def test_a_time_stop_triggers_only_without_a_price_exit(
    minutes: int, price: int, exit_due: Origin | None
) -> None:
    now = T0 + timedelta(minutes=minutes)
    assert due(HELD, price, now, Exits(max_holding_minutes=60)) is exit_due
    assert due(HELD, 70_000, T0 + timedelta(days=99), Exits()) is None, "off by default"
    only_target = replace(HELD, stop_price=0)
    assert due(only_target, 70_000, now, Exits(max_holding_minutes=60)) is (
        Origin.TIME_STOP if minutes == 60 else None
    )


# the trailing stop: 5 % below 70,000 is 66,500, 3 % is 67,900

TRAILING = Exits(trailing_stop_pct=3)


def test_a_trailing_stop_follows_the_highest_price() -> None:
    first = trailed(HELD, 70_000, TRAILING)
    assert (first.peak_price, first.stop_price, first.trailing) == (70_000, 67_900, True)
    up = trailed(first, 75_000, TRAILING)
    assert (up.peak_price, up.stop_price, up.trailing) == (75_000, 72_800, True)
    assert trailed(up, 74_900, TRAILING) is up
    assert trailed(up, 75_000, TRAILING) is up


def test_a_trailing_stop_starts_from_the_average_when_the_price_is_below_it() -> None:
    below = trailed(HELD, 68_000, TRAILING)
    assert (below.peak_price, below.stop_price) == (70_000, 67_900)


def test_a_wider_trail_leaves_the_stop_loss_until_it_is_above_it() -> None:
    wide = Exits(trailing_stop_pct=10)
    first = trailed(HELD, 72_000, wide)
    assert (first.peak_price, first.stop_price, first.trailing) == (72_000, 66_500, False)
    same = trailed(HELD, 73_800, wide)
    assert (same.stop_price, same.trailing) == (66_500, False), "66,420 goes up to 66,500: the same"
    up = trailed(first, 74_000, wide)
    assert (up.stop_price, up.trailing) == (66_600, True)


def test_a_tiny_trailing_distance_is_one_tick() -> None:
    tight = trailed(HELD, 70_000, Exits(trailing_stop_pct=0.01))
    assert tight.stop_price == 69_900
    etf = trailed(replace(HELD, average_price=10_000, stop_price=9_500), 10_003, TRAILING, "ETF")
    assert etf.stop_price == 9_705, "9,702.91 on the grid of 5"


def test_without_trailing_pct_or_stop_the_position_is_unchanged() -> None:
    assert trailed(HELD, 99_000, Exits()) is HELD
    bare = replace(HELD, stop_price=0)
    assert trailed(bare, 99_000, TRAILING) is bare


@given(
    average=st.integers(2, 1_000_000),
    prices=st.lists(st.integers(1, 1_300_000), min_size=1, max_size=12),
    loss=st.floats(0.01, 30),
    trail=st.floats(0.01, 30),
    kind=st.sampled_from(["STOCK", "ETF"]),
)
def test_a_trailing_stop_only_rises_on_the_grid_below_the_peak(
    average: int, prices: list[int], loss: float, trail: float, kind: str
) -> None:
    settings = Exits(stop_loss_pct=loss, trailing_stop_pct=trail)
    ends = exit_prices(average, settings, kind)
    assume(ends.stop)
    start = replace(HELD, average_price=average, stop_price=ends.stop, target_price=ends.target)
    now = start
    for price in prices:
        after = trailed(now, price, settings, kind)
        assert after.stop_price >= now.stop_price
        assert is_on_tick(after.stop_price, kind)
        assert after.peak_price == max(now.peak_price, price, average)
        assert after.stop_price < after.peak_price
        assert after.trailing == (now.trailing or after.stop_price > now.stop_price)
        if after.trailing:  # never further away than configured
            assert after.stop_price >= after.peak_price * (1 - trail / 100) - 1e-3 or (
                after.stop_price == step(after.peak_price, -1, kind)
            )
        now = after
    highest = max(average, *prices)
    assert now == trailed(start, highest, settings, kind), "the highest price alone says it all"


@given(
    price=st.integers(-5, 200_000),
    stop=st.integers(0, 100_000),
    target=st.integers(0, 200_000),
    quantity=st.integers(0, 3),
    trailing=st.booleans(),
    held=st.integers(0, 300),
    longest=st.integers(0, 300),
)
def test_an_exit_is_due_exactly_when_its_price_is_reached(
    price: int, stop: int, target: int, quantity: int, trailing: bool, held: int, longest: int
) -> None:
    position = replace(
        HELD, stop_price=stop, target_price=target, quantity=quantity, trailing=trailing
    )
    now = T0 + timedelta(minutes=held)
    found = due(position, price, now, Exits(max_holding_minutes=longest))
    real = price > 0 and quantity > 0
    stopped = real and stop > 0 and price <= stop
    reached = real and 0 < target <= price
    over = real and 0 < longest <= held and bool(stop or target)
    stop_kind = Origin.TRAILING_STOP if trailing else Origin.STOP_LOSS
    wanted = [(stopped, stop_kind), (reached, Origin.TAKE_PROFIT), (over, Origin.TIME_STOP)]
    assert found is next((origin for is_due, origin in wanted if is_due), None)
