"""After an exit and after a buy: how long the analyst must wait, and whom that concerns."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from kt.config.model import Cooldown
from kt.records import STOP_EXITS, OrderType, Origin
from kt.rules.risk.denials import Code
from kt.rules.risk.facts import RiskFacts
from kt.rules.risk.validation import validate
from tests.rules.make import T0
from tests.rules.test_risk_rules import BUY, SELL, denied


def detail(facts: RiskFacts, code: Code) -> str:
    (found,) = [result.detail for result in validate(facts) if result.code == code]
    return found


def left(by: Origin, minutes: float, cooldown: Cooldown | None = None) -> RiskFacts:
    """A buy of a stock that was left so many minutes ago."""
    at = T0 - timedelta(minutes=minutes)
    return replace(BUY, left_by=by, left_at=at, cooldown=cooldown or Cooldown())


@pytest.mark.parametrize("by", sorted(STOP_EXITS))
def test_after_a_stop_loss_buys_are_denied_for_the_rest_of_the_day(by: Origin) -> None:
    assert denied(left(by, 359)) == {Code.COOLDOWN: f"left at 04:01:00 by {by}: not again today"}


@pytest.mark.parametrize("by", sorted(STOP_EXITS))
def test_the_stop_loss_cooldown_can_be_configured_in_minutes(by: Origin) -> None:
    short = Cooldown(stop_loss=30, take_profit=60, other=60)
    assert denied(left(by, 30, short)) == {}
    assert denied(left(by, 29, short)) == {
        Code.COOLDOWN: f"left at 09:31:00 by {by} + 30 min = 10:01:00 > now"
    }


@pytest.mark.parametrize(
    ("by", "minutes"),
    [
        (Origin.TAKE_PROFIT, 15),
        (Origin.CYCLE, 5),
        (Origin.PIPE, 5),
        (Origin.MANUAL, 5),
        (Origin.FLATTEN, 5),
        (Origin.EXTERNAL, 5),
    ],
)
def test_after_any_other_sell_buys_are_denied_for_minutes(by: Origin, minutes: int) -> None:
    assert denied(left(by, minutes)) == {}
    assert detail(left(by, minutes), Code.COOLDOWN) == (
        f"left at {T0 - timedelta(minutes=minutes):%H:%M:%S} by {by} + {minutes} min = "
        "10:00:00 <= now"
    )
    assert list(denied(left(by, minutes - 1 / 60))) == [Code.COOLDOWN]


def test_a_cooldown_may_be_the_whole_day_or_zero() -> None:
    assert "not again today" in detail(
        left(Origin.TAKE_PROFIT, 600, Cooldown(take_profit=1440)), Code.COOLDOWN
    )
    assert denied(left(Origin.STOP_LOSS, 0, Cooldown(stop_loss=0))) == {}


def test_without_an_exit_or_a_buy_there_is_no_waiting_time() -> None:
    assert detail(BUY, Code.COOLDOWN) == "005930 was not left today"
    never = replace(SELL, held_since=None)
    assert denied(never) == {}
    assert detail(never, Code.HOLDING_TIME) == "005930 was not bought by kt"


def test_the_minimum_holding_time_is_in_minutes_and_may_be_zero() -> None:
    assert detail(SELL, Code.HOLDING_TIME) == "held for 10.0 min >= limit 10 min"
    just = replace(SELL, held_since=T0)
    assert denied(just) == {Code.HOLDING_TIME: "held for 0.0 min < limit 10 min"}
    assert denied(replace(just, min_holding_minutes=0)) == {}
    later = replace(SELL, held_since=T0 + timedelta(seconds=3))
    assert denied(later) == {Code.HOLDING_TIME: "held for 0.0 min < limit 10 min"}


def test_the_turnover_of_a_market_buy_is_at_the_upper_price_limit() -> None:
    market = replace(BUY, order_type=OrderType.MARKET, price=0, bought_today=19_090_001)
    assert denied(market) == {Code.TURNOVER: "19,090,001 + 910,000 = 20,000,001 > limit 20,000,000"}


def test_of_the_turnover_rules_a_manual_order_meets_only_the_turnover_limit() -> None:
    by_hand = replace(left(Origin.STOP_LOSS, 1), decided=False, origin=Origin.MANUAL, entries=99)
    assert denied(by_hand) == {}
    assert list(denied(replace(by_hand, bought_today=20_000_000))) == [Code.TURNOVER]
    assert denied(replace(SELL, decided=False, origin=Origin.MANUAL, held_since=T0)) == {}


def test_sales_have_no_cooldown_no_entries_and_no_turnover() -> None:
    applied = {result.code for result in validate(SELL)}
    assert applied & {Code.COOLDOWN, Code.ENTRIES, Code.TURNOVER} == set()
    assert Code.HOLDING_TIME not in {result.code for result in validate(BUY)}
