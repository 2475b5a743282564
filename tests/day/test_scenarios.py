"""The process document's four scenarios, played by `kt sim scenario` against a real `kt run`,
number by number."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from tests.day.house import House, Process
from tests.day.stand_in import answering

KT = f"{sys.executable} -m kt"
STOCK = "005930"


FIVE_MINUTES_SOON = 60.0
"""The exchange's speed where a scenario waits for five minutes."""


NO_SCANS = {"min_price": 100_000_000, "fast_every": 86_400, "deep_every": 86_400}
"""Nothing is bought but what the scenario buys."""


def begun(house: House, speed: float = 30.0, **sections: Any) -> Process:
    """A run with the defaults otherwise, beside an exchange as it starts."""
    house.configure(scan=NO_SCANS, pipe={"max_age": 600}, **sections)
    house.open("10:00", speed=speed)
    run = house.start("run")
    run.said("stream connected")
    return run


@pytest.fixture
def running(house: House) -> Process:
    return begun(house)


def decide(house: House) -> None:
    """The document's decision through the pipe; its order is sent when this returns."""
    subprocess.run(
        ["bash", "-o", "pipefail", "-c",
         f"{KT} sim scenario buy --decision | {KT} check | {KT} order submit"],
        env=house.environ, cwd=house.folder, capture_output=True, timeout=40, check=True,
    )  # fmt: skip


def bought(house: House, run: Process) -> None:
    """Scenario 1 from its first price to the position."""
    play = house.start("sim", "scenario", "buy")
    play.said("waiting for an order to buy 005930 at 70,000")
    decide(house)
    assert play.wait() == 0, play.err
    run.said(r"filled: BUY 삼성전자 .*(10/10)")


def orders(house: House, what: str) -> list[dict[str, Any]]:
    return house.seen(f"SELECT * FROM orders WHERE stock_code = '{STOCK}' AND {what}")


def events(house: House, order_id: str) -> list[tuple[str, int, int]]:
    query = "SELECT kind, quantity, price FROM order_events WHERE order_id = ? ORDER BY seq"
    return [tuple(row.values()) for row in house.rows(query, order_id)]  # type: ignore[misc]


def profit(house: House) -> int:
    """Won after all costs, once the position is gone: a sale may fill in several pieces."""
    house.seen("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM positions WHERE quantity > 0)")
    return int(house.rows("SELECT sum(profit) AS won FROM trades")[0]["won"])


def test_scenarios_1_and_3_a_buy_is_filled_and_a_stop_price_sells(
    house: House, running: Process
) -> None:
    """In one run, as in the document."""
    bought(house, running)
    as_scenario_1_says(house)
    house.run("sim", "scenario", "stop")
    as_scenario_3_says(house)
    assert running.end() == 0


def as_scenario_1_says(house: House) -> None:
    """Accepted, 5 of 10, 10 of 10; 10 at 70,000 with a target of 77,000 and a stop of 66,500."""
    (order,) = orders(house, "side = 'BUY' AND state = 'FILLED'")
    assert (order["quantity"], order["price"], order["order_type"]) == (10, 70_000, "LIMIT")
    assert order["reason"] == "the example of the process document"
    kinds = [kind for kind, _, _ in events(house, order["order_id"])]
    assert kinds.index("ACKED") < kinds.index("FILL")
    fills = house.rows("SELECT quantity, price FROM fills ORDER BY seq")
    assert fills == [{"quantity": 5, "price": 70_000}] * 2
    (position,) = house.seen("SELECT * FROM positions WHERE quantity = 10 AND stop_price > 0")
    told = [position[name] for name in ("average_price", "target_price", "stop_price", "cost")]
    assert told == [70_000, 77_000, 66_500, 700_100]


def test_scenario_2_a_target_price_takes_the_profit(house: House) -> None:
    """77,500 reached, the analyst asked, a limit sell at 77,500: +75,000 before costs,
    75,000 - 210 - 1,550 after."""
    with answering({"profit": {"choice": "SELL"}}) as model:
        running = begun(house, analyst=model.configuration)
        bought(house, running)
        assert house.run("sim", "scenario", "profit").running is False
        sold_at_the_target(house, "openai")
        assert running.end() == 0
    (question,) = model.asked("profit")
    assert question["subjects"][0]["price"] == 77_500
    assert question["subjects"][0]["position"]["average_price"] == 70_000


def test_scenario_2_the_offline_analyst_sells_too(house: House, running: Process) -> None:
    bought(house, running)
    house.run("sim", "scenario", "profit")
    sold_at_the_target(house, "rules")
    assert running.end() == 0


def test_scenario_2_hold_on_keeps_the_position_and_its_stop(house: House) -> None:
    """Held on to at 77,500 and asked once; the stop sells at 66,000."""
    with answering({"profit": {"choice": "HOLD"}}) as model:
        running = begun(house, analyst=model.configuration)
        bought(house, running)
        house.run("sim", "scenario", "profit", "--pause", "20")
        running.said("holding on to 삼성전자 at 77,500")
        house.run("sim", "scenario", "stop")
        (order,) = orders(house, "side = 'SELL' AND state = 'FILLED'")
        assert (order["origin"], order["order_type"]) == ("stop_loss", "MARKET")
        assert running.end() == 0
    assert len(model.asked("profit")) == 1


