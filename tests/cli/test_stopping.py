"""What kt halt, reduce, flatten, resume and kt status print, to the letter."""

from __future__ import annotations

import json

import pytest

from kt.records import (
    Stop,
    StopMode,
)
from kt.steps.risk import stops
from tests.cli.booked import held, sold
from tests.cli.front import Front
from tests.fakes import OPEN, SAMSUNG


def test_status_shows_a_failing_analyst(front: Front) -> None:
    front.world.analyst.error = "model: 404 not found"
    front("analyze", SAMSUNG)
    (row,) = front("status").items
    assert (row["analyst_asked"], row["analyst_failed"]) == (1, 1)
    assert row["analyst_error"] == "model: 404 not found"
    assert row["analyst_paused_until"] == "2026-11-23T10:01:00+09:00"


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


def test_a_stop_in_force_ends_by_itself(front: Front) -> None:
    """What another day set is shown with its end."""
    until = OPEN.date().replace(day=24)
    stop = Stop(mode=StopMode.REDUCE, reason="daily loss", by="daily-loss", at=OPEN, until=until)
    front.world.journal.set_stop(stop)
    assert front("status").items[0]["stop_until"] == "2026-11-24"
