"""Money and shares: nothing appears, nothing is lost."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kt.records import MarketName, Side
from kt.sim.exchange.exchange_account import Account, Costing, affordable
from kt.sim.market.listing import Listing

COSTING = Costing(0.015, date(2026, 11, 23))
STOCK = Listing("000001", "하나", MarketName.KOSPI, 10_000, 10**7, 10**5)


def account(cash: int = 10_000_000) -> Account:
    return Account(key="a", number="1", start=cash, cash=cash)


def test_a_purchase_is_paid_two_sessions_later() -> None:
    mine = account(1_000_000)
    mine.buy("000001", 10, 10_000, 10, session=0)
    assert (mine.cash, mine.money, mine.money_at(1), mine.money_at(2)) == (
        1_000_000,
        899_990,
        1_000_000,
        899_990,
    )
    mine.begin(1)
    assert mine.cash == 1_000_000
    mine.begin(2)
    assert mine.cash == mine.money == 899_990
    assert mine.due == []


def test_a_sale_can_buy_again_at_once() -> None:
    mine = account(1_000_000)
    mine.buy("000001", 99, 10_000, 140, session=0)
    before = mine.money
    mine.sell("000001", 99, 11_000, 160, 2_178, session=0)
    assert mine.money == before + 99 * 11_000 - 160 - 2_178
    assert mine.cash == 1_000_000
    assert "000001" not in mine.held


def test_profit_is_net_of_both_sides_costs() -> None:
    """The recorded mock case: 250,250 bought (870), sold at 260,000 (910 and 520)."""
    mine = account()
    mine.buy("005930", 1, 250_250, 870, session=0)
    sale = mine.sell("005930", 1, 260_000, 910, 520, session=0)
    assert sale.profit == 7_450
    assert mine.realised("005930") == 7_450
    mine.begin(1)
    assert mine.realised("005930") == 0


def test_selling_more_than_is_held_is_refused() -> None:
    mine = account()
    mine.buy("000001", 3, 10_000, 0, session=0)
    with pytest.raises(ValueError, match="4 000001 sold"):
        mine.sell("000001", 4, 10_000, 0, 0, session=0)


def test_mock_costs_are_the_recorded_ones() -> None:
    costing = Costing(0.35, date(2026, 11, 23))
    assert costing.fee(258_000) == 900
    assert costing.tax(Side.SELL, 258_000, STOCK) == 516
    assert costing.tax(Side.BUY, 258_000, STOCK) == 0


Move = tuple[bool, int, int]
moves = st.lists(st.tuples(st.booleans(), st.integers(1, 500), st.integers(1, 3_000)), max_size=40)


@given(moves=moves)
def test_everything_conserves(moves: list[Move]) -> None:
    """Money is the start, less purchases, plus sales, less all costs; shares likewise; and
    what was realised is what the money gained once all is sold."""
    mine = account()
    money, shares = mine.start, 0
    profits = 0
    for session, (buys, quantity, hundreds) in enumerate(moves):
        price, now = hundreds * 100, session // 3
        mine.begin(now)
        fee = COSTING.fee(quantity * price)
        if buys:
            mine.buy("000001", quantity, price, fee, now)
            money -= quantity * price + fee
            shares += quantity
        elif quantity <= shares:
            tax = COSTING.tax(Side.SELL, quantity * price, STOCK)
            profits += mine.sell("000001", quantity, price, fee, tax, now).profit
            money += quantity * price - fee - tax
            shares -= quantity
        assert mine.money == money
        assert mine.quantity("000001") == shares
        held = mine.held.get("000001")
        invested = held.cost + held.fee if held else 0
        assert mine.money + invested == mine.start + profits
    mine.begin(len(moves) + 3)
    assert mine.cash == money
    assert mine.due == []


@given(amount=st.integers(0, 50_000_000), price=st.integers(1, 2_000_000))
def test_affordable_is_the_most_that_can_be_paid(amount: int, price: int) -> None:
    quantity = affordable(amount, price, COSTING)

    def cost(shares: int) -> int:
        return shares * price + COSTING.fee(shares * price)

    assert quantity >= 0
    assert cost(quantity) <= amount
    assert cost(quantity + 1) > amount
