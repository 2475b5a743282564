"""The offline analyst: it answers on every stock, always validly, and is deterministic."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kt.analyst.rules import BUY_AT, SELL_AT, RulesAnalyst
from kt.analyst.signals import score_signals
from kt.ports import Analyst
from kt.records import (
    AnalystReply,
    AnalystRequest,
    Book,
    BrokerOrder,
    Deposit,
    Level,
    OrderType,
    Origin,
    Position,
    RiskLevel,
    Side,
    SoldToday,
    StockContext,
)
from kt.rules import ticks
from kt.rules.decision_validation import judge, judge_shortlist
from tests.analyst.make import (
    CLOCK,
    T0,
    bars,
    book,
    brief,
    candidate,
    falling,
    flow,
    held,
    quote,
    rising,
    strength,
)


def ask(*stocks: StockContext, **changes: Any) -> dict[str, dict[str, Any]]:
    answer = RulesAnalyst(CLOCK).decide(brief(*stocks, **changes))
    return {found["stock_code"]: found for found in answer.objects}


def test_the_rules_analyst_implements_the_port() -> None:
    analyst: Analyst = RulesAnalyst(CLOCK)
    assert (analyst.name, analyst.model) == ("rules", "rules-2")


def test_a_high_score_is_bought() -> None:
    found = ask(rising())["005930"]
    assert found["action"] == "BUY"
    assert found["price"] == 71_100  # the best ask is 71,000: one tick above
    assert found["quantity"] == 14  # 1,000,000 // 71,100
    assert found["confidence"] == 0.82
    assert found["risk_level"] == "LOW"
    assert found["reason"] == (
        "Buy: buyers lead; score 86 of 100 (foreigners and institutions net +11.0% of the volume, "
        "trade strength 140, price 0.9% above its volume-weighted mean, volume 3.4 times the "
        "usual, +0.7% in 11 minutes, bids 2.5 times the asks)."
    )


def test_a_low_score_is_not_bought() -> None:
    found = ask(falling())["000660"]
    assert (found["action"], found["quantity"], found["price"]) == ("HOLD", 0, 0)
    assert "which takes 80" in found["reason"]


def test_a_position_is_sold_when_its_score_falls() -> None:
    stock = falling("005930", "삼성전자", position=held())
    found = ask(stock)["005930"]
    assert (found["action"], found["quantity"]) == ("SELL", 7)  # what is sellable
    assert found["price"] == 70_800  # the best bid is 70,900: one tick below
    assert found["confidence"] >= 0.65


def test_a_rising_position_is_held_and_not_bought_again() -> None:
    assert ask(rising(position=held()))["005930"]["action"] == "HOLD"


def test_what_was_just_sold_is_not_bought_back() -> None:
    sold = SoldToday(
        stock_code="005930", stock_name="삼성전자", quantity=10, price=71_500,
        origin=Origin.TAKE_PROFIT, reason="target", at=T0 - timedelta(minutes=59),
    )  # fmt: skip
    found = ask(rising(), sold_today=(sold,))["005930"]
    assert (found["action"], found["quantity"]) == ("HOLD", 0)
    assert "just sold at 71,500 (take_profit)" in found["reason"]
    hour = replace(sold, at=T0 - timedelta(minutes=60))
    assert ask(rising(), sold_today=(hour,))["005930"]["action"] == "BUY"
    other = replace(sold, stock_code="000660")
    assert ask(rising(), sold_today=(other,))["005930"]["action"] == "BUY"


def test_what_has_an_open_order_is_left_alone() -> None:
    def order(side: Side, code: str = "005930") -> BrokerOrder:
        return BrokerOrder(
            ord_no="0000001", original_ord_no="", stock_code=code, stock_name="", side=side,
            order_type=OrderType.LIMIT, quantity=10, price=71_000, open_quantity=10,
            filled_quantity=0, fill_price=0, status="접수", at=T0,
        )  # fmt: skip

    assert ask(rising(), open_orders=(order(Side.BUY),))["005930"]["action"] == "HOLD"
    assert ask(rising(), open_orders=(order(Side.SELL),))["005930"]["action"] == "BUY"
    weak = falling("005930", "삼성전자", position=held())
    assert ask(weak)["005930"]["action"] == "SELL"
    assert ask(weak, open_orders=(order(Side.SELL),))["005930"]["action"] == "HOLD"
    assert ask(weak, open_orders=(order(Side.SELL, "000660"),))["005930"]["action"] == "SELL"


def test_a_weak_position_near_its_stop_is_sold() -> None:
    even = rising(
        strength=strength(95), flow=flow(-20_000), minutes=(), book=book(total_bid=12_000)
    )
    assert SELL_AT < score_signals(even).score < 50
    near = replace(even, position=held(stop_price=70_500))
    far = replace(even, position=held(stop_price=66_500))
    assert ask(near)["005930"]["action"] == "SELL"
    assert "within 1% of the stop at 70,500" in ask(near)["005930"]["reason"]
    assert ask(far)["005930"]["action"] == "HOLD"


def test_a_position_near_its_target_is_sold_unless_its_score_is_high() -> None:
    near = held(target_price=71_500)
    weak = rising(position=near, strength=strength(100), flow=(), book=None, minutes=())
    assert ask(weak)["005930"]["action"] == "SELL"
    assert "target at 71,500" in ask(weak)["005930"]["reason"]
    assert ask(rising(position=near))["005930"]["action"] == "HOLD"


def test_no_buy_near_the_upper_limit() -> None:
    found = ask(rising(quote=quote(price=88_000, upper_limit=89_700)))["005930"]
    assert found["action"] == "HOLD"
    assert "upper limit" in found["reason"]


def test_a_buy_costs_no_more_than_the_orderable_cash() -> None:
    poor = Deposit(cash=150_000, orderable=150_000, withdrawable=0)
    assert ask(rising(), deposit=poor)["005930"]["quantity"] == 2
    broke = Deposit(cash=50_000, orderable=50_000, withdrawable=0)
    assert ask(rising(), deposit=broke)["005930"]["action"] == "HOLD"


def test_without_data_the_answer_is_hold() -> None:
    empty = StockContext(stock_code="005930", stock_name="삼성전자", quote=quote())
    found = ask(empty)["005930"]
    assert (found["action"], found["reason"]) == (
        "HOLD",
        "Hold: no figures could be had; score 50 of 100.",
    )


def test_missing_data_lowers_the_confidence() -> None:
    full, part = score_signals(rising()), score_signals(rising(flow=(), book=None))
    assert part.coverage < full.coverage == 1.0
    assert (
        ask(rising(flow=(), book=None))["005930"]["confidence"]
        < ask(rising())["005930"]["confidence"]
    )


def test_only_todays_minute_bars_count() -> None:
    """Yesterday's bars at half the price would put any price far above its mean."""
    yesterday = tuple(
        replace(bar, at=bar.at - timedelta(days=1), close=35_000, high=35_000, low=35_000)
        for bar in bars([35_000] * 40)
    )
    fresh = bars([71_000] * 20)
    signals = {s.name: s for s in score_signals(rising(minutes=yesterday + fresh)).signals}
    assert signals["trend"].value == 0


