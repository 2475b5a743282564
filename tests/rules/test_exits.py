"""Where a position is sold: the process document's numbers, and bounds that hold at any price."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kt.config.model import Exits
from kt.records import Origin, Position
from kt.rules.exits import ExitPrices, due, exit_prices
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


def test_both_are_rounded_up_to_the_grid() -> None:
    assert exit_prices(70_033, Exits()) == ExitPrices(stop=66_600, target=77_100)
    assert exit_prices(10_000, Exits(), "ETF") == ExitPrices(stop=9_500, target=11_000)


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


def test_one_won_has_no_stop_and_nothing_has_no_exits() -> None:
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
def test_when_an_exit_is_due(price: int, exit_due: Origin | None) -> None:
    assert due(HELD, price) is exit_due


def test_no_exit_without_shares_or_prices() -> None:
    assert due(msgspec.structs.replace(HELD, quantity=0), 1) is None
    bare = msgspec.structs.replace(HELD, stop_price=0, target_price=0)
    assert due(bare, 1) is None
    assert due(bare, 10**9) is None
