"""What becomes of orders during the day: unfilled ones, and a day that has lost enough."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise

import pytest

from tests.day.house import House

NO_SCANS = {"min_price": 100_000_000}
"""No stock costs as much, so nothing is bought but what the test buys."""
KT = f"{sys.executable} -m kt"


def submit(house: House, code: str, quantity: int, below: float) -> None:
    """A decision of an analyst's own, through the pipe, so many percent below the price."""
    quote = json.loads("".join(house.run("api", "ka10001", json.dumps({"stk_cd": code})).out))
    price = round(int(quote["cur_prc"].strip("+-")) * (100 - below) / 100)
    now = house.now().isoformat()
    decision = {
        "action": "BUY",
        "stock_code": code,
        "stock_name": quote["stk_nm"],
        "quantity": quantity,
        "price": price // 100 * 100,
        "reason": "a test",
        "confidence": 0.9,
        "risk_level": "LOW",
        "decision_id": "D1",
        "decided_at": now,
    }
    document = {"kt": 1, "kind": "decisions", "profile": "sim", "run": "", "asof": now}
    subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{KT} check | {KT} order submit --yes"],
        input=json.dumps(document | {"items": [decision]}),
        env=house.environ,
        cwd=house.folder,
        capture_output=True,
        text=True,
        timeout=40,
        check=True,
    )


@pytest.mark.soak
def test_what_stays_open_is_amended_and_then_cancelled(house: House) -> None:
    """So large an order that the amended one cannot fill at once."""
    house.configure(
        scan=NO_SCANS,
        cycle={"every": 10},
        orders={"unfilled_after": 30, "max_amends": 1},
        pipe={"max_age": 600},
        limits={"per_stock": 90_000_000_000, "total": 90_000_000_000, "daily_loss": 9_000_000_000},
    )
    house.open("10:00", speed=30, cash=100_000_000_000)
    run = house.start("run")
    run.said("stream connected")
    submit(house, "068760", 1_000_000, below=1.0)
    run.said("amended|sent: BUY .* 1000000")
    run.said("cancelled: BUY")
    events = [
        (row["kind"], house.real(row["at"]) * 30)
        for row in house.rows("SELECT * FROM order_events ORDER BY seq")
        if row["kind"] in {"ACKED", "AMENDING", "CANCELLING"}
    ]
    assert [kind for kind, _ in events] == ["ACKED", "AMENDING", "CANCELLING"]
    for (_, before), (_, after) in pairwise(events):
        assert 29 < after - before < 60, "unfilled_after, and a cycle at most"
    assert run.end() == 0


def test_after_the_daily_loss_limit_nothing_is_bought_until_the_next_day(house: House) -> None:
    house.configure(
        scan=NO_SCANS,
        exits={"stop_loss_pct": 0.05, "take_profit_pct": 100},
        limits={"daily_loss": 500},
    )
    house.open("10:00", speed=30, day="2026-11-23")
    run = house.start("run")
    run.said("stream connected")
    house.run("order", "buy", "489790", "5", "--market", "--yes")
    run.said("critical: kt: reduce. daily loss .* >= limit 500")
    run.said(r"filled: SELL .*\(5/5\)")  # or it opens lower tomorrow: tomorrow's loss
    assert run.end() == 0
    denied = house.run("order", "buy", "005930", "1", "--market", "--yes", code=5)
    assert any("REDUCING" in line or "DAILY_LOSS" in line for line in denied.err), denied.err

    again = house.start("run")
    again.said(r"kt is stopped \(reduce\): daily loss")
    assert again.end() == 0

    house.items("sim", "stop")
    house.open("10:00", speed=30, day="2026-11-24")
    tomorrow = house.start("run")
    tomorrow.said("kt: running. a new trading day")
    house.run("order", "buy", "005930", "1", "--market", "--yes")
    tomorrow.said("filled: BUY 삼성전자 1")
    assert tomorrow.end() == 0
