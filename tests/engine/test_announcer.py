"""What a run announces: each change once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from kt.clock import ManualClock
from kt.engine.announcer import Announcer
from kt.errors import RateLimited, Unreachable
from kt.records import Order, OrderState, OrderType, Origin, Side
from tests.fakes import OPEN, SAMSUNG


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(OPEN)


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def announcer(clock: ManualClock, lines: list[str]) -> Announcer:
    return Announcer(clock, lines.append)


SENT = Order(
    order_id="A",
    run="RUN",
    side=Side.BUY,
    stock_code=SAMSUNG,
    stock_name="삼성전자",
    order_type=OrderType.LIMIT,
    quantity=10,
    price=70_000,
    state=OrderState.ACKED,
    origin=Origin.CYCLE,
    created_at=OPEN,
    updated_at=OPEN,
    ord_no="0000001",
    ord_nos=("0000001",),
)


def words(lines: list[str]) -> list[str]:
    return [line.split(" ", 1)[1] for line in lines]


def test_every_line_begins_with_the_time(
    announcer: Announcer, clock: ManualClock, lines: list[str]
) -> None:
    announcer.say("open")
    clock.advance(61)
    announcer.say("later")
    later = OPEN + timedelta(seconds=61)
    assert lines == [f"{OPEN:%H:%M:%S} open", f"{later:%H:%M:%S} later"]


def test_repeated_failures_are_announced_at_the_first_and_at_recovery(
    announcer: Announcer, clock: ManualClock, lines: list[str]
) -> None:
    for _ in range(3):
        announcer.failed("the fast scan", Unreachable("connect error"))
        clock.advance(10)
    announcer.works("the fast scan")
    announcer.works("the fast scan")
    assert words(lines) == [
        "the fast scan failed: connect error",
        "the fast scan works again, after 3 failures in 30 s",
    ]


def test_another_kind_of_failure_or_another_job_is_announced(
    announcer: Announcer, lines: list[str]
) -> None:
    announcer.failed("fast", Unreachable("connect error"))
    announcer.failed("fast", RateLimited("too many requests"))
    announcer.failed("profit.005930", Unreachable("connect error"))
    assert len(lines) == 3


def test_each_change_of_an_order_is_announced_once(announcer: Announcer, lines: list[str]) -> None:
    part = replace(SENT, state=OrderState.PARTIAL, filled_quantity=4, filled_value=280_000)
    amended = replace(part, price=70_100, ord_no="0000002")
    done = replace(
        amended, state=OrderState.FILLED, filled_quantity=10, filled_value=280_000 + 6 * 70_100
    )
    for order in (SENT, SENT, part, part, amended, done, done):
        announcer.order(order)
    assert words(lines) == [
        "sent: BUY 삼성전자 10 at 70,000",
        "filled: BUY 삼성전자 4 at 70,000 (4/10)",
        "amended: BUY 삼성전자 to 70,100",
        "filled: BUY 삼성전자 6 at 70,100 (10/10)",
    ]


def test_an_exit_is_announced_with_its_reason(announcer: Announcer, lines: list[str]) -> None:
    announcer.order(
        replace(
            SENT,
            side=Side.SELL,
            order_type=OrderType.MARKET,
            price=0,
            origin=Origin.STOP_LOSS,
            reason="66,400 <= stop 66,500 (average 70,000)",
        )
    )
    assert words(lines) == [
        "stop-loss: SELL 삼성전자 10 at market: 66,400 <= stop 66,500 (average 70,000)"
    ]


@pytest.mark.parametrize(
    ("state", "title"),
    [
        (OrderState.DENIED, "denied"),
        (OrderState.REJECTED, "refused by the broker"),
        (OrderState.UNKNOWN, "outcome unknown"),
        (OrderState.NOT_PLACED, "not placed"),
    ],
)
def test_an_order_that_failed_is_announced_with_its_reason(
    announcer: Announcer, lines: list[str], state: OrderState, title: str
) -> None:
    announcer.order(replace(SENT, ord_no="", state=state, code="CODE", message="the arithmetic"))
    assert words(lines) == [f"{title}: BUY 삼성전자 10: CODE the arithmetic"]


def test_what_happened_before_the_start_is_not_announced(
    announcer: Announcer, lines: list[str]
) -> None:
    announcer.remember(
        replace(SENT, state=OrderState.PARTIAL, filled_quantity=4, filled_value=280_000)
    )
    announcer.order(
        replace(
            SENT,
            state=OrderState.CANCELLED,
            filled_quantity=4,
            filled_value=280_000,
            cancelled_quantity=6,
        )
    )
    assert words(lines) == ["cancelled: BUY 삼성전자 6"]
