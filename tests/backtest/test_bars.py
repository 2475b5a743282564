"""Backtests on minute bars, whole: the trades are in a normal journal, the same every time, and
nothing that is decided up to a time depends on the bars after it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.backtest.test_same_twice import differences, result, start
from tests.bar_data import DAYS, Line, at, other_future, walk, write

DAY = DAYS[1]
WINDOW = {
    "session.start": "10:18",
    "session.prepare": "10:19",
    "session.open": "10:20",
    "session.last_buy": "10:29",
    "session.close": "10:33",
    "session.idle": "10:34",
    "scan.ai_every": "60",
    "questions.profit.ask": "false",
    "exits.take_profit_pct": "0.5",
}
"""A quarter of an hour in which all stocks rise one after another."""
STOCKS = {"005930": 70_000, "000660": 180_000, "105560": 61_000}
LINES: list[Line] = [
    line for code, price in STOCKS.items() for line in walk(code, price, DAYS, 1, range(120))
]
REPLACED = 300
"""More than the bars that are replaced in a look-ahead test, at the least."""


def backtest(folder: Path, data: Path, *more: str, hash_seed: int = 1) -> subprocess.Popen[bytes]:
    given = [f"--set={key}={value}" for key, value in WINDOW.items()]
    return start(folder, hash_seed, f"--data={data}", *given, *more)


def kt(folder: str, *line: str) -> dict[str, Any]:
    """What a command says about a backtest's folder."""
    command = [sys.executable, "-m", "kt", *line, f"--config={folder}/config.yaml", "-o", "json"]
    ran = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr.decode()
    found: dict[str, Any] = msgspec.json.decode(ran.stdout)
    return found


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[dict[str, Any]]]:
    """The same backtest twice: from one long table, and from a folder with a file for each stock,
    under another hash seed."""
    folder = tmp_path_factory.mktemp("bars")
    (folder / "each").mkdir()
    for code in STOCKS:
        write(folder / "each" / f"{code}.csv", [line for line in LINES if line[0] == code])
    one = backtest(folder / "1", write(folder / "bars.csv", LINES), "--days=1")
    two = backtest(folder / "2", folder / "each", f"--to={DAY}", hash_seed=2)
    found = result(one), result(two)
    yield found
    kt(found[0]["folder"], "sim", "stop")  # what reads a folder starts its exchange


def test_the_same_bars_give_the_same_journal(both: Sequence[dict[str, Any]]) -> None:
    one, two = both
    assert one["digest"] == two["digest"], differences(one["folder"], two["folder"])
    assert one["data"]["sha256"] == two["data"]["sha256"]
    assert one["first"] == one["last"] == str(DAY), "the data's first day gives base prices"
    assert one["performance"]["trades"] >= 1 and one["orders"] >= 4


def test_every_trade_is_in_a_normal_journal(both: Sequence[dict[str, Any]]) -> None:
    found = both[0]
    folder, since = found["folder"], f"--since={DAY}"
    (day,) = kt(folder, "pnl", since)["items"]
    assert day["realised"] == found["performance"]["profit"] and day["bought"] > 0
    trades = kt(folder, "pnl", since, "--by=trade")["items"]
    assert sum(not trade["open"] for trade in trades) == found["performance"]["trades"]
    orders = kt(folder, "log", since, "--kind=order", "-n1000")["items"]
    assert len(orders) >= found["orders"]
    assert f"{found['performance']['profit']:+,}" in kt_report(folder)


def kt_report(folder: str) -> str:
    command = [sys.executable, "-m", "kt", "report", str(DAY), f"--config={folder}/config.yaml"]
    ran = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr.decode()
    return ran.stdout.decode()


def test_what_is_decided_until_a_time_needs_no_later_bar(tmp_path: Path) -> None:
    """The journal of everything until then is the same to the byte when every later bar is
    another one."""
    since = at(DAY, 88)
    other = other_future(LINES, since)
    assert sum(line not in set(LINES) for line in other) > REPLACED
    short = ["--set=session.last_buy=10:27"]
    short += [f"--set=session.{name}={since:%H:%M}" for name in ("close", "idle")]
    runs = [
        backtest(tmp_path / name, write(tmp_path / f"{name}.csv", lines), "--days=1", *short)
        for name, lines in (("one", LINES), ("two", other))
    ]
    one, two = (result(run) for run in runs)
    assert one["days"][0]["bought"] > 0
    assert one["digest"] == two["digest"], differences(one["folder"], two["folder"])
