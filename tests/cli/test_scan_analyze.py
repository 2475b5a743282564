"""What kt scan, kt analyze and kt check print, on a terminal and in a pipe, to the letter."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from kt.analyst.rules import RulesAnalyst
from kt.errors import BrokerRefused, ExitCode, Unreachable
from kt.records import (
    Action,
    Candidate,
    Decision,
    RiskLevel,
)
from kt.steps.decide.scan import Scanned, Shortlist
from tests.analyst.make import gemini
from tests.cli.front import Front, document
from tests.fakes import HYNIX, OPEN, SAMSUNG, buy

CANDIDATES = (
    Candidate(
        stock_code=SAMSUNG,
        stock_name="삼성전자",
        price=70_000,
        change_pct=1.5,
        volume=1_000_000,
        value=70_000_000_000,
        score=91.25,
        stage="fast",
        rankings=("value",),
    ),
    Candidate(
        stock_code=HYNIX,
        stock_name="SK하이닉스",
        price=180_000,
        change_pct=-0.5,
        volume=500_000,
        value=90_000_000_000,
        score=88.0,
        stage="fast",
        rankings=("value", "volume"),
        reasons=("volume 3 times the usual",),
        strength=112.0,
        foreign_net=-1_200,
    ),
)
TABLE = """\
code    name          price  change  traded  score  strength  foreign
005930  삼성전자     70,000  +1.50%   700억   91.2
000660  SK하이닉스  180,000  -0.50%   900억   88.0     112.0   -1,200
"""


@pytest.mark.parametrize("stage", ["fast", "deep", "ai"])
def test_each_scan_prints_candidates(
    stage: str, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each scan is handed what came before it, from the pipe or by running it."""
    seen: list[object] = []
    monkeypatch.setattr("kt.steps.decide.scan.fast", lambda ctx: Scanned(CANDIDATES))
    monkeypatch.setattr(
        "kt.steps.decide.scan.deep", lambda ctx, found: seen.append(found) or Scanned(found)
    )
    monkeypatch.setattr(
        "kt.steps.decide.scan.shortlist",
        lambda ctx, found: seen.append(found) or Shortlist(found, "scripted"),
    )
    ran = front("scan", stage, terminal=True)
    assert ran.out == TABLE
    said = ": 삼성전자 91, SK하이닉스 88" if stage == "ai" else ""
    assert ran.err.endswith(f"kt: {stage} scan: 2 candidates{said}\n")
    assert ("fast scan first, because nothing is piped" in ran.err) is (stage != "fast")
    piped = front("scan", stage, stdin=front("scan", "fast").out)
    assert piped.document["kind"] == "candidates"
    assert [item["stock_code"] for item in piped.items] == [SAMSUNG, HYNIX]
    assert all(found == CANDIDATES for found in seen)


