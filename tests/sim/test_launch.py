"""The detached exchange: started once, found again, stopped, kept, reset."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest

from kt.clock import SystemClock
from kt.config.model import Config, Simulator
from kt.errors import Busy, ConfigError, Unreachable
from kt.records import KST
from kt.sim import crash_resume, discovery, launch
from kt.sim.server.settings import Settings
from kt.sim.server.startup import begin
from tests.sim.wireclient import WireClient, client


def config(**simulator: object) -> Config:
    return Config(simulator=msgspec.convert(simulator, Simulator))


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    launch.stop(tmp_path)


def test_started_once_then_found(state: Path) -> None:
    said: list[str] = []
    first = launch.ensure(config(), state, said.append)
    second = launch.ensure(config(), state, said.append)
    assert (first.pid, first.base_url) == (second.pid, second.base_url)
    assert (first.started, second.started) == (True, False)
    assert len(said) == 1
    assert first.base_url in said[0] and str(first.pid) in said[0]
    assert first.pid != os.getpid()
    status = launch.status(state)
    assert status is not None
    assert (status["pid"], status["base_url"]) == (first.pid, first.base_url)
    assert abs(first.clock.now() - launch.clock_of(first.base_url).now()) < timedelta(seconds=1)
    assert first.ws_url == launch.ws_url(first.base_url)
    # Open for trading, whatever the time is here.
    now = first.clock.now()
    assert (now.hour, now.minute) == (10, 0)
    assert now.date() >= datetime.now(KST).date()
    with client(first.base_url) as wire:
        assert wire.order("kt10000", ord_qty="1", trde_tp="3").json()["return_code"] == 0
    launch.ensure(config(speed=60), state, said.append)
    assert len(said) == 1
    launch.start(Settings(state_dir=state, speed=60), said.append)
    assert "speed 1, not 60" in said[1]


TWENTY = """
import os, sys
from pathlib import Path
from kt.config.model import Config
from kt.sim import launch

reading, writing = os.pipe()
gate, opened = os.pipe()
children = []
for _ in range(20):
    child = os.fork()
    if not child:
        os.close(opened)
        os.read(gate, 1)  # all at once: the gate opens when its last writer is gone
        said = []
        running = launch.ensure(Config(), Path(sys.argv[1]), said.append)
        os.write(writing, f"{running.pid} {len(said)}\\n".encode())
        os._exit(0)
    children.append(child)
