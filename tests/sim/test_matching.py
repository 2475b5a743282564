"""Price before time, the displayed book before who comes later, parts as they come."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kt.records import KST, Level, OrderType, Side
from kt.rules import price_time_priority
from kt.sim.exchange.matching import (
    Liquidity,
    Match,
    match_arriving,
    match_auction,
    match_resting,
    may_trade,
)
from kt.sim.exchange.order_records import SimOrder
from kt.sim.market import expected_prices
from kt.sim.market.depth import Depth, down, pieces, up
from kt.sim.market.path import SessionPath
from kt.sim.market.session_days import CONTINUOUS_MINUTES
from tests.rules import clearing

NOW = datetime(2026, 11, 23, 10, tzinfo=KST)
PRICE = 10_000
TICK = 10


def still_path(price: int = PRICE, volume: int = 6_000, buying: float = 0.5) -> SessionPath:
    """A stock that trades at one price all day."""
    return SessionPath(
        key=77,
        base=PRICE,
        limits=(7_000, 13_000),
        opening=price,
        closes=[price] * CONTINUOUS_MINUTES,
        volumes=[volume] * CONTINUOUS_MINUTES,
        closing_price=price,
        closing_volume=500,
        auction=400,
        buying=[buying] * CONTINUOUS_MINUTES,
    )


def liquidity(
    path: SessionPath | None = None, second: int = 3_600, depth: Depth | None = None
) -> Liquidity:
    return Liquidity("000001", path or still_path(), depth or Depth(), 1_000, second)


def order(
    number: int,
    side: Side,
    quantity: int,
    price: int = 0,
    *,
    ahead: int = 0,
    account: str = "a",
) -> SimOrder:
    return SimOrder(
        ord_no=number,
        root=number,
        parent=0,
        account=account,
        code="000001",
        side=side,
        order_type=OrderType.LIMIT if price else OrderType.MARKET,
        quantity=quantity,
        price=price,
        at=NOW,
        session=0,
        open=quantity,
        ahead=ahead,
    )


def asks(here: Liquidity) -> list[Level]:
    return here.depth.levels(here.code, here.path, here.unit, Side.SELL, here.second)


def by_price(matches: list[Match]) -> dict[int, int]:
    sums: dict[int, int] = {}
    for match in matches:
        sums[match.price] = sums.get(match.price, 0) + match.quantity
    return sums


def test_a_market_order_eats_levels_from_the_best_on() -> None:
    here = liquidity()
    first, second, third = asks(here)[:3]
    wanted = first.quantity + second.quantity + 1
    matches = match_arriving(order(1, Side.BUY, wanted), (), here)
    assert by_price(matches) == {
        first.price: first.quantity,
        second.price: second.quantity,
        third.price: 1,
    }
    assert [match.price for match in matches] == sorted(match.price for match in matches)


def test_a_limit_order_stops_at_its_price() -> None:
    here = liquidity()
    first = asks(here)[0]
    matches = match_arriving(order(1, Side.BUY, first.quantity + 50, first.price), (), here)
    assert by_price(matches) == {first.price: first.quantity}
    assert match_arriving(order(2, Side.BUY, 50, down(first.price)), (), here) == []


def test_selling_goes_down_the_bids() -> None:
    here = liquidity()
    bids = here.depth.levels(here.code, here.path, here.unit, Side.BUY, here.second)
    matches = match_arriving(order(1, Side.SELL, bids[0].quantity + 1), (), here)
    assert by_price(matches) == {bids[0].price: bids[0].quantity, bids[1].price: 1}


def test_a_consumed_level_stays_consumed_until_it_refills() -> None:
    here = liquidity()
    before = asks(here)
    match_arriving(order(1, Side.BUY, before[0].quantity), (), here)
    assert asks(here)[0].price == before[1].price
    again = match_arriving(order(2, Side.BUY, 1), (), here)
    assert again[0].price == before[1].price
    later = liquidity(here.path, here.second + 30, here.depth)
    assert before[0].price in {level.price for level in asks(later)}


def test_a_part_eaten_leaves_the_rest() -> None:
    here = liquidity()
    first = asks(here)[0]
    match_arriving(order(1, Side.BUY, first.quantity - 3), (), here)
    assert asks(here)[0] == Level(first.price, 3)


def test_executions_are_the_single_orders_of_a_level() -> None:
    found = pieces(still_path(), PRICE, 3_600, 900)
    assert sum(found) == 900
    assert len(found) > 1
    assert all(size > 0 for size in found)


def test_a_better_priced_account_comes_before_the_book() -> None:
    here = liquidity()
    best = asks(here)[0]
    mine = order(1, Side.SELL, 5, down(best.price), account="b")
    matches = match_arriving(order(2, Side.BUY, 8), (mine,), here)
    assert (matches[0].price, matches[0].quantity, matches[0].against) == (
        down(best.price),
        5,
        mine,
    )
    assert sum(match.quantity for match in matches[1:]) == 3


def test_at_one_price_the_older_order_fills_first() -> None:
    """Displayed shares that were there before, then the account, then the rest of the level."""
    here = liquidity()
    best = asks(here)[0]
    assert best.quantity > 12
    mine = order(1, Side.SELL, 5, best.price, ahead=10, account="b")
    matches = match_arriving(order(2, Side.BUY, 17, best.price), (mine,), here)
    against = [match.against is mine for match in matches]
    before = sum(match.quantity for match in matches[: against.index(True)])
    assert before == 10
    assert matches[against.index(True)].quantity == 5
    assert sum(match.quantity for match in matches) == 17


def test_of_two_accounts_the_earlier_trades_first() -> None:
    here = liquidity()
    price = down(asks(here)[0].price)
    late = order(9, Side.SELL, 5, price, account="c")
    early = order(3, Side.SELL, 5, price, account="b")
    matches = match_arriving(order(10, Side.BUY, 7, price), (late, early), here)
    assert [(match.against, match.quantity) for match in matches] == [(early, 5), (late, 2)]


def second_with(path: SessionPath, side: Side, at_least: int = 1) -> int:
    return next(
        second
        for second in range(3_600, 7_200)
        if (trade := path.trade_at(second)) and trade.side is side and trade.quantity >= at_least
    )


def test_a_waiting_order_waits_behind_its_queue_and_fills_in_parts() -> None:
    path = still_path()
    second = second_with(path, Side.SELL, 60)
    trade = path.trade_at(second)
    assert trade is not None
    waiting = order(1, Side.BUY, 10_000, PRICE, ahead=trade.quantity - 10)
    matches = match_resting([waiting], liquidity(path, second))
    assert by_price(matches) == {PRICE: 10}
    assert waiting.ahead == 0
    behind = order(2, Side.BUY, 10, PRICE, ahead=trade.quantity + 5)
    assert match_resting([behind], liquidity(path, second)) == []
    assert behind.ahead == 5


def test_two_orders_wait_behind_the_same_displayed_queue() -> None:
    path = still_path()
    second = second_with(path, Side.SELL, 60)
    trade = path.trade_at(second)
    assert trade is not None
    queue = trade.quantity - 30
    early = order(1, Side.BUY, 10, PRICE, ahead=queue)
    late = order(2, Side.BUY, 100, PRICE, ahead=queue, account="b")
    matches = match_resting([late, early], liquidity(path, second))
    assert [(match.order, match.quantity) for match in matches] == [(early, 10), (late, 20)]


def test_a_price_that_is_not_reached_does_not_trade() -> None:
    path = still_path()
    second = second_with(path, Side.SELL)
    low, high = order(1, Side.BUY, 5, PRICE - TICK), order(2, Side.SELL, 5, PRICE + TICK)
    assert match_resting([low, high], liquidity(path, second)) == []
    assert not may_trade(low, path, second // 60)
    assert not may_trade(high, path, second // 60)


def test_a_trade_through_the_price_fills_at_the_orders_own_price() -> None:
    path = still_path()
    second = second_with(path, Side.SELL)
    generous = order(1, Side.BUY, 3, PRICE + TICK, ahead=1_000_000)
    assert by_price(match_resting([generous], liquidity(path, second))) == {PRICE + TICK: 3}


def test_one_trade_serves_the_better_price_then_the_earlier_order() -> None:
    path = still_path()
    second = second_with(path, Side.SELL, 20)
    trade = path.trade_at(second)
    assert trade is not None
    late = order(8, Side.BUY, trade.quantity, PRICE)
    early = order(2, Side.BUY, 5, PRICE)
    better = order(9, Side.BUY, 4, PRICE + TICK)
    matches = match_resting([late, early, better], liquidity(path, second))
    assert [(match.order, match.quantity) for match in matches] == [
        (better, 4),
        (early, 5),
        (late, trade.quantity - 9),
    ]


def test_the_rest_of_a_market_order_takes_what_is_offered_next() -> None:
    path = still_path()
    rest_of_it = order(1, Side.BUY, 7)
    matches = match_resting([rest_of_it], liquidity(path, 3_605))
    assert sum(match.quantity for match in matches) == 7


# --- call auctions -------------------------------------------------------------------------


@given(
    key=st.integers(0, 2**32),
    ticks_up=st.integers(-100, 100),
    volume=st.integers(1, 10_000_000),
)
def test_the_others_orders_clear_at_the_print(key: int, ticks_up: int, volume: int) -> None:
    path = still_path()
    path.key = key
    price = PRICE + ticks_up * TICK
    buys, sells = expected_prices.background(path, price, volume)
    cleared = clearing.auction(buys, sells, path.base)
    assert cleared is not None
    assert (cleared.price, cleared.volume) == (price, volume)


def test_an_auction_serves_market_orders_then_better_prices() -> None:
    path = still_path()
    market = order(5, Side.BUY, 100)
    better = order(4, Side.BUY, 100, PRICE + 50 * TICK)
    low = order(1, Side.BUY, 100, PRICE - TICK)
    matches = match_auction([low, better, market], path, PRICE, 400)
    assert {match.order.ord_no: match.quantity for match in matches} == {5: 100, 4: 100}
    assert {match.price for match in matches} == {PRICE}


def test_in_an_auction_somebody_waits_at_the_price() -> None:
    """At the print itself the side with more shares than trade is not served to the last."""
    path = still_path()
    buyer, seller = order(1, Side.BUY, 10**9, PRICE), order(2, Side.SELL, 10**9, PRICE)
    for waiting in (buyer, seller):
        served = sum(match.quantity for match in match_auction([waiting], path, PRICE, 400))
        assert served < 10**9
    total = {side: 0 for side in Side}
    for match in match_auction([buyer, seller], path, PRICE, 400):
        total[match.order.side] += match.quantity
    assert total[Side.BUY] > 0


@given(
    sizes=st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 5_000), st.integers(-5, 5))),
    volume=st.integers(1, 10_000),
)
def test_no_auction_serves_an_order_beyond_itself(
    sizes: list[tuple[Side, int, int]], volume: int
) -> None:
    crowd = [
        order(number, side, quantity, PRICE + step * TICK if step else 0)
        for number, (side, quantity, step) in enumerate(sizes, start=1)
    ]
    got: dict[int, int] = {}
    for match in match_auction(crowd, still_path(), PRICE, volume):
        got[match.order.ord_no] = got.get(match.order.ord_no, 0) + match.quantity
        assert price_time_priority.crosses(match.order.side, match.order.price, PRICE)
    for item in crowd:
        assert got.get(item.ord_no, 0) <= item.quantity


@given(price=st.integers(1, 700_000))
def test_steps_up_and_down_undo_each_other(price: int) -> None:
    from kt.rules import ticks

    price = ticks.round_up(price)
    assert down(up(price)) == price
    assert up(price) == ticks.step(price, 1)


@pytest.mark.parametrize("buying", [0.2, 0.8])
def test_the_book_leans_with_the_buyers(buying: float) -> None:
    path = still_path(buying=buying)
    depth, bids, offers = Depth(), 0, 0
    for second in range(600, 18_000, 97):
        book = depth.book("000001", path, 1_000, second)
        bids += book.total_bid
        offers += book.total_ask
    assert (bids > offers) == (buying > 0.5)
