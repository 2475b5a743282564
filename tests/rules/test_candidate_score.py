"""Scores: every part by hand, the bounds, and the fast scan's screen."""

from __future__ import annotations

import inspect
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kt.config.scan import Scan
from kt.ports import Market
from kt.records import (
    Book,
    BrokerActivity,
    BrokerShare,
    Candidate,
    Flow,
    Instrument,
    Level,
    MarketName,
    Ranked,
    Ranking,
    Strength,
)
from kt.rules.candidate_score import (
    DEEP_SCAN,
    deep_candidate,
    deep_score,
    fast_score,
    fast_totals,
)
from kt.rules.screen import Exclusion, screen, unfit
from tests.rules.make import T0, candidate


def ranked(ranking: str = "value", rank: int = 1, code: str = "005930", **changes: Any) -> Ranked:
    values: dict[str, Any] = {
        "ranking": Ranking(ranking),
        "rank": rank,
        "stock_code": code,
        "stock_name": f"주식{code}",
        "price": 70_000,
        "change_pct": 5.0,
        "volume": 1_000_000,
        "value": 70_000_000_000,
    }
    return Ranked(**(values | changes))


def flow(foreign: int, institution: int) -> Flow:
    return Flow(
        day=T0.date(),
        price=70_000,
        volume=1_000_000,
        individual=0,
        foreign=foreign,
        institution=institution,
    )


def strength(value: float) -> Strength:
    return Strength(
        at=T0,
        price=70_000,
        volume=1,
        strength=value,
        strength_5m=value,
        strength_20m=value,
        strength_60m=value,
    )


def test_first_in_all_four_rankings_and_rising_is_a_hundred() -> None:
    found = fast_score([ranked(name) for name in Ranking])

    assert found.total == 100.0
    assert found.reasons == (
        "volume surge place 1: 30.0 of 30",
        "value place 1: 25.0 of 25",
        "change place 1: 20.0 of 20",
        "volume place 1: 15.0 of 15",
        "change +5.00 %: 10.0 of 10",
    )


@pytest.mark.parametrize(
    ("rows", "total"),
    [
        ([ranked("value", 1)], 35.0),
        ([ranked("value", 100)], 10.0),
        ([ranked("value", 250)], 10.0),
        ([ranked("volume_surge", 34, surge_pct=350.0)], 30.0),
        ([ranked("value", 5), ranked("value", 1)], 35.0),
        ([ranked("value", 1, change_pct=-2.0)], 25.0),
        ([ranked("value", 1, change_pct=15.0)], 30.0),
        ([ranked("value", 1, change_pct=29.9)], 25.0),
    ],
)
def test_the_fast_score_by_hand(rows: list[Ranked], total: float) -> None:
    assert fast_score(rows).total == total


def test_the_deep_scan_sets_the_candidates_fields() -> None:
    answers = {
        "strength": [strength(120.0), strength(50.0)],
        "book": Book(
            stock_code="005930",
            asks=(Level(70_100, 1),),
            bids=(Level(70_000, 1),),
            total_ask=100,
            total_bid=200,
        ),
        "flow": [flow(50_000, 0), flow(-1, -1)],
        "brokers": BrokerActivity(
            stock_code="005930",
            sellers=(BrokerShare(name="가", code="1", quantity=70_000),),
            buyers=(BrokerShare(name="나", code="2", quantity=20_000),),
        ),
    }
    found = deep_candidate(candidate(), answers)

    assert found.stage == "deep"
    assert (found.strength, found.book_ratio) == (120.0, 2.0)
    assert (found.foreign_net, found.institution_net, found.broker_net) == (50_000, 0, -50_000)
    assert found.score == 77.8
    assert found.reasons == (
        "fast scan 80.0: 24.0 of 30",
        "strength 120.0: 20.0 of 20",
        "book bid/ask 2.00: 15.0 of 15",
        "foreign +5.00 % of volume: 12.5 of 12.5",
        "institution +0.00 % of volume: 6.2 of 12.5",
        "brokers -5.00 % of volume: 0.0 of 10",
    )


def test_a_missing_figure_counts_half() -> None:
    found = deep_candidate(candidate(score=100.0), {})

    assert found.score == 30.0 + 35.0
    assert found.reasons[1] == "strength not known: 10.0 of 20"
    assert found.foreign_net is found.book_ratio is found.broker_net is None


def test_an_empty_book_side_or_no_volume_still_gives_a_score() -> None:
    book = Book(stock_code="005930", asks=(), bids=(Level(91_000, 5),), total_ask=0, total_bid=500)
    none = Book(stock_code="005930", asks=(), bids=(), total_ask=0, total_bid=0)

    assert deep_candidate(candidate(), {"book": book}).book_ratio == 500.0
    assert deep_candidate(candidate(), {"book": none}).book_ratio is None
    assert deep_score({"foreign": 5, "book": 0.0}, 0.0, 0).total == 10 + 0 + 6.25 * 2 + 5


def test_without_a_strength_of_its_own_the_fast_scans_one_counts() -> None:
    fast = candidate(strength=120.0)
    assert deep_candidate(fast, {}).reasons[1] == "strength 120.0: 20.0 of 20"
    asked = deep_candidate(fast, {"strength": [strength(80.0)]})
    assert (asked.strength, asked.reasons[1]) == (80.0, "strength 80.0: 0.0 of 20")


