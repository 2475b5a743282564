"""Round trips: each is a position from its first share to its last, in any number of fills."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from kt.records import Fill, Side
from kt.rules.round_trips import round_trips
from tests.rules.make import T0, fill, order
from tests.rules.test_pnl import replay

ORDERS = {f"O{n}": order(order_id=f"O{n}", side=side) for n, side in enumerate([*Side] * 20)}


def done(n: int, quantity: int, price: int, fee: int = 0, tax: int = 0) -> Fill:
    """Fill of order n, a buy if n is even; one second per order."""
    return fill(
        0, quantity, side=ORDERS[f"O{n}"].side, price=price, fee=fee, tax=tax,
        fill_id=f"F{n:02}", order_id=f"O{n}", at=T0 + timedelta(minutes=n),
    )  # fmt: skip


def test_the_process_documents_trade_shows_price_and_costs_separately() -> None:
    positions, sales = replay(ORDERS, [done(0, 10, 70_000, 100), done(1, 10, 77_500, 110, 1_550)])
    (trip,) = round_trips(sales, positions.values())
    assert (trip.quantity, trip.buy_price, trip.sell_price) == (10, 70_000, 77_500)
    assert (trip.bought, trip.sold, trip.gross) == (700_000, 775_000, 75_000)
    assert (trip.fee, trip.tax, trip.profit, trip.profit_pct) == (210, 1_550, 73_240, 10.46)
    assert (trip.held_minutes, trip.open, trip.won) == (1, False, True)


def test_three_sales_of_one_position_are_one_trade_with_three_parts() -> None:
    fills = [done(0, 10, 1_000, 10), done(1, 3, 1_100), done(3, 3, 1_100), done(5, 4, 900)]
    positions, sales = replay(ORDERS, fills)
    (trip,) = round_trips(sales, positions.values())
    assert [part.quantity for part in trip.parts] == [3, 3, 4]
    assert sum(part.profit > 0 for part in trip.parts) == 2
    assert (trip.gross, trip.fee, trip.profit, trip.won) == (200, 10, 190, True)
    assert (trip.opened_at, trip.closed_at) == (T0, T0 + timedelta(minutes=5))


def test_a_trade_is_open_while_some_of_it_is_held() -> None:
    positions, sales = replay(ORDERS, [done(0, 10, 1_000), done(1, 4, 1_100)])
    (trip,) = round_trips(sales, positions.values())
    assert (trip.open, trip.quantity, trip.profit) == (True, 4, 400)
    positions, sales = replay(
        ORDERS, [done(0, 10, 1_000), done(1, 10, 1_100), done(2, 5, 1_000), done(3, 1, 900)]
    )
    assert [trip.open for trip in round_trips(sales, positions.values())] == [False, True]


def test_a_sale_booked_before_its_purchase_was_known_is_part_of_its_trade() -> None:
    _, (early,) = replay(ORDERS, [done(1, 10, 1_100)])
    _, (true,) = replay(ORDERS, [done(0, 10, 1_000), done(1, 10, 1_100)])
    assert early.opened_at > true.opened_at
    (trip,) = round_trips([early, true])
    assert trip.opened_at == T0


@given(
    st.lists(
        st.tuples(
            st.integers(0, 1), st.integers(1, 50), st.integers(1, 90_000), st.integers(0, 90)
        ),
        max_size=20,
    )
)
def test_there_is_one_round_trip_for_each_return_to_zero_shares(
    steps: list[tuple[int, int, int, int]],
) -> None:
    held = cash = ends = 0
    fills = []
    for n, (odd, wanted, price, fee) in enumerate(steps):
        quantity = min(wanted, held) if odd else wanted
        if not quantity:
            continue
        held += -quantity if odd else quantity
        cash += (quantity * price if odd else -quantity * price) - fee
        ends += odd and not held
        fills.append(done(2 * n + odd, quantity, price, fee))
    positions, sales = replay(ORDERS, fills)
    trips = round_trips(sales, positions.values())
    assert sum(not trip.open for trip in trips) == ends
    assert sum(trip.profit for trip in trips) == cash + sum(p.cost for p in positions.values())
    for trip in trips:
        assert trip.profit == trip.sold - trip.bought - trip.fee - trip.tax
        if not trip.open:
            assert trip.quantity == sum(part.quantity for part in trip.parts)
