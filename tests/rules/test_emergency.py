"""What is abnormal enough to stop everything: each alarm just below and at its limit."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kt.config.model import Emergency
from kt.rules.emergency import (
    burst,
    connection,
    mismatch,
    price_jump,
    rejects,
    system_errors,
)
from tests.rules.make import T0

SETTINGS = Emergency()


def test_errors_within_the_window() -> None:
    recent = [T0 - timedelta(seconds=n) for n in (0, 10, 20, 60)]
    old = [T0 - timedelta(seconds=n) for n in (61, 100)]
    future = [T0 + timedelta(seconds=5)]

    assert system_errors(recent + old + future, T0, SETTINGS) is None
    alarm = system_errors([*recent, T0], T0, SETTINGS)
    assert alarm is not None
    assert (alarm.code, alarm.detail) == ("SYSTEM_ERRORS", "5 errors in 60 s >= limit 5")


def test_bursts_of_orders() -> None:
    assert burst([T0] * 19, T0, SETTINGS) is None
    alarm = burst([T0] * 20, T0, SETTINGS)
    assert alarm is not None
    assert (alarm.code, alarm.detail) == ("BURST", "20 orders in 60 s >= limit 20")


def test_a_connection_that_does_not_come_back_and_refusals_in_a_row() -> None:
    assert connection(2, SETTINGS) is None
    assert rejects(4, SETTINGS) is None
    lost, refused = connection(3, SETTINGS), rejects(5, SETTINGS)
    assert lost is not None
    assert refused is not None
    assert lost.detail == "3 failed reconnects in a row >= limit 3"
    assert refused.detail == "5 refused orders in a row >= limit 5"


@pytest.mark.parametrize(
    ("before", "price", "detail"),
    [
        (70_000, 59_600, None),
        (70_000, 59_500, "005930: 70,000 to 59,500 is -15.00 % between two ticks, limit 15 %"),
        (70_000, 80_500, "005930: 70,000 to 80,500 is +15.00 % between two ticks, limit 15 %"),
        (0, 70_000, None),
        (70_000, 0, None),
    ],
)
def test_price_jumps(before: int, price: int, detail: str | None) -> None:
    alarm = price_jump("005930", before, price, SETTINGS)
    assert (alarm.detail if alarm else None) == detail


def test_positions_that_differ_from_the_brokers() -> None:
    ours, broker = {"005930": 10, "000660": 0, "035720": 3}, {"005930": 10, "035720": 5, "A": 1}

    assert mismatch({"005930": 10, "000660": 0}, {"005930": 10}) is None
    assert mismatch(ours, broker, in_flight={"035720", "A"}) is None
    alarm = mismatch(ours, broker)
    assert alarm is not None
    assert alarm.detail == "035720: 3 here, 5 at the broker; A: 0 here, 1 at the broker"
