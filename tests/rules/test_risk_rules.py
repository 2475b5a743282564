"""The safety rules: every code is tripped, a missing fact denies, no limit is ever passed over."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kt.config.model import Cooldown, Limits
from kt.records import EXITS, CheckResult, OrderType, Origin, Side, StopMode
from kt.rules.risk.denials import DENIALS, Code
from kt.rules.risk.facts import RiskFacts
from kt.rules.risk.validation import RULES, validate
from tests.rules.make import T0

BUY = RiskFacts(
    side=Side.BUY,
    stock_code="005930",
    quantity=10,
    price=70_000,
    order_type=OrderType.LIMIT,
    origin=Origin.CYCLE,
    now=T0,
    limits=Limits(),
    stop=StopMode.RUNNING,
    live=True,
    test_mode=False,
    listed=True,
    excluded=False,
    warning="",
    kind="STOCK",
    last_price=70_000,
    lower_limit=49_000,
    upper_limit=91_000,
    may_order=True,
    may_buy=True,
    phase="open",
    decided=True,
    input_at=T0 - timedelta(seconds=10),
    confidence=0.8,
    held=0,
    sellable=0,
    invested_in_stock=0,
    invested_total=0,
    stocks=0,
    in_stock=False,
    cash=10_000_000,
    orderable=10_000_000,
    commission_pct=0.015,
    realised_today=0,
    unrealised=0,
    entries=0,
    bought_today=0,
    min_holding_minutes=10,
    held_since=T0 - timedelta(minutes=10),
    cooldown=Cooldown(),
    lock="",
    unresolved=0,
    open_orders=0,
    lost_sells=0,
    orders_last_minute=0,
    orders_today=0,
)
SELL = replace(BUY, side=Side.SELL, held=10, sellable=10, invested_in_stock=700_000)
STOP_LOSS = replace(
    SELL, decided=False, origin=Origin.STOP_LOSS, order_type=OrderType.MARKET, price=0
)


def denied(facts: RiskFacts) -> dict[str, str]:
    """The arithmetic of each denial, without what would pass instead (test_remedies.py)."""
    found = {result.code: result.detail for result in validate(facts) if not result.passed}
    return {code: detail.partition("; ")[0] for code, detail in found.items()}


@pytest.mark.parametrize("facts", [BUY, SELL, STOP_LOSS])
def test_an_order_within_all_limits_passes(facts: RiskFacts) -> None:
    assert denied(facts) == {}
    assert all(isinstance(result, CheckResult) and result.detail for result in validate(facts))


BOTH = {
    "HALTED": "stop: running",
    "NOT_LIVE": "live: true",
    "QUANTITY": "10 shares >= 1",
    "SYMBOL_LOCKED": "not locked",
    "SESSION": "phase: open",
    "STALE_INPUT": "10.0 s old <= limit 60.0 s",
    "OFF_TICK": "70,000 is on the tick of 100",
    "PRICE_LIMIT": "70,000 lies in 49,000 to 91,000",
    "SLIPPAGE": "70,000 is 0.00 % from 70,000 <= limit 2 %",
    "RATE": "0 + 1 = 1 <= orders a minute 10",
    "DAY_ORDERS": "0 + 1 = 1 <= orders a day 200",
    "TEST_MODE": "test mode is off",
}
PASSED: dict[Side, dict[str, str]] = {
    Side.BUY: BOTH
    | {
        "REDUCING": "stop: running",
        "UNKNOWN_STOCK": "005930 is listed",
        "EXCLUDED": "not excluded",
        "WARNED": "no warning",
        "NO_NEW_BUYS": "phase: open",
        "LOW_CONFIDENCE": "0.80 >= 0.60",
        "PER_STOCK_LIMIT": "0 + 700,000 = 700,000 <= limit 1,000,000",
        "TOTAL_LIMIT": "0 + 700,000 = 700,000 <= limit 5,000,000",
        "MAX_POSITIONS": "0 + 1 = 1 <= limit 10",
        "CASH": "700,000 + fee 100 = 700,100 <= cash 10,000,000",
        "ORDERABLE": "700,000 + fee 100 = 700,100 <= orderable 10,000,000",
        "DAILY_LOSS": "realised +0 and unrealised +0: loss 0 < limit 500,000",
        "COOLDOWN": "005930 was not left today",
        "ENTRIES": "0 + 1 = 1 <= buys of one stock a day 3",
        "TURNOVER": "0 + 700,000 = 700,000 <= limit 20,000,000",
        "DUPLICATE": "no other BUY of 005930 under way",
    },
    Side.SELL: BOTH
    | {
        "NOT_HELD": "10 shares of 005930 held",
        "SELLABLE": "10 <= sellable 10",
        "HOLDING_TIME": "held for 10.0 min >= limit 10 min",
        "DUPLICATE": "no other SELL of 005930 under way",
    },
}


@pytest.mark.parametrize("facts", [BUY, SELL], ids=["buy", "sell"])
def test_a_passed_rule_shows_its_arithmetic(facts: RiskFacts) -> None:
    assert {result.code: result.detail for result in validate(facts)} == PASSED[facts.side]


def test_an_input_of_now_has_age_zero() -> None:
    for ahead in (0, 3):
        now = replace(BUY, input_at=T0 + timedelta(seconds=ahead))
        details = {result.code: result.detail for result in validate(now)}
        assert details["STALE_INPUT"] == "0.0 s old <= limit 60.0 s"


TRIPS: list[tuple[Code, RiskFacts, dict[str, Any], str]] = [
    (Code.HALTED, BUY, {"stop": StopMode.HALT, "stop_reason": "by hand"}, "halt: by hand"),
    (Code.HALTED, STOP_LOSS, {"stop": StopMode.HALT}, "halt: no reason given"),
    (Code.HALTED, SELL, {"stop": StopMode.FLATTEN, "stop_reason": "x"}, "flatten: x"),
    (Code.REDUCING, BUY, {"stop": StopMode.REDUCE, "stop_reason": "x"}, "reduce: x"),
    (Code.NOT_LIVE, BUY, {"live": False}, "live: false in this profile's configuration"),
    (Code.QUANTITY, BUY, {"quantity": 0}, "0 shares < 1"),
    (Code.QUANTITY, SELL, {"quantity": -5}, "-5 shares < 1"),
    (Code.UNKNOWN_STOCK, BUY, {"listed": False}, "005930 is not listed"),
    (Code.EXCLUDED, BUY, {"excluded": True}, "005930 stands in scan.exclude"),
    (Code.WARNED, BUY, {"warning": "투자경고"}, "warning: 투자경고"),
    (Code.SYMBOL_LOCKED, BUY, {"lock": "unknown buy"}, "locked: unknown buy"),
    (
        Code.SESSION,
        BUY,
        {"may_order": False, "phase": "settle"},
        "no orders in phase: settle (10:00:00)",
    ),
    (
        Code.SESSION,
        STOP_LOSS,
        {"may_order": False, "phase": "idle"},
        "no orders in phase: idle (10:00:00)",
    ),
    (
        Code.NO_NEW_BUYS,
        BUY,
        {"may_buy": False, "phase": "closing"},
        "no buys in phase: closing (10:00:00)",
    ),
    (
        Code.STALE_INPUT,
        BUY,
        {"input_at": T0 - timedelta(seconds=61)},
        "61.0 s old > limit 60.0 s",
    ),
    (
        Code.STALE_INPUT,
        SELL,
        {"input_at": T0 + timedelta(seconds=30)},
        "30.0 s in the future: compare the clocks",
    ),
    (Code.LOW_CONFIDENCE, BUY, {"confidence": 0.59}, "0.59 not from 0.60 to 1"),
    (Code.LOW_CONFIDENCE, BUY, {"confidence": 1.01}, "1.01 not from 0.60 to 1"),
    (Code.LOW_CONFIDENCE, BUY, {"confidence": float("nan")}, "nan not from 0.60 to 1"),
    (
        Code.OFF_TICK,
        BUY,
        {"price": 70_050},
        "70,050 is not on the tick of 100: 70,000 or 70,100",
    ),
    (
        Code.OFF_TICK,
        BUY,
        {"kind": "ETF", "price": 70_003},
        "70,003 is not on the tick of 5: 70,000 or 70,005",
    ),
    (Code.OFF_TICK, SELL, {"price": 0}, "a limit order needs a price above 0, not 0"),
    (Code.PRICE_LIMIT, BUY, {"price": 91_100}, "91,100 lies outside 49,000 to 91,000"),
    (Code.PRICE_LIMIT, SELL, {"price": 48_950}, "48,950 lies outside 49,000 to 91,000"),
    (Code.PRICE_LIMIT, BUY, {"lower_limit": 0}, "70,000 lies outside 0 to 91,000"),
    (Code.SLIPPAGE, BUY, {"price": 71_500}, "71,500 is 2.14 % from 70,000 > limit 2 %"),
    (Code.SLIPPAGE, SELL, {"price": 68_500}, "68,500 is 2.14 % from 70,000 > limit 2 %"),
    (Code.NOT_HELD, SELL, {"held": 0}, "0 shares of 005930 held"),
    (Code.NOT_HELD, STOP_LOSS, {"held": 0}, "0 shares of 005930 held"),
    (Code.SELLABLE, SELL, {"sellable": 9}, "10 > sellable 9"),
    (Code.SELLABLE, STOP_LOSS, {"sellable": 9}, "10 > sellable 9"),
    (
        Code.SELLABLE,
        STOP_LOSS,
        {"sellable": None, "held": 9},
        "10 > held (what is sellable is not known) 9",
    ),
    (
        Code.PER_STOCK_LIMIT,
        BUY,
        {"invested_in_stock": 500_000},
        "500,000 + 700,000 = 1,200,000 > limit 1,000,000",
    ),
    (
        Code.TOTAL_LIMIT,
        BUY,
        {"invested_total": 4_500_000},
        "4,500,000 + 700,000 = 5,200,000 > limit 5,000,000",
    ),
    (Code.MAX_POSITIONS, BUY, {"stocks": 10}, "10 + 1 = 11 > limit 10"),
    (Code.CASH, BUY, {"cash": 700_000}, "700,000 + fee 100 = 700,100 > cash 700,000"),
    (
        Code.ORDERABLE,
        BUY,
        {"orderable": 700_099},
        "700,000 + fee 100 = 700,100 > orderable 700,099",
    ),
    (
        Code.DAILY_LOSS,
        BUY,
        {"realised_today": -400_000, "unrealised": -100_000},
        "realised -400,000 and unrealised -100,000: loss 500,000 >= limit 500,000",
    ),
    (
        Code.COOLDOWN,
        BUY,
        {"left_by": Origin.STOP_LOSS, "left_at": T0 - timedelta(minutes=10)},
        "left at 09:50:00 by stop_loss: not again today",
    ),
    (
        Code.COOLDOWN,
        BUY,
        {"left_by": Origin.TAKE_PROFIT, "left_at": T0 - timedelta(minutes=14)},
        "left at 09:46:00 by take_profit + 15 min = 10:01:00 > now",
    ),
    (Code.ENTRIES, BUY, {"entries": 3}, "3 + 1 = 4 > buys of one stock a day 3"),
    (
        Code.TURNOVER,
        BUY,
        {"bought_today": 19_300_001},
        "19,300,001 + 700,000 = 20,000,001 > limit 20,000,000",
    ),
    (
        Code.HOLDING_TIME,
        SELL,
        {"held_since": T0 - timedelta(minutes=9, seconds=54)},
        "held for 9.9 min < limit 10 min",
    ),
    (
        Code.DUPLICATE,
        BUY,
        {"open_orders": 1},
        "BUY of 005930 under way: 0 unresolved, 1 open",
    ),
    (
        Code.DUPLICATE,
        SELL,
        {"unresolved": 1, "origin": Origin.MANUAL},
        "SELL of 005930 under way: 1 unresolved, 0 open",
    ),
    (
        Code.DUPLICATE,
        BUY,
        {"unresolved": 1, "open_orders": 1},
        "BUY of 005930 under way: 1 unresolved, 1 open",
    ),
    (
        Code.DUPLICATE,
        SELL,
        {"lost_sells": 2},
        "2 sells of 005930 were lost today: a person must look",
    ),
    (Code.RATE, BUY, {"orders_last_minute": 10}, "10 + 1 = 11 > orders a minute 10"),
    (Code.DAY_ORDERS, SELL, {"orders_today": 200}, "200 + 1 = 201 > orders a day 200"),
    (Code.TEST_MODE, BUY, {"test_mode": True}, "test mode is on: nothing is sent"),
    (Code.TEST_MODE, STOP_LOSS, {"test_mode": True}, "test mode is on: nothing is sent"),
]


@pytest.mark.parametrize(("code", "facts", "changes", "detail"), TRIPS)
def test_a_denial_shows_its_arithmetic(
    code: Code, facts: RiskFacts, changes: dict[str, Any], detail: str
) -> None:
    assert denied(replace(facts, **changes))[code] == detail


ELSEWHERE = {Code.CLIENT_ID, Code.NOT_CONFIRMED}


def test_every_code_has_a_meaning_a_rule_and_a_test_that_trips_it() -> None:
    assert set(DENIALS) == set(Code)
    assert {rule.code for rule in RULES} == set(Code) - ELSEWHERE
    assert {code for code, *_ in TRIPS} == set(Code) - ELSEWHERE
    assert [rule.code for rule in RULES] == [code for code in Code if code not in ELSEWHERE]


NOTHING = {"left_by", "left_at", "held_since", "orders_from", "buys_from", "next_day"}
"""Of these None is an answer: it did not happen, or the calendar does not say."""
NEEDED = [f.name for f in fields(RiskFacts) if f.default is None and f.name not in NOTHING]


WORDS = {
    "bought_today": "the money of the day's buys",
    "cash": "the cash for orders",
    "commission_pct": "the commission",
    "confidence": "the analyst's confidence",
    "entries": "the day's buys of this stock",
    "excluded": "the list of excluded stocks",
    "held": "what is held",
    "in_stock": "whether this stock is held",
    "input_at": "the time of the input",
    "invested_in_stock": "the money in this stock",
    "invested_total": "the money in all stocks",
    "kind": "the instrument's tick table",
    "last_price": "the last price",
    "listed": "the list of stocks",
    "live": "whether the profile may send orders",
    "lock": "the stock's lock",
    "lost_sells": "the sells that were lost",
    "lower_limit": "the lower price limit",
    "may_buy": "the market's phase",
    "may_order": "the market's phase",
    "open_orders": "the open orders",
    "orderable": "what may be ordered in this stock",
    "orders_last_minute": "the orders of the last minute",
    "orders_today": "today's orders",
    "realised_today": "today's realised profit",
    "sellable": "what may be sold",
    "stocks": "the number of stocks held",
    "stop": "the stop in force",
    "test_mode": "whether test mode is on",
    "unrealised": "the unrealised profit",
    "unresolved": "the unresolved orders",
    "upper_limit": "the upper price limit",
    "warning": "the stock's warning",
}


@pytest.mark.parametrize("name", NEEDED)
@pytest.mark.parametrize("facts", [BUY, SELL], ids=["buy", "sell"])
def test_a_rule_that_cannot_be_evaluated_denies(name: str, facts: RiskFacts) -> None:
    market_order = replace(facts, order_type=OrderType.MARKET)
    found = {
        **denied(replace(facts, **{name: None})),
        **denied(replace(market_order, **{name: None})),
    }
    concerned = {
        "bought_today": [Code.TURNOVER],
        "cash": [Code.CASH],
        "commission_pct": [Code.CASH, Code.ORDERABLE],
        "confidence": [Code.LOW_CONFIDENCE],
        "entries": [Code.ENTRIES],
        "excluded": [Code.EXCLUDED],
        "held": [Code.NOT_HELD],
        "in_stock": [Code.MAX_POSITIONS],
        "input_at": [Code.STALE_INPUT],
        "invested_in_stock": [Code.PER_STOCK_LIMIT],
        "invested_total": [Code.TOTAL_LIMIT],
        "kind": [Code.OFF_TICK],
        "last_price": [Code.SLIPPAGE],
        "listed": [Code.UNKNOWN_STOCK],
        "live": [Code.NOT_LIVE],
        "lock": [Code.SYMBOL_LOCKED],
        "lost_sells": [Code.DUPLICATE],
        "lower_limit": [Code.PRICE_LIMIT],
        "may_buy": [Code.NO_NEW_BUYS],
        "may_order": [Code.SESSION],
        "open_orders": [Code.DUPLICATE],
        "orderable": [Code.ORDERABLE],
        "orders_last_minute": [Code.RATE],
        "orders_today": [Code.DAY_ORDERS],
        "realised_today": [Code.DAILY_LOSS],
        "sellable": [Code.SELLABLE],
        "stocks": [Code.MAX_POSITIONS],
        "stop": [Code.HALTED, Code.REDUCING],
        "test_mode": [Code.TEST_MODE],
        "unrealised": [Code.DAILY_LOSS],
        "unresolved": [Code.DUPLICATE],
        "upper_limit": [
            Code.PRICE_LIMIT,
            Code.PER_STOCK_LIMIT,
            Code.TOTAL_LIMIT,
            Code.CASH,
            Code.ORDERABLE,
            Code.TURNOVER,
        ],
        "warning": [Code.WARNED],
    }[name]
    applied = {result.code for result in validate(facts)}

    assert set(found) == {code for code in concerned if code in applied}
    assert set(found.values()) <= {f"cannot be evaluated: {WORDS[name]} is not known"}


def test_an_unknown_kind_of_instrument_denies() -> None:
    assert denied(replace(BUY, kind="BOND")) == {
        "OFF_TICK": "cannot be evaluated: the instrument's tick table is not known"
    }


@pytest.mark.parametrize(
    ("facts", "changes"),
    [
        (BUY, {"quantity": 1}),
        (BUY, {"price": 71_400}),
        (BUY, {"price": 91_000, "last_price": 91_000}),
        (BUY, {"price": 49_000, "last_price": 49_000}),
        (BUY, {"input_at": T0 - timedelta(seconds=60)}),
        (BUY, {"input_at": T0 + timedelta(seconds=5)}),
        (BUY, {"confidence": 0.6}),
        (BUY, {"confidence": 1.0}),
        (BUY, {"invested_in_stock": 300_000, "invested_total": 4_300_000}),
        (BUY, {"cash": 700_100, "orderable": 700_100}),
        (BUY, {"stocks": 9}),
        (BUY, {"realised_today": -499_999}),
        (BUY, {"orders_last_minute": 9, "orders_today": 199}),
        (BUY, {"entries": 2}),
        (BUY, {"bought_today": 19_300_000}),
        (BUY, {"left_by": Origin.TAKE_PROFIT, "left_at": T0 - timedelta(minutes=15)}),
        (SELL, {"quantity": 1, "held": 1, "sellable": 1}),
        (SELL, {"lost_sells": 1}),
        (BUY, {"lost_sells": 2}),
        (BUY, {"price": 1, "last_price": 1, "lower_limit": 1}),
    ],
)
def test_a_number_at_its_limit_passes(facts: RiskFacts, changes: dict[str, Any]) -> None:
    assert denied(replace(facts, **changes)) == {}


def test_a_last_price_of_zero_counts_as_not_known() -> None:
    assert list(denied(replace(BUY, last_price=0))) == ["SLIPPAGE"]


@pytest.mark.parametrize("origin", sorted(EXITS))
def test_an_urgent_exit_is_denied_only_by_halt_hours_and_impossible_orders(origin: Origin) -> None:
    worst = replace(
        STOP_LOSS,
        origin=origin,
        listed=False,
        excluded=True,
        warning="관리종목",
        lock="unknown buy",
        may_buy=False,
        input_at=None,
        confidence=None,
        invested_in_stock=None,
        invested_total=10**12,
        stocks=None,
        cash=-1,
        orderable=None,
        realised_today=-(10**9),
        unrealised=None,
        unresolved=3,
        open_orders=3,
        orders_last_minute=10**6,
        orders_today=10**6,
        last_price=None,
        lower_limit=None,
        upper_limit=None,
        stop=StopMode.REDUCE,
        sellable=None,
        left_by=Origin.STOP_LOSS,
        left_at=T0,
        entries=None,
        bought_today=10**12,
        held_since=T0,
    )
    assert denied(worst) == {}
    assert list(denied(replace(worst, stop=StopMode.HALT))) == ["HALTED"]
    assert list(denied(replace(worst, stop=None))) == ["HALTED"]
    assert list(denied(replace(worst, held=None))) == ["NOT_HELD", "SELLABLE"]


def test_during_a_flatten_only_its_sells_and_exits_pass() -> None:
    flattening = replace(STOP_LOSS, stop=StopMode.FLATTEN, stop_reason="owner")

    for origin in EXITS:  # its process may be gone
        assert denied(replace(flattening, origin=origin)) == {}
    for origin in set(Origin) - EXITS:
        assert list(denied(replace(flattening, origin=origin))) == ["HALTED"]
    buying = replace(BUY, origin=Origin.FLATTEN, stop=StopMode.FLATTEN)
    assert "HALTED" in denied(buying)


def test_sells_pass_the_rules_that_stop_buying() -> None:
    sale = replace(
        SELL,
        stop=StopMode.REDUCE,
        may_buy=False,
        excluded=True,
        warning="x",
        realised_today=-(10**9),
        cash=0,
    )
    assert denied(sale) == {}


def test_a_manual_order_passes_next_to_an_open_one_and_without_confidence() -> None:
    manual = replace(
        BUY, decided=False, origin=Origin.MANUAL, open_orders=2, confidence=None, input_at=None
    )
    assert denied(manual) == {}


def test_the_exposure_of_a_market_buy_is_at_the_upper_price_limit() -> None:
    market = replace(BUY, order_type=OrderType.MARKET, price=0, quantity=11)

    assert denied(market) == {
        "PER_STOCK_LIMIT": "0 + 1,001,000 = 1,001,000 > limit 1,000,000",
    }


def test_a_buy_of_a_held_stock_is_no_new_position() -> None:
    assert denied(replace(BUY, stocks=10, in_stock=True)) == {}


MONEY = st.integers(-(10**7), 10**7)
COUNT = st.integers(0, 300)


@given(
    quantity=st.integers(1, 10**6),
    price=st.integers(1, 10**6),
    invested_in_stock=MONEY,
    invested_total=MONEY,
    cash=MONEY,
    orderable=MONEY,
    realised_today=MONEY,
    unrealised=MONEY,
    bought_today=MONEY.map(lambda won: won * 4),
    entries=COUNT,
    stocks=COUNT,
    orders_last_minute=COUNT,
    orders_today=COUNT,
    last_price=st.integers(1, 10**6),
    confidence=st.floats(allow_nan=True),
)
def test_what_passes_is_within_every_limit(**numbers: Any) -> None:
    facts = replace(BUY, **numbers)
    passed = {result.code for result in validate(facts) if result.passed}
    value = facts.quantity * facts.price
    limits = facts.limits

    exceeded = {
        Code.PER_STOCK_LIMIT: numbers["invested_in_stock"] + value > limits.per_stock,
        Code.TOTAL_LIMIT: numbers["invested_total"] + value > limits.total,
        Code.CASH: value > numbers["cash"],
        Code.ORDERABLE: value > numbers["orderable"],
        Code.DAILY_LOSS: -(numbers["realised_today"] + numbers["unrealised"]) >= limits.daily_loss,
        Code.MAX_POSITIONS: numbers["stocks"] >= limits.positions,
        Code.TURNOVER: numbers["bought_today"] + value > limits.turnover,
        Code.ENTRIES: numbers["entries"] >= limits.entries_per_stock,
        Code.RATE: numbers["orders_last_minute"] >= limits.orders_per_minute,
        Code.DAY_ORDERS: numbers["orders_today"] >= limits.orders_per_day,
        Code.SLIPPAGE: abs(facts.price - numbers["last_price"]) * 100
        > limits.max_slippage_pct * numbers["last_price"] * (1 + 1e-9),
        Code.PRICE_LIMIT: not 49_000 <= facts.price <= 91_000,
        Code.LOW_CONFIDENCE: not numbers["confidence"] >= limits.min_confidence,
    }
    assert passed.isdisjoint(code for code, over in exceeded.items() if over)


def test_a_sell_passes_with_any_confidence() -> None:
    assert denied(replace(SELL, confidence=0.01)) == {}
    assert list(denied(replace(BUY, confidence=0.01))) == [Code.LOW_CONFIDENCE]


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_sell_beyond_the_held_shares_is_denied(quantity: int, held: int, sellable: int) -> None:
    for facts in (SELL, STOP_LOSS):
        asked = replace(facts, quantity=quantity, held=held, sellable=sellable)
        if not denied(asked):
            assert 0 < quantity <= sellable
            assert held > 0
