"""What every other command prints, on a terminal and in a pipe, to the letter."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from kt.analyst.rules import RulesAnalyst
from kt.errors import BrokerRefused, ExitCode, Unreachable
from kt.records import (
    Action,
    Candidate,
    CashNote,
    DayResult,
    Decision,
    Equity,
    Position,
    RiskLevel,
    Stop,
    StopMode,
    Tick,
    Trade,
)
from kt.records.base import Side
from kt.steps.decide.scan import Scanned, Shortlist
from kt.steps.risk import stops
from tests.analyst.make import gemini
from tests.cli.front import GONE, Front, document
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


def test_auth_walks_from_login_to_logout(front: Front) -> None:
    before = front("auth", "status")
    assert before.code == ExitCode.AUTH
    assert before.err == "kt: no valid token. Run `kt auth login`.\n"
    assert before.items == [
        {
            "kind": "auth",
            "profile": "sim",
            "keys": "environment",
            "valid": False,
            "token": "",
            "issued_at": None,
            "expires_at": None,
            "seconds_left": 0,
        }
    ]
    login = front("auth", "login", terminal=True)
    assert (login.code, login.err) == (0, "kt: logged in on the profile sim\n")
    assert login.out == (
        "profile       sim\n"
        "keys          environment\n"
        "valid         yes\n"
        "token         TOKE…\n"
        "issued at     2026-11-23T10:00:00+09:00\n"
        "expires at    2026-11-24T10:00:00+09:00\n"
        "seconds left  86,400\n"
    )
    assert front("auth", "status").code == 0
    assert front("auth", "logout").err == "kt: the token was revoked\n"
    assert front("auth", "logout").err == "kt: there was no token\n"


def test_balance_prints_deposit_holdings_and_open_orders(front: Front) -> None:
    front.world.broker.hold(SAMSUNG, 10, 70_000)
    assert front("balance", terminal=True).out == (
        "account         ******7890\n"
        "cash            10,000,000\n"
        "orderable       10,000,000\n"
        "withdrawable    10,000,000\n"
        "holdings        700,000\n"
        "profit          0  0.00%\n"
        "realised today  0\n"
        "assets          10,000,000\n"
        "\nHoldings\n"
        "code    name      quantity  average   price    value  profit  return  stop\n"
        "005930  삼성전자        10   70,000  70,000  700,000       0   0.00%  none\n"
        "\nOpen orders\n"
        "(none)\n"
    )
    (item,) = front("balance").items
    assert [*item] == [
        "account",
        "deposit",
        "positions",
        "open_orders",
        "total_cost",
        "total_value",
        "total_profit",
        "total_profit_pct",
        "estimated_assets",
        "realised_today",
        "at",
        "doubts",
    ]
    assert item["account"] == "******7890"
    assert item["at"] == "2026-11-23T10:00:00+09:00"


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


def test_status_shows_a_failing_analyst(front: Front) -> None:
    front.world.analyst.error = "model: 404 not found"
    front("analyze", SAMSUNG)
    (row,) = front("status").items
    assert (row["analyst_asked"], row["analyst_failed"]) == (1, 1)
    assert row["analyst_error"] == "model: 404 not found"
    assert row["analyst_paused_until"] == "2026-11-23T10:01:00+09:00"


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


@pytest.mark.parametrize("verb", ["halt", "reduce"])
def test_a_stop_is_set_and_resume_ends_it(verb: str, front: Front) -> None:
    ran = front(verb, "--reason", "점심")
    assert ran.code == 0
    assert ran.items == [
        {
            "kind": "stop",
            "mode": verb,
            "reason": "점심",
            "by": "owner",
            "at": "2026-11-23T10:00:00+09:00",
            "until": None,
        }
    ]
    assert ran.err.endswith("until `kt resume`\n")
    assert stops.current(front.world.ctx).mode is StopMode(verb)
    back = front("resume", terminal=True)
    assert back.err == "kt: orders are sent again\n"
    assert back.out.startswith("mode    running\nreason  resumed after: 점심\n")
    assert stops.current(front.world.ctx).mode is StopMode.RUNNING


def test_a_halt_needs_no_analyst_and_no_broker(front: Front) -> None:
    from kt.errors import ConfigError

    front.broken = ConfigError("the analyst must be chosen")
    ran = front("halt", "--reason", "lunch")
    assert (ran.code, [item["mode"] for item in ran.items]) == (0, ["halt"])
    assert stops.current(front.world.ctx).mode is StopMode.HALT


def test_a_halt_is_in_force_when_journal_and_broker_fail(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kt.errors import JournalError

    front.broken = JournalError("journal kt.db: the file is damaged", hint="See `kt doctor`.")

    def damaged(stop: Stop) -> None:
        raise front.broken or AssertionError

    monkeypatch.setattr(front.world.journal, "set_stop", damaged)
    ran = front("halt")
    assert (ran.code, ran.items[0]["mode"]) == (0, "halt")
    assert ran.err == (
        "kt: no new orders are sent until `kt resume`\n"
        "kt: halt is in force by its flag file; the journal could not store it: journal kt.db: "
        "the file is damaged. See `kt doctor`.\n"
    )
    flag = front.folder / "state" / "sim" / "halt.json"
    assert json.loads(flag.read_text())["mode"] == "halt"


def test_a_weaker_stop_does_not_lift_the_flag_of_a_stricter_one(front: Front) -> None:
    from kt.errors import JournalError

    front.broken = JournalError("broken")
    front("halt")
    front("reduce")
    flag = front.folder / "state" / "sim" / "halt.json"
    assert json.loads(flag.read_text())["mode"] == "halt"


def held(front: Front, quantity: int = 10, price: int = 71_000) -> None:
    front.world.journal.put_position(
        Position(
            stock_code=SAMSUNG,
            stock_name="삼성전자",
            quantity=quantity,
            average_price=70_000,
            cost=70_000 * quantity,
            opened_at=OPEN,
            updated_at=OPEN,
            stop_price=66_500,
            target_price=77_000,
            price=price,
            value=price * quantity,
            profit=(price - 70_000) * quantity,
            profit_pct=1.43,
        )
    )


def sold(front: Front) -> None:
    front.world.journal.add_trade(
        Trade(
            stock_code=HYNIX,
            stock_name="SK하이닉스",
            quantity=2,
            buy_price=180_000.0,
            sell_price=185_000.0,
            bought=360_000,
            buy_fee=54,
            fee=50,
            tax=740,
            profit=9_156,
            profit_pct=2.54,
            opened_at=OPEN,
            closed_at=OPEN,
            order_id="O1",
            origin="take_profit",
        )
    )


def test_status_prints_run_stop_and_positions(front: Front) -> None:
    held(front)
    sold(front)
    front("reduce", "--reason", "careful", "-q")
    ran = front("status")
    assert ran.code == 0
    assert ran.items == [
        {
            "kind": "status",
            "profile": "sim",
            "time": "2026-11-23T10:00:00+09:00",
            "running": False,
            "pid": None,
            "since": None,
            "command": None,
            "stop": "reduce",
            "stop_reason": "careful",
            "stop_until": None,
            "positions": 1,
            "invested": 700_000,
            "unrealised": 10_000,
            "realised_today": 9_156,
            "orders_today": 0,
            "orders_open": 0,
            "orders_unknown": 0,
            "doubted": [],
            "locked": [],
            "analyst": "scripted",
            "analyst_model": "script-1",
            "analyst_asked": 0,
            "analyst_failed": 0,
            "analyst_error": "",
            "analyst_paused_until": None,
            "analyst_tokens": 0,
            "analyst_usd": 0.0,
            "dry_run": False,
            "state_folder": str(front.folder / "state" / "sim"),
            "silent": False,
            "heartbeat": None,
            "heartbeat_age": None,
            "watched_by": "",
            "unwatched": 1,
        }
    ]
    assert front("status", terminal=True).out.startswith(
        "profile         sim\n"
        "time            2026-11-23T10:00:00+09:00\n"
        "running         no\n"
        "stop mode       reduce\n"
        "stop reason     careful\n"
        "positions       1\n"
        "invested        700,000\n"
        "unrealised      10,000\n"
    )


def test_pnl_by_day(front: Front) -> None:
    sold(front)
    yesterday = DayResult(
        day=OPEN.date().replace(day=20),
        realised=-5_000,
        unrealised=0,
        fees=100,
        taxes=0,
        trades=1,
        wins=0,
        bought=100_000,
        sold=95_000,
        at=OPEN,
    )
    front.world.journal.put_day(yesterday)
    assert front("pnl", terminal=True).out == (
        "day         realised  unrealised   total  trades  wins   bought    sold  costs\n"
        "2026-11-20    -5,000           0  -5,000       1     0  100,000  95,000    100\n"
        "2026-11-23    +9,156           0  +9,156       1     1        0       0      0\n"
        "\n"
        "Profit by day\n"
        "2026-11-20 -5,000               ████████████████|\n"
        "2026-11-23 +9,156                               |██████████████████████████████\n"
    )
    items = front("pnl").items
    assert [*items[0]] == [
        "type",
        "day",
        "realised",
        "unrealised",
        "fees",
        "taxes",
        "trades",
        "wins",
        "bought",
        "sold",
        "at",
        "gross",
        "invested",
        "invested_pct",
        "gross_pct",
        "equity",
        "moved",
        "equity_pct",
        "equity_gross_pct",
        "index_pct",
    ]
    assert [item["day"] for item in front("pnl", "--since", "2026-11-23").items] == ["2026-11-23"]


def test_pnl_by_trade_and_by_stock(front: Front) -> None:
    sold(front)
    front.world.broker.fill_at_once = True
    front("order", "buy", SAMSUNG, "10", "--price", "70000", "--wait")
    front.world.market.prices[SAMSUNG] = 71_000
    assert front("pnl", "--by", "trade", terminal=True).out == (
        "code    name        quantity   bought     sold  profit  return  why sold\n"
        "000660  SK하이닉스         2  180,000  185,000  +9,156  +2.54%  take_profit\n"
    )
    trade = front("pnl", "--by", "trade").items[0]
    assert (trade["type"], trade["profit"], trade["origin"]) == ("trade", 9_156, "take_profit")
    stocks = front("pnl", "--by", "stock").items
    assert [*stocks[0]] == [
        "type",
        "stock_code",
        "stock_name",
        "quantity",
        "realised",
        "unrealised",
        "fees",
        "taxes",
        "trades",
        "wins",
        "gross",
        "invested",
        "invested_pct",
        "gross_pct",
        "equity_pct",
    ]
    assert [
        (item["stock_code"], item["quantity"], item["realised"], item["unrealised"] > 0)
        for item in sorted(stocks, key=lambda item: item["stock_code"])
    ] == [(HYNIX, 0, 9_156, False), (SAMSUNG, 10, 0, True)]


def test_pnl_in_percent_of_the_equity(front: Front) -> None:
    sold(front)
    journal, noon = front.world.journal, OPEN.replace(hour=12)
    journal.put_cash_note(CashNote(cash=1_010_000, won=0, fills=0, outside=0, at=OPEN))
    for minute, equity in ((noon - timedelta(days=3), 1_000_000), (OPEN, 990_000)):
        journal.put_equity(Equity(at=minute, cash=equity, value=0, equity=equity))
    assert front("pnl", terminal=True, width=120).out == (
        "day         realised  unrealised   total  on equity  return  before costs  trades  wins  "
        "bought  sold  costs\n"
        "2026-11-23    +9,156           0  +9,156     +1.00%  +2.54%        +2.78%       1     1"
        "       0     0      0\n"
    )
    (trade,) = front("pnl", "--by", "trade").items
    assert (trade["gross"], trade["gross_pct"], trade["equity_pct"]) == (10_000, 2.78, 0.92)
    (stock,) = front("pnl", "--by", "stock").items
    assert (stock["gross"], stock["invested"], stock["equity_pct"]) == (10_000, 360_054, 0.92)


def test_pnl_in_all(front: Front) -> None:
    sold(front)
    for minute, equity in enumerate((1_000_000, 950_000, 980_000)):
        at = OPEN - timedelta(minutes=10 - minute)
        front.world.journal.put_equity(Equity(at=at, cash=equity, value=0, equity=equity))
    assert front("pnl", "--by", "total", "--since", "2026-11-23", terminal=True).out == (
        "days           2026-11-23 to 2026-11-23\n"
        "realised       +9,156 won\n"
        "return         -2.00%\n"
        "drawdown       -5.00%\n"
        "Sharpe ratio   not known\n"
        "Sortino ratio  not known\n"
        "trades         1 (1 won)\n"
        "win rate       100.00%\n"
        "profit factor  not known\n"
        "held           0 minutes\n"
    )


def test_log_prints_events_of_the_chosen_kinds(front: Front) -> None:
    front("status")
    front.world.journal.error("RUN1", "network", "somewhere", "no route", OPEN)
    ran = front("log")
    assert [(row["kind"], row["at"][:19]) for row in ran.items] == [
        ("run", "2026-11-23T10:00:00"),
        ("error", "2026-11-23T10:00:00"),
        ("run", "2026-11-23T10:00:00"),
    ]
    assert front("log", "--kind", "error", terminal=True).out == (
        "10:00:00  error     network somewhere no route\n"
    )
    assert len(front("log", "-n", "1").items) == 1
    assert front("log", "-n", "0").items == []
    assert front("log", "--kind", "api_call").items == []
    assert front("log", "--kind", "api_call", terminal=True).out == "(none)\n"
    assert len(front("log", "--kind", "all").items) > 3


def test_log_follow_writes_lines_until_its_reader_leaves(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 1:
            front.world.journal.error("RUN1", "wire", "later", "a late error", OPEN)
        else:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", nap)
    ran = front("log", "--follow", "--kind", "error")
    assert ran.code == 130
    assert [json.loads(line)["message"] for line in ran.out.splitlines()] == ["a late error"]


TICK = Tick(
    stock_code=SAMSUNG,
    price=70_100,
    quantity=5,
    side=Side.BUY,
    volume=1_000,
    change_pct=0.14,
    at=OPEN,
)


def say_when_subscribed(front: Front, *events: Tick) -> None:
    """The stream speaks as soon as somebody listens."""
    listen = front.stream.subscribe

    def subscribe(kinds: object, stock_codes: object = ()) -> None:
        listen(kinds, stock_codes)  # type: ignore[arg-type]
        if stock_codes:
            for event in events:
                front.stream.say(event)

    front.stream.subscribe = subscribe  # type: ignore[assignment,method-assign]


def test_watch_in_a_pipe_is_one_object_a_line(front: Front) -> None:
    say_when_subscribed(front, TICK, replace(TICK, price=70_200))
    ran = front("watch", SAMSUNG, "--count", "2")
    assert ran.code == 0, ran.err
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert [(line["type"], line["price"], line["at"]) for line in lines] == [
        ("trade", 70_100, "2026-11-23T10:00:00+09:00"),
        ("trade", 70_200, "2026-11-23T10:00:00+09:00"),
    ]
    assert front.stream.closed


@pytest.mark.parametrize(
    ("name", "kind"),
    [("01", "0B"), ("0B", "0B"), ("trade", "0B"), ("02", "0D"), ("0D", "0D"), ("book", "0D")],
)
def test_watch_takes_the_process_documents_names(name: str, kind: str, front: Front) -> None:
    say_when_subscribed(front, TICK)
    assert front("watch", SAMSUNG, "--type", name, "--count", "1").code == 0
    assert {item.value: codes for item, codes in front.stream.subscribed.items()} == {
        kind: {SAMSUNG}
    }


def test_watch_takes_several_types_with_commas(front: Front) -> None:
    say_when_subscribed(front, TICK)
    assert front("watch", SAMSUNG, "--type", "01,02", "--count", "1").code == 0
    assert {item.value for item in front.stream.subscribed} == {"0B", "0D"}
    refused = front("watch", SAMSUNG, "--type", "01,03")
    assert refused.code == ExitCode.USAGE
    assert "'03' is not a type; known are 0B, 01, trade" in refused.err


def test_watch_on_a_terminal_leaves_its_last_table(front: Front) -> None:
    say_when_subscribed(front, TICK)
    ran = front("watch", SAMSUNG, "--count", "1", terminal=True)
    assert ran.code == 0
    assert ran.out.startswith("\x1b[?1049h\x1b[?25l")
    assert ran.out.endswith(
        "\x1b[?25h\x1b[?1049l"
        "code    name       price  change  volume     bid     ask  time\n"
        "005930  삼성전자  70,100  +0.14%   1,000  70,000  70,100  10:00:00\n"
    )


def test_the_usual_screen_comes_back_however_a_live_table_ends(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(table: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kt.cli.show.live_table.LiveTable._draw", interrupt)
    ran = front("watch", SAMSUNG, terminal=True)
    assert ran.code == 130
    assert "\x1b[?25h\x1b[?1049l" in ran.out and front.stream.closed


def test_watch_of_an_unknown_code_is_refused(front: Front) -> None:
    ran = front("watch", "999999")
    assert (ran.code, ran.err) == (
        ExitCode.REFUSED,
        "kt: unknown stock 999999. Check the six characters of the code.\n",
    )


def test_watch_without_a_stream_exits_with_9(front: Front) -> None:
    front.stream.refuse = GONE
    assert front("watch", SAMSUNG).code == ExitCode.UNREACHABLE
    assert front.stream.closed


def test_watch_ends_with_an_error_when_its_stream_is_replaced(front: Front) -> None:
    from kt.records import StreamState

    say_when_subscribed(front, StreamState(state="replaced", at=OPEN))  # type: ignore[arg-type]
    ran = front("watch", SAMSUNG)
    assert ran.code == ExitCode.UNREACHABLE
    assert "another program logged in with this app key" in ran.err


def test_api_prints_the_raw_response(front: Front) -> None:
    front.rest.answers["ka10099"] = [
        {"list": [{"code": "1"}], "return_code": 0},
        {"list": [{"code": "2"}], "return_code": 0},
    ]
    one = front("api", "ka10099", '{"mrkt_tp": 0}')
    assert one.out == '{"list":[{"code":"1"}],"return_code":0}\n'
    assert one.err == "kt: there are more pages: --all-pages requests them all\n"
    assert front.rest.asked == [("ka10099", {"mrkt_tp": "0"})]
    every = front("api", "ka10099", "-", "--all-pages", stdin='{"mrkt_tp":"0"}')
    assert json.loads(every.out)["list"] == [{"code": "1"}, {"code": "2"}]
    assert "(none)" not in front("api", terminal=True).out
    assert len(front("api").items) == 207
    assert front("api", "realtime_0B").code == ExitCode.USAGE


def test_api_help_shows_the_fields(front: Front, capsys: pytest.CaptureFixture[str]) -> None:
    assert front("api", "ka10001", "--help").code == 0
    text = capsys.readouterr().out
    assert "ka10001  주식기본정보요청\n" in text
    assert "  stk_cd  * 종목코드\n" in text
    assert "  cur_prc                현재가\n" in text


def test_a_stop_in_force_ends_by_itself(front: Front) -> None:
    """What another day set is shown with its end."""
    until = OPEN.date().replace(day=24)
    stop = Stop(mode=StopMode.REDUCE, reason="daily loss", by="daily-loss", at=OPEN, until=until)
    front.world.journal.set_stop(stop)
    assert front("status").items[0]["stop_until"] == "2026-11-24"


def test_tables_have_korean_headings_when_configured(front: Front) -> None:
    front.configure("language: ko\n")
    ran = front("status", terminal=True)
    assert ran.out.startswith("프로필         sim\n시각           2026-11-23T10:00:00+09:00\n")
    assert "정지 상태      실행 중\n" in ran.out
    assert [*front("status").items[0]][:3] == ["kind", "profile", "time"]


def test_verbose_prints_every_api_call(front: Front) -> None:
    front.rest.answers["ka10001"] = [{"return_code": 0}]
    heard: list[str] = []
    front.rest.on_call = lambda api_id, *rest: heard.append(api_id)
    call = ("api", "ka10001", "{}")
    assert front(*call, "-v").err == "kt: 10:00:00 ka10001 HTTP 200 code 0 12 ms\n"
    assert heard == ["ka10001"]
    front.rest.on_call = None
    assert front(*call, "-vv").err == "kt: 10:00:00 ka10001 HTTP 200 code 0 12 ms 정상\n"