def test_a_candidate_in_a_pipe_has_all_its_fields(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kt.steps.decide.scan.fast", lambda ctx: Scanned(CANDIDATES[1:]))
    assert front("scan", "fast").items == [
        {
            "stock_code": HYNIX,
            "stock_name": "SK하이닉스",
            "price": 180_000,
            "change_pct": -0.5,
            "volume": 500_000,
            "value": 90_000_000_000,
            "score": 88.0,
            "stage": "fast",
            "rankings": ["value", "volume"],
            "reasons": ["volume 3 times the usual"],
            "surge_pct": None,
            "strength": 112.0,
            "book_ratio": None,
            "foreign_net": -1200,
            "institution_net": None,
            "broker_net": None,
            "coverage_pct": 100.0,
            "odds_pct": None,
            "risk": "",
        }
    ]


def test_analyze_codes_and_candidates(front: Front) -> None:
    front.world.analyst.answers = [{SAMSUNG: buy(reason="buyers lead")}]
    ran = front("analyze", SAMSUNG)
    assert ran.code == 0, ran.err
    (item,) = ran.items
    assert [*item] == [
        "action",
        "stock_code",
        "stock_name",
        "quantity",
        "price",
        "reason",
        "confidence",
        "risk_level",
        "decision_id",
        "analyst",
        "model",
        "decided_at",
        "reference_price",
        "faults",
        "provenance",
        "repairs",
        "data_at",
        "prompt_version",
        "held",
        "question_key",
        "answer_key",
        "votes",
    ]
    assert (item["action"], item["quantity"], item["price"]) == ("BUY", 10, 70_000)
    assert ran.err == "kt: 1 decision by scripted: 1 BUY\n"
    candidate = json.loads(document("candidates", []))
    candidate["items"] = [
        {
            "stock_code": HYNIX,
            "stock_name": "SK하이닉스",
            "price": 180_000,
            "change_pct": 0.0,
            "volume": 1,
            "value": 1,
            "score": 1.0,
            "stage": "ai",
        }
    ]
    piped = front("analyze", stdin=json.dumps(candidate))
    assert [item["stock_code"] for item in piped.items] == [HYNIX]


def told(item: dict[str, Any]) -> dict[str, Any]:
    return {key: item[key] for key in item if key not in ("decision_id", "decided_at")}


def test_analyze_replays_a_run_from_the_journal_alone(front: Front) -> None:
    front.world.analyst = RulesAnalyst(front.world.clock)  # type: ignore[assignment]
    asked = front("analyze", SAMSUNG, HYNIX)
    front.world.clock.advance(3600)
    front.world.market.asked.clear()
    before = len(front.world.journal.events(limit=1000, kinds=["decision", "answer"]))
    again = front("analyze", "--replay", asked.document["run"])
    assert again.code == 0
    assert [told(item) for item in again.items] == [told(item) for item in asked.items]
    assert again.err.startswith("kt: replayed: 2 decisions by rules")
    assert front.world.market.asked == [], "nor is the broker asked anything"
    events = front.world.journal.events(limit=1000, kinds=["decision", "answer"])
    assert len(events) == before, "a replay is no decision"


def test_a_replay_that_misses_says_what_was_asked(front: Front) -> None:
    front.world.analyst = RulesAnalyst(front.world.clock)  # type: ignore[assignment]
    run = front("analyze", SAMSUNG).document["run"]
    front.world.analyst = gemini(language="ko")  # type: ignore[assignment]
    missed = front("analyze", "--replay", run)
    assert missed.code == ExitCode.ERROR
    assert "the replay has no answer to this decide question (gemini, " in missed.err
    assert "It was put to rules rules-2" in missed.err
    unknown = front("analyze", "--replay", "RUN99")
    assert unknown.code == ExitCode.USAGE
    assert "no question to an analyst by a run RUN99" in unknown.err
    both = front("analyze", SAMSUNG, "--replay", run)
    assert both.code == ExitCode.USAGE


def test_analyze_shows_its_prompt_and_asks_nobody(front: Front) -> None:
    ran = front("analyze", SAMSUNG, HYNIX, "--show-prompt")
    assert (ran.code, ran.out) == (0, "about 2 stocks\n")
    assert "prompt scripted.1, 2 stocks: 14 characters, about 5 tokens (an estimate, " in ran.err
    assert front.world.analyst.briefs == []
    front.world.analyst.preview = lambda brief: None  # type: ignore[assignment,method-assign]
    none = front("analyze", SAMSUNG, "--show-prompt")
    assert none.code == ExitCode.USAGE
    assert "the analyst scripted is sent no prompt" in none.err


def test_analyze_on_a_terminal_tells_the_reason_in_full(front: Front) -> None:
    front.world.analyst.answers = [{SAMSUNG: buy(reason="buyers lead " * 12)}]
    ran = front("analyze", SAMSUNG, terminal=True)
    assert ran.out == (
        "action  code    name      quantity   price  confidence  risk\n"
        "BUY     005930  삼성전자        10  70,000        0.90  LOW\n"
        "\n"
        "005930 삼성전자: buyers lead buyers lead buyers lead buyers lead buyers lead\n"
        "       buyers lead buyers lead buyers lead buyers lead buyers lead buyers lead\n"
        "       buyers lead\n"
    )


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        ("auth: 403 leaked", ExitCode.AUTH, "scripted refused the key: 403 leaked"),
        ("unreachable: no route", ExitCode.UNREACHABLE, "could not be reached: no route"),
        ("timeout: 60 s", ExitCode.UNREACHABLE, "did not answer in time: 60 s"),
        ("quota: 429", ExitCode.UNREACHABLE, "took no more requests: 429"),
        ("model: 404 not found", ExitCode.ERROR, "has no such model: 404 not found"),
        ("reply: not JSON", ExitCode.ERROR, "gave no answer that can be read: not JSON"),
        ("budget: spent", ExitCode.ERROR, "is not asked: the budget is spent"),
    ],
)
def test_analyze_exits_with_the_code_of_the_analysts_failure(
    front: Front, error: str, code: ExitCode, words: str
) -> None:
    front.world.analyst.error = error
    ran = front("analyze", SAMSUNG, HYNIX)
    assert ran.code == code
    assert [item["action"] for item in ran.items] == ["ABSTAIN", "ABSTAIN"]
    assert "kt: 2 decisions, both ABSTAIN because " in ran.err and words in ran.err
    assert "`kt doctor`" in ran.err
    allowed = front("analyze", SAMSUNG, "--allow-fallback")
    assert (allowed.code, [item["provenance"] for item in allowed.items]) == (0, ["none"])
    passed_on = front("check", stdin=ran.out)
    assert (passed_on.code, passed_on.items) == (0, [])


