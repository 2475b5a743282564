"""Which answers to a question of the trading day are accepted."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from kt.records import AdviceChoice, AdviceRequest, Subject, Topic
from kt.rules.advice_validation import ValidAdvice, judge_advice, majority
from tests.analyst.test_advice import open_order
from tests.store.make import T0

SUBJECT = Subject(
    ref="0000123",
    choices=(AdviceChoice.AMEND, AdviceChoice.CANCEL),
    stock_code="005930",
    base_price=70_000,
    order=open_order(price=70_000),
)
GOOD: dict[str, Any] = {"ref": "0000123", "choice": "AMEND", "price": 70_500, "reason": "Best ask."}


def judged(*objects: Any, subject: Subject = SUBJECT) -> Any:
    request = AdviceRequest(topic=Topic.UNFILLED, asof=T0, subjects=(subject,))
    return judge_advice(objects, request)


def test_a_good_answer_is_accepted() -> None:
    found = judged(GOOD, {"ref": "else", "choice": "AMEND"}, "nonsense")
    one = found.good["0000123"]
    assert (one.choice, one.price, one.reason) == (AdviceChoice.AMEND, 70_500, "Best ask.")
    assert found.faults == {}


def test_a_price_counts_only_where_it_means_something() -> None:
    one = judged(GOOD | {"choice": "CANCEL", "price": -5}).good["0000123"]
    assert (one.choice, one.price) == (AdviceChoice.CANCEL, 0)
    watch = replace(SUBJECT, choices=(AdviceChoice.WATCH,), order=None)
    one = judged(GOOD | {"choice": "WATCH", "price": 70_123}, subject=watch).good["0000123"]
    assert one.price == 70_123, "the highest price worth paying is on no grid"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"choice": "HOLD"}, "choice: 'HOLD' is none of AMEND, CANCEL"),
        ({"choice": None}, "choice: None is none of AMEND, CANCEL"),
        ({"reason": " "}, "reason: ' ' says nothing"),
        ({"reason": "x" * 2_001}, "reason: 2,001 characters, more than 2,000"),
        ({"price": "70500"}, "price: '70500' is not a price in won"),
        ({"price": True}, "price: True is not a price in won"),
        ({"price": 70_550}, "price: 70,550 is not on the tick grid"),
        ({"price": 0}, "price: 0 is not on the tick grid"),
        ({"price": 70_000}, "price: 70,000 is the order's price already"),
        ({"price": 91_100}, "price: 91,100 lies outside 49,000 to 91,000"),
    ],
)
def test_a_bad_answer_is_a_named_fault(change: dict[str, Any], fault: str) -> None:
    found = judged(GOOD | change)
    assert (found.good, found.faults) == ({}, {"0000123": (fault,)})


def test_each_subject_is_answered_once() -> None:
    assert judged().faults == {"0000123": ("not answered",)}
    assert judged(GOOD, GOOD | {"price": 70_600}).faults == {"0000123": ("answered 2 times",)}


def test_a_panel_answers_by_majority() -> None:
    sell = ValidAdvice(AdviceChoice.SELL, 0, "first")
    also = ValidAdvice(AdviceChoice.SELL, 0, "second")
    hold = ValidAdvice(AdviceChoice.HOLD, 0, "third")
    assert majority([hold, sell, also], 2) == sell
    assert majority([sell, hold], 2) is None, "a tie"
    assert majority([sell], 2) is None, "below the quorum"
    assert majority([], 0) is None
