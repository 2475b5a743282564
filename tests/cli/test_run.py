"""kt run: one at a time, a report of what was done and why, and a clean end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from datetime import date
from pathlib import Path

import pytest

from kt.analyst.rules import RulesAnalyst
from kt.cli.run.trading_day import stopping
from kt.cli.support.run_lock import holder, only_one
from kt.engine.state import DayReport
from kt.errors import Busy, ExitCode
from kt.paths import ProfilePaths
from kt.records import DayResult, Ranked, Ranking
from tests.cli.front import GONE, Front
from tests.fakes import OPEN, SAMSUNG, buy, unknown

ROW = [
    "kind",
    "at",
    "analyst",
    "dry_run",
    "steps",
    "candidates",
    "decisions",
    "checks",
    "orders",
    "fills",
    "positions",
    "day",
]
STEPS = [
    *("reconcile", "account", "exits", "unfilled", "scan fast", "scan deep", "scan ai"),
    *("collect", "analyze", "check"),
]


@pytest.fixture
def trading(front: Front) -> Front:
    """A market in which one stock is wanted, and a broker that fills at once."""
    front.configure("scan:\n  min_value: 0\n")
    front.world.analyst.answers = [{SAMSUNG: buy(reason="buyers lead")}]
    front.world.broker.fill_at_once = True
    return front


def test_once_in_a_pipe(trading: Front) -> None:
    ran = trading("run", "--once")
    assert ran.code == 0, ran.err
    (row,) = ran.items
    assert [*row] == ROW
    assert row["kind"] == "cycle"
    assert [step["name"] for step in row["steps"]][: len(STEPS)] == STEPS
    assert [(order["stock_code"], order["state"]) for order in row["orders"]] == [
        (SAMSUNG, "FILLED")
    ]
    assert [fill["quantity"] for fill in row["fills"]] == [10]
    position = row["positions"][0]
    assert (position["stop_price"], position["target_price"]) == (66_500, 77_000)
    assert ran.err.splitlines()[0].startswith("reconcile     0.0 s  kt's books and the broker")


def test_once_on_a_terminal_reports_what_was_done_and_why(trading: Front) -> None:
    ran = trading("run", "--once", terminal=True)
    assert ran.code == 0
    parts = [line for line in ran.out.splitlines() if line and line.isalpha()]
    assert parts == ["Scanned", "Decided", "Ordered", "Held", "Result"]
    assert "One cycle on sim at 2026-11-23 10:00:" in ran.out
    said = " ".join(ran.out.split())
    assert "BUY 005930 삼성전자 at 70,000, confidence 0.90, risk LOW: buyers lead" in said
    assert "FILLED" in ran.out and "66,500  77,000" in ran.out
    assert "bought and sold  700,000 and 0 won today" in ran.out
    assert max(len(line) for line in ran.out.splitlines()) <= 80


def test_denials_are_in_the_report(trading: Front) -> None:
    trading.world.analyst.answers = [{SAMSUNG: buy(confidence=0.1)}]
    ran = trading("run", "--once", terminal=True)
    assert ran.code == 0
    assert "\nDenied\n005930 삼성전자  LOW_CONFIDENCE: " in ran.out


def test_quiet_leaves_the_report_alone(trading: Front) -> None:
    ran = trading("run", "--once", "-q")
    assert (ran.code, ran.err) == (0, "") and ran.items


def test_dry_run_sends_nothing(trading: Front) -> None:
    ran = trading("run", "--once", "--dry-run")
    assert ran.code == 0
    assert ran.items[0]["dry_run"] is True
    assert [order["code"] for order in ran.items[0]["orders"]] == ["TEST_MODE"]
    assert trading.world.broker.sent == []


def test_an_unknown_order_of_the_cycle_is_exit_code_7(trading: Front) -> None:
    trading.world.broker.outcomes, trading.world.broker.taken = [unknown()], False
    ran = trading("run", "--once")
    assert ran.code == ExitCode.UNKNOWN
    assert "the outcome of 1 order(s) is unknown" in ran.err
    assert ran.items[0]["orders"][0]["state"] == "UNKNOWN"


def test_a_halted_cycle_is_exit_code_6(trading: Front) -> None:
    trading("halt", "--reason", "lunch", "-q")
    ran = trading("run", "--once")
    assert ran.code == ExitCode.HALTED
    assert ran.err.endswith("kt: kt is halted: lunch. `kt resume` ends the halt.\n")


def test_a_step_that_failed_is_named(trading: Front) -> None:
    trading.world.market.failing = {
        f"ranking.{name}": GONE for name in ("volume_surge", "volume", "value", "change")
    }
    ran = trading("run", "--once")
    assert ran.code == ExitCode.ERROR
    assert "step(s) failed: scan fast" in ran.err
    assert ran.items[0]["candidates"] == []


def test_a_broker_that_is_not_there_is_exit_code_9(trading: Front) -> None:
    trading.world.broker.failing["holdings"] = GONE
    ran = trading("run", "--once")
    assert (ran.code, ran.out) == (ExitCode.UNREACHABLE, "")


def test_without_a_stream_the_cycle_goes_on(trading: Front) -> None:
    trading.stream.refuse = GONE
    ran = trading("run", "--once")
    assert ran.code == 0
    assert "no live stream (no route to the broker); polling the broker" in ran.err


def test_a_cycle_whose_files_are_gone_ends_before_it_orders(
    trading: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = trading.folder / "moved"
    scan = trading.world.market.ranking

    def ranking(which: Ranking) -> tuple[Ranked, ...]:
        with contextlib.suppress(FileNotFoundError):  # asked on several threads: one moves it
            (trading.folder / "state").rename(moved)
        return scan(which)

    monkeypatch.setattr(trading.world.market, "ranking", ranking)
    ran = trading("run", "--once")
    lost = f"the state folder {trading.folder}/state/sim was deleted or replaced"
    assert (ran.code, trading.world.broker.sent) == (ExitCode.ERROR, [])
    assert f"kt: the run ended: {lost}." in ran.err
    assert lost in trading.world.notifier.told[-1][-1]


def test_a_second_one_says_so(trading: Front) -> None:
    with only_one(ProfilePaths(trading.folder / "state" / "sim"), "run", OPEN):
        ran = trading("run", "--once")
        skipped = trading("run", "--once", "--skip-if-running")
        assert trading("status").items[0]["running"] is True
    assert (ran.code, ran.out) == (ExitCode.ERROR, "")
    said = f"another kt run of this profile is active (process {os.getpid()}, since 10:00:00)"
    assert ran.err == f"kt: {said}. `kt status` shows it.\n"
    assert (skipped.code, skipped.out) == (0, "")
    assert skipped.err == f"kt: {said}; nothing was done\n"
    assert trading("run", "--once").code == 0


def test_the_lock_dies_with_its_process(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom datetime import datetime\nfrom pathlib import Path\n"
        "from kt.cli.support.run_lock import only_one\nfrom kt.paths import ProfilePaths\n"
        "with only_one(ProfilePaths(Path(sys.argv[1])), 'run', datetime.now().astimezone()):\n"
        "    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None and child.stdin is not None
    assert child.stdout.readline() == "held\n"
    found = holder(ProfilePaths(tmp_path))
    assert found is not None and found.pid == child.pid
    with pytest.raises(Busy), only_one(ProfilePaths(tmp_path), "run", OPEN):
        pass
    child.kill()
    child.wait(10)
    child.stdin.close()
    child.stdout.close()
    assert holder(ProfilePaths(tmp_path)) is None
    with only_one(ProfilePaths(tmp_path), "run", OPEN):
        pass


class FakeDay:
    """A day that ends when it is told to, or by itself with a report."""

    report = DayReport()
    signal_itself = 0
    seen: list[bool]

    def __init__(
        self,
        ctx: object,
        stream: object,
        *,
        until_close: bool,
        announce: object,
        still_ours: object = None,
        publish: object = None,
    ) -> None:
        self.until_close = until_close
        self.stopped = threading.Event()
        self.reason = ""

    def stop(self, reason: str = "stopped") -> None:
        self.reason = reason
        self.stopped.set()

    def run(self) -> DayReport:
        if self.signal_itself:
            os.kill(os.getpid(), self.signal_itself)
            assert self.stopped.wait(10)
            return DayReport(ended=self.reason)
        return self.report


@pytest.fixture
def day(monkeypatch: pytest.MonkeyPatch) -> type[FakeDay]:
    class Made(FakeDay):
        report = DayReport(ended="the trading day is over")

    monkeypatch.setattr("kt.engine.day.Day", Made)
    return Made


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_the_day_cleanly(
    number: signal.Signals, front: Front, day: type[FakeDay]
) -> None:
    day.signal_itself = number
    before = signal.getsignal(number)
    ran = front("run")
    assert ran.code == 0, ran.err
    assert ran.items[0]["ended"] == number.name
    assert signal.getsignal(number) is before


def test_a_second_ctrl_c_does_not_wait() -> None:
    day = FakeDay(None, None, until_close=False, announce=None)
    with pytest.raises(KeyboardInterrupt), stopping(day):  # type: ignore[arg-type]
        signal.raise_signal(signal.SIGINT)
        assert day.reason == "SIGINT"
        signal.raise_signal(signal.SIGINT)


def test_the_days_report(front: Front, day: type[FakeDay]) -> None:
    result = DayResult(
        day=date(2026, 11, 23),
        realised=10_000,
        unrealised=-2_000,
        fees=300,
        taxes=1_400,
        trades=2,
        wins=1,
        bought=700_000,
        sold=711_700,
        at=OPEN,
    )
    day.report = DayReport(days=[result], orders=4, alarms=["one"], ended="over")
    assert [*front("run", "--until-close").items[0]] == [
        *("kind", "ended", "orders", "alarms", "days", "positions")
    ]
    assert front("run", terminal=True).out == (
        "day         realised  unrealised   total  trades  wins   bought     sold  costs\n"
        "2026-11-23   +10,000      -2,000  +8,000       2     1  700,000  711,700  1,700\n"
        "\nHeld\n(none)\nalarm: one\n4 orders sent; over\n"
    )


@pytest.mark.parametrize("code", [code for code in ExitCode if code not in (0, 2, 3)])
def test_a_day_that_ended_badly_has_its_exit_code(
    code: ExitCode, front: Front, day: type[FakeDay]
) -> None:
    day.report = DayReport(ended="the token is dead", exit_code=code)
    ran = front("run")
    assert ran.code == code
    assert "kt: the run ended: the token is dead." in ran.err


def test_unknown_orders_at_the_end_of_the_day_are_exit_code_7(
    front: Front, day: type[FakeDay]
) -> None:
    front.world.broker.outcomes, front.world.broker.taken = [unknown()], False
    front("order", "buy", SAMSUNG, "1", "--price", "70000")
    ran = front("run")
    assert ran.code == ExitCode.UNKNOWN


def test_a_cycle_whose_analyst_is_replayed_asks_nobody(front: Front) -> None:
    front.world.analyst = RulesAnalyst(front.world.clock)  # type: ignore[assignment]
    assert front("run", "--once").code == 0
    again = front("run", "--once", "--replay-analyst")
    assert again.code == 0, again.err
    assert "by rules" in again.err
    front.world.clock.advance(1)
    missed = front("run", "--once", "--replay-analyst")
    assert missed.code == 1
    assert "failed: the replay has no answer to this shortlist question (rules, rules-2," in (
        " ".join(missed.err.split())
    )
    assert "2 step(s) failed: scan ai" in missed.err or "1 step(s) failed: scan ai" in missed.err
