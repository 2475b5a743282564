"""Validation of an analyst's answer: every kind of fault has its own message."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kt.records import Action, AnalystRequest, Deposit, Provenance, Quote, RiskLevel, StockContext
from kt.rules.decision_validation import MOST_REASON, abstain, clean, judge, judge_shortlist
from tests.rules.make import T0, candidate


def stock(code: str = "005930", name: str = "삼성전자", **changes: Any) -> StockContext:
    values: dict[str, Any] = {
        "stock_code": code,
        "stock_name": name,
        "price": 70_000,
        "base_price": 70_000,
        "change": 0,
        "change_pct": 0.0,
        "volume": 1,
        "upper_limit": 91_000,
        "lower_limit": 49_000,
    }
    return StockContext(stock_code=code, stock_name=name, quote=Quote(**(values | changes)))


def brief(*stocks: StockContext) -> AnalystRequest:
    return AnalystRequest(
        asof=T0,
        stocks=stocks or (stock(),),
        deposit=Deposit(cash=1, orderable=1, withdrawable=1),
        positions=(),
        realised_today=0,
        per_stock_limit=1_000_000,
    )


def answer(**changes: Any) -> dict[str, Any]:
    return {
        "action": "BUY",
        "stock_code": "005930",
        "stock_name": "삼성전자",
        "quantity": 10,
        "price": 70_000,
        "reason": "거래량 급증",
        "confidence": 0.85,
        "risk_level": "MEDIUM",
    } | changes


def test_a_valid_answer_becomes_a_decision() -> None:
    found = judge([answer()], brief(), analyst="gemini", model="m")

    assert found.faults == {}
    (decision,) = found.decisions
    assert (decision.action, decision.quantity, decision.price) == (Action.BUY, 10, 70_000)
    assert (decision.confidence, decision.risk_level) == (0.85, RiskLevel.MEDIUM)
    assert (decision.analyst, decision.model, decision.decided_at) == ("gemini", "m", T0)
    assert (decision.reference_price, decision.faults) == (70_000, ())


def test_hold_has_neither_quantity_nor_price() -> None:
    idle = answer(action="HOLD", quantity=0, price=70_050, confidence=0)
    (decision,) = judge([idle], brief()).decisions
    assert (decision.action, decision.quantity, decision.price) == (Action.HOLD, 0, 0)


def test_numbers_at_their_bounds_are_valid() -> None:
    for changes in (
        {"quantity": 1},
        {"quantity": 10_000_000_000},
        {"price": 49_000},
        {"price": 91_000},
        {"confidence": 0},
        {"confidence": 1},
        {"reason": "x" * 2_000},
    ):
        assert judge([answer(**changes)], brief()).faults == {}


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"action": "buy"}, "action: 'buy' is none of BUY, SELL, HOLD"),
        ({"action": "ABSTAIN"}, "action: 'ABSTAIN' is none of BUY, SELL, HOLD"),
        ({"action": None}, "action: None is none of BUY, SELL, HOLD"),
        ({"action": ["BUY"]}, "action: a list is none of BUY, SELL, HOLD"),
        ({"quantity": "10"}, "quantity: '10' is not a whole number"),
        ({"quantity": 10.0}, "quantity: 10.0 is not a whole number"),
        ({"quantity": True}, "quantity: True is not a whole number"),
        ({"quantity": -1}, "quantity: -1 is not from 0 to 10,000,000,000"),
        ({"quantity": 10**30}, f"quantity: {10**30} is not from 0 to 10,000,000,000"),
        (
            {"quantity": 10**9999},
            "quantity: an absurdly long number is not from 0 to 10,000,000,000",
        ),
        ({"quantity": 0}, "quantity: BUY of 0 shares"),
        ({"price": "70000"}, "price: '70000' is not a whole number"),
        ({"price": 70_000.5}, "price: 70000.5 is not a whole number"),
        ({"price": float("nan")}, "price: nan is not a whole number"),
        ({"price": 0}, "price: 0 is not above 0"),
        ({"price": 70_050}, "price: 70,050 is not on the tick of 100"),
        ({"price": 91_100}, "price: 91,100 lies outside 49,000 to 91,000"),
        ({"price": 48_950}, "price: 48,950 lies outside 49,000 to 91,000"),
        ({"confidence": 1.01}, "confidence: 1.01 is not from 0 to 1"),
        ({"confidence": -0.01}, "confidence: -0.01 is not from 0 to 1"),
        ({"confidence": float("nan")}, "confidence: nan is not from 0 to 1"),
        ({"confidence": float("inf")}, "confidence: inf is not from 0 to 1"),
        ({"confidence": "0.8"}, "confidence: '0.8' is not a number"),
        ({"confidence": True}, "confidence: True is not a number"),
        ({"risk_level": "SEVERE"}, "risk_level: 'SEVERE' is none of LOW, MEDIUM, HIGH"),
        ({"reason": ""}, "reason: '' says nothing"),
        ({"reason": " \n\x00"}, "reason: ' \\n\\x00' says nothing"),
        ({"reason": None}, "reason: None says nothing"),
        ({"reason": "x" * 2_001}, "reason: 2,001 characters, more than 2,000"),
        ({"stock_name": "SK하이닉스"}, "stock_name: 'SK하이닉스' is not 삼성전자"),
        ({"stock_name": 5}, "stock_name: 5 is not 삼성전자"),
    ],
)
def test_each_fault_has_its_own_message(changes: dict[str, Any], fault: str) -> None:
    found = judge([answer(**changes)], brief())

    assert found.decisions == ()
    assert found.faults == {"005930": (fault,)}
    assert found.words == (f"005930: {fault}",)


def test_all_faults_of_an_answer_are_named_at_once() -> None:
    found = judge([answer(action="SELL", price=1, confidence=2, reason="")], brief())
    assert len(found.faults["005930"]) == 3


def test_a_missing_field_is_named() -> None:
    for field in ("action", "quantity", "price", "confidence", "risk_level", "reason"):
        wanting = answer()
        del wanting[field]
        (fault,) = judge([wanting], brief()).faults["005930"]
        assert fault.startswith(f"{field}: None ")


def test_the_name_may_be_missing_or_spaced_differently() -> None:
    nameless = answer()
    del nameless["stock_name"]
    assert judge([nameless], brief()).faults == {}
    assert judge([answer(stock_name=" 삼성 전자")], brief()).faults == {}


def test_every_stock_is_answered_exactly_once_and_no_other() -> None:
    asked = brief(stock(), stock("000660", "SK하이닉스"), stock("035720", "카카오"))
    objects = [
        answer(),
        answer(),
        answer(stock_code="000660", stock_name="SK하이닉스"),
        answer(stock_code="999999"),
        answer(stock_code=5930),
        "BUY everything",
        None,
    ]

    found = judge(objects, asked)

    assert [d.stock_code for d in found.decisions] == ["000660"]
    assert found.faults == {
        "005930": ("answered 2 times",),
        "035720": ("not answered",),
        "": (
            "answer 4: not a stock that was asked about: '999999'",
            "answer 5: not a stock that was asked about: 5930",
            "answer 6: not a stock that was asked about: None",
            "answer 7: not a stock that was asked about: None",
        ),
    }
    assert found.words[-1] == "answer 7: not a stock that was asked about: None"


def test_limits_are_computed_when_the_quote_has_none() -> None:
    bare = brief(stock(upper_limit=0, lower_limit=0))
    nothing = brief(stock(upper_limit=0, lower_limit=0, base_price=0))

    assert judge([answer(price=91_000)], bare).faults == {}
    assert judge([answer(price=91_100)], bare).faults
    assert judge([answer()], nothing).faults == {"005930": ("price: 70,000 lies outside 0 to 0",)}


def test_the_tick_table_depends_on_the_kind_of_instrument() -> None:
    assert judge([answer(price=70_005)], brief(), kinds={"005930": "ETF"}).faults == {}


def test_terminal_control_sequences_are_removed_from_a_reply() -> None:
    (decision,) = judge([answer(reason="a\x1b[2J\nb\u202e c")], brief()).decisions
    assert decision.reason == "a [2J b c"
    assert clean("\ud800x") == "x"


def test_abstain_names_the_faults_as_its_reason() -> None:
    asked = brief()
    found = abstain(asked.stocks[0], asked, ["not answered"], analyst="gemini")

    assert (found.action, found.quantity, found.price) == (Action.ABSTAIN, 0, 0)
    assert (found.confidence, found.provenance) == (0, Provenance.NONE)
    assert found.faults == ("not answered",)
    assert found.reason == "no answer: not answered"
    assert abstain(asked.stocks[0], asked, []).faults == ("no answer",)


def test_a_shortlist_is_validated_pick_by_pick() -> None:
    asked = [candidate(), candidate(stock_code="000660"), candidate(stock_code="035720")]
    objects = [
        {"stock_code": "005930", "score": 70, "reason": "a"},
        {"stock_code": "000660", "score": 90.5, "reason": "b"},
        {"stock_code": "035720", "score": 101, "reason": ""},
        {"stock_code": "111111", "score": 50, "reason": "c"},
    ]

    picks, faults = judge_shortlist(objects, asked, 5)

    assert [(pick.stock_code, pick.score) for pick in picks] == [("005930", 70), ("000660", 90.5)]
    assert faults == (
        "answer 4: not a stock that was asked about: '111111'",
        "035720: score: 101 is not from 0 to 100",
        "035720: reason: '' says nothing",
    )
    assert len(judge_shortlist(objects, asked, 1)[0]) == 1
    assert judge_shortlist(objects, asked, 1)[0][0].stock_code == "005930", "in its own order"
    assert judge_shortlist([], asked, 5) == ((), ())
    assert judge_shortlist([objects[0]] * 2, asked, 5) == ((), ("005930: answered 2 times",))


@pytest.mark.parametrize(
    ("said", "read", "faults"),
    [
        ([0.8, 0.75, 1], [80, 75, 100], 0),
        ([0.07], [7], 0),
        ([80, 75, 1], [80, 75, 1], 0),
        ([1, 0], [1, 0], 0),
        ([80, 0.75, 60], [80, 60], 1),
        ([80, 0.0], [80, 0], 0),
    ],
)
def test_scores_as_fractions_and_out_of_a_hundred(
    said: list[float], read: list[float], faults: int
) -> None:
    codes = ("005930", "000660", "035720")
    objects = [
        {"stock_code": code, "score": score, "reason": "a"}
        for code, score in zip(codes, said, strict=False)
    ]
    picks, wrong = judge_shortlist(objects, [candidate(stock_code=code) for code in codes], 5)
    assert [pick.score for pick in picks] == read
    assert len(wrong) == faults
    assert all("of 1, or of 100?" in fault for fault in wrong)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(st.lists(JUNK | st.dictionaries(st.sampled_from(sorted(answer())), JUNK), max_size=4), JUNK)
def test_no_reply_makes_validation_raise(objects: list[Any], junk: Any) -> None:
    asked = brief()
    objects = [*objects, *(answer(**{field: junk}) for field in answer())]
    for said in ([o] for o in objects):
        found = judge(said, asked)
        assert len(found.decisions) + len(found.faults.get("005930", ())) >= 1
        assert all(len(word) < 5_000 for word in found.words)
        for decision in found.decisions:
            msgspec.json.encode(decision)
            assert 0 <= decision.confidence <= 1
            assert 0 < len(decision.reason) <= MOST_REASON
    judge(objects, asked)
    judge_shortlist(objects, [candidate()], 3)
