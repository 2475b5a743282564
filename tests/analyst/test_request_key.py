"""The same input has the same request key in every process; different input has a different key."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from kt.analyst.rules import RulesAnalyst
from kt.records import AnalystRequest
from tests.analyst.make import CLOCK, T0, brief, candidate, flow, gemini, quote, rising

ROOT = Path(__file__).resolve().parents[2]


def test_the_key_is_the_same_in_another_process() -> None:
    code = (
        "from tests.analyst.make import *; from kt.analyst.rules import RulesAnalyst;"
        "print(RulesAnalyst(CLOCK).decide_key(brief(rising())))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == RulesAnalyst(CLOCK).decide_key(brief(rising()))


def test_the_answer_carries_the_key_of_its_request() -> None:
    analyst = RulesAnalyst(CLOCK)
    assert analyst.decide(brief(rising())).key == analyst.decide_key(brief(rising()))
    listed = [candidate()]
    assert analyst.shortlist(listed, 3, T0).key == analyst.shortlist_key(listed, 3, T0)


def test_the_order_of_parameters_does_not_matter() -> None:
    from kt.analyst.request_key import key_of

    assert key_of("p", "a", "m", {"x": 1, "y": 2}, 1) == key_of("p", "a", "m", {"y": 2, "x": 1}, 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda b: replace(b, asof=b.asof.replace(second=1)),
        lambda b: replace(b, lessons="hit rate 0.6"),
        lambda b: replace(b, per_stock_limit=999_999),
        lambda b: replace(b, deposit=replace(b.deposit, orderable=1)),
        lambda b: replace(b, stocks=(replace(b.stocks[0], quote=quote(price=71_100)),)),
        lambda b: replace(b, stocks=(replace(b.stocks[0], flow=flow(1)),)),
        lambda b: replace(b, stocks=(replace(b.stocks[0], missing=("days: cut",)),)),
    ],
)
def test_different_input_has_a_different_key(
    change: Callable[[AnalystRequest], AnalystRequest],
) -> None:
    question = brief(rising())
    assert gemini().decide_key(question) != gemini().decide_key(change(question))


def test_model_parameters_faults_and_purpose_are_part_of_the_key() -> None:
    question, listed = brief(rising()), [candidate()]
    keys = [
        gemini().decide_key(question),
        gemini(model="gemini-pro").decide_key(question),
        gemini(temperature=0.5).decide_key(question),
        gemini().decide_key(question, ["005930: price: 1 is off"]),
        RulesAnalyst(CLOCK).decide_key(question),
        gemini().shortlist_key(listed, 5, T0),
        gemini().shortlist_key(listed, 4, T0),
        gemini().shortlist_key(listed, 5, T0.replace(second=1)),
        gemini().shortlist_key([candidate(score=1.0)], 5, T0),
    ]
    assert len(set(keys)) == len(keys)


def test_the_api_key_is_not_part_of_the_request_key() -> None:
    one = gemini(key="key one", timeout=60)
    two = gemini(key="key two", timeout=30)
    assert one.decide_key(brief(rising())) == two.decide_key(brief(rising()))
