"""The list of stocks is asked for once a day, whoever asks; a broken file costs time alone."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from datetime import datetime
from pathlib import Path

import pytest

from kt.broker.instrument_cache import InstrumentCache
from kt.broker.kiwoom import Kiwoom
from kt.clock import ManualClock
from kt.errors import Unreachable
from kt.records import KST, Instrument, MarketName
from tests.broker.wiring import line, ok

SERVER = "http://broker.test"
STOCKS = (
    Instrument(
        stock_code="0156T0", stock_name="이름", market=MarketName.KOSDAQ, base_price=1_000,
        listed_shares=5, warning="투자주의", kind="ETF",
    ),
)  # fmt: skip


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=KST)


class Asked:
    """Counts how often the broker was asked."""

    def __init__(self, stocks: tuple[Instrument, ...] = STOCKS) -> None:
        self.times = 0
        self.stocks = stocks

    def __call__(self) -> tuple[Instrument, ...]:
        self.times += 1
        return self.stocks


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(at("2026-11-23T09:00"))


def test_another_process_reads_what_one_has_fetched(tmp_path: Path, clock: ManualClock) -> None:
    asked = Asked()
    assert InstrumentCache(tmp_path, SERVER, clock).get(asked) == STOCKS
    assert InstrumentCache(tmp_path, SERVER, clock).get(asked) == STOCKS
    assert asked.times == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stocks.json", "stocks.lock"]


@pytest.mark.parametrize(
    ("then", "times"),
    [
        ("2026-11-23T23:59:59", 1),
        ("2026-11-24T07:59:59", 1),
        ("2026-11-24T08:00:00", 2),
        ("2026-11-25T12:00:00", 2),
    ],
)
def test_the_list_ends_with_the_trading_day(
    tmp_path: Path, clock: ManualClock, then: str, times: int
) -> None:
    asked, stocks = Asked(), InstrumentCache(tmp_path, SERVER, clock)
    stocks.get(asked)
    clock.set(at(then))
    stocks.get(asked)
    assert asked.times == times


def test_a_list_from_before_eight_is_yesterdays(tmp_path: Path, clock: ManualClock) -> None:
    asked, stocks = Asked(), InstrumentCache(tmp_path, SERVER, clock)
    clock.set(at("2026-11-23T06:00"))
    stocks.get(asked)
    clock.set(at("2026-11-23T08:00"))
    stocks.get(asked)
    assert asked.times == 2


def test_each_server_has_a_list_of_its_own(tmp_path: Path, clock: ManualClock) -> None:
    asked = Asked()
    for server in (SERVER, "http://other.test", "http://other.test"):
        InstrumentCache(tmp_path, server, clock).get(asked)
    assert asked.times == 2


def test_an_empty_or_failed_list_is_not_kept(tmp_path: Path, clock: ManualClock) -> None:
    stocks, empty = InstrumentCache(tmp_path, SERVER, clock), Asked(())
    assert stocks.get(empty) == stocks.get(empty) == ()
    assert empty.times == 2

    def failing() -> tuple[Instrument, ...]:
        raise Unreachable("gone")

    with pytest.raises(Unreachable):
        stocks.get(failing)
    assert stocks.get(Asked()) == STOCKS


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"server":"x","day":"y","stocks":[1]}'])
def test_a_broken_file_is_fetched_anew(tmp_path: Path, clock: ManualClock, content: bytes) -> None:
    asked, stocks = Asked(), InstrumentCache(tmp_path, SERVER, clock)
    stocks.path.write_bytes(content)
    assert stocks.get(asked) == stocks.get(asked) == STOCKS
    assert asked.times == 1


def test_a_folder_that_cannot_be_written_costs_time_alone(clock: ManualClock) -> None:
    asked, stocks = Asked(), InstrumentCache(Path("/dev/null/nowhere"), SERVER, clock)
    assert stocks.get(asked) == stocks.get(asked) == STOCKS
    assert asked.times == 2


def _ask(folder: str, door: "multiprocessing.synchronize.Barrier") -> None:  # noqa: UP037
    def fetch() -> tuple[Instrument, ...]:
        time.sleep(0.1)
        (Path(folder) / f"asked-{os.getpid()}").touch()
        return STOCKS

    door.wait(20)
    assert (
        InstrumentCache(Path(folder), SERVER, ManualClock(at("2026-11-23T09:00"))).get(fetch)
        == STOCKS
    )


def test_processes_at_once_ask_once(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    door = fork.Barrier(4)
    racing = [fork.Process(target=_ask, args=(str(tmp_path), door)) for _ in range(4)]
    for process in racing:
        process.start()
    for process in racing:
        process.join(20)
    assert [process.exitcode for process in racing] == [0] * 4
    assert len(list(tmp_path.glob("asked-*"))) == 1


def test_threads_at_once_ask_once(tmp_path: Path, clock: ManualClock) -> None:
    asked, stocks = Asked(), InstrumentCache(tmp_path, SERVER, clock)
    racing = [threading.Thread(target=stocks.get, args=(asked,)) for _ in range(8)]
    for thread in racing:
        thread.start()
    for thread in racing:
        thread.join()
    assert asked.times == 1


def test_the_market_port_uses_it(tmp_path: Path) -> None:
    row = {"code": "005930", "name": "삼성전자", "lastPrice": "00070000", "listCount": "5"}
    told = line(lambda _: ok(list=[row]), tmp_path)
    market = Kiwoom(told.rest, told.clock, day_list=InstrumentCache(tmp_path, SERVER, told.clock))
    first = market.instruments()
    assert [stock.stock_code for stock in first] == ["005930", "005930"]  # one for each market
    assert market.instruments() == first
    assert len(told.requests) == 2
