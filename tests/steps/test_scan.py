"""Three scans, 50 → 20 → 5, that tolerate missing data."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from kt.analyst.rules import RulesAnalyst
from kt.config.scan import Scan
from kt.errors import AuthError, Unreachable
from kt.records import Candidate, Ranked, Ranking, SymbolLock
from kt.rules.candidate_score import QUESTIONS
from kt.steps.decide import scan
from tests.fakes import HYNIX, SAMSUNG, World
from tests.steps.trading import warned
from tests.store.make import position, trade


def crowd(world: World, count: int) -> None:
    world.market.prices = {f"{n:05d}0": 10_000 + 10 * n for n in range(1, count + 1)}


def test_each_scan_returns_at_most_the_configured_number(world: World) -> None:
    crowd(world, 70)
    found = scan.fast(world.ctx).candidates
    assert len(found) == 50
    assert {candidate.stage for candidate in found} == {"fast"}
    assert set(found[0].rankings) == {ranking.value for ranking in Ranking}
    deeper = scan.deep(world.ctx, found).candidates
    assert len(deeper) == 20
    assert all(c.book_ratio == 1.0 and c.foreign_net == 10_000 for c in deeper)
    chosen = scan.shortlist(world.ctx, deeper).candidates
    assert [c.stage for c in chosen] == ["ai"] * 5
    assert chosen[0].reasons[-1] == "scripted"
    assert [c.score for c in deeper] == sorted((c.score for c in deeper), reverse=True)


def test_every_scan_is_journaled(world: World) -> None:
    found = scan.fast(world.ctx).candidates
    scan.shortlist(world.ctx, scan.deep(world.ctx, found).candidates)
    world.journal.flush()
    rows = world.journal.events(limit=1000, kinds=["scan"])
    assert [(row["stage"], row["found"]) for row in rows] == [("fast", 3), ("deep", 3), ("ai", 3)]


def test_a_failed_ranking_does_not_lose_the_others(world: World) -> None:
    world.market.failing["ranking.volume"] = Unreachable("HTTP 503")
    found = scan.fast(world.ctx).candidates
    assert len(found) == len(world.market.prices)
    assert "volume" not in found[0].rankings
    (row,) = world.journal.events(limit=1000, kinds=["error"])
    assert "HTTP 503" in str(row)
    assert "scan.fast.volume" in str(row)


def test_when_every_ranking_fails_the_scan_fails(world: World) -> None:
    for ranking in Ranking:
        world.market.failing[f"ranking.{ranking.value}"] = Unreachable("HTTP 503")
    with pytest.raises(Unreachable):
        scan.fast(world.ctx)


def test_a_rejected_token_ends_a_scan_at_once(world: World) -> None:
    world.market.failing["ranking.volume"] = AuthError("8001")
    with pytest.raises(AuthError):
        scan.fast(world.ctx)


def test_without_the_instrument_list_the_scan_continues(world: World) -> None:
    world.market.failing["instruments"] = Unreachable("HTTP 503")
    assert scan.fast(world.ctx).candidates


def test_a_stock_with_an_excluding_flag_is_left_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [i for i in world.market.instruments() if i.stock_code != SAMSUNG]
    monkeypatch.setattr(world.market, "instruments", lambda: (warned(), *others))
    ctx = world.configure(scan=Scan(exclude=(HYNIX,)))
    assert [candidate.stock_code for candidate in scan.fast(ctx).candidates] == ["035720"]


def test_what_is_left_out_is_counted_by_reason(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd(world, 12)
    codes = list(world.market.prices)
    listed = {stock.stock_code: stock for stock in world.market.instruments()}
    odd = {
        codes[0]: {"warning": "관리종목, 투자경고"},
        codes[1]: {"warning": "투자경고"},
        codes[2]: {"kind": "ETF"},
        codes[3]: {"stock_name": "하나31호스팩"},
    }
    made = tuple(replace(stock, **odd.get(code, {})) for code, stock in listed.items())
    preferred = replace(made[-1], stock_code="000125")
    world.market.prices["000125"] = 20_000
    monkeypatch.setattr(world.market, "instruments", lambda: (*made, preferred))
    world.journal.put_position(position(stock_code=codes[4]))
    world.journal.lock_symbol(
        SymbolLock(stock_code=codes[5], reason="amend", order_id="O1", at=world.clock.now())
    )
    world.journal.add_trade(
        trade(stock_code=codes[6], origin="stop_loss", closed_at=world.clock.now())
    )
    long_ago = world.clock.now() - timedelta(minutes=6)
    world.journal.add_trade(trade(stock_code=codes[7], origin="cycle", closed_at=long_ago))

    scanned = scan.fast(world.configure(scan=Scan(max_price=world.market.prices[codes[10]])))

    assert scanned.summary.seen == 13
    assert scanned.summary.excluded == {
        "management issue": 1,
        "warned": 1,
        "ETF": 1,
        "SPAC": 1,
        "held": 1,
        "locked": 1,
        "cooling down": 1,
        "price": 1,
        "preferred": 1,
    }
    assert {c.stock_code for c in scanned.candidates} == {codes[n] for n in (7, 8, 9, 10)}
    assert "; 9 of 13 left out: 1 management issue, " in scanned.text()
    world.journal.flush()
    (row,) = world.journal.events(limit=1000, kinds=["scan"])
    assert (row["seen"], row["coverage_pct"]) == (13, 100)
    assert row["excluded"] == scanned.summary.excluded


@pytest.mark.parametrize("wrong", ["failed", "slow"])
def test_a_condition_is_one_more_source(world: World, wrong: str) -> None:
    ctx = world.configure(
        scan=Scan(sources=("value", "condition:거래량 급증", "condition:없음"), timeout=0.3)
    )
    asked = world.market.ranking
    if wrong == "slow":
        never = threading.Event()
        world.market.ranking = lambda ranking: asked(ranking) if never.wait() else ()  # type: ignore[method-assign]
    else:
        world.market.failing["ranking.value"] = Unreachable("HTTP 503")
    scanned = scan.fast(ctx)
    (only,) = scanned.candidates
    assert only.rankings == ("condition:거래량 급증",)
    assert only.reasons[0] == "condition:거래량 급증 matched: 20.0 of 20"
    assert only.score == 40.0  # 20 for the condition and 10 for the rise, of 75
    assert scanned.summary.coverage_pct == round(20 * 100 / 65, 1)
    assert scanned.summary.missing == {
        "value": {"slow": "no answer in time", "failed": "HTTP 503"}[wrong],
        "condition:없음": "there is no condition search '없음'",
    }


def test_a_thin_stock_is_left_out(world: World) -> None:
    thin = Ranked(
        ranking=Ranking.VOLUME,
        rank=1,
        stock_code=SAMSUNG,
        stock_name="삼성전자",
        price=70_000,
        change_pct=1.0,
        volume=10,
        value=700_000,
    )
    for ranking in Ranking:
        world.market.rankings[ranking] = (replace(thin, ranking=ranking),)
    assert scan.fast(world.ctx).candidates == ()
    assert scan.deep(world.ctx, ()) == scan.Scanned()
    assert scan.shortlist(world.ctx, ()) == scan.Shortlist()


def test_a_failed_part_is_named_and_counts_half(world: World) -> None:
    found = scan.fast(world.ctx).candidates
    world.market.failing[f"book.{SAMSUNG}"] = Unreachable("HTTP 503")
    made = scan.deep(world.ctx, found)
    deepened = {candidate.stock_code: candidate for candidate in made.candidates}
    assert deepened[SAMSUNG].book_ratio is None
    assert "book missing: HTTP 503" in deepened[SAMSUNG].reasons
    assert deepened[HYNIX].book_ratio == 1.0
    assert (deepened[SAMSUNG].coverage_pct, deepened[HYNIX].coverage_pct) == (78.6, 100)
    assert made.summary.missing == {"book": "1 stock: HTTP 503"}
    assert made.notes() == "; coverage 93 %: no book (1 stock: HTTP 503)"


def test_a_part_that_hangs_is_missing_alone(world: World) -> None:
    crowd(world, 30)
    ctx = world.configure(scan=Scan(timeout=1.0))
    found = scan.fast(ctx).candidates
    never = threading.Event()
    world.market.brokers = lambda code: never.wait()  # type: ignore[method-assign, assignment, return-value]
    made = scan.deep(ctx, found)
    assert made.summary.missing == {"brokers": "30 stocks: no answer in time"}
    assert {c.coverage_pct for c in made.candidates} == {85.7}
    world.journal.flush()
    (row,) = world.journal.events(limit=1000, kinds=["error"])
    assert (row["place"], row["message"]) == ("scan.deep", "30 requests: no answer in time")


def test_a_deep_scan_sends_four_requests_per_stock(world: World) -> None:
    found = scan.fast(world.ctx).candidates
    world.market.asked.clear()
    scan.deep(world.ctx, found)
    assert sorted(world.market.asked) == sorted(
        f"{part}.{code}" for part in QUESTIONS for code in world.market.prices
    )


def deeper(world: World) -> tuple[Candidate, ...]:
    crowd(world, 12)
    return scan.deep(world.ctx, scan.fast(world.ctx).candidates).candidates


def pick(found: Candidate, score: float = 50, **more: Any) -> dict[str, Any]:
    return {"stock_code": found.stock_code, "score": score, "reason": "x"} | more


@pytest.mark.parametrize("wrong", ["error", "stranger"])
def test_a_failed_shortlist_is_reported_and_empty(world: World, wrong: str) -> None:
    found = deeper(world)
    if wrong == "error":
        world.analyst.error = "timeout: no answer within 60 s"
    else:
        world.analyst.picks = ({"stock_code": "999999", "score": 90, "reason": "x"},)
    chosen = scan.shortlist(world.ctx, found)
    assert chosen.candidates == ()
    said = {
        "error": "scripted did not answer in time: no answer within 60 s",
        "stranger": "scripted gave no answer that could be used: answer 1: not a stock that was "
        "asked about: '999999'",
    }[wrong]
    assert chosen.text() == f"0 candidates because {said}"
    (row,) = world.journal.events(limit=1000, kinds=["notice"])
    assert (row["title"], row["text"]) == ("no choice by the analyst", said)


def test_an_empty_shortlist_is_valid(world: World) -> None:
    world.analyst.picks = ()
    chosen = scan.shortlist(world.ctx, deeper(world))
    assert (chosen.candidates, chosen.failure) == ((), "")
    assert chosen.text() == "0 candidates: scripted finds none worth it"
    assert world.journal.events(limit=1000, kinds=["notice"]) == ()


def test_the_shortlist_keeps_the_analysts_order(world: World) -> None:
    found = deeper(world)
    world.analyst.picks = (
        pick(found[3], 0.5),
        pick(found[1], 0.5),
        pick(found[2], 0.9),
        pick(found[0], 0.5, stock_code=f"A{found[0].stock_code}"),
    )
    chosen = scan.shortlist(world.ctx, found).candidates
    assert [c.stock_code for c in chosen] == [found[n].stock_code for n in (3, 1, 2, 0)]
    assert [c.score for c in chosen] == [50, 50, 90, 50]
    assert [c.odds_pct for c in chosen] == [50, 50, 90, 50]


def test_the_risk_of_a_pick_is_kept(world: World) -> None:
    found = deeper(world)
    world.analyst.picks = (
        pick(found[0], main_risk="the\nindex falls"),
        pick(found[1], main_risk=3),
        pick(found[2]),
    )
    chosen = scan.shortlist(world.ctx, found).candidates
    assert [c.risk for c in chosen] == ["the index falls", "", ""]


def test_a_configured_fallback_makes_the_shortlist_when_the_analyst_fails(world: World) -> None:
    found = deeper(world)
    world.analyst.error = "auth: 403 leaked"
    world.analyst.fallback = RulesAnalyst(world.clock)
    chosen = scan.shortlist(world.ctx, found)
    assert [c.stock_code for c in chosen.candidates] == [c.stock_code for c in found[:5]]
    assert chosen.text().endswith(
        " by rules as the fallback because scripted refused the key: 403 leaked"
    )
