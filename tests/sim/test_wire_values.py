"""Numbers, codes and times as the broker writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kt.sim.wire import values

AMOUNTS = st.integers(min_value=-(10**13), max_value=10**13)


@pytest.mark.parametrize(
    ("value", "base", "text"),
    [(20_800, 20_850, "-20800"), (20_900, 20_850, "+20900"), (20_850, 20_850, "20850"),
     (0, 20_850, "-0"), (0, 0, "0")],
)  # fmt: skip
def test_price_sign_is_the_direction(value: int, base: int, text: str) -> None:
    assert values.price(value, base) == text


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_price_is_always_its_own_magnitude(value: int, base: int) -> None:
    assert abs(int(values.price(value, base))) == value


@given(AMOUNTS)
def test_padding_keeps_value_and_width(amount: int) -> None:
    text = values.padded(amount)
    assert (len(text), int(text)) == (15, amount)
    assert values.padded(-196_888) == "-00000000196888"


@given(st.floats(-99_999, 99_999))
def test_padded_rates_keep_their_width(rate: float) -> None:
    text = values.padded_rate(rate)
    assert len(text) == 12
    assert float(text) == pytest.approx(rate, abs=0.005)


@pytest.mark.parametrize(
    ("rate", "text"),
    [(0.0, "0.00"), (-0.001, "0.00"), (0.49, "+0.49"), (-1.57, "-1.57"), (171.474, "+171.47")],
)
def test_rates_are_signed_unless_zero(rate: float, text: str) -> None:
    assert values.rate(rate) == text


@pytest.mark.parametrize(
    ("value", "sign"), [(130, "1"), (110, "2"), (100, "3"), (70, "4"), (90, "5")]
)
def test_direction_knows_the_limits(value: int, sign: str) -> None:
    assert values.direction(value, 100, upper=130, lower=70) == sign


@pytest.mark.parametrize(
    ("text", "code"),
    [("A005930", "005930"), ("005930", "005930"), ("005930_NX", "005930"), ("0156T0", "0156T0"),
     ("A0156T0_AL", "0156T0"), ("00104K", "00104K"), (" 005930 ", "005930"),
     ("A00593", "A00593"), ("", "")],
)  # fmt: skip
def test_one_leading_letter_and_the_venue_come_off(text: str, code: str) -> None:
    assert values.bare_code(text) == code


def test_counters_and_order_numbers() -> None:
    assert values.counter(5_000_000_000) == "4294967295"
    assert values.order_number("18") == values.order_number("0000018") == "0000018"
    assert values.order_number("") == "0000000"
    with pytest.raises(ValueError, match="invalid literal"):
        values.number("1.5")
