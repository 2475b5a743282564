"""Which shares were really filled: any overlap of stretches counts each share once."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from kt.records import Fill, Side
from kt.rules.distinct_fills import distinct_fills, number
from tests.rules.make import fill, order


def stretch(draw: tuple[int, int, int, str, int]) -> Fill:
    start, size, ord_no, source, price = draw
    return fill(
        start,
        start + size,
        ord_no=f"{ord_no:07}",
        source=source,
        price=price,
        fill_id=f"{draw}",
        fee=size * 3,
        tax=size,
    )


STRETCHES = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.integers(1, 15),
        st.sampled_from([101, 102]),
        st.sampled_from(["stream", "rest"]),
        st.sampled_from([69_900, 70_000, 70_100]),
    ).map(stretch),
    max_size=8,
)


def shares(fills: list[Fill]) -> set[tuple[str, int]]:
    return {(f.ord_no, n) for f in fills for n in range(f.from_quantity, f.to_quantity)}


@given(STRETCHES, st.randoms(use_true_random=False))
def test_overlapping_fills_count_each_share_once(fills: list[Fill], shuffle: random.Random) -> None:
    found = distinct_fills(order(1_000), fills)
    mixed = fills * 2
    shuffle.shuffle(mixed)

    assert found.rejected == ()
    assert found.quantity == len(shares(fills)) == len(shares(list(found.fills)))
    assert shares(list(found.fills)) == shares(fills)
    assert distinct_fills(order(1_000), mixed) == found
    assert distinct_fills(order(1_000), found.fills).value == found.value


@given(STRETCHES, st.integers(0, 40))
def test_fills_never_exceed_the_ordered_quantity(fills: list[Fill], quantity: int) -> None:
    found = distinct_fills(order(quantity), fills)

    assert found.quantity == min(quantity, len(shares(fills)))
    assert bool(found.rejected) == (len(shares(fills)) > quantity)


@given(STRETCHES)
def test_the_stream_price_wins_over_the_listing_price(fills: list[Fill]) -> None:
    streamed = shares([f for f in fills if f.source == "stream"])
    for found in distinct_fills(order(1_000), fills).fills:
        from_stream = shares([found]) <= streamed
        assert (found.source == "stream") == from_stream


@given(
    st.integers(0, 40),
    st.integers(1, 40),
    st.integers(0, 500),
    st.integers(0, 500),
    st.integers(0, 40),
)
def test_costs_of_a_split_fill_add_up(begin: int, size: int, fee: int, tax: int, at: int) -> None:
    whole = fill(begin, begin + size, source="rest", fee=fee, tax=tax, fill_id="whole")
    at = min(at, size - 1)
    streamed = fill(begin + at, begin + at + 1)

    parts = [f for f in distinct_fills(order(100), [whole, streamed]).fills if f.source == "rest"]

    assert sum(f.fee for f in parts) == fee - (fee * (at + 1) // size - fee * at // size)
    assert sum(f.tax for f in parts) == tax - (tax * (at + 1) // size - tax * at // size)
    assert sum(f.quantity for f in parts) == size - 1


def test_impossible_fills_are_rejected() -> None:
    good = fill(0, 3)
    bad = [
        fill(3, 3),
        fill(-1, 2),
        fill(3, 5, quantity=3),
        fill(3, 5, price=0),
        fill(3, 5, stock_code="000660"),
        fill(3, 5, order_id="O2"),
        fill(3, 5, side=Side.SELL),
    ]

    found = distinct_fills(order(10), [*bad, good])

    assert found.fills == (good,)
    assert set(found.rejected) == set(bad)


def test_numbers_compare_as_numbers() -> None:
    assert number("0000101") == number("101") == 101
    assert number("") == -1
    assert number("A12") == -1
