"""The format of an answer is repaired, and the repair reported, only where it is unambiguous."""

from __future__ import annotations

from typing import Any

import pytest

from kt.rules.decision_validation import MOST_REASON, judge
from kt.rules.repair import repaired
from tests.rules.test_decision_validation import answer, brief

ASKED = {"005930", "000660"}


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"action": "buy"}, {"action": "BUY"}),
        ({"action": " Sell. "}, {"action": "SELL"}),
        ({"action": "매수"}, {"action": "BUY"}),
        ({"action": "매도"}, {"action": "SELL"}),
        ({"action": "관망"}, {"action": "HOLD"}),
        ({"risk_level": "medium"}, {"risk_level": "MEDIUM"}),
        ({"risk_level": "높음"}, {"risk_level": "HIGH"}),
        ({"quantity": "10"}, {"quantity": 10}),
        ({"quantity": 10.0}, {"quantity": 10}),
        ({"quantity": "10주"}, {"quantity": 10}),
        ({"price": "71,000"}, {"price": 71_000}),
        ({"price": "71,000원"}, {"price": 71_000}),
        ({"price": "71000.00"}, {"price": 71_000}),
        ({"confidence": "0.85"}, {"confidence": 0.85}),
        ({"confidence": "85%"}, {"confidence": 0.85}),
        ({"stock_code": 5930}, {"stock_code": "005930"}),
        ({"stock_code": "A005930"}, {"stock_code": "005930"}),
        ({"stock_code": "005930.KS"}, {"stock_code": "005930"}),
        ({"reason": "x" * 3_000}, {"reason": "x" * (MOST_REASON - 1) + "…"}),
        ({"action": "HOLD", "price": None, "quantity": ""}, {"price": 0, "quantity": 0}),
    ],
    ids=str,
)
def test_an_unambiguous_value_is_repaired_and_reported(
    given: dict[str, Any], meant: dict[str, Any]
) -> None:
    (made,), said = repaired([answer(**given)], ASKED)
    assert made == answer(**(given | meant))
    (words,) = said.values()
    assert len(words) == len(meant)
    assert words[0].split(":")[0] in meant
    found = judge([made], brief())
    assert not any("is not a" in fault for fault in found.words)


@pytest.mark.parametrize(
    "given",
    [
        {"action": "strong buy"},
        {"action": "SHORT"},
        {"action": "ABSTAIN"},
        {"action": None},
        {"quantity": "ten"},
        {"quantity": "1e3"},
        {"quantity": "-5"},
        {"quantity": 10.5},
        {"quantity": True},
        {"quantity": float("inf")},
        {"price": "71.000"},
        {"price": "7,1000"},
        {"price": "71,000-72,000"},
        {"price": None},
        {"confidence": 85},
        {"confidence": "85"},
        {"confidence": "high"},
        {"confidence": float("nan")},
        {"stock_code": "5930"},
        {"stock_code": True},
        {"stock_code": ["005930"]},
        {"risk_level": "so-so"},
        {"reason": None},
    ],
    ids=str,
)
def test_an_ambiguous_value_is_left_unchanged_and_rejected(given: dict[str, Any]) -> None:
    made, _ = repaired([answer(**given)], ASKED)
    assert judge(made, brief()).decisions == ()


def test_fields_under_other_names_are_recognised() -> None:
    given = {name.title().replace("_", ""): value for name, value in answer().items()}
    (made,), said = repaired([given], ASKED)
    assert made == answer()
    assert "StockCode: read as stock_code" in said["005930"]


def test_two_fields_that_would_become_one_are_left_unchanged() -> None:
    given = answer() | {"Action": "SELL"}
    assert repaired([given], ASKED) == ([given], {})


def test_an_identical_answer_counts_once_and_a_different_one_separately() -> None:
    made, said = repaired([answer(), answer(action="buy")], ASKED)
    assert made == [answer()]
    assert said["005930"][-1] == "answered twice, word for word"
    made, _ = repaired([answer(), answer(quantity=11)], ASKED)
    assert len(made) == 2


def test_a_valid_answer_is_left_unchanged() -> None:
    assert repaired([answer(), None, 5, ["x"]], ASKED) == ([answer(), None, 5, ["x"]], {})
    assert repaired([answer(quantity=10**9_999)], ASKED)[1] == {}
