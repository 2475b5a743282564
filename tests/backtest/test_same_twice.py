"""The same version, configuration and seed give the same journal, to the byte of its normalised
form: in another process, under another hash seed, alone or beside another one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

SETTINGS = {
    "session.start": "10:08",
    "session.prepare": "10:09",
    "session.open": "10:10",
    "session.last_buy": "10:16",
    "session.close": "10:17",
    "session.idle": "10:20",
    "limits.min_confidence": "0.4",
    "scan.fast_every": "60",
    "scan.fast_keep": "20",
    "scan.deep_keep": "10",
    "scan.ai_every": "120",
    "exits.take_profit_pct": "0.5",
    "exits.stop_loss_pct": "0.5",
}
"""A day of seven minutes in which something is bought and sold."""


def start(folder: Path, hash_seed: int, *more: str) -> subprocess.Popen[bytes]:
    """`kt backtest` of that day in a process of its own."""
    given = [f"--set={key}={value}" for key, value in SETTINGS.items()]
    line = [sys.executable, "-m", "kt", "backtest", "--seed=7", "-q", "-o", "json", *given]
    environ = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "KT_STATE_DIR": str(folder)}
    environ |= {"XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}  # no configuration but ours
    environ["TZ"] = "UTC" if hash_seed % 2 else "America/New_York"
    return subprocess.Popen([*line, *more], stdout=subprocess.PIPE, env=environ)


def result(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    item: dict[str, Any] = msgspec.json.decode(out)["items"][0]
    return item


SHORT = ("--set=session.last_buy=10:12", "--set=session.close=10:13")


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A shorter day, to be compared with others."""
    return result(start(tmp_path_factory.mktemp("usual"), 1, *SHORT))


def test_a_day_is_the_same_twice(tmp_path: Path) -> None:
    one, two = start(tmp_path / "1", 1), start(tmp_path / "2", 2)
    beside = [result(one), result(two)]
    alone = result(start(tmp_path / "3", 3))
    assert beside[0]["orders"] > 2 and beside[0]["days"][0]["bought"] > 0
    digests = {found["digest"] for found in (*beside, alone)}
    assert len(digests) == 1, differences(beside[0]["folder"], beside[1]["folder"])
    figures = [{**found, "folder": ""} for found in (*beside, alone)]
    assert figures[0] == figures[1] == figures[2]


def test_recorded_answers_give_the_same_day(tmp_path: Path, usual: dict[str, Any]) -> None:
    given = ("--analyst=replay", f"--answers={usual['folder']}", "--set=analyst.kind=rules")
    again = start(tmp_path / "2", 2, *SHORT, *given)
    other = start(tmp_path / "3", 3, *SHORT, *given, "--set=scan.ai_keep=2")
    assert result(again)["digest"] == usual["digest"]
    assert result(other)["orders"] == 0, "what was not asked then has no answer"


def differences(first: str, second: str) -> list[tuple[str, str]]:
    """The first rows in which two journals differ."""
    from kt.store.normalised import normalised

    both = [list(normalised(Path(folder) / "sim" / "kt.db")) for folder in (first, second)]
    return [pair for pair in zip(*both, strict=False) if pair[0] != pair[1]][:3]


def test_another_setting_is_another_journal(tmp_path: Path, usual: dict[str, Any]) -> None:
    changed = ("--set=exits.stop_loss_pct=3", "--set=limits.positions=1")
    other = result(start(tmp_path, 1, *SHORT, *changed))
    assert other["digest"] != usual["digest"]
    compared(usual["folder"], other["folder"])


def compared(usual: str, other: str) -> None:
    """`kt compare` finds nothing in a journal beside itself, and beside the other one differences
    whose costs add up."""
    for folder, same in ((usual, True), (other, False)):
        line = [sys.executable, "-m", "kt", "compare", usual, folder, "-o", "json"]
        environ = {**os.environ, "HOME": usual, "XDG_CONFIG_HOME": usual, "KT_STATE_DIR": usual}
        ran = subprocess.run(line, stdout=subprocess.PIPE, env=environ, check=True, timeout=60)
        (found,) = msgspec.json.decode(ran.stdout)["items"]
        assert found["counts"][1]["live"] > 0
        assert (found["differences"] == []) is same
        costs = sum(row["cost"] for row in found["differences"])
        assert costs == found["difference"]
        assert found["difference"] == found["live_realised"] - found["backtest_realised"]
