"""How the exchange matches: auctions by hand and against brute force, priority."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kt.records import Side
from kt.rules.price_time_priority import crosses, priority
from tests.rules.clearing import Clearing, Interest, auction


@pytest.mark.parametrize(
    ("buys", "sells", "last", "expected"),
    [
        # the most volume wins
        ([(102, 10), (101, 20)], [(100, 15), (101, 10)], 100, Clearing(101, 25)),
        # a tie that holds the last price
        ([(103, 10)], [(100, 10), (101, 0)], 101, Clearing(101, 10)),
        # a tie above and below the last price: the nearest end
        ([(103, 10)], [(100, 10)], 90, Clearing(100, 10)),
        ([(103, 10)], [(100, 10)], 120, Clearing(103, 10)),
        # the last price lies between two tied prices: the one above
        ([(103, 10)], [(100, 10)], 101, Clearing(103, 10)),
        # market orders on one side, on both, and alone
        ([(0, 5)], [(100, 3), (101, 4)], 99, Clearing(101, 5)),
        ([(0, 5), (99, 2)], [(0, 6)], 95, Clearing(99, 6)),
        ([(0, 5)], [(0, 7)], 95, Clearing(95, 5)),
        # nothing crosses
        ([(99, 5)], [(100, 5)], 100, None),
        ([(0, 5)], [], 100, None),
        ([], [], 100, None),
    ],
)
def test_auctions_by_hand(
    buys: list[Interest], sells: list[Interest], last: int, expected: Clearing | None
) -> None:
    assert auction(buys, sells, last) == expected


INTEREST = st.lists(
    st.tuples(st.sampled_from([0, 98, 99, 100, 101, 102]), st.integers(1, 20)), max_size=6
)


def traded(price: int, buys: list[Interest], sells: list[Interest]) -> int:
    bought = sum(size for limit, size in buys if not limit or limit >= price)
    return min(bought, sum(size for limit, size in sells if not limit or limit <= price))


@given(INTEREST, INTEREST, st.integers(97, 103))
def test_no_price_executes_more_than_the_auction_price(
    buys: list[Interest], sells: list[Interest], last: int
) -> None:
    found = auction(buys, sells, last)
    prices = {price for price, _ in (*buys, *sells) if price} or {last}
    most = max(traded(price, buys, sells) for price in prices)

    assert (found is None) == (most == 0)
    if found is None:
        return
    assert found.volume == most == traded(found.price, buys, sells)
    tied = sorted(price for price in prices if traded(price, buys, sells) == most)
    assert found.price in tied
    if last in tied:
        assert found.price == last
    elif tied[0] < last < tied[-1]:
        assert found.price == min(price for price in tied if price > last)
    else:
        assert abs(found.price - last) == min(abs(price - last) for price in tied)


def test_priority_is_market_then_price_then_time() -> None:
    buys = [(100, 1), (101, 2), (0, 3), (101, 4)]
    sells = [(100, 1), (99, 2), (0, 3), (99, 4)]

    assert [s for _, s in sorted(buys, key=lambda o: priority(Side.BUY, *o))] == [3, 2, 4, 1]
    assert [s for _, s in sorted(sells, key=lambda o: priority(Side.SELL, *o))] == [3, 2, 4, 1]


def test_orders_cross_when_the_prices_meet() -> None:
    assert crosses(Side.BUY, 100, 100)
    assert not crosses(Side.BUY, 99, 100)
    assert crosses(Side.SELL, 100, 100)
    assert not crosses(Side.SELL, 101, 100)
    assert crosses(Side.BUY, 0, 1_000_000)
