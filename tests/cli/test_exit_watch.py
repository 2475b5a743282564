"""Positions whose exits no process monitors are reported, and a hanging run does not count."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pytest

from kt.cli.support import exit_watch
from kt.cli.support.run_lock import only_one
from kt.engine import schedule
from kt.errors import ExitCode
from kt.paths import ProfilePaths
from tests.cli.front import Front
from tests.cli.test_doctor import doctor, rows
from tests.cli.test_orders import BUY, UNWATCHED
from tests.fakes import OPEN, SAMSUNG

__all__ = ["doctor"]
NOBODY = (
    "kt: 1 position has a stop or target that no process monitors. Start `kt run`, or run "
    "`kt run --once` from cron (`kt help cron`).\n"
)


@pytest.fixture
def holding(front: Front) -> Front:
    """Something that was bought by hand, with its stop and target."""
    front.world.broker.fill_at_once = True
    assert front(*BUY, "--wait").code == 0
    return front


def status(front: Front) -> dict[str, Any]:
    (row,) = front("status").items
    return row


def run_row(front: Front, run: str, command: str) -> None:
    """A run of this process as the journal has it."""
    front.world.journal.start_run(run, command, "test")


def test_a_run_is_silent_after_three_missed_heartbeats() -> None:
    assert exit_watch.SILENT == 3 * schedule.BEAT


def test_unmonitored_exits_are_reported_by_status_and_balance(holding: Front) -> None:
    ran = holding("status")
    assert ran.err == NOBODY
    assert (ran.items[0]["watched_by"], ran.items[0]["unwatched"]) == ("", 1)
    assert holding("balance").err == NOBODY
    assert holding("balance", "-q").err == ""


def test_doctor_warns_about_unmonitored_exits(doctor: Front) -> None:
    assert rows(doctor)["exits"]["status"] == "ok"
    doctor.world.broker.fill_at_once = True
    doctor(*BUY, "--wait")
    row = rows(doctor)["exits"]
    assert (row["status"], row["hint"]) == ("warn", exit_watch.HELP)
    assert row["detail"] == "1 position(s) with a stop or target that no process monitors"
    with only_one(ProfilePaths(doctor.folder / "state" / "sim"), "run", OPEN):
        row = rows(doctor)["exits"]
        assert (row["status"], row["detail"]) == ("ok", "run since 10:00")


def test_a_manual_buy_warns_about_unmonitored_exits(front: Front) -> None:
    assert front(*BUY).err.endswith(UNWATCHED)
    again = front(*BUY[:-2], "--price", "69000", "--dry-run")
    assert "no process monitors" not in again.err, "nothing was sent"
    front.world.broker.hold("000660", 3, 180_000)
    assert "no process monitors" not in front("order", "sell", "000660", "1", "--market").err


def test_a_run_monitors_exits_while_it_sends_heartbeats(holding: Front) -> None:
    folder = holding.folder / "state" / "sim"
    with only_one(ProfilePaths(folder), "run", OPEN):
        run_row(holding, "R", "run")
        holding.world.journal.heartbeat("R", "open", holding.world.clock.now())
        holding.world.clock.advance(exit_watch.SILENT)
        row = status(holding)
        assert (row["running"], row["silent"], row["heartbeat_age"]) == (True, False, 90)
        assert (row["watched_by"], row["unwatched"]) == ("run since 10:00", 0)
        assert "nobody" not in holding("balance").err
        assert "nobody" not in holding("order", "buy", "000660", "1", "--market").err
        holding.world.clock.advance(1)
        row = status(holding)
        assert (row["running"], row["silent"], row["pid"]) == (False, True, os.getpid())
        assert (row["watched_by"], row["unwatched"] > 0) == ("", True)
        assert row["heartbeat"] and row["heartbeat_age"] == 91


def test_a_silent_run_is_reported_with_what_to_do(doctor: Front) -> None:
    pid = os.getpid()
    said = (
        f"the process {pid} (kt run) exists, but has sent no heartbeat for 3 min 20 s: it "
        "is stopped, or it hangs"
    )
    with only_one(ProfilePaths(doctor.folder / "state" / "sim"), "run", doctor.world.clock.now()):
        run_row(doctor, "R", "run")
        doctor.world.clock.advance(200)
        row = rows(doctor)["kt run"]
        assert (row["status"], row["detail"]) == ("fail", said)
        assert f"`kill -CONT {pid}`" in row["hint"] and f"`kill -9 {pid}`" in row["hint"]
        assert doctor("status").err.startswith(f"kt: {said}. `kill -CONT")
        for more in ((), ("--skip-if-running",)):
            ran = doctor("run", "--once", *more)
            assert ran.code == ExitCode.ERROR, "cron's mail must say it"
            assert ran.err.startswith(f"kt: {said}. `kill -CONT {pid}`")


def test_cron_monitors_exits_until_its_cycles_stop(holding: Front) -> None:
    holding.configure("scan:\n  min_value: 0\n")
    assert holding("run", "--once", "-q").code == 0
    ended = holding.world.clock.now()
    row = status(holding)
    assert (row["watched_by"], row["unwatched"]) == (f"cron, last at {ended:%H:%M}", 0)
    assert "nobody" not in holding("order", "buy", "000660", "1", "--market").err
    holding.world.clock.set(ended + timedelta(seconds=exit_watch.CRON + 60))
    assert status(holding)["watched_by"] == ""


def test_a_slow_single_cycle_is_not_silent(holding: Front) -> None:
    with only_one(
        ProfilePaths(holding.folder / "state" / "sim"), "run --once", holding.world.clock.now()
    ):
        run_row(holding, "R", "run --once")
        holding.world.clock.advance(exit_watch.SILENT_CYCLE)
        assert status(holding)["running"] is True
        holding.world.clock.advance(1)
        assert status(holding)["silent"] is True


def test_positions_without_exits_are_not_reported(front: Front) -> None:
    front.world.broker.hold(SAMSUNG, 3, 70_000)
    assert front("balance").err == ""


def test_a_monitor_hears_of_a_run_without_a_fresh_sign_of_life(front: Front) -> None:
    ran = front("status", "--max-age", "60")
    assert (ran.code, ran.items[0]["running"]) == (ExitCode.ERROR, False)
    assert "no sign of life" in ran.err
    with only_one(ProfilePaths(front.folder / "state" / "sim"), "run", OPEN):
        run_row(front, "DAY", "run")
        front.world.clock.advance(59)
        assert front("status", "--max-age", "60").code == 0
        front.world.clock.advance(2)
        ran = front("status", "--max-age", "60")
        assert ran.code == ExitCode.ERROR
        assert "the last sign of life is 61 s old, at most 60 s is allowed" in ran.err
        front.world.journal.heartbeat("DAY", "OPEN", front.world.clock.now())
        assert front("status", "--max-age", "60").code == 0


def test_a_cycle_of_cron_is_a_sign_of_life(front: Front) -> None:
    front.world.journal.step("CRON", "exits", OPEN, 0.1, "done", "")
    assert front("status", "--max-age", "60").code == 0
    front.world.clock.advance(61)
    assert front("status", "--max-age", "60").code == ExitCode.ERROR
