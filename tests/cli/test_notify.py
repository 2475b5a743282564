"""kt notify test reports the delivery by each channel, and kt doctor reports failed ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kt.errors import ExitCode
from tests.cli.front import Front
from tests.cli.test_doctor import doctor

__all__ = ["doctor"]


def configure(front: Front, command: str) -> None:
    front.configure(f"notify: {{command: {command}}}")


def notices(front: Front) -> list[dict[str, Any]]:
    """The doctor's rows about notices."""
    items = json.loads(front("doctor").out)["items"]
    return [item for item in items if item["name"] == "notices"]


def test_a_test_notice_is_delivered(front: Front, tmp_path: Path) -> None:
    configure(front, f"tee {tmp_path / 'told'}")
    ran = front("notify", "test", "--level", "critical")
    (row,) = ran.items
    assert (ran.code, row["channel"], row["outcome"]) == (0, "command tee", "sent")
    told = (tmp_path / "told").read_text()
    assert told == "critical: kt: test. a test of the profile sim; nothing has happened\n"
    assert "command tee" in front("notify", "test", terminal=True).out


def test_a_channel_that_fails_is_an_error(front: Front) -> None:
    configure(front, "false")
    ran = front("notify", "test")
    assert ran.code == ExitCode.UNREACHABLE
    assert ran.items[0]["detail"] == "it ended with 1"
    assert "1 of 1 channels failed: command false: it ended with 1" in ran.err


def test_without_a_channel_the_test_is_a_configuration_error(front: Front) -> None:
    ran = front("notify", "test")
    assert (ran.code, ran.out) == (ExitCode.USAGE, "")
    assert "no channel is configured" in ran.err


def test_the_doctor_reports_failed_deliveries(doctor: Front) -> None:
    assert notices(doctor)[0]["status"] == "ok", "on sim no channel is needed"
    configure(doctor, "false")
    assert "not used for a week" in notices(doctor)[0]["detail"]
    doctor("notify", "test")
    (row,) = notices(doctor)
    assert row["status"] == "fail"
    assert row["detail"] == (
        "command false: 1 notices in a week, 1 failed, the newest: it ended with 1"
    )
    configure(doctor, '"true"')
    doctor("notify", "test")
    assert notices(doctor)[0]["status"] == "ok"


def test_outside_the_simulator_a_missing_channel_is_a_warning(doctor: Front) -> None:
    doctor.configure("profile: mock")
    assert notices(doctor)[0]["status"] == "warn"
