"""How much to order: by hand, and never more than any bound."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kt.config.model import Sizing
from kt.records import Action, Decision, Quote, RiskLevel
from kt.rules.fees import buy_cost
from kt.rules.position_size import buy_size, sell_size

SHARES = {"LOW": 100, "MEDIUM": 75, "HIGH": 40}


def quote(**changes: int) -> Quote:
    values: dict[str, Any] = {
        "stock_code": "005930",
        "stock_name": "삼성전자",
        "price": 70_000,
        "base_price": 70_000,
        "change": 0,
        "change_pct": 0.0,
        "volume": 1_000_000,
        "high": 71_000,
        "low": 69_500,
    }
    return Quote(**(values | changes))


def decision(action: Action = Action.BUY, quantity: int = 1_000, risk: str = "LOW") -> Decision:
    return Decision(
        action=action,
        stock_code="005930",
        stock_name="삼성전자",
        quantity=quantity,
        price=70_000,
        reason="r",
        confidence=0.8,
        risk_level=RiskLevel(risk),
    )


@pytest.mark.parametrize(
    ("risk", "quantity", "expected"),
    [("LOW", 1_000, 14), ("MEDIUM", 1_000, 10), ("HIGH", 1_000, 5), ("LOW", 10, 10), ("LOW", 0, 0)],
)
def test_by_hand(risk: str, quantity: int, expected: int) -> None:
    found = buy_size(
        decision(quantity=quantity, risk=risk),
        70_000,
        cash=10_000_000,
        per_stock_left=1_000_000,
        total_left=5_000_000,
    )
    assert found.quantity == expected


@pytest.mark.parametrize(("risk", "expected"), [("LOW", 999), ("MEDIUM", 749), ("HIGH", 399)])
def test_a_higher_risk_level_gives_a_smaller_buy_size(risk: str, expected: int) -> None:
    room = {"cash": 10**6, "per_stock_left": 10**6, "total_left": 10**6}
    assert buy_size(decision(risk=risk), 1_000, **room).quantity == expected


def test_the_size_detail_shows_its_arithmetic() -> None:
    found = buy_size(
        decision(risk="MEDIUM"),
        70_000,
        cash=10_000_000,
        per_stock_left=1_000_000,
        total_left=800_000,
    )
    assert found.quantity == 8
    assert found.detail == (
        "room min(cash 10,000,000, stock 1,000,000, total 800,000) = 800,000; "
        "MEDIUM 75 % = 600,000; at 70,000 with fee 8 shares; 50,000 to the stop at -5 %: 14; "
        "analyst 1,000: 8"
    )


@pytest.mark.parametrize(
    ("what", "price"),
    [(decision(Action.HOLD), 70_000), (decision(Action.SELL), 1), (decision(), 0)],
)
def test_a_decision_that_is_no_buy_has_size_zero(what: Decision, price: int) -> None:
    found = buy_size(what, price, cash=10**6, per_stock_left=10**6, total_left=10**6)
    assert found.quantity == 0
    assert found.detail.startswith("0: nothing to buy")


ROOM = {"cash": 10**7, "per_stock_left": 10**6, "total_left": 5 * 10**6}


def test_the_process_documents_own_decision_passes_whole() -> None:
    """BUY 005930, 10 at 70,000, confidence 0.85, MEDIUM; in an ordinary market."""
    asked = decision(quantity=10, risk="MEDIUM")
    assert buy_size(asked, 70_000, **ROOM, quote=quote()).quantity == 10


@pytest.mark.parametrize(
    ("sizing", "market", "quantity", "words"),
    [
        (Sizing(risk_to_stop=35_000), {}, 10, "35,000 to the stop at -5 %: 10"),
        (Sizing(risk_to_stop=0), {}, 14, "with fee 14 shares; 1 % of the volume 1,000,000: 10,000"),
        (Sizing(volume_pct=0.5), {"volume": 1_000}, 5, "0.5 % of the volume 1,000: 5"),
        (Sizing(volume_pct=0), {"volume": 1_000}, 14, "with fee 14 shares"),
        (Sizing(), {"volume": 0}, 0, "1 % of the volume 0: 0"),
        (Sizing(), {"high": 84_000, "low": 70_000}, 7, "range 20.0 % above 10 % = 500,000"),
        (Sizing(calm_range_pct=0), {"high": 84_000, "low": 70_000}, 14, "at 70,000 with fee 14"),
        (Sizing(low_risk_pct=50), {}, 7, "LOW 50 % = 500,000"),
        (Sizing(low_risk_pct=0), {}, 0, "LOW 0 % = 0"),
    ],
)
def test_every_bound_holds_and_is_shown(
    sizing: Sizing, market: dict[str, int], quantity: int, words: str
) -> None:
    found = buy_size(decision(), 70_000, **ROOM, sizing=sizing, quote=quote(**market))
    assert found.quantity == quantity
    assert words in found.detail
    assert found.detail.endswith(f"analyst 1,000: {quantity}")


def test_a_wider_stop_buys_less() -> None:
    bound = Sizing(risk_to_stop=35_000)
    found = buy_size(decision(), 70_000, **ROOM, sizing=bound, stop_loss_pct=10.0)
    assert found.quantity == 5


AMOUNT = st.integers(-(10**6), 10**8)


@given(
    AMOUNT,
    AMOUNT,
    AMOUNT,
    st.integers(1, 10**6),
    st.integers(-5, 10**9),
    st.sampled_from(list(RiskLevel)),
    st.sampled_from([0.0, 0.015, 0.35, 5.0]),
)
def test_the_size_is_the_largest_within_all_limits(
    cash: int, stock: int, total: int, price: int, asked: int, risk: str, pct: float
) -> None:
    found = buy_size(
        decision(quantity=asked, risk=risk),
        price,
        cash=cash,
        per_stock_left=stock,
        total_left=total,
        sizing=Sizing(risk_to_stop=0),
        commission_pct=pct,
    ).quantity
    part = max(0, min(cash, stock, total)) * SHARES[risk] // 100

    assert 0 <= found <= max(0, asked)
    assert found == 0 or buy_cost(found * price, pct) <= part
    assert found == max(0, asked) or buy_cost((found + 1) * price, pct) > part


@pytest.mark.parametrize(
    ("asked", "sellable", "expected"), [(10, 4, 4), (3, 4, 3), (0, 4, 0), (5, 0, 0), (5, -1, 0)]
)
def test_a_sell_is_limited_to_the_sellable_shares(asked: int, sellable: int, expected: int) -> None:
    assert sell_size(decision(Action.SELL, asked), sellable).quantity == expected
    assert sell_size(decision(Action.BUY, asked), sellable).quantity == 0
