"""Emergencies (level 4) with real processes: an exchange that is killed, fails, cuts connections,
and recovers."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.day.house import House, Process

SCAN = {"fast_keep": 5, "deep_keep": 5, "ai_keep": 2}
FAILING = {"action": "status", "status": 503, "when": "before", "count": 0, "api": "*"}


def opened(house: House, **sections: Any) -> None:
    """An open market, and an owner whose messenger writes to a file."""
    messenger = house.folder / "messenger.py"
    messenger.write_text("import sys; open('notified', 'a').write(sys.stdin.read())")
    notify = {"command": f"{sys.executable} {messenger}"}
    house.configure(scan=SCAN, notify=notify, **sections)
    house.open("10:00", speed=30)


def trading(house: House, **sections: Any) -> Process:
    """A loop that has bought something."""
    opened(house, **sections)
    run = house.start("run")
    run.said(r"filled: BUY .* \((\d+)/\1\)")
    return run


def notified(house: House) -> str:
    path: Path = house.folder / "notified"
    return path.read_text() if path.exists() else ""


def halts(house: House) -> list[tuple[str, str]]:
    return [(row["mode"], row["set_by"]) for row in house.rows("SELECT * FROM halts ORDER BY seq")]


ONE_ORDER = {"orders_per_day": 1}
"""One buy and then none, so that no order is on its way when the exchange is killed: what became
of one would be unknown, and exit code 7 the right end. Exits are not counted."""


def test_a_killed_exchange_flattens_and_trading_resumes_after_its_restart(house: House) -> None:
    opened(house, limits=ONE_ORDER)
    house.run("order", "buy", "005930", "1", "--market", "--yes")  # a limit order may not fill
    run = house.start("run")
    run.said("stream connected")
    house.seen("SELECT * FROM positions WHERE quantity > 0")
    os.kill(house.exchange_pid, signal.SIGKILL)
    run.said("critical: kt: flatten. (SYSTEM_ERRORS|CONNECTION)")
    run.said("critical: kt: flatten waits for the broker")
    assert halts(house) == [("flatten", "emergency")]
    house.run("status")  # any command that needs it starts it again, where it was
    house.find()
    run.said("critical: kt: halt. after flatten: (SYSTEM_ERRORS|CONNECTION)")
    assert halts(house) == [("flatten", "emergency"), ("halt", "emergency")]
    assert house.rows("SELECT * FROM positions") == []
    denied = house.run("order", "buy", "005930", "1", "--market", "--yes", code=6)
    assert any("HALTED" in line for line in denied.err), denied.err
    house.configure()
    house.run("resume")
    house.run("order", "buy", "005930", "1", "--market", "--yes")
    run.said("filled: BUY 삼성전자 1")
    assert run.end() == 0
    assert "critical: kt: emergency" in notified(house)
    assert "critical: kt: halt" in notified(house)


@pytest.mark.soak
def test_an_invalidated_token_is_renewed_without_a_failure(house: House) -> None:
    run = trading(house)
    before = len(house.rows("SELECT * FROM api_calls WHERE api_id = 'au10001'"))
    house.fault({"action": "token_dead", "api": "kt00018", "count": 1})
    house.seen("SELECT * FROM api_calls WHERE api_id = 'kt00018' AND return_code != '0'")
    house.run("order", "buy", "005930", "1", "--market", "--yes")
    run.said("filled: BUY 삼성전자 1")
    house.seen("SELECT * FROM api_calls WHERE api_id = 'au10001' LIMIT 1 OFFSET 1")
    assert len(house.rows("SELECT * FROM api_calls WHERE api_id = 'au10001'")) == before + 1
    assert not any("failed" in line for line in run.err)
    assert not halts(house)
    assert run.end() == 0


@pytest.mark.soak
def test_errors_on_every_api_halt_until_a_resume(house: House) -> None:
    run = trading(house)
    house.fault(FAILING)
    run.said("EMERGENCY SYSTEM_ERRORS: 5 errors in 60 s >= limit 5")
    house.fault()
    run.said("the fast scan works again, after [0-9]+ failures")
    house.run("resume")
    assert halts(house) == [("halt", "emergency"), ("running", "owner")]
    assert run.end() == 0
    assert "emergency SYSTEM_ERRORS" in notified(house)


@pytest.mark.soak
def test_an_emergency_with_action_flatten_sells_everything(house: House) -> None:
    run = trading(house, emergency={"action": "flatten"})
    house.fault(FAILING | {"api": ["ka10023", "ka10027", "ka10030", "ka10032"]})
    run.said("EMERGENCY SYSTEM_ERRORS")
    run.said(" flattened")
    assert not house.rows("SELECT * FROM positions WHERE quantity > 0")
    assert halts(house) == [("flatten", "emergency"), ("halt", "emergency")]
    (balance,) = house.items("balance")
    assert not balance["positions"]
    assert run.end() == 0
    assert "kt: flatten" in notified(house)


@pytest.mark.soak
def test_a_stream_that_is_cut_again_and_again_is_an_emergency(house: House) -> None:
    """Five losses within a minute of the clock: at the market's own speed."""
    house.configure(scan=SCAN)
    house.open("10:00", speed=1)
    run = house.start("run")
    run.said("stream connected leader")
    house.fault({"action": "cut", "stream": "*", "count": 0})
    run.said("EMERGENCY", seconds=90)
    assert sum("stream reconnected" in line for line in run.err) >= 3
    assert run.end() == 0


@pytest.mark.soak
def test_an_unreachable_stream_is_an_emergency_after_three_attempts(house: House) -> None:
    house.configure(scan=SCAN)
    house.open("10:00", speed=30)
    run = house.start("run", KT_WS_URL="ws://127.0.0.1:9/api/dostk/websocket")
    run.said("critical: kt: halt. CONNECTION: 3 failed reconnects in a row >= limit 3")
    house.seen("SELECT * FROM halts WHERE mode = 'halt' AND set_by = 'emergency'")
    assert run.end() == 0


@pytest.mark.soak
def test_a_storm_of_429_is_waited_out(house: House) -> None:
    run = trading(house)
    house.fault({"action": "rate", "api": "*", "count": 0, "probability": 0.5})
    scans = len(house.rows("SELECT * FROM scans"))
    house.seen("SELECT * FROM scans LIMIT 1 OFFSET ?", scans + 5)
    refused = house.rows("SELECT * FROM api_calls WHERE http_status = 429")
    assert len(refused) > 5
    house.fault()
    house.run("order", "buy", "005930", "1", "--market", "--yes")
    run.said("filled: BUY 삼성전자 1")
    assert not halts(house)
    assert run.end() == 0
