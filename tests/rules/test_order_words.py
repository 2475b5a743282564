"""Prices and quantities as typed: every documented form, and what they come to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kt.records import Quote, Side
from kt.rules import fees, ticks
from kt.rules.order_words import (
    PriceKind,
    PriceWish,
    QuantityKind,
    QuantityWish,
    bought_shares,
    parse_price,
    parse_quantity,
    parse_won,
    price_of,
    sold_shares,
)


def quote(price: int = 70_000, bid: int = 69_900, ask: int = 70_100) -> Quote:
    return Quote(
        stock_code="005930",
        stock_name="삼성전자",
        price=price,
        base_price=price,
        change=0,
        change_pct=0.0,
        volume=0,
        bid=bid,
        ask=ask,
    )


@pytest.mark.parametrize(
    ("text", "won"),
    [
        ("70000", 70_000),
        ("70,000", 70_000),
        ("７０，０００원", 70_000),
        ("₩70,000", 70_000),
        ("7만", 70_000),
        ("7만원", 70_000),
        ("7만5천", 75_000),
        ("7만 500원", 70_500),
        ("7만5000", 75_000),
        ("1.5만", 15_000),
        ("1,000만", 10_000_000),
        ("1.25억", 125_000_000),
        ("1억2천", 100_002_000),
        ("1000000WON", 1_000_000),
    ],
)
def test_won(text: str, won: int) -> None:
    assert parse_won(text) == won


@pytest.mark.parametrize(
    "text",
    ["", "0", "만", "7만만", "5천7만", "7,00", "1.5", "1.00005만", "-5", "7e4", "٧٠٠٠٠",
     "1 000 원 x", "9" * 21, "9" * 5_000, "99999999억", "１_０", "1..5만", ".5만", "원"],
)  # fmt: skip
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match=r"^is |^needs "):
        parse_won(text)


@given(st.integers(1, 10**9))
def test_every_way_to_write_an_amount_is_the_same(amount: int) -> None:
    man, rest = divmod(amount, 10_000)
    korean = f"{man:,}만{rest}" if man and rest else f"{man}만" if man else str(rest)
    assert {parse_won(text) for text in (str(amount), f"{amount:,}", f"{amount}원", korean)} == {
        amount
    }
    assert parse_price(f"{amount:,}") == PriceWish(f"{amount:,}", PriceKind.WON, amount)
    assert parse_quantity(f"{amount:,}").amount == amount


@pytest.mark.parametrize(
    ("text", "kind", "amount"),
    [
        ("market", PriceKind.MARKET, 0),
        ("시장가", PriceKind.MARKET, 0),
        ("BEST", PriceKind.BEST, 0),
        ("최유리", PriceKind.BEST, 0),
        ("+2t", PriceKind.TICKS, 2),
        ("-3 ticks", PriceKind.TICKS, -3),
        ("＋１틱", PriceKind.TICKS, 1),
        ("-1%", PriceKind.PERCENT, -100),
        ("−0.25％", PriceKind.PERCENT, -25),
        ("+1.5 %", PriceKind.PERCENT, 150),
    ],
)
def test_prices_by_the_market(text: str, kind: PriceKind, amount: int) -> None:
    wish = parse_price(text)
    assert (wish.kind, wish.amount) == (kind, amount)
    assert wish.settled is (kind is PriceKind.MARKET)


@pytest.mark.parametrize(
    "text", ["1%", "-100%", "2t", "+t", "+2000t", "-1.005%", "+%", "%", "worst"]
)
def test_what_is_no_price(text: str) -> None:
    with pytest.raises(ValueError, match=r"^is |^needs "):
        parse_price(text)


@pytest.mark.parametrize(
    ("text", "kind", "amount"),
    [
        ("10", QuantityKind.SHARES, 10),
        ("1,000", QuantityKind.SHARES, 1_000),
        ("10주", QuantityKind.SHARES, 10),
        ("10 shares", QuantityKind.SHARES, 10),
        ("1,000,000won", QuantityKind.WON, 1_000_000),
        ("100만원", QuantityKind.WON, 1_000_000),
        ("₩500,000", QuantityKind.WON, 500_000),
        ("50%", QuantityKind.PERCENT, 5_000),
        ("100％", QuantityKind.PERCENT, 10_000),
        ("12.5%", QuantityKind.PERCENT, 1_250),
    ],
)
def test_quantities(text: str, kind: QuantityKind, amount: int) -> None:
    wish = parse_quantity(text)
    assert (wish.kind, wish.amount) == (kind, amount)


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "+1", "1.5", "0%", "101%", "-50%", "+50%", "7만", "1_0", "won", "10 x"]
)
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match=r"^is "):
        parse_quantity(text)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    for parse in (parse_price, parse_quantity, parse_won):
        try:
            parse(text)
        except ValueError as wrong:
            assert str(wrong).startswith(("is ", "needs "))


PRICES = st.integers(1, 2_000_000).map(ticks.round_down).filter(bool)
RELATIVE = st.one_of(
    st.integers(-9, 9).filter(bool).map(lambda n: f"{n:+d}t"),
    st.integers(-2_999, 2_999).filter(bool).map(lambda n: f"{n / 100:+.2f}%"),
)


@given(PRICES, RELATIVE, st.sampled_from(list(Side)))
def test_a_relative_price_is_on_the_grid_and_on_the_side_asked_for(
    last: int, text: str, side: Side
) -> None:
    price, said = price_of(parse_price(text), side, quote(last))
    assert ticks.is_on_tick(price)
    assert f"= {price:,}" in said and f"{last:,}" in said
    if text[0] == "+":
        assert price >= last
    elif price > ticks.step(0, 1):
        assert price <= last
    if text.endswith("%"):
        exact = last * (100 + float(text[:-1])) / 100
        away = exact - price if side is Side.BUY else price - exact
        assert -0.01 <= away < ticks.tick_size(int(exact) + 1) or price == ticks.step(0, 1)


def test_best_meets_the_other_side() -> None:
    best = parse_price("best")
    assert price_of(best, Side.BUY, quote())[0] == 70_100
    assert price_of(best, Side.SELL, quote())[0] == 69_900
    with pytest.raises(ValueError, match="no ask"):
        price_of(best, Side.BUY, quote(ask=0))
    with pytest.raises(ValueError, match="no last price"):
        price_of(parse_price("+1t"), Side.BUY, quote(price=0))


@given(st.integers(1, 10**9), PRICES, st.integers(0, 10**9))
def test_a_buy_never_costs_more_than_was_said_and_uses_it_up(
    money: int, price: int, room: int
) -> None:
    pct = fees.REAL_COMMISSION_PCT
    for wish, most in (
        (QuantityWish("x", QuantityKind.WON, money), money),
        (QuantityWish("50%", QuantityKind.PERCENT, 5_000), room // 2),
    ):
        shares, said = bought_shares(wish, price, room, pct)
        assert fees.buy_cost(shares * price, pct) <= most < fees.buy_cost((shares + 1) * price, pct)
        assert f"= {shares:,} shares" in said


@given(st.integers(0, 10**6), st.integers(1, 10_000), PRICES)
def test_a_part_of_a_holding_is_never_more_than_it(held: int, part: int, price: int) -> None:
    shares, _ = sold_shares(QuantityWish("x", QuantityKind.PERCENT, part), price, held)
    assert shares <= held * part / 10_000 < shares + 1
    worth, _ = sold_shares(QuantityWish("x", QuantityKind.WON, price * 3), price, held)
    assert worth == 3