@pytest.mark.parametrize(
    ("high", "low", "risk"),
    [(71_500, 70_500, RiskLevel.LOW), (72_500, 69_500, RiskLevel.MEDIUM), (75_000, 69_000, "HIGH")],
)
def test_the_risk_level_follows_the_range_of_the_day(high: int, low: int, risk: str) -> None:
    assert score_signals(rising(quote=quote(high=high, low=low))).risk == risk


def test_the_same_request_gets_the_same_answer() -> None:
    question = brief(rising(), falling(position=held(stock_code="000660")))
    first: AnalystReply = RulesAnalyst(CLOCK).decide(question)
    assert RulesAnalyst(CLOCK).decide(question) == first
    assert first.data_at == T0
    assert first.error == ""


def test_the_shortlist_is_ordered_by_score() -> None:
    many = [candidate(f"{index:06d}", score=float(index % 7), value=index) for index in range(20)]
    answer = RulesAnalyst(CLOCK).shortlist(many, 3, T0)
    assert [found["stock_code"] for found in answer.objects] == ["000013", "000006", "000019"]
    picks, faults = judge_shortlist(answer.objects, many, 3)
    assert len(picks) == 3
    assert faults == ()


def test_the_shortlist_gives_its_reasons() -> None:
    one = candidate(surge_pct=418.0, strength=188.6, book_ratio=4.04, score=98.2)
    (found,) = RulesAnalyst(CLOCK).shortlist([one], 5, T0).objects
    assert found["score"] == 66.0
    assert found["main_risk"] == "34 of 100 stocks with such a score were not higher an hour later."
    assert found["reason"] == (
        "Scans give 98 of 100 (+2.9% today, volume +418%, trade strength 189, "
        "bids 4.0 times the asks)."
    )
    (bare,) = RulesAnalyst(CLOCK).shortlist([candidate()], 5, T0).objects
    assert bare["score"] == 52.0
    assert bare["reason"] == "Scans give 70 of 100 (+2.9% today)."