def test_analyze_exits_with_0_if_one_decision_is_the_analysts_own(front: Front) -> None:
    front.world.analyst.answers = [{SAMSUNG: buy(price=1)}]
    ran = front("analyze", SAMSUNG, HYNIX)
    assert (ran.code, [item["action"] for item in ran.items]) == (0, ["ABSTAIN", "HOLD"])
    assert "gave no answer that could be used: price: 1 lies outside" in ran.err


def test_a_failed_ai_scan_is_told_by_the_exit_code(front: Front) -> None:
    found = front("scan", "fast").out
    front.world.analyst.error = "timeout: no answer within 60 s"
    ran = front("scan", "ai", stdin=found)
    assert (ran.code, ran.items) == (ExitCode.UNREACHABLE, [])
    assert "0 candidates because scripted did not answer in time" in ran.err
    front.world.analyst.error = ""
    front.world.analyst.picks = ()
    none = front("scan", "ai", stdin=found)
    assert (none.code, none.items) == (0, [])
    assert none.err == "kt: ai scan: 0 candidates: scripted finds none worth it\n"


def test_a_scan_says_what_it_left_out_and_what_it_lacked(front: Front) -> None:
    front.world.market.failing["ranking.volume"] = Unreachable("HTTP 503")
    front.world.market.prices["000125"] = 20_000
    ran = front("scan", "fast")
    assert ran.document["scan"] == {
        "seen": 4,
        "excluded": {"preferred": 1},
        "missing": {"volume": "HTTP 503"},
        "coverage_pct": 83.3,
    }
    assert ran.err == (
        "kt: fast scan: 3 candidates; 1 of 4 left out: 1 preferred; "
        "coverage 83 %: no volume (HTTP 503)\n"
    )
    assert front("scan", "deep", stdin=ran.out).document["scan"]["coverage_pct"] == 100
    assert "scan" not in front("scan", "ai", stdin=ran.out).document


