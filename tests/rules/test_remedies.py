"""A denial says what would pass, and that passes; one cause is one line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kt.config.model import Limits, SessionHours
from kt.records import KST, CheckResult, OrderType, Origin, StopMode
from kt.rules import ticks, trading_phases
from kt.rules.risk.causes import NOT_EVALUATED, causes
from kt.rules.risk.denials import Code
from kt.rules.risk.facts import RiskFacts
from kt.rules.risk.validation import validate
from tests.rules.make import T0
from tests.rules.test_risk_rules import BUY, SELL

TOMORROW = T0.replace(hour=9) + timedelta(days=1)
CLOSED = {"orders_from": TOMORROW, "buys_from": TOMORROW, "next_day": TOMORROW}


def said(facts: RiskFacts, code: Code) -> str:
    """What a denial says after its arithmetic; "" when the rule passes or says no more."""
    (found,) = [item for item in validate(facts) if item.code == code]
    return "" if found.passed else found.detail.partition("; ")[2]


@pytest.mark.parametrize(
    ("code", "facts", "changes", "instead"),
    [
        (Code.HALTED, BUY, {"stop": StopMode.HALT}, "it would pass after `kt resume`"),
        (
            Code.SESSION,
            BUY,
            {"may_order": False, **CLOSED},
            "orders are taken from 09:00 tomorrow",
        ),
        (
            Code.SESSION,
            BUY,
            {"may_order": False, "orders_from": T0 + timedelta(minutes=30)},
            "orders are taken from 10:30",
        ),
        (
            Code.SESSION,
            BUY,
            {"may_order": False},
            "orders are taken again when the exchange goes on",
        ),
        (Code.NO_NEW_BUYS, BUY, {"may_buy": False, **CLOSED}, "buys are taken from 09:00 tomorrow"),
        (Code.SLIPPAGE, BUY, {"price": 71_500}, "68,600 to 71,400 would pass"),
        (Code.NOT_HELD, SELL, {"held": 0}, "`kt balance` shows what is held"),
        (Code.SELLABLE, SELL, {"sellable": 4}, "at most 4 shares would pass"),
        (Code.SELLABLE, SELL, {"sellable": 0}, "not one share would pass"),
        (
            Code.PER_STOCK_LIMIT,
            BUY,
            {"invested_in_stock": 700_000},
            "at most 4 shares would pass",
        ),
        (Code.TOTAL_LIMIT, BUY, {"invested_total": 5_000_000}, "not one share would pass"),
        (Code.CASH, BUY, {"cash": 281_000}, "at most 4 shares would pass"),
        (Code.CASH, BUY, {"cash": 280_000}, "at most 3 shares would pass"),
        (
            Code.TURNOVER,
            BUY,
            {"bought_today": 19_700_000},
            "at most 4 shares would pass today",
        ),
        (
            Code.DAILY_LOSS,
            BUY,
            {"realised_today": -500_000, **CLOSED},
            "it would pass from 09:00 tomorrow",
        ),
        (
            Code.COOLDOWN,
            BUY,
            {"left_by": Origin.TAKE_PROFIT, "left_at": T0 - timedelta(minutes=14)},
            "it would pass from 10:01",
        ),
        (
            Code.COOLDOWN,
            BUY,
            {"left_by": Origin.STOP_LOSS, "left_at": T0, **CLOSED},
            "it would pass from 09:00 tomorrow",
        ),
        (
            Code.HOLDING_TIME,
            SELL,
            {"held_since": T0 - timedelta(minutes=4)},
            "it would pass from 10:06",
        ),
        (Code.STALE_INPUT, BUY, {"input_at": T0 + timedelta(hours=1)}, ""),
        (Code.RATE, BUY, {"orders_last_minute": 10}, "it would pass within a minute"),
        (Code.CASH, BUY, {"cash": None}, ""),
    ],
)
def test_a_denial_says_what_would_pass(
    code: Code, facts: RiskFacts, changes: dict[str, Any], instead: str
) -> None:
    assert said(replace(facts, **changes), code) == instead


MONEY = st.integers(0, 3_000_000)
SHARES = {
    Code.PER_STOCK_LIMIT: "invested_in_stock",
    Code.TOTAL_LIMIT: "invested_total",
    Code.TURNOVER: "bought_today",
    Code.CASH: "cash",
    Code.ORDERABLE: "orderable",
    Code.SELLABLE: "sellable",
}


@given(
    st.sampled_from(sorted(SHARES)),
    MONEY,
    st.integers(1, 10_000),
    st.integers(1, 300_000).map(ticks.round_down).filter(bool),
    st.sampled_from(list(OrderType)),
)
def test_as_many_shares_as_it_says_pass_and_one_more_does_not(
    code: Code, amount: int, quantity: int, price: int, kind: OrderType
) -> None:
    limits = Limits(per_stock=1_000_000, total=2_000_000, turnover=2_500_000)
    facts = replace(
        SELL if code is Code.SELLABLE else BUY,
        limits=limits,
        quantity=quantity,
        price=price,
        order_type=kind,
        held=10**7,
        **{SHARES[code]: amount},  # type: ignore[arg-type]
    )
    instead = said(facts, code)
    if not instead:
        return
    found = re.fullmatch(r"at most ([\d,]+) shares would pass(?: today)?", instead)
    most = int(found[1].replace(",", "")) if found else 0
    assert found or instead.startswith("not one share")
    assert not most or said(replace(facts, quantity=most), code) == ""
    assert said(replace(facts, quantity=most + 1), code) != ""


@given(st.integers(1_000, 500_000), st.integers(1, 1_000_000))
def test_the_prices_that_it_names_pass(last: int, price: int) -> None:
    facts = replace(BUY, last_price=last, price=price)
    found = re.fullmatch(r"([\d,]+) to ([\d,]+) would pass", said(facts, Code.SLIPPAGE))
    if found is None:
        return
    lowest, highest = (int(part.replace(",", "")) for part in found.groups())
    for end, beyond in ((lowest, ticks.step(lowest, -1)), (highest, ticks.step(highest, 1))):
        assert ticks.is_on_tick(end) and said(replace(facts, price=end), Code.SLIPPAGE) == ""
        assert said(replace(facts, price=beyond), Code.SLIPPAGE) != ""


def test_no_price_is_named_when_none_between_the_limits_is_on_the_grid() -> None:
    narrow = replace(BUY, last_price=70_050, limits=Limits(max_slippage_pct=0.01))
    assert said(narrow, Code.SLIPPAGE) == ""
    assert "; " not in dict((item.code, item.detail) for item in validate(narrow))[Code.SLIPPAGE]


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 20)), st.booleans())
def test_at_the_opening_that_it_names_orders_are_taken(at: datetime, buys: bool) -> None:
    now, hours = at.replace(tzinfo=KST), SessionHours()
    allowed = trading_phases.may_buy if buys else trading_phases.may_order
    opening = trading_phases.next_opening(now, hours, buys=buys)
    if allowed(now, hours):
        assert opening is None
        return
    assert opening is not None and opening > now
    assert allowed(opening, hours) and not allowed(opening - timedelta(seconds=1), hours)
    between = now + (opening - now) / 2
    assert not allowed(between, hours)


def test_moments_as_one_says_them() -> None:
    assert trading_phases.moment_words(T0, T0) == "10:00"
    assert trading_phases.moment_words(TOMORROW, T0) == "09:00 tomorrow"
    later = T0.replace(hour=9) + timedelta(days=7)
    assert trading_phases.moment_words(later, T0) == f"09:00 on {later:%A} {later:%Y-%m-%d}"


def shown(facts: RiskFacts) -> Sequence[CheckResult]:
    return causes([item for item in validate(facts) if not item.passed])


UNKNOWN: dict[str, Any] = {
    "listed": False,
    "warning": None,
    "kind": None,
    "last_price": None,
    "lower_limit": None,
    "upper_limit": None,
    "orderable": None,
}


def test_an_unknown_stock_is_only_that() -> None:
    facts = replace(BUY, **UNKNOWN)
    assert len([item for item in validate(facts) if not item.passed]) > 4
    assert [item.code for item in shown(facts)] == [Code.UNKNOWN_STOCK]
    assert [item.code for item in shown(replace(facts, confidence=0.1))] == [
        Code.UNKNOWN_STOCK,
        Code.LOW_CONFIDENCE,
    ]


def test_a_stock_that_is_not_held_is_only_that() -> None:
    facts = replace(SELL, held=0, sellable=0, **UNKNOWN)
    assert [item.code for item in shown(facts)] == [Code.NOT_HELD]


def test_a_closed_market_is_one_line() -> None:
    facts = replace(BUY, may_order=False, may_buy=False, **CLOSED)
    assert [item.code for item in shown(facts)] == [Code.SESSION]


def test_what_is_missing_together_is_one_line_that_names_every_rule() -> None:
    facts = replace(BUY, last_price=None, upper_limit=None, lower_limit=None)
    (line,) = shown(facts)
    assert (line.code, line.detail) == (
        Code.PRICE_LIMIT,
        f"{NOT_EVALUATED}the lower price limit, the last price are not known (nor can SLIPPAGE)",
    )
    (alone,) = shown(replace(BUY, last_price=None))
    assert alone.detail == f"{NOT_EVALUATED}the last price is not known"


def test_other_denials_are_all_shown() -> None:
    facts = replace(BUY, cash=0, invested_in_stock=10**6, stop=StopMode.HALT)
    assert {item.code for item in shown(facts)} == {
        Code.HALTED,
        Code.CASH,
        Code.PER_STOCK_LIMIT,
    }
