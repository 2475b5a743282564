"""A trading day through the front door, on the exchange's clock at many times its speed."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.day.house import House, Process

PHASES = ["before", "start", "prepare", "open", "closing", "settle", "idle"]


def phases(run: Process) -> list[str]:
    """In the order in which the loop entered them."""
    words = [line.split() for line in run.err]
    return [line[2] for line in words if len(line) in (3, 4) and line[2] in PHASES]


def report(run: Process) -> dict[str, Any]:
    (found,) = json.loads("".join(run.out))["items"]
    return dict(found)


def late_buys(house: House) -> list[dict[str, Any]]:
    return house.rows(
        "SELECT * FROM orders WHERE side = 'BUY' AND ord_no != '' AND created_at >= ?",
        f"{house.now().date()}T15:20",
    )


def agree(house: House) -> None:
    """kt's books and the broker's say the same about what is held, and nothing is open."""
    (balance,) = house.items("balance")
    ours = house.rows("SELECT stock_code, quantity FROM positions WHERE quantity > 0")
    assert {row["stock_code"]: row["quantity"] for row in ours} == {
        row["stock_code"]: row["quantity"] for row in balance["positions"]
    }
    assert not balance["open_orders"]


def test_a_run_until_close_settles_and_ends(house: House) -> None:
    """From 15:15: buys end, open orders are cancelled, the day is settled."""
    house.configure(
        scan={"min_price": 100_000_000},
        orders={"unfilled_after": 3600},
        session={"idle": "15:32"},
        limits={"per_stock": 3_000_000},
    )
    house.open("15:10", speed=5)
    house.run("order", "buy", "005930", "1", "--market", "--yes", "--wait")
    quote = json.loads("".join(house.run("api", "ka10001", '{"stk_cd":"000660"}').out))
    low = round(int(quote["cur_prc"].strip("+-")) * 0.985) // 1000 * 1000
    house.run("order", "buy", "000660", "1", f"--price={low}", "--yes")
    house.items("sim", "stop")
    house.open("15:15", speed=120)
    run = house.start("run", "--until-close")
    assert run.wait() == 0
    assert phases(run)[-3:] == ["closing", "settle", "idle"]
    (cancelled,) = [line for line in run.err if "cancelled: BUY SK하이닉스 1" in line]
    assert cancelled.split()[1] >= "15:20:00"
    assert not late_buys(house)
    (day,) = house.rows("SELECT * FROM pnl_daily")
    assert day["unrealised"] != 0
    assert report(run)["ended"] == "the trading day is over"
    assert [row["day"] for row in report(run)["days"]] == [day["day"]]
    assert len(report(run)["positions"]) == 1
    agree(house)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_whole_day_at_sixty_times_its_speed(house: House) -> None:
    """Eight minutes. Prints what the day came to and how fast it went."""
    house.configure(limits={"total": 20_000_000})
    house.open("07:59", speed=60)
    run = house.start("run", "--until-close")
    began = time.monotonic()
    assert run.wait(800) == 0, run.err
    assert phases(run) == PHASES
    show(house, time.monotonic() - began)
    assert not late_buys(house)
    assert house.rows("SELECT * FROM orders WHERE side = 'BUY' AND state = 'FILLED'")
    assert house.rows("SELECT * FROM orders WHERE side = 'SELL' AND state = 'FILLED'")
    stale = house.rows("SELECT * FROM check_results WHERE code = 'STALE_INPUT' AND passed = 0")
    assert not stale
    (day,) = house.rows("SELECT * FROM pnl_daily")
    assert day["trades"] and day["at"] >= "2026-11-23T15:30"
    assert report(run)["ended"] == "the trading day is over"
    assert not report(run)["alarms"]
    scans = {row["stage"]: row["n"] for row in house.rows(
        "SELECT stage, count(*) AS n FROM scans GROUP BY stage")}  # fmt: skip
    assert scans["fast"] > scans["deep"] > 20 and scans["ai"] > 60
    agree(house)


def show(house: House, seconds: float) -> None:
    calls = house.rows("SELECT count(*) AS n FROM api_calls")[0]["n"]
    print(f"{calls} calls, {calls / seconds:.0f} a real second")
    for query in (
        "SELECT stage, count(*) AS n FROM scans GROUP BY stage",
        "SELECT side, origin, state, count(*) AS n FROM orders GROUP BY side, origin, state",
        "SELECT code, count(*) AS n FROM check_results WHERE passed = 0 GROUP BY code",
        "SELECT realised, unrealised, trades, wins, fees, taxes FROM pnl_daily",
        "SELECT kind, message, count(*) AS n FROM errors GROUP BY kind, message",
    ):
        for row in house.rows(query):
            print(row)