def test_a_condition_search_gives_candidates_or_the_names(front: Front) -> None:
    ran = front("scan", "condition", "거래량 급증")
    assert [item["rankings"] for item in ran.items] == [["condition:거래량 급증"]]
    assert ran.document["scan"]["seen"] == 1
    assert ran.err == "kt: condition '거래량 급증': 1 candidates\n"
    assert front("scan", "condition", terminal=True).out == "거래량 급증\n"
    assert json.loads(front("scan", "condition").out) == ["거래량 급증"]
    wrong = front("scan", "condition", "없음")
    assert (wrong.code, wrong.out) == (ExitCode.USAGE, "")
    assert wrong.err == "kt: there is no condition search '없음'. There are: 거래량 급증.\n"


def test_a_server_without_condition_searches_says_so(front: Front) -> None:
    front.world.market.failing["conditions"] = BrokerRefused(
        "the server refused the condition search: 105108", hint="This server may have none."
    )
    ran = front("scan", "condition", "거래량 급증")
    assert (ran.code, ran.out) == (ExitCode.REFUSED, "")
    assert ran.err.startswith("kt: the server refused the condition search: 105108")


def test_the_table_of_what_the_analyst_picked_names_the_risk(front: Front) -> None:
    found = front("scan", "fast").out
    code = front("scan", "fast").items[0]["stock_code"]
    pick = {"stock_code": code, "score": 61, "reason": "Strength 140.", "main_risk": "The index."}
    front.world.analyst.picks = (pick,)
    ran = front("-o", "table", "scan", "ai", stdin=found)
    assert "Strength 140. Risk: The index." in ran.out


def test_analyze_held_reads_no_pipe(front: Front) -> None:
    ran = front("analyze", "--held", stdin="rubbish")
    assert (ran.code, ran.items) == (0, [])
    assert "nothing to decide" in ran.err


def test_an_unknown_code_is_exit_code_8(front: Front) -> None:
    from kt.errors import UnknownStock

    front.world.market.failing["quote.999999"] = UnknownStock("the broker knows no stock 999999")
    ran = front("analyze", "999999")
    assert (ran.code, ran.out) == (ExitCode.REFUSED, "")
    assert ran.err == "kt: the broker knows no stock 999999.\n"


def decision(**changes: object) -> Decision:
    made = Decision(
        action=Action.BUY,
        stock_code=SAMSUNG,
        stock_name="삼성전자",
        quantity=10,
        price=70_000,
        reason="a test",
        confidence=0.9,
        risk_level=RiskLevel.LOW,
        decision_id="D1",
        decided_at=OPEN,
        reference_price=70_000,
    )
    return replace(made, **changes)


def as_items(*items: object) -> list[object]:
    import msgspec

    return [msgspec.to_builtins(item) for item in items]


def test_check_prints_passed_and_denied_decisions(front: Front) -> None:
    low = decision(
        confidence=0.1,
        decision_id="D2",
        stock_code=HYNIX,
        stock_name="SK하이닉스",
        price=180_000,
        reference_price=180_000,
    )
    hold = decision(action=Action.HOLD, decision_id="D3")
    text = document("decisions", as_items(decision(), low, hold))
    ran = front("check", stdin=text)
    assert ran.code == 0
    assert ran.err == "kt: 1 may be ordered, 1 denied, 1 to hold\n"
    first = ran.items[0]
    assert [*first] == [
        "side",
        "stock_code",
        "quantity",
        "price",
        "order_type",
        "origin",
        "stock_name",
        "reason",
        "decision",
        "passed",
        "results",
        "checked_at",
        "check_id",
        "buys_seen",
        "exits_seen",
    ]
    assert [item["passed"] for item in ran.items] == [True, False]
    assert {"code", "passed", "detail"} == set(first["results"][0])
    table = front("check", "-o", "table", stdin=text).out
    assert table.startswith(
        "check   action  code    name        quantity    price   amount  why\n"
        "pass    BUY     005930  삼성전자          10   70,000  700,000\n"
        "denied  BUY     000660  SK하이닉스         5  180,000  900,000  LOW_CONFIDENCE\n"
        "\n000660 SK하이닉스  LOW_CONFIDENCE: "
    )
