"""Small builders for records that tests of the journal need."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from kt.clock import ManualClock
from kt.records import (
    Action,
    Advice,
    AdviceChoice,
    AnalystReply,
    Candidate,
    CashNote,
    Check,
    CheckResult,
    DayResult,
    Decision,
    DecisionOutcome,
    Doubt,
    EntryStatus,
    Fill,
    Order,
    OrderEvent,
    OrderType,
    Origin,
    Position,
    RiskLevel,
    Side,
    Topic,
    Trade,
)
from kt.store.journal import SqliteJournal
from tests.rules import make as plain
from tests.rules.make import T0

DAY = date(2026, 11, 23)
Open = Callable[..., SqliteJournal]


def later(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def open_journal(folder: Path, **changes: Any) -> SqliteJournal:
    values: dict[str, Any] = {"profile": "sim", "clock": ManualClock(T0)} | changes
    clock, profile = values.pop("clock"), values.pop("profile")
    return SqliteJournal(folder / "kt.db", clock, folder / "halt.json", profile, **values)


def order(order_id: str = "O1", **changes: Any) -> Order:
    decision_id = "D1" if order_id == "O1" else f"D-{order_id}"
    values = {"order_id": order_id, "decision_id": decision_id, "reason": "buyers lead"}
    return plain.order(**(values | changes))


def event(kind: str, order_id: str = "O1", key: str = "", **changes: Any) -> OrderEvent:
    values: dict[str, Any] = {"event_id": f"{order_id}:{kind}{key}", "order_id": order_id}
    return plain.event(kind, **(values | changes))


def fill(start: int, end: int, order_id: str = "O1", **changes: Any) -> Fill:
    values: dict[str, Any] = {
        "fill_id": f"{order_id}:101:{start}-{end}",
        "order_id": order_id,
        "price": 69_900,
        "at": later(end),
        "fee": 10,
    }
    return plain.fill(start, end, **(values | changes))


def fill_event(told: Fill, key: str = "") -> OrderEvent:
    stretch = f"{told.from_quantity}-{told.to_quantity}{key}"
    return event("FILL", told.order_id, stretch, at=told.at, ord_no=told.ord_no, fill=told)


def placed(
    journal: SqliteJournal, order_id: str = "O1", ord_no: str = "0000101", **changes: Any
) -> Order:
    """An order that the broker has taken."""
    journal.plan_order(order(order_id, **changes), event("PLANNED", order_id))
    journal.record(event("SENDING", order_id))
    return journal.record(event("ACKED", order_id, ord_no=ord_no))


def candidate(**changes: Any) -> Candidate:
    values: dict[str, Any] = {
        "change_pct": 2.5,
        "score": 71.5,
        "stage": "deep",
        "rankings": ("volume", "value"),
        "reasons": ("volume place 3: 12.1 of 15",),
        "strength": 123.4,
        "foreign_net": -5,
    }
    return plain.candidate(**(values | changes))


def decision(decision_id: str = "D1", **changes: Any) -> Decision:
    values: dict[str, Any] = {
        "action": Action.BUY,
        "stock_code": "005930",
        "stock_name": "삼성전자",
        "quantity": 14,
        "price": 70_100,
        "reason": "Buy: buyers lead; score 71 of 100.",
        "confidence": 0.71,
        "risk_level": RiskLevel.MEDIUM,
        "decision_id": decision_id,
        "analyst": "rules",
        "model": "rules-1",
        "decided_at": T0,
        "reference_price": 70_000,
    }
    return Decision(**(values | changes))


def check(check_id: str = "C1", *, passed: bool = True, of: Decision | None = None) -> Check:
    total = "1,710,000 <= limit 5,000,000" if passed else "6,710,000 > limit 5,000,000"
    meant = of or decision()
    return Check(
        check_id=check_id,
        decision=meant,
        stock_code=meant.stock_code,
        stock_name=meant.stock_name,
        origin=Origin.CYCLE,
        passed=passed,
        side=Side.BUY,
        quantity=10 if passed else 0,
        price=70_100,
        order_type=OrderType.LIMIT,
        results=(
            CheckResult(code="PER_STOCK_LIMIT", passed=True, detail="701,000 <= limit 1,000,000"),
            CheckResult(code="TOTAL_LIMIT", passed=passed, detail=total),
        ),
        checked_at=later(1),
    )


def advice(**changes: Any) -> Advice:
    values: dict[str, Any] = {
        "topic": Topic.PROFIT,
        "ref": "005930",
        "choice": AdviceChoice.SELL,
        "at": later(1),
        "stock_code": "005930",
        "stock_name": "삼성전자",
        "asked_price": 77_500,
        "reason": "Sellers lead.",
        "analyst": "rules",
        "model": "rules-1",
        "key": "k1",
    }
    return Advice(**(values | changes))


def answer(key: str = "k1", **changes: Any) -> AnalystReply:
    values: dict[str, Any] = {
        "key": key,
        "purpose": "decide",
        "analyst": "gemini",
        "model": "gemini-2.5-flash",
        "objects": ({"action": "BUY", "stock_code": "005930", "confidence": 0.7},),
        "raw": '[{"action": "BUY"}]',
        "prompt": "<data>{}</data>",
        "parameters": {"temperature": 0.0},
        "asked_at": T0,
        "data_at": later(-3),
        "latency_ms": 812,
        "tokens_in": 900,
        "tokens_out": 120,
        "cost_usd": 0.00057,
    }
    return AnalystReply(**(values | changes))


def position(**changes: Any) -> Position:
    values: dict[str, Any] = {
        "average_price": 69_900,
        "cost": 699_100,
        "updated_at": later(5),
        "stop_price": 66_400,
        "target_price": 76_900,
        "sellable": 10,
        "price": 70_000,
        "value": 700_000,
        "profit": -600,
        "profit_pct": -0.09,
    }
    return plain.position(**(values | changes))


def doubt(**changes: Any) -> Doubt:
    values: dict[str, Any] = {
        "stock_code": "005930",
        "stock_name": "삼성전자",
        "ours": 10,
        "brokers": 0,
        "since": T0,
        "seen": later(30),
        "looks": 1,
    }
    return Doubt(**(values | changes))


def trade(**changes: Any) -> Trade:
    values: dict[str, Any] = {
        "stock_code": "005930",
        "stock_name": "삼성전자",
        "quantity": 10,
        "buy_price": 69_900.0,
        "sell_price": 76_900.0,
        "bought": 699_000,
        "buy_fee": 0,
        "fee": 210,
        "tax": 1_538,
        "profit": 68_252,
        "profit_pct": 9.76,
        "opened_at": T0,
        "closed_at": later(3600),
        "order_id": "O2",
        "origin": "take_profit",
        "decision_id": "D1",
    }
    return Trade(**(values | changes))


def day_result(**changes: Any) -> DayResult:
    values: dict[str, Any] = {
        "day": DAY,
        "realised": 68_252,
        "unrealised": -600,
        "fees": 210,
        "taxes": 1_538,
        "trades": 3,
        "wins": 2,
        "bought": 699_000,
        "sold": 769_000,
        "at": later(20_000),
        "gross": 69_500,
        "invested": 760_000,
        "invested_pct": 8.9,
        "equity": 10_067_652,
        "equity_pct": 0.68,
    }
    return DayResult(**(values | changes))


def outcome(decision_id: str = "D1", **changes: Any) -> DecisionOutcome:
    values: dict[str, Any] = {
        "decision_id": decision_id,
        "stock_code": "005930",
        "action": Action.BUY,
        "confidence": 0.71,
        "analyst": "rules",
        "model": "rules-1",
        "decided_at": T0,
        "horizon_minutes": 60,
        "price_then": 70_000,
        "price_later": 70_900,
        "return_pct": 1.05,
        "hit": True,
        "horizon_at": later(3600),
        "edge_pct": 1.05,
        "buy_hold_pct": 1.05,
        "prompt_version": "decide.en.2",
        "entry": EntryStatus.FILLED,
        "entry_price": 69_900.5,
        "rules_action": "BUY",
        "rules_pct": 1.05,
        "rules_hit": True,
    }
    return DecisionOutcome(**(values | changes))


def cash_note(**changes: Any) -> CashNote:
    values: dict[str, Any] = {
        "cash": 9_299_900,
        "won": -700_100,
        "fills": 2,
        "outside": 0,
        "at": later(60),
        "moved": 500_000,
    }
    return CashNote(**(values | changes))
