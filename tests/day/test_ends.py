"""One loop a profile, and an end that is clean, whatever is under way."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
import time

import pytest

from tests.day.house import House
from tests.day.test_exits import SLOW

LATEST = 2.0
"""Real seconds from the signal to the end of the process."""


def last_run(house: House) -> dict[str, object]:
    (row,) = house.rows("SELECT * FROM runs WHERE command = 'run' ORDER BY seq DESC LIMIT 1")
    return row


def test_a_run_survives_signals_a_second_run_and_a_kill(house: House) -> None:
    house.configure()
    house.open("10:00", speed=10)
    house.fault(SLOW)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        run = house.start("run")
        run.said("stream connected")
        second = house.start("run")
        skipped = house.start("run", "--once", "--skip-if-running")
        assert second.wait() == 1
        assert f"another kt run of this profile is active (process {run.pid}" in second.err[-1]
        assert skipped.wait() == 0
        assert skipped.err[-1].endswith("nothing was done") and not skipped.out
        began = time.monotonic()
        assert run.end(number) == 0
        assert time.monotonic() - began < LATEST, "though every scan's answer is 30 s away"
        (report,) = json.loads("".join(run.out))["items"]
        assert report["ended"] == signal.Signals(number).name
        row = last_run(house)
        assert (row["outcome"], row["exit_code"], row["pid"]) == ("done", 0, run.pid)
        assert house.control.status()["sessions"] == 0, "the stream was closed"
    killed = house.start("run")
    killed.said("stream connected")
    killed.kill()
    (status,) = house.items("status")
    assert status["running"] is False
    again = house.start("run")
    again.said("stream connected leader")
    assert again.end() == 0


def test_a_terminal_that_is_closed_ends_the_loop_in_order(house: House) -> None:
    """The kernel sends SIGHUP, and nothing can be written any more."""
    house.configure()
    house.open("10:00", speed=10)
    master, slave = os.openpty()
    run = subprocess.Popen(
        [sys.executable, "-m", "kt", "run"],
        env=house.environ,
        cwd=house.folder,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
    )
    os.close(slave)
    with os.fdopen(master, "rb", buffering=0) as terminal:
        said = b""
        while b"stream connected" not in said:
            said += terminal.read(4096)
    try:
        assert run.wait(10) == 1, "the report could not be written"
    finally:
        run.kill()
    row = last_run(house)
    assert (row["outcome"], row["exit_code"]) == ("done", 0)
    assert not house.rows("SELECT * FROM notices WHERE title LIKE 'defect%'")


@pytest.mark.soak
def test_a_second_ctrl_c_does_not_wait(house: House) -> None:
    """The first Ctrl-C ends after the current event; here that is an order without an answer, whose
    outcome is unknown then."""
    house.configure(exits={"stop_loss_pct": 0.05})
    house.open("10:00", speed=30)
    run = house.start("run")
    run.said("stream connected")
    house.fault(SLOW, {"action": "hang", "api": "kt10001", "count": 0})
    house.run("order", "buy", "489790", "3", "--market", "--yes")
    house.seen("SELECT * FROM orders WHERE origin = 'stop_loss' AND state = 'SENDING'")
    run.send(signal.SIGINT)
    time.sleep(0.5)
    assert run.running
    began = time.monotonic()
    assert run.end(signal.SIGINT) == 7
    assert "interrupted while order" in run.err[-1]
    assert time.monotonic() - began < LATEST
    assert house.rows("SELECT * FROM orders WHERE origin = 'stop_loss' AND state = 'SENDING'")
