"""kt sweep as people start it: real processes, real backtests of a very short day, and a kill in
the middle."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kt.files import process_lives
from tests.backtest.test_bars import LINES, WINDOW
from tests.backtest.test_same_twice import SETTINGS as ITS_SETTINGS
from tests.backtest.test_same_twice import result
from tests.backtest.test_same_twice import start as backtest
from tests.bar_data import write

SETTINGS = {
    "session.start": "10:08",
    "session.prepare": "10:09",
    "session.open": "10:10",
    "session.last_buy": "10:12",
    "session.close": "10:13",
    "session.idle": "10:15",
    "limits.min_confidence": "0.4",
    "scan.fast_every": "60",
    "scan.fast_keep": "20",
    "scan.deep_keep": "10",
    "scan.ai_every": "60",
}
"""A day of three minutes in which something is bought."""


SETS = "--over=limits.per_stock=300000,1000000"


def sweep(folder: Path, *more: str, short: bool = True) -> subprocess.Popen[bytes]:
    """`kt sweep` in a process of its own: of two sets on that day, or of what `more` says."""
    given = [SETS, *(f"--set={key}={value}" for key, value in SETTINGS.items())] if short else []
    line = [sys.executable, "-m", "kt", "sweep", "--seeds=7", "--min-trades=0", "-o", "json"]
    environ = {**os.environ, "KT_STATE_DIR": str(folder), "KT_LANG": "en"}
    environ |= {"XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}  # no configuration but ours
    return subprocess.Popen(
        [*line, *given, *more],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ, start_new_session=True,
    )  # fmt: skip


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(word) for word in text.split()]


@pytest.mark.timeout(300)
def test_a_killed_sweep_goes_on_and_finds_the_same(tmp_path: Path) -> None:
    killed = sweep(tmp_path / "1", "--jobs=1")
    assert killed.stderr is not None
    lines = iter(killed.stderr.readline, b"")
    assert any(b"1 of 2: per_stock=300000: " in line for line in lines)
    (worker,) = children(killed.pid)
    killed.send_signal(signal.SIGKILL)
    until(lambda: not process_lives(worker), 2.0)  # in the middle of its trial
    killed.communicate(timeout=20)
    again = sweep(tmp_path / "1", "--jobs=2")
    resumed, said = finished(again)
    assert b"1 of 2: " not in said and b"2 of 2: per_stock=1000000: " in said
    assert not list((tmp_path / "1" / "sweeps").glob("trial-*")), "no journal is left"
    whole, _ = finished(sweep(tmp_path / "2", "--jobs=2"))
    assert resumed == whole
    scores = {one["values"]["limits.per_stock"]: one["score"] for one in whole["sets"]}
    assert scores["300000"] != scores["1000000"], "the key made a difference"


def finished(process: subprocess.Popen[bytes]) -> tuple[dict[str, Any], bytes]:
    out, said = process.communicate(timeout=200)
    assert process.returncode == 0, said
    item: dict[str, Any] = msgspec.json.decode(out)["items"][0]
    return item, said


def test_ctrl_c_ends_the_workers_and_gives_their_trials_back(tmp_path: Path) -> None:
    process = sweep(tmp_path, "--jobs=2", "--study=one")
    log = tmp_path / "sweeps" / "one.log"
    until(lambda: log.exists() and log.read_text().count('"owner"') == 2)
    workers = children(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    out, said = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert b"stopped after 0 of 2 trials: repeat this command to go on" in said
    assert len(workers) == 2
    # One that was just being started ends by itself: its orders have ended.
    until(lambda: not any(map(process_lives, workers)))
    states = re.findall(r'"op_code":6,.*"state":(\d)', log.read_text())
    assert states[-2:] == ["3", "3"], "given up, for whoever goes on"


def until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.timeout(240)
def test_a_trial_is_the_backtest_of_its_set(tmp_path: Path) -> None:
    """On minute bars, with what the verdict says to paste."""
    bars = write(tmp_path / "bars.csv", LINES)
    fixed = [f"--set={key}={value}" for key, value in (ITS_SETTINGS | WINDOW).items()]
    given = (f"--data={bars}", "--days=1", "--test=0", "--over=limits.positions=1,3", *fixed)
    found, _ = finished(sweep(tmp_path / "sweep", *given, short=False))
    assert found["sets"][0]["trades"] > 0
    assert found["sets"][0]["score"] != found["sets"][1]["score"], "the key made a difference"
    pasted = [f"--set={line.split()[1]}" for line in found["settings"]]
    run = backtest(tmp_path / "backtest", 1, f"--data={bars}", "--days=1", *pasted)
    whole = result(run)
    grown = whole["equity"] / whole["capital"] - 1
    assert found["winner"]["score"] == round(100 * grown, 4)
    assert found["winner"]["trades"] == whole["performance"]["trades"]
