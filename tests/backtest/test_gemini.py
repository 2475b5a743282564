"""A backtest that asks Gemini: over its own HTTP, about what is known at the time, and in the time
that the answer takes."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import responses

from kt.backtest.bars import load
from kt.backtest.drive import BacktestPlan, driving
from kt.cli.commands.backtest import settings_of
from kt.config.load import build_config
from tests.analyst.test_gemini import reply
from tests.backtest.test_bars import DAY, LINES, WINDOW
from tests.bar_data import Line, at, write

ANSWER_SECONDS = 0.4
"""Longer than a backtest assumes for an answer that does not say how long it took."""
LATER = 85_700
"""The price of a stock from 10:22 on, which no question before may contain."""
SINCE = at(DAY, 82)
NAMES = {"005930": "삼성전자", "000660": "SK하이닉스", "105560": "KB금융"}


def answered(request: Any) -> tuple[int, dict[str, str], str]:
    """Every candidate is taken, and every decision is HOLD."""
    time.sleep(ANSWER_SECONDS)
    common = {"reason": "because", "main_risk": "none", "risk_level": "LOW"}
    objects = [
        {"stock_code": code, "action": "HOLD", "quantity": 0, "price": 0, "confidence": 0.6}
        | {"score": 70, "stock_name": name}
        | common
        for code, name in NAMES.items()
    ]
    return 200, {}, json.dumps(reply(json.dumps(objects)))


def later(line: Line) -> Line:
    if line[0] != "005930" or line[1] < SINCE:
        return line
    return (*line[:2], LATER, LATER, LATER, LATER, 3_000)


def test_gemini_is_asked_through_the_same_door(tmp_path: Path) -> None:
    data = write(tmp_path / "bars.csv", map(later, LINES))
    given = {**WINDOW, "session.last_buy": "10:25", "session.close": "10:26"}
    given |= {"session.idle": "10:27", "analyst.kind": "gemini", "analyst.model": "gemini-test"}
    settings = settings_of(tuple(f"{key}={value}" for key, value in given.items()))
    config = build_config({**settings, "state_dir": str(tmp_path / "state")}, {}, {})
    bars, days = load(data, config.backtest, 1, None, None)
    plan = BacktestPlan(config, {"GEMINI_API_KEY": "test-key"}, days, bars=bars)
    asked: list[tuple[datetime, str]] = []
    with responses.RequestsMock() as wire, driving(plan, lambda line: None) as drive:

        def answer(request: Any) -> tuple[int, dict[str, str], str]:
            asked.append((drive.app.time.now(), str(request.body)))
            return answered(request)

        url = "https://generativelanguage.googleapis.com/v1beta/models/gemini-test:generateContent"
        wire.add_callback(responses.POST, url, callback=answer)
        for _ in drive.days():
            pass
        assert drive.ctx is not None
        decisions = drive.ctx.journal.decisions_of(DAY)
    assert {decision.analyst for decision in decisions} == {"gemini"}
    for decision in decisions:
        assert decision.decided_at is not None
        question = max(moment for moment, _ in asked if moment < decision.decided_at)
        waited = (decision.decided_at - question).total_seconds()
        assert waited >= ANSWER_SECONDS, "the answer's time is counted"
    before = [body for moment, body in asked if moment < SINCE]
    after = [body for moment, body in asked if moment > at(DAY, 83)]
    assert before and not any(str(LATER) in body for body in before)
    assert any(str(LATER) in body for body in after), "the test can see it"
