"""A tick sells, whatever scans and analyst are doing: measured on real processes."""

from __future__ import annotations

import json

import pytest

from tests.day.house import House, Line, Process

SLOW = {
    "action": "delay",
    "when": "before",
    "seconds": 30,
    "count": 0,
    "api": [
        *("ka10023", "ka10030", "ka10032", "ka10027"),  # the fast scan
        *("ka10059", "ka10004", "ka10046", "ka10002"),  # the deep scan
        *("ka10080", "ka10081"),  # what the analyst is shown
    ],
}
LATEST = 1.0
"""Real seconds from a tick to its order, on a machine that is busy with other tests."""


def bought(house: House, run: Process, code: str, quantity: int) -> Line:
    """Buy beside the running loop; the line with which it books the fill."""
    house.run("order", "buy", code, str(quantity), "--market", "--yes")
    return run.said(rf"filled: BUY .* \({quantity}/{quantity}\)")


def seconds_to_sell(house: House, watch: Process, filled: Line, origin: str) -> float:
    """Real seconds from the first tick that made the exit due to the sell order's request."""
    (position,) = house.seen("SELECT * FROM exits ORDER BY seq DESC LIMIT 1")
    (order,) = house.seen("SELECT * FROM orders WHERE origin = ? AND ord_no != ''", origin)
    (sent,) = house.seen("SELECT * FROM api_calls WHERE api_id = 'kt10001'")
    for line in watch.out:
        event = json.loads(line)
        if event["type"] != "trade" or line.at < filled.at:
            continue
        price = event["price"]
        due = {
            "stop_loss": price <= position["stop_price"],
            "take_profit": price >= position["target_price"],
        }[origin]
        if due:
            assert f"{price:,} " in order["reason"], "the tick that came first is the one that sold"
            return house.real(sent["started_at"]) - line.at
    raise AssertionError("no tick made the exit due")


@pytest.mark.parametrize(
    ("origin", "code", "exits"),
    [
        ("stop_loss", "489790", {"stop_loss_pct": 0.05, "take_profit_pct": 100}),
        pytest.param(
            "take_profit",
            "064350",
            {"stop_loss_pct": 30, "take_profit_pct": 0.05},
            marks=pytest.mark.soak,
        ),
    ],
)
def test_a_tick_sells_while_the_scans_hang(
    house: House, origin: str, code: str, exits: dict[str, float]
) -> None:
    house.configure(exits=exits)
    house.open("10:00", speed=30)
    house.fault(SLOW)
    run = house.start("run")
    run.said("stream connected")
    watch = house.start("watch", code)
    watch.said("price", where="out")
    assert any(rule["acted"] for rule in house.control.faults()), "a scan hangs now"
    filled = bought(house, run, code, 3)
    title = origin.replace("_", "-")
    run.said(rf"{title}: SELL .* at market: [\d,]+ (<= stop|>= target)")
    took = seconds_to_sell(house, watch, filled, origin)
    print(f"{title}: {1000 * took:.0f} ms from the tick to the order's request")
    assert took < LATEST
    run.said(r"filled: SELL .* \(3/3\)")
    assert not house.rows("SELECT * FROM scans"), "and no scan has ended yet"
    assert run.end() == 0
