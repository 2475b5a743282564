"""kt doctor names every cause: each row is tripped here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kt.broker.rest.rate_limit import Bucket, BudgetState, Waiter
from kt.broker.stream.lease import LeaderAddress, Lease
from kt.cli.doctor.remote import skew
from kt.cli.support.run_lock import only_one
from kt.errors import AuthError, ExitCode
from kt.paths import ProfilePaths
from tests.cli.front import GONE, FakeApp, Front
from tests.command_lines import advised, faults_of_kt
from tests.fakes import OPEN, SAMSUNG, unknown

BASE = "http://127.0.0.1:1"


@pytest.fixture
def doctor(front: Front, monkeypatch: pytest.MonkeyPatch) -> Front:
    """A front whose app has what only the doctor asks for: an address and a budget."""
    front.rest.answers["ka00001"] = [{"return_code": 0}]
    front.rest.date = format_datetime(OPEN.astimezone(UTC), usegmt=True)
    front.tokens.token()

    class Server:
        base_url = BASE

    class Pacer:
        def __init__(self) -> None:
            self.rates = {"query": 5.0, "order": 5.0}
            self.clock = front.world.clock

        def file(self, group: str) -> Path:
            return front.folder / f"pace-{group}.json"

    monkeypatch.setattr(FakeApp, "server", Server(), raising=False)
    monkeypatch.setattr(FakeApp, "pacer", Pacer(), raising=False)
    return front


def rows(front: Front, *more: str) -> dict[str, dict[str, Any]]:
    """The rows by name; every warning among them names a command that mends it."""
    ran = front("doctor", *more)
    found = json.loads(ran.out)["items"]
    for item in found:
        if item["status"] == "warn":
            advice = advised(item["hint"])
            assert advice, item
            kts = [words for words in map(str.split, advice) if words[0] == "kt"]
            assert not [fault for words in kts for fault in faults_of_kt(words[1:])], item
    return {item["name"]: item for item in found}


def test_doctor_fails_when_the_analyst_does_not_answer(doctor: Front) -> None:
    doctor.world.analyst.error = "auth: 403 Your API key was reported as leaked."
    row = rows(doctor)["analyst"]
    assert row["status"] == "fail"
    assert "scripted (script-1): auth: 403 Your API key was reported as leaked." in row["detail"]
    assert "1 asked today, 1 failed" in row["detail"]
    assert "set a good one" in row["hint"]
    doctor.world.analyst.error = ""
    row = rows(doctor)["analyst"]
    assert (row["status"], row["hint"]) == ("ok", "")
    assert row["detail"].startswith(
        "scripted (script-1) answered as script-1 in 1 ms; 2 asked today"
    )


def test_doctor_passes_when_nothing_is_wrong(doctor: Front) -> None:
    ran = doctor("doctor")
    assert ran.code == 0, ran.err
    assert [*ran.items[0]] == ["kind", "name", "status", "detail", "hint"]
    assert {item["status"] for item in ran.items} == {"ok"}
    names = [item["name"] for item in ran.items]
    for name in (
        *("configuration", "orders allowed", "state folder", "keys", "analyst", "journal"),
        *("disk", "stop", "kt run", "server", "clock", "token", "requests", "calendar"),
        *("stream", "unknown orders", "unknown changes", "locked stocks"),
    ):
        assert name in names


def test_doctor_prints_a_table_on_a_terminal(doctor: Front) -> None:
    ran = doctor("doctor", terminal=True)
    lines = ran.out.splitlines()
    assert lines[0].split() == ["check", "detail"]
    assert "ok  clock            agrees with the server's" in lines
    assert "ok  token            until 2026-11-24 10:00:00 KST, 24 h 0 min left" in lines
    assert any(line.startswith("ok  calendar         2026-11-23 10:00 KST, open") for line in lines)


def test_a_broken_configuration_is_the_only_row(doctor: Front) -> None:
    doctor.configure("limits:\n  per_stock: lots\n")
    ran = doctor("doctor")
    assert ran.code == ExitCode.ERROR
    (row,) = ran.items
    assert (row["name"], row["status"]) == ("configuration", "fail")
    assert "per_stock" in row["detail"] and row["hint"] == "Correct that value."
    assert ran.err == "kt: 1 of 1 checks failed: configuration.\n"
    doctor.configure("")
    assert "Did you mean" in rows_of(doctor, "limts: 1\n")["hint"]


def rows_of(front: Front, text: str) -> dict[str, Any]:
    front.configure(text)
    return front("doctor").items[0]


def test_doctor_fails_when_the_server_is_unreachable(
    doctor: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(*arguments: object) -> object:
        raise GONE

    monkeypatch.setattr(doctor.rest, "call", call)
    row = rows(doctor)["server"]
    assert (row["status"], row["detail"], row["hint"]) == (
        "fail",
        "no route to the broker",
        "Check the network.",
    )


@pytest.mark.parametrize(
    ("seconds", "status"),
    [(0, "ok"), (-2, "ok"), (2, "ok"), (10, "warn"), (-10, "warn"), (60, "fail"), (-60, "fail")],
)
def test_clock_skew_warns_then_fails(seconds: int, status: str) -> None:
    now = datetime(2026, 11, 23, 1, 0, 0, tzinfo=UTC)
    header = format_datetime(now + timedelta(seconds=seconds), usegmt=True)
    found = skew(header, now, now + timedelta(milliseconds=50))
    assert found.status == status
    if status != "ok":
        assert advised(found.hint) and ("behind" in found.detail) is (seconds > 0)


def test_a_response_without_a_date_is_a_warning() -> None:
    found = skew("", OPEN, OPEN)
    assert found.status == "warn" and advised(found.hint)


def test_doctor_warns_without_a_token(doctor: Front) -> None:
    doctor.tokens.revoke()
    assert rows(doctor)["token"]["status"] == "warn"


def test_doctor_fails_without_keys(doctor: Front) -> None:
    class Keyless(FakeApp):
        def __getattribute__(self, name: str) -> Any:
            if name == "keys":
                raise AuthError("no keys for the profile 'sim'", hint="Set them.")
            return super().__getattribute__(name)

    ran = doctor("doctor", build_app=lambda cli: Keyless(doctor, cli))
    row = next(item for item in ran.items if item["name"] == "keys")
    assert (row["status"], row["hint"]) == ("fail", "Set them.")


@pytest.mark.parametrize("group", ["query", "order"])
def test_doctor_warns_about_a_used_up_request_budget(doctor: Front, group: str) -> None:
    now = doctor.world.clock.monotonic()
    busy = BudgetState(
        buckets={"ka10001": Bucket(closed_until=now + 1, waiting=[Waiter(1, 3, now + 1)])}
    )
    (doctor.folder / f"pace-{group}.json").write_bytes(msgspec.json.encode(busy))
    row = rows(doctor)["requests"]
    assert row["status"] == "warn" and "refused lately: ka10001; 1 waiting" in row["detail"]


def test_doctor_names_the_process_that_owns_the_stream(doctor: Front) -> None:
    lease = Lease(doctor.folder / "state" / "sim" / "locks", "key", "ws://127.0.0.1:1")
    assert lease.take()
    lease.publish(LeaderAddress(pid=os.getpid(), secret="s"))
    row = rows(doctor)["stream"]
    assert row["detail"] == f"process {os.getpid()} is connected and serves the others"
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    lease.publish(LeaderAddress(pid=ended.pid, secret="s"))
    assert rows(doctor)["stream"]["detail"] == "no process is connected"
    lease.release()


def test_doctor_reports_a_change_with_an_unknown_outcome(doctor: Front) -> None:
    doctor("order", "buy", SAMSUNG, "1", "--price", "70000")
    doctor.world.broker.outcomes, doctor.world.broker.taken = [unknown()], False
    doctor("order", "cancel", "0000101")
    row = rows(doctor)["unknown changes"]
    assert (row["status"], row["detail"]) == ("warn", "1, the oldest of 2026-11-23 10:00")
    doctor.world.clock.advance(90)
    assert rows(doctor)["unknown changes"]["status"] == "fail"


def test_doctor_reports_an_unknown_order_and_its_lock(doctor: Front) -> None:
    doctor.world.broker.outcomes, doctor.world.broker.taken = [unknown()], False
    doctor("order", "buy", SAMSUNG, "1", "--price", "70000")
    found = rows(doctor)
    assert found["unknown orders"]["status"] == "warn"
    assert found["locked stocks"]["detail"] == SAMSUNG
    doctor.world.clock.advance(120)
    found = rows(doctor)
    assert found["unknown orders"]["status"] == "fail"
    assert found["unknown orders"]["detail"] == "1, the oldest of 2026-11-23 10:00"


def test_doctor_reports_a_stop_in_force(doctor: Front) -> None:
    doctor("halt", "--reason", "lunch", "-q")
    row = rows(doctor)["stop"]
    assert row["status"] == "warn" and "lunch" in row["detail"]


def test_doctor_names_the_running_process(doctor: Front) -> None:
    with only_one(ProfilePaths(doctor.folder / "state" / "sim"), "run", OPEN):
        assert "run since 10:00:00" in rows(doctor)["kt run"]["detail"]


def test_doctor_warns_about_a_state_folder_open_to_others(doctor: Front) -> None:
    folder = doctor.folder / "state" / "sim"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    row = rows(doctor)["state folder"]
    assert row["status"] == "warn" and row["hint"] == f"Run `chmod 700 {folder}`."


def test_doctor_fails_when_the_state_folder_is_not_writable(
    doctor: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(path: Path, text: str) -> None:
        raise PermissionError(30, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "write_text", write)
    doctor.environ.pop("KT_CONFIG")
    row = rows(doctor)["state folder"]
    assert row["status"] == "fail" and row["detail"].endswith("(Read-only file system)")


def test_doctor_fails_on_a_damaged_database(doctor: Front) -> None:
    folder = doctor.folder / "state" / "sim"
    folder.mkdir(parents=True)
    doctor.database = folder / "kt.db"
    doctor.database.write_bytes(b"not a database" * 100)
    ran = doctor("doctor")
    assert ran.code == ExitCode.ERROR
    row = next(item for item in ran.items if item["name"] == "journal")
    assert row["status"] == "fail" and row["hint"]


def test_doctor_warns_when_orders_are_not_allowed(doctor: Front) -> None:
    doctor.configure("profiles:\n  sim:\n    live: false\n")
    assert rows(doctor)["orders allowed"]["status"] == "warn"


def test_doctor_warns_about_a_full_disk_and_a_large_journal(
    doctor: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kt.store.health.WARN_FREE", 1 << 60)
    monkeypatch.setattr("kt.store.health.WARN_SIZE", -1)
    found = rows(doctor)
    assert {found[name]["status"] for name in ("disk", "journal size")} == {"warn"}


@pytest.mark.parametrize("profile", ["mock", "real"])
def test_doctor_warns_without_a_channel(doctor: Front, profile: str) -> None:
    row = rows(doctor, "--profile", profile)["notices"]
    assert row["hint"] == "`kt init --notify CHANNEL` sets one."