os.close(opened)
codes = [os.waitpid(child, 0)[1] for child in children]
print(os.read(reading, 10_000).decode(), codes)
"""


def test_twenty_at_once_start_one(state: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TWENTY, str(state)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    answers = [line.split() for line in done.stdout.splitlines()[:20]]
    assert len({pid for pid, _ in answers}) == 1
    assert sorted(said for _, said in answers) == ["0"] * 19 + ["1"]


def test_a_restarted_exchange_continues_at_its_last_time(state: Path) -> None:
    first = launch.ensure(config(speed=100), state, lambda text: None)
    with client(first.base_url, "keeper") as wire:
        wire.order("kt10000", ord_qty="3", trde_tp="3")
        while not wire.call("ka10076").json()["cntr"]:
            pass
        token, held = wire.token, wire.call("kt00018").json()["acnt_evlt_remn_indv_tot"]
    assert launch.stop(state)
    stopped = first.clock.now()
    assert launch.status(state) is None
    assert not launch.stop(state)
    second = launch.ensure(config(), state, lambda text: None)
    assert second.pid != first.pid
    gone = (second.clock.now() - stopped).total_seconds()
    assert -60 < gone < 10
    with WireClient(second.base_url, "keeper") as wire:
        wire.token = token
        kept = wire.call("kt00018").json()["acnt_evlt_remn_indv_tot"]
        assert [row["rmnd_qty"] for row in kept] == [row["rmnd_qty"] for row in held]
        numbers = wire.call("kt00007").json()["acnt_ord_cntr_prps_dtl"]
        assert len(numbers) == 1
        again = wire.order("kt10000", ord_qty="1", trde_tp="3").json()["ord_no"]
        assert int(again) > int(numbers[0]["ord_no"])


def test_an_unusable_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "sim").write_text("a file where the folder should be")
    with pytest.raises(Unreachable, match="cannot work in"):
        launch.ensure(config(), tmp_path, lambda text: None)


def test_a_killed_exchange_loses_no_order(state: Path) -> None:
    settings = Settings(state_dir=state, rate=0)
    first = launch.start(settings, lambda text: None)
    with client(first.base_url, "keeper") as wire:
        number = wire.order("kt10000", ord_qty="3", trde_tp="3").json()["ord_no"]
    os.kill(first.pid, signal.SIGKILL)
    os.waitpid(first.pid, 0)
    second = launch.start(settings, lambda text: None)
    assert second.pid != first.pid
    with client(second.base_url, "keeper") as wire:
        end = time.monotonic() + 5
        rows: list[dict[str, str]] = []
        while not rows and time.monotonic() < end:
            rows = wire.call("kt00007").json()["acnt_ord_cntr_prps_dtl"]
        assert [row["ord_no"] for row in rows] == [number]


def test_a_killed_exchange_restarts_on_the_same_port_and_clock(state: Path) -> None:
    first = launch.start(Settings(state_dir=state, speed=20, seed=3), lambda text: None)
    os.kill(first.pid, signal.SIGKILL)
    os.waitpid(first.pid, 0)
    second = launch.ensure(config(), state, lambda text: None)
    assert second.pid != first.pid
    assert second.base_url == first.base_url
    assert second.clock.speed == 20
    assert abs((second.clock.now() - first.clock.now()).total_seconds()) < 0.5


def test_one_that_was_stopped_begins_anew(state: Path) -> None:
    first = launch.start(Settings(state_dir=state, speed=20), lambda text: None)
    assert launch.stop(state)
    second = launch.ensure(config(), state, lambda text: None)
    assert second.clock.speed == 1
    assert (first.clock.now() - second.clock.now()).total_seconds() > 1


def test_its_port_may_have_been_taken_meanwhile(state: Path) -> None:
    first = launch.start(Settings(state_dir=state), lambda text: None)
    os.kill(first.pid, signal.SIGKILL)
    os.waitpid(first.pid, 0)
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(first.base_url.rsplit(":", 1)[1])))
        second = launch.ensure(config(), state, lambda text: None)
    assert second.base_url != first.base_url


def test_an_exchange_killed_long_ago_continues_at_its_last_time(state: Path) -> None:
    first = launch.start(Settings(state_dir=state, speed=5), lambda text: None)
    os.kill(first.pid, signal.SIGKILL)
    os.waitpid(first.pid, 0)
    for path in (state / "sim").glob("exchange.db*"):
        os.utime(path, (0, 0))
    assert crash_resume.killed_place(state / "sim") is None


def test_reset_forgets(state: Path) -> None:
    first = launch.ensure(config(), state, lambda text: None)
    with client(first.base_url) as wire:
        wire.order("kt10000", ord_qty="1", trde_tp="3")
    launch.reset(state)
    assert launch.status(state) is None
    assert {path.suffix for path in (state / "sim").iterdir()} == {".lock"}
    second = launch.ensure(config(seed=7), state, lambda text: None)
    with client(second.base_url) as wire:
        assert wire.call("kt00007").json()["acnt_ord_cntr_prps_dtl"] == []


def test_the_reason_of_a_failed_start_is_reported(state: Path) -> None:
    launch.ensure(config(seed=1), state, lambda text: None)
    launch.stop(state)
    with pytest.raises(Unreachable, match="made with seed 1, not 2") as caught:
        launch.ensure(config(seed=2), state, lambda text: None)
    assert "exchange.log" in str(caught.value.hint)


def test_an_idle_exchange_stops_by_itself(state: Path) -> None:
    settings = Settings(state_dir=state, idle_minutes=1 / 600)
    running = launch.start(settings, lambda text: None)
    os.waitpid(running.pid, 0)
    assert launch.status(state) is None
    assert "nobody used the exchange" in (state / "sim" / "exchange.log").read_text()


def test_it_stays_while_a_loop_is_at_work(state: Path) -> None:
    """Though it makes no calls at night."""
    sleeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    note = state / "sim" / "locks" / "run.json"
    note.parent.mkdir(parents=True)
    note.write_text(json.dumps({"pid": sleeper.pid, "command": "run", "since": "now"}))
    assert discovery.loop_lives(state / "sim")
    running = launch.start(Settings(state_dir=state, idle_minutes=1 / 600), lambda text: None)
    time.sleep(1.0)
    assert launch.status(state) is not None
    sleeper.communicate(b"\n", timeout=10)
    os.waitpid(running.pid, 0)
    assert not discovery.loop_lives(state / "sim")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_foreground_ends_cleanly(state: Path, number: signal.Signals) -> None:
    program = textwrap.dedent("""
        import sys
        from pathlib import Path
        from kt.sim import launch
        from kt.sim.server.settings import Settings
        launch.serve(Settings(state_dir=Path(sys.argv[1])), lambda text: print(text, flush=True))
        print("over", flush=True)
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(state)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert "serves http://127.0.0.1:" in process.stdout.readline()
    assert launch.status(state) is not None
    with pytest.raises(Busy, match="already running"):
        launch.serve(Settings(state_dir=state), lambda text: None)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert out.endswith("over\n")


def test_secrets_are_in_no_argument_and_no_log(state: Path) -> None:
    settings = Settings(state_dir=state, app_key="mine", secret_key="very-secret")
    running = launch.start(settings, lambda text: None)
    command = Path(f"/proc/{running.pid}/cmdline")
    if command.exists():
        assert b"very-secret" not in command.read_bytes()
    with WireClient(running.base_url, "mine", "very-secret") as wire:
        assert wire.issue().json()["return_code"] == 0
    text = (state / "sim" / "exchange.log").read_text()
    assert "very-secret" not in text and "mine" not in text


# --- where the clock begins ----------------------------------------------------------------------


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=KST)


def test_the_clock_stops_while_the_exchange_is_stopped() -> None:
    seen = moment("2026-11-23T14:01:02")
    assert begin(Settings(), seen) == seen


@pytest.mark.parametrize("seen", ["2026-11-23T15:30:00", "2026-11-23T23:00:00"])
def test_after_the_close_the_next_trading_day_begins(seen: str) -> None:
    found = begin(Settings(open_at="09:30"), moment(seen))
    assert found >= moment("2026-11-24T09:30:00")
    assert (found.hour, found.minute) == (9, 30)


def test_a_named_day_must_trade() -> None:
    assert begin(Settings(day="2026-11-23"), None) == moment("2026-11-23T10:00:00")
    for day in ("2026-11-22", "2026-12-25", "tomorrow"):
        with pytest.raises(ConfigError):
            begin(Settings(day=day), None)


class Elsewhere(BaseHTTPRequestHandler):
    """A server of this wire that is not kt's exchange."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_another_server_of_this_wire_lives_in_the_systems_time() -> None:
    server = HTTPServer(("127.0.0.1", 0), Elsewhere)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    try:
        clock = launch.clock_of(f"http://127.0.0.1:{server.server_port}")
    finally:
        thread.join(10)
        server.server_close()
    assert isinstance(clock, SystemClock)


def test_where_nobody_answers_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unreachable, match="no exchange answers"):
        launch.clock_of(f"http://127.0.0.1:{port}")
