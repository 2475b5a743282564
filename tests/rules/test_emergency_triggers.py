"""What is abnormal enough to stop everything: each alarm just below and at its limit."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kt.config.model import Emergency
from kt.records import Concern, Order
from kt.rules.emergency_triggers import burst, connection, price_jump, rejects, system_errors
from tests.rules.make import T0, order

SETTINGS = Emergency()


def test_enough_errors_within_the_window_raise_an_alarm() -> None:
    recent = [T0 - timedelta(seconds=n) for n in (0, 10, 20, 60)]
    old = [T0 - timedelta(seconds=n) for n in (61, 100)]
    future = [T0 + timedelta(seconds=5)]

    assert system_errors(recent + old + future, T0, SETTINGS) is None
    alarm = system_errors([*recent, T0], T0, SETTINGS)
    assert alarm is not None
    assert (alarm.code, alarm.detail) == ("SYSTEM_ERRORS", "5 errors in 60 s >= limit 5")


def test_enough_orders_within_the_window_raise_an_alarm() -> None:
    assert burst([T0] * 19, T0, SETTINGS) is None
    alarm = burst([T0] * 20, T0, SETTINGS)
    assert alarm is not None
    assert (alarm.code, alarm.detail) == ("BURST", "20 orders in 60 s >= limit 20")


def test_enough_failed_reconnects_raise_an_alarm() -> None:
    assert connection(2, SETTINGS) is None
    lost = connection(3, SETTINGS)
    assert lost is not None
    assert lost.code == "CONNECTION"
    assert lost.detail == "3 failed reconnects in a row >= limit 3"


def refusals(*told: tuple[str, Concern | None]) -> list[Order]:
    return [order(stock_code=code, concerns=concerns) for code, concerns in told]


@pytest.mark.parametrize("concerns", [Concern.ORDER, Concern.STOCK, None])
def test_refusals_of_one_stock_count_once_and_of_different_stocks_each(
    concerns: Concern | None,
) -> None:
    assert rejects(refusals(*[("005930", concerns)] * 99), SETTINGS) is None
    stocks = [(f"00000{n}", concerns) for n in range(5)]
    assert rejects(refusals(*stocks[:4], *stocks[:4]), SETTINGS) is None
    alarm = rejects(refusals(*stocks), SETTINGS)
    assert alarm is not None
    assert (alarm.code, alarm.detail) == ("REJECTS", "5 refused orders in a row >= limit 5")


@pytest.mark.parametrize("concerns", [Concern.ACCOUNT, Concern.KEY])
def test_refusals_of_the_account_or_the_key_count_each(concerns: Concern) -> None:
    assert rejects(refusals(*[("005930", concerns)] * 4), SETTINGS) is None
    assert rejects(refusals(*[("005930", concerns)] * 5), SETTINGS) is not None


def test_refusals_for_a_closed_market_do_not_count() -> None:
    closed = [(f"00000{n}", Concern.MARKET) for n in range(9)]
    assert rejects(refusals(*closed), SETTINGS) is None


def test_the_kinds_of_refusals_add_up() -> None:
    """Two of the account, one of the key, two stocks; the stock of an account's refusal does
    not count once more."""
    mixed = [
        ("005930", Concern.ACCOUNT),
        ("005930", Concern.ACCOUNT),
        ("000660", Concern.KEY),
        ("035720", Concern.STOCK),
        ("035720", Concern.ORDER),
        ("005380", Concern.MARKET),
    ]
    assert rejects(refusals(*mixed), SETTINGS) is None
    assert rejects(refusals(*mixed, ("005380", None)), SETTINGS) is not None


@pytest.mark.parametrize(
    ("before", "price", "detail"),
    [
        (70_000, 59_600, None),
        (70_000, 59_500, "005930: 70,000 to 59,500 is -15.00 % between two ticks, limit 15 %"),
        (70_000, 80_500, "005930: 70,000 to 80,500 is +15.00 % between two ticks, limit 15 %"),
        (0, 70_000, None),
        (70_000, 0, None),
        (1, 2, "005930: 1 to 2 is +100.00 % between two ticks, limit 15 %"),
        (2, 1, "005930: 2 to 1 is -50.00 % between two ticks, limit 15 %"),
    ],
)
def test_a_price_jump_beyond_the_limit_raises_an_alarm(
    before: int, price: int, detail: str | None
) -> None:
    alarm = price_jump("005930", before, price, SETTINGS)
    assert (alarm.detail if alarm else None) == detail
    assert alarm is None or alarm.code == "PRICE_JUMP"