def test_every_ingredient_asks_the_market_and_fills_a_field_of_the_candidate() -> None:
    for item in DEEP_SCAN:
        asked = inspect.signature(getattr(Market, item.question)).parameters
        assert list(asked) == ["self", "stock_code"], item
        assert not item.field or item.field in Candidate.__struct_fields__, item
    assert len({item.name for item in DEEP_SCAN}) == len(DEEP_SCAN)


@given(
    st.floats(0, 100),
    st.floats(0, 500),
    st.floats(0, 1_000),
    *[st.integers(-(10**9), 10**9)] * 3,
    st.integers(0, 10**9),
)
def test_the_deep_score_stays_in_its_bounds_and_rises_with_its_parts(
    fast: float,
    power: float,
    ratio: float,
    foreign: int,
    institution: int,
    broker: int,
    volume: int,
) -> None:
    looked = {
        "strength": power,
        "book": ratio,
        "foreign": foreign,
        "institution": institution,
        "brokers": broker,
    }
    assert looked.keys() == {item.name for item in DEEP_SCAN}
    found = deep_score(looked, fast, volume)

    assert 0 <= found.total <= 100
    assert all(0 <= part.points <= part.most for part in found.parts)
    assert sum(part.most for part in found.parts) == 100
    better = {name: figure + 10 for name, figure in looked.items()}
    assert deep_score(better, fast, volume).total >= found.total


def said(exclusions: tuple[Exclusion, ...]) -> list[str]:
    return [one.detail for one in exclusions]


SCAN = Scan()
LISTED = Instrument(
    stock_code="005930",
    stock_name="삼성전자",
    market=MarketName.KOSPI,
    base_price=69_000,
    listed_shares=1,
)


@pytest.mark.parametrize(
    ("changes", "scan", "reason"),
    [
        ({"price": 999}, SCAN, "price 999 < 1,000"),
        ({"price": 70_000}, Scan(max_price=50_000), "price 70,000 > 50,000"),
        ({"value": 999_999_999}, SCAN, "traded value 999,999,999 < 1,000,000,000"),
        ({"change_pct": 25.1}, SCAN, "change +25.10 % beyond 25 %"),
        ({"change_pct": -25.1}, SCAN, "change -25.10 % beyond 25 %"),
        ({}, Scan(exclude=("005930",)), "stands in scan.exclude"),
    ],
)
def test_unsuitable_stocks_are_left_out_with_a_reason(
    changes: dict[str, Any], scan: Scan, reason: str
) -> None:
    assert said(unfit(candidate(**changes), scan)) == [reason]
    assert unfit(candidate(), SCAN, {"005930": LISTED}) == ()


def test_a_stock_at_the_scan_limits_is_kept() -> None:
    edge = candidate(price=1_000, value=1_000_000_000, change_pct=-25.0)
    assert unfit(edge, SCAN) == ()
    assert unfit(candidate(), Scan(max_price=70_000)) == ()


def test_unlisted_warned_and_non_stock_instruments_are_left_out() -> None:
    warned = {"005930": Instrument(**{**_as_dict(LISTED), "warning": "투자경고"})}
    fund = {"005930": Instrument(**{**_as_dict(LISTED), "kind": "ETF"})}

    assert said(unfit(candidate(), SCAN, {})) == ["not in the list of stocks"]
    assert said(unfit(candidate(), SCAN, warned)) == ["warning: 투자경고"]
    assert said(unfit(candidate(), SCAN, fund)) == ["is an ETF, not a stock"]


def _as_dict(instrument: Instrument) -> dict[str, Any]:
    return {name: getattr(instrument, name) for name in instrument.__struct_fields__}


def test_the_screen_merges_ranks_and_keeps_the_best() -> None:
    rows = [
        ranked("value", 2, "000011"),
        ranked("volume_surge", 1, "000011", surge_pct=400.0, value=0, strength=130.0),
        ranked("value", 1, "000012"),
        ranked("volume", 1, "000013", value=0, volume=50_000),
        ranked("change", 1, "000014", value=0, volume=10),
    ]

    found = screen(rows, Scan(fast_keep=2)).candidates

    assert [c.stock_code for c in found] == ["000011", "000012"]
    best = found[0]
    assert best.rankings == ("value", "volume_surge")
    assert (best.surge_pct, best.strength, best.stage) == (400.0, 130.0, "fast")
    assert best.value == 70_000_000_000


def test_equal_scores_are_kept_by_value_then_code() -> None:
    rows = [
        ranked("value", 200, "000022", value=5_000_000_000),
        ranked("value", 200, "000021", value=5_000_000_000),
        ranked("value", 200, "000023", value=6_000_000_000),
    ]
    kept = [c.stock_code for c in screen(rows, SCAN).candidates]
    assert kept == ["000023", "000021", "000022"]


def test_totals_without_words_are_those_of_the_scores() -> None:
    draw = Random(7)
    scan = Scan(sources=("volume_surge", "value", "change", "volume", "condition:돌파"))
    stocks = [
        [
            replace(
                ranked(rank=draw.randint(1, 120), change_pct=change),
                ranking=draw.choice(scan.sources),
            )
            for _ in range(draw.randint(1, 6))
        ]
        for change in [draw.uniform(-30.0, 30.0) for _ in range(300)]
    ]
    assert list(fast_totals(stocks, scan)) == [fast_score(rows, scan).total for rows in stocks]