def sold_at_the_target(house: House, analyst: str) -> None:
    (advice,) = house.seen("SELECT * FROM advice WHERE topic = 'profit'")
    told = [advice[name] for name in ("choice", "asked_price", "analyst", "provenance")]
    assert told == ["SELL", 77_500, analyst, "own"]
    (order,) = orders(house, "side = 'SELL' AND state = 'FILLED'")
    assert (order["origin"], order["order_type"]) == ("take_profit", "LIMIT")
    assert (order["quantity"], order["price"], order["filled_value"]) == (10, 77_500, 775_000)
    assert order["filled_value"] - 700_000 == 75_000
    assert advice["reason"] in order["reason"]
    assert profit(house) == 75_000 - 100 - 110 - 1_550


def as_scenario_3_says(house: House) -> None:
    """66,000 reached: all at market at once, -40,000 before costs, counted against the day's
    500,000, and the next order passes."""
    (order,) = orders(house, "side = 'SELL' AND state = 'FILLED'")
    assert (order["origin"], order["order_type"]) == ("stop_loss", "MARKET")
    assert order["filled_value"] - 700_000 == -40_000
    assert profit(house) == -40_000 - 100 - 90 - 1_320
    (day,) = house.items("pnl")
    assert day["realised"] == -41_510
    assert not house.rows("SELECT mode FROM halts")
    house.run("order", "buy", "035720", "1", "--market", "--yes")
    (check,) = house.seen(
        "SELECT detail FROM check_results WHERE code = 'DAILY_LOSS' ORDER BY seq DESC LIMIT 1"
    )
    assert "41,510" in check["detail"] and "500,000" in check["detail"]


def left_open(house: House) -> None:
    """Scenario 4 to the point at which 5 of 10 are open."""
    play = house.start("sim", "scenario", "unfilled")
    play.said("waiting for an order")
    decide(house)
    assert play.wait() == 0, play.err


def test_scenario_4_an_unfilled_order_is_cancelled(house: House) -> None:
    """Where the configuration says so, the open 5 are cancelled after five minutes."""
    running = begun(house, FIVE_MINUTES_SOON, orders={"unfilled": "cancel"})
    left_open(house)
    (order,) = orders(house, "side = 'BUY' AND state = 'CANCELLED'")
    assert (order["filled_quantity"], order["cancelled_quantity"]) == (5, 5)
    (position,) = house.seen("SELECT * FROM positions WHERE quantity = 5 AND stop_price > 0")
    assert (position["average_price"], position["stop_price"]) == (70_000, 66_500)
    assert running.end() == 0


def test_scenario_4_an_unfilled_order_is_cancelled_as_the_analyst_says(house: House) -> None:
    with answering({"unfilled": {"choice": "CANCEL"}}) as model:
        running = begun(house, FIVE_MINUTES_SOON, analyst=model.configuration)
        left_open(house)
        (order,) = orders(house, "side = 'BUY' AND state = 'CANCELLED'")
        assert (order["filled_quantity"], order["cancelled_quantity"]) == (5, 5)
        assert running.end() == 0
    (question,) = model.asked("unfilled")
    (subject,) = question["subjects"]
    assert (subject["order"]["price"], subject["order"]["open"]) == (70_000, 5)
    assert subject["asks"][0][0] == 70_500
    (advice,) = house.rows("SELECT * FROM advice WHERE topic = 'unfilled'")
    assert (advice["choice"], advice["analyst"]) == ("CANCEL", "openai")


def test_scenario_4_an_unfilled_order_is_amended(house: House) -> None:
    """5 of 10 after five minutes: the open 5 are amended from 70,000 to 70,500 and fill there."""
    running = begun(house, FIVE_MINUTES_SOON)
    left_open(house)
    (order,) = orders(house, "side = 'BUY' AND state = 'FILLED'")
    done = [price for kind, _, price in events(house, order["order_id"]) if kind == "AMENDING"]
    assert done == [70_500]
    fills = house.rows("SELECT quantity, price FROM fills ORDER BY seq")
    assert fills[0] == {"quantity": 5, "price": 70_000}
    assert {row["price"] for row in fills[1:]} == {70_500}
    assert sum(row["quantity"] for row in fills) == 10
    (advice,) = house.seen("SELECT * FROM advice WHERE topic = 'unfilled'")
    assert (advice["choice"], advice["price"], advice["analyst"]) == ("AMEND", 70_500, "rules")
    (line,) = house.run("log", "--kind", "advice", "-o", "table").out
    assert "unfilled AMEND" in line and "삼성전자 70,500 rules own" in line
    assert running.end() == 0
