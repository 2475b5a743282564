"""A thousand decisions in one check: the broker is asked no more for them, the work grows in
proportion to them, and all of it is journaled."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial

import pytest

from kt.errors import BrokerRefused, Unreachable
from kt.records import Quote
from tests.cli.front import Front, document
from tests.cli.test_pipe_documents import DECISION
from tests.fakes import SAMSUNG

CODES = [f"{number:06d}" for number in range(100, 300)]
MANY = 1_000


@pytest.fixture
def wide(front: Front) -> Front:
    front.world.market.prices |= dict.fromkeys(CODES, 70_000)
    return front


def of(codes: list[str], count: int) -> str:
    rows = [
        DECISION | {"decision_id": f"D{number}", "stock_code": codes[number % len(codes)]}
        for number in range(count)
    ]
    return document("decisions", rows)


def test_many_decisions_are_checked_with_few_questions(wide: Front) -> None:
    market, broker = wide.world.market, wide.world.broker
    ran = wide("check", stdin=of(CODES, MANY))
    assert ran.code == 0, ran.err
    assert len(ran.items) == MANY
    passed = sum(item["passed"] for item in ran.items)
    assert 0 < passed == broker.asked.count("orderable")
    assert market.asked.count("quotes") == 1  # the fake answers for all; the wire by hundreds
    assert broker.asked.count("holdings") == 1
    kept = wide.world.journal.events(after=-MANY, limit=MANY, kinds=("check",))
    assert len(kept) == MANY


def calls(work: Callable[[], object]) -> int:
    """How many functions are called by this: a measure of its work that no load changes."""
    count = 0

    def profile(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    usual = sys.getprofile()
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(usual)
    return count


def test_the_work_of_a_check_grows_in_proportion_to_the_decisions(wide: Front) -> None:
    wide("check", stdin=of(CODES, 100))  # imports and caches
    one, two, four = (
        calls(partial(wide, "check", stdin=of(CODES, count))) for count in (100, 200, 400)
    )
    assert four - two < 2.3 * (two - one)


def test_a_few_stocks_are_asked_for_one_by_one(wide: Front) -> None:
    market = wide.world.market
    market.failing[f"quote.{CODES[0]}"] = Unreachable("HTTP 503")
    ran = wide("check", stdin=of([CODES[0], SAMSUNG], 2))
    assert [item["passed"] for item in ran.items] == [False, True]
    assert "quotes" not in market.asked


def test_a_code_that_is_none_costs_the_others_nothing(
    wide: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker may refuse the whole question for it."""
    known = wide.world.market.quotes

    def strict(codes: Sequence[str]) -> tuple[Quote, ...]:
        if not set(codes) <= set(CODES):
            raise BrokerRefused("[1902] no such stock")
        return known(codes)

    monkeypatch.setattr(wide.world.market, "quotes", strict)
    ran = wide("check", stdin=of(["no code", *CODES[:9]], 10))
    assert not ran.items[0]["passed"] and ran.items[1]["passed"]
    denied = {r["code"] for r in ran.items[0]["results"] if not r["passed"]}
    assert {"UNKNOWN_STOCK", "PRICE_LIMIT"} <= denied


def test_the_broker_is_not_asked_about_what_is_denied_anyway(wide: Front) -> None:
    wide("halt")
    ran = wide("check", stdin=of(CODES, 10))
    assert not any(item["passed"] for item in ran.items)
    assert "orderable" not in wide.world.broker.asked
