"""Profit and loss: worked trades, and that no won appears or vanishes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from kt.records import Fill, Order, Origin, Position, Side, Trade
from kt.rules.pnl import apply_fill, day_result, mark, percent
from tests.rules.make import T0, fill, order

STOCK = {"market": "KOSPI", "kind": "STOCK"}


def replay(
    orders: Mapping[str, Order], fills: Iterable[Fill]
) -> tuple[dict[str, Position], tuple[Trade, ...]]:
    """Open positions by stock code and all trades, from fills alone, in the order of their times.

    `orders` by order id. What the books must say when no fill was lost or doubled.
    """
    positions: dict[str, Position] = {}
    trades: list[Trade] = []
    for one in sorted(fills, key=lambda f: (f.at, f.side, f.fill_id)):
        applied = apply_fill(positions.get(one.stock_code), orders[one.order_id], one)
        positions[one.stock_code] = applied.position
        if applied.trade:
            trades.append(applied.trade)
        if not applied.position.quantity:
            del positions[one.stock_code]
    return positions, tuple(trades)


def trade(side: Side, quantity: int, price: int, fee: int = 0, tax: int = 0, n: int = 0) -> Fill:
    return fill(
        0,
        quantity,
        side=side,
        price=price,
        fee=fee,
        tax=tax,
        fill_id=f"F{n:03}",
        order_id=f"O-{side}",
        at=T0 + timedelta(seconds=n),
    )


ORDERS: dict[str, Order] = {
    f"O-{side}": order(order_id=f"O-{side}", side=side, decision_id="D1") for side in Side
}


def run(fills: list[Fill]) -> Position:
    position: Position | None = None
    for done in fills:
        position = apply_fill(position, ORDERS[done.order_id], done).position
    assert position is not None
    return position


def test_a_purchase_opens_a_position_with_its_fee_in_the_cost() -> None:
    found = run([trade(Side.BUY, 10, 70_000, fee=100)])

    assert (found.quantity, found.average_price, found.cost) == (10, 70_000, 700_100)
    assert (found.opened_at, found.stop_price, found.sellable) == (T0, 0, 10)


def test_purchases_average_and_keep_the_exits() -> None:
    first = msgspec.structs.replace(run([trade(Side.BUY, 10, 70_000, 100)]), stop_price=66_500)

    found = apply_fill(first, ORDERS["O-BUY"], trade(Side.BUY, 5, 71_000, 50, n=9)).position

    assert (found.quantity, found.average_price, found.cost) == (15, 70_333, 1_055_150)
    assert found.stop_price == 66_500
    assert found.updated_at == T0 + timedelta(seconds=9)


def test_the_average_price_is_rounded_to_the_nearest_won() -> None:
    found = run([trade(Side.BUY, 1, 100), trade(Side.BUY, 1, 101, n=1)])
    assert (found.average_price, found.cost) == (101, 201)
    third = run([trade(Side.BUY, 2, 100), trade(Side.BUY, 1, 101, n=1)])
    assert third.average_price == 100


def test_the_process_documents_sale_before_costs() -> None:
    bought = run([trade(Side.BUY, 10, 70_000)])

    sold = apply_fill(bought, ORDERS["O-SELL"], trade(Side.SELL, 10, 77_500, n=5))
    lost = apply_fill(bought, ORDERS["O-SELL"], trade(Side.SELL, 10, 66_000, n=5))

    assert sold.trade is not None
    assert lost.trade is not None
    assert sold.trade.profit == 75_000
    assert lost.trade.profit == -40_000
    assert sold.position.quantity == sold.position.cost == 0


def test_a_sale_of_a_part_takes_its_share_of_the_cost() -> None:
    bought = run([trade(Side.BUY, 3, 10_000, fee=1)])

    sold = apply_fill(bought, ORDERS["O-SELL"], trade(Side.SELL, 1, 11_000, 10, 22, n=5))

    assert sold.position.cost == 30_001 - 10_000
    assert sold.position.average_price == 10_000
    assert sold.trade is not None
    assert sold.trade.profit == 11_000 - 10 - 22 - 10_000
    assert sold.trade.profit_pct == 9.68
    assert (sold.trade.buy_price, sold.trade.sell_price) == (10_000.0, 11_000.0)
    assert (sold.trade.order_id, sold.trade.decision_id) == ("O-SELL", "D1")
    assert sold.trade.origin == Origin.CYCLE


def test_unmatched_sold_shares_have_no_profit() -> None:
    bought = run([trade(Side.BUY, 4, 10_000)])

    sold = apply_fill(bought, ORDERS["O-SELL"], trade(Side.SELL, 10, 11_000, n=5))
    nothing = apply_fill(None, ORDERS["O-SELL"], trade(Side.SELL, 10, 11_000, 10, 20))

    assert sold.unmatched == 6
    assert sold.trade is not None
    assert sold.trade.profit == 4_000
    assert sold.position.quantity == 0
    assert nothing.trade is not None
    assert (nothing.unmatched, nothing.trade.profit) == (10, 0)


def test_after_closing_a_purchase_opens_a_new_position() -> None:
    closed = run([trade(Side.BUY, 4, 10_000), trade(Side.SELL, 4, 11_000, n=5)])

    again = apply_fill(closed, ORDERS["O-BUY"], trade(Side.BUY, 2, 12_000, n=8)).position

    assert (again.quantity, again.average_price, again.cost) == (2, 12_000, 24_000)
    assert again.opened_at == T0 + timedelta(seconds=8)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(list(Side)),
        st.integers(1, 500),
        st.integers(1, 300_000),
        st.integers(0, 900),
        st.integers(0, 900),
    ),
    max_size=15,
)


@given(STEPS)
def test_profits_equal_cash_flow_plus_remaining_cost(
    steps: list[tuple[Side, int, int, int, int]],
) -> None:
    held = cash = profit = 0
    fills = []
    for n, (side, wanted, price, fee, tax) in enumerate(steps):
        quantity = min(wanted, held) if side is Side.SELL else wanted
        if quantity:
            held += quantity if side is Side.BUY else -quantity
            done = trade(side, quantity, price, fee, tax if side is Side.SELL else 0, n)
            cash += (done.quantity * price) * (1 if side is Side.SELL else -1) - fee - done.tax
            fills.append(done)

    positions, trades = replay(ORDERS, fills)
    profit = sum(t.profit for t in trades)

    assert sum(p.quantity for p in positions.values()) == held
    assert profit == cash + sum(p.cost for p in positions.values())


def test_a_marked_position_is_worth_what_selling_it_would_bring() -> None:
    bought = run([trade(Side.BUY, 10, 70_000, fee=100)])

    found = mark(bought, 77_000, T0 + timedelta(minutes=1), **STOCK)
    mock = mark(bought, 77_000, T0, commission_pct=0.35, **STOCK)

    assert (found.price, found.value) == (77_000, 770_000)
    assert found.profit == 770_000 - 110 - 1_540 - 700_100
    assert found.profit_pct == 9.75
    assert found.updated_at == T0 + timedelta(minutes=1)
    assert mock.profit == 770_000 - 2_690 - 1_540 - 700_100


def test_an_empty_position_is_worth_nothing() -> None:
    closed = run([trade(Side.BUY, 4, 10_000), trade(Side.SELL, 4, 11_000, n=5)])
    assert mark(closed, 12_000, T0, **STOCK).profit == 0


def test_the_day_is_the_sum_of_its_own_trades_and_what_is_still_held() -> None:
    fills = [
        trade(Side.BUY, 10, 70_000, 100, n=1),
        trade(Side.SELL, 4, 72_000, 40, 576, n=2),
        trade(Side.SELL, 4, 69_000, 40, 552, n=3),
    ]
    positions, trades = replay(ORDERS, fills)
    assert sum(t.buy_fee for t in trades) + positions["005930"].fees == 100
    marked = [mark(p, 70_000, T0, **STOCK) for p in positions.values()]
    yesterday = msgspec.structs.replace(fills[0], at=T0 - timedelta(days=1))

    found = day_result(T0.date(), trades, [*fills, yesterday], marked, T0)

    assert found.realised == sum(t.profit for t in trades)
    assert found.unrealised == 140_000 - 20 - 280 - 140_020
    assert (found.fees, found.taxes) == (180, 1_128)
    assert (found.trades, found.wins) == (0, 0), "two are held: the trade is not over"
    assert (found.bought, found.sold) == (700_000, 564_000)
    later = day_result(T0.date() + timedelta(days=1), trades, fills, [], T0)
    assert (later.realised, later.trades, later.fees) == (0, 0, 0)


def test_percent() -> None:
    assert percent(1, 3) == 33.33
    assert percent(-5, 100) == -5.0
    assert percent(5, 0) == 0.0