prices = st.integers(min_value=1, max_value=1_500_000).map(ticks.round_down).filter(bool)


@st.composite
def stocks(draw: st.DrawFn) -> StockContext:
    """Any data, including missing and absurd values."""
    price = draw(prices)
    lower, upper = ticks.price_limits(price)
    closes = draw(st.lists(st.integers(lower, upper), max_size=40))
    amounts = draw(st.lists(st.integers(0, 10**9), min_size=len(closes), max_size=len(closes)))
    best = ticks.step(price, draw(st.integers(1, 3)))
    asks = Book(
        stock_code="005930",
        asks=(Level(best, 100),),
        bids=(Level(ticks.step(price, -draw(st.integers(1, 3))), 100),),
        total_ask=draw(st.integers(0, 10**6)),
        total_bid=draw(st.integers(0, 10**6)),
    )
    position: Position | None = draw(
        st.none()
        | st.builds(
            lambda q, s: held(quantity=q, sellable=min(q, s)),
            st.integers(1, 1_000),
            st.integers(0, 1_000),
        )
    )
    return rising(
        quote=quote(
            price=price,
            base_price=price,
            upper_limit=upper,
            lower_limit=lower,
            ask=draw(st.sampled_from([0, price])),
            bid=0,
        ),
        minutes=bars(closes, amounts),
        strength=draw(st.just(()) | st.floats(0, 1_000).map(strength)),
        flow=draw(st.just(()) | st.integers(-(10**9), 10**9).map(flow)),
        book=draw(st.none() | st.just(asks)),
        position=position,
    )


@given(stock=stocks(), cash=st.integers(0, 10**8))
def test_every_answer_passes_validation(stock: StockContext, cash: int) -> None:
    """On a tick, inside the price limits, within the cash: validation never finds a fault."""
    deposit = Deposit(cash=cash, orderable=cash, withdrawable=cash)
    question: AnalystRequest = brief(stock, deposit=deposit)
    answer = RulesAnalyst(CLOCK).decide(question)
    verdict = judge(answer.objects, question)
    assert verdict.faults == {}
    (decision,) = verdict.decisions
    if decision.action == "BUY":
        assert decision.price * decision.quantity <= min(cash, question.per_stock_limit)
        assert score_signals(stock).score >= BUY_AT
        assert stock.position is None
    if decision.action == "SELL":
        assert stock.position is not None
        assert 0 < decision.quantity <= stock.position.quantity
