"""The verdict on a decision, by its definition in docs/decision-scores.md#verdict."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kt.records import KST, Action
from kt.rules.decision_verdict import (
    TradeCosts,
    choice_pct,
    cost_rates,
    holds,
    horizon_end,
    verdict,
)

COSTS = TradeCosts(buy_pct=0.015, sell_pct=0.215)
prices = st.integers(min_value=100, max_value=1_000_000)
rates = st.floats(min_value=0.001, max_value=2, allow_nan=False)
costs = st.builds(TradeCosts, rates, rates)


@pytest.mark.parametrize(
    ("action", "held", "later", "earned", "edge", "hit"),
    [
        (Action.BUY, False, 71_400, 1.77, 1.77, True),
        (Action.BUY, False, 70_100, -0.0871, -0.0871, False),  # the costs are 0.23 %
        (Action.HOLD, False, 70_100, 0.0, 0.0871, True),
        (Action.HOLD, False, 71_400, 0.0, -1.77, False),
        (Action.HOLD, True, 71_400, 2.0, 2.215, True),
        (Action.HOLD, True, 69_900, -0.1429, 0.0721, True),  # selling would have cost 0.215 %
        (Action.HOLD, True, 69_300, -1.0, -0.785, False),
        (Action.SELL, True, 69_300, -0.215, 0.785, True),
        (Action.SELL, True, 69_900, -0.215, -0.0721, False),
        (Action.SELL, False, 69_300, -0.215, 0.785, True),
    ],
)
def test_what_each_decision_earned_and_whether_it_was_better(
    action: Action, held: bool, later: int, earned: float, edge: float, hit: bool
) -> None:
    found = verdict(action, held, 70_000, later, COSTS)
    assert (found.return_pct, found.edge_pct) == (
        pytest.approx(earned, abs=1e-4),
        pytest.approx(edge, abs=1e-4),
    )
    assert found.hit is hit


def test_the_hold_of_the_issue_is_right() -> None:
    """Held from 25,700 to 28,250: this counted as a miss of 9.7 %."""
    found = verdict(Action.HOLD, True, 25_700, 28_250, COSTS)
    assert found.hit and found.return_pct == pytest.approx(9.922, abs=0.001)


@given(prices, prices, costs)
def test_buying_and_not_buying_are_never_both_right_or_both_wrong(
    price: int, later: int, costs: TradeCosts
) -> None:
    bought = verdict(Action.BUY, False, price, later, costs)
    held_off = verdict(Action.HOLD, False, price, later, costs)
    assert bought.hit is not held_off.hit
    assert bought.edge_pct == pytest.approx(-held_off.edge_pct)
    assert held_off.return_pct == 0.0


def test_buying_that_earns_exactly_nothing_does_not_pay() -> None:
    free = TradeCosts(0.0, 0.0)
    assert not verdict(Action.BUY, False, 70_000, 70_000, free).hit
    assert verdict(Action.HOLD, False, 70_000, 70_000, free).hit
    assert not verdict(Action.HOLD, True, 70_000, 70_000, free).hit
    assert not verdict(Action.SELL, True, 70_000, 70_000, free).hit


@given(prices, prices, costs)
def test_selling_and_keeping_are_never_both_right(
    price: int, later: int, costs: TradeCosts
) -> None:
    sold = verdict(Action.SELL, True, price, later, costs)
    kept = verdict(Action.HOLD, True, price, later, costs)
    assert not (sold.hit and kept.hit)
    assert sold.hit or kept.hit or sold.edge_pct == 0
    assert sold.edge_pct == pytest.approx(-kept.edge_pct)


@given(st.sampled_from([Action.BUY, Action.SELL, Action.HOLD]), st.booleans(), prices, costs)
def test_a_higher_price_later_favours_holding(
    action: Action, held: bool, price: int, costs: TradeCosts
) -> None:
    low, high = (verdict(action, held, price, later, costs) for later in (price, price * 2))
    held = held or action is Action.SELL
    assert (high.edge_pct > low.edge_pct) is holds(action, held)


@given(st.sampled_from([Action.BUY, Action.SELL, Action.HOLD]), st.booleans(), prices, prices)
def test_a_right_decision_earns_at_least_what_the_other_choice_does(
    action: Action, held: bool, price: int, later: int
) -> None:
    found = verdict(action, held, price, later, COSTS)
    held = held or action is Action.SELL
    other = choice_pct(not holds(action, held), held, price, later, COSTS)
    assert found.hit is (found.return_pct > other) or found.return_pct == other


def test_the_costs_are_those_of_the_market_and_the_kind() -> None:
    day = datetime(2026, 11, 23, 10, tzinfo=KST)
    assert cost_rates(0.015, "KOSPI", "STOCK", day) == TradeCosts(0.015, pytest.approx(0.215))
    assert cost_rates(0.015, "KOSPI", "ETF", day) == TradeCosts(0.015, 0.015)


@pytest.mark.parametrize(
    ("decided", "end"),
    [
        ("2026-11-23T10:00", "2026-11-23T11:00"),
        ("2026-11-23T15:10", "2026-11-23T15:30"),
        ("2026-11-23T08:30", "2026-11-23T09:30"),
        ("2026-11-23T15:30", None),
        ("2026-11-22T10:00", None),  # a Sunday
    ],
)
def test_the_horizon_ends_at_the_close_at_the_latest(decided: str, end: str | None) -> None:
    at = datetime.fromisoformat(f"{decided}:00+09:00")
    found = horizon_end(at, 60)
    assert found == (end and datetime.fromisoformat(f"{end}:00+09:00"))
    assert found is None or found - at <= timedelta(minutes=60)
