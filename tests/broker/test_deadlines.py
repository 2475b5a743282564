"""A question's time is bounded by who asks, whatever it would have to wait for."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kt.broker.instrument_cache import InstrumentCache
from kt.broker.rest import deadlines, transport
from kt.broker.rest.deadlines import TIMEOUTS, CallTimeouts, timeouts_of
from kt.broker.rest.endpoints import Group, Priority, find
from kt.broker.rest.rate_limit import Pacer
from kt.clock import SystemClock
from kt.errors import Busy, RateLimited, Unreachable
from kt.ports.patience import asked_once, bounded, regardless, time_left, within
from kt.records import OutcomeStatus
from tests.broker.hostile import TAKEN, Deed, answer, dripping, serving, silence
from tests.broker.test_kiwoom_orders import BUY
from tests.broker.test_odd_answers import client
from tests.broker.wiring import answers, line, ok

SHORT = 0.2


@contextlib.contextmanager
def at_once(limit: float = SHORT) -> Iterator[None]:
    """The block ends soon after `limit`."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < limit + 0.4


def test_limits_nest_and_end() -> None:
    assert (time_left(), asked_once()) == (float("inf"), False)
    with within(1.0):
        assert asked_once() and 0.9 < time_left() <= 1.0
        with within(30.0):
            assert time_left() <= 1.0
        with bounded(0.1):
            assert asked_once() and time_left() <= 0.1
        with regardless(10.0):
            assert not asked_once() and time_left() > 9
        assert time_left() > 0.5
    with bounded(1.0):
        assert not asked_once()
    with within(-1.0):
        assert time_left() == 0.0
    assert time_left() == float("inf")


def test_a_limit_is_its_threads_own() -> None:
    seen: list[float] = []
    with within(1.0):
        thread = threading.Thread(target=lambda: seen.append(time_left()))
        thread.start()
        thread.join()
    assert seen == [float("inf")]


def test_every_priority_has_its_patience() -> None:
    assert set(TIMEOUTS) == set(Priority)
    assert all(one.once < one.whole for one in TIMEOUTS.values())
    assert TIMEOUTS[Priority.EXIT].once < TIMEOUTS[Priority.SCAN].once
    assert timeouts_of(find("ka10001"), Priority.EXIT) is TIMEOUTS[Priority.EXIT]
    assert timeouts_of(find("ka10099"), Priority.EXIT) is TIMEOUTS[Priority.SCAN]


@pytest.mark.parametrize("deed", [silence, dripping(b"HTTP/1.1 200 OK\r\n" + b"X" * 99)])
def test_a_question_has_one_try_and_its_own_time(deed: Deed, tmp_path: Path) -> None:
    with (
        serving(deed) as server,
        client(server, tmp_path) as kiwoom,
        at_once(),
        pytest.raises(Unreachable, match="read timeout"),
        within(SHORT),
    ):
        kiwoom.holdings()
    assert len(server.requests) == 1


def test_a_question_in_haste_is_not_repeated(tmp_path: Path) -> None:
    told = line(answers(httpx.Response(503, text="x")), tmp_path)
    with pytest.raises(Unreachable), within(1.0):
        told.rest.call("ka00001")
    assert (len(told.requests), told.clock.slept) == (1, [])


def test_a_dead_token_is_still_replaced(tmp_path: Path) -> None:
    dead = httpx.Response(200, json={"return_code": 3, "return_msg": "x[8005:y]"})
    told = line(answers(dead, ok(acctNo="1")), tmp_path)
    with within(1.0):
        assert told.rest.call("ka00001").body["acctNo"] == "1"


def test_all_tries_of_a_query_are_bounded_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four tries of 0.2 s and pauses of 3.5 s would be 4.3 s."""
    monkeypatch.setitem(deadlines.TIMEOUTS, Priority.ACCOUNT, CallTimeouts(0.2, 0.9))
    with (
        serving(silence) as server,
        client(server, tmp_path) as kiwoom,
        at_once(0.9),
        pytest.raises(Unreachable, match="read timeout"),
    ):
        kiwoom.rest.call("ka00001")
    assert len(server.requests) == 2


def test_a_turn_that_comes_too_late_is_not_waited_for(tmp_path: Path) -> None:
    paced, chart = Pacer(tmp_path, "k", SystemClock(), 0.5, 0.5), find("ka10080")
    paced.wait(chart)
    with at_once(0.0), pytest.raises(RateLimited, match="no turn for it in time"), within(SHORT):
        paced.wait(chart)
    assert '"waiting":[]' in paced.file(Group.QUERY).read_text()


def test_an_order_does_not_wait_behind_scans(tmp_path: Path) -> None:
    """Thirty scans stand in their queues, and an order's turn comes at once."""
    paced = Pacer(tmp_path, "k", SystemClock(), 0.5, 5)
    ids = ("ka10079", "ka10080", "ka10081")
    scans = [find(one) for one in ids for _ in range(10)]

    def scan(one: str) -> None:
        with contextlib.suppress(RateLimited), bounded(0.0 if over.is_set() else 1.0):
            paced.wait(find(one), Priority.SCAN)

    over = threading.Event()
    threads = [threading.Thread(target=scan, args=(endpoint.api_id,)) for endpoint in scans]
    for thread in threads:
        thread.start()
    took = []
    for _ in range(3):
        began = time.monotonic()
        paced.wait(find("kt10001"))
        took.append(time.monotonic() - began)
    over.set()
    for thread in threads:
        thread.join(10)
    assert took[0] < 0.15 and max(took) < 0.45


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """As another process would hold it."""
    path.parent.mkdir(exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(handle)


def test_a_lock_that_somebody_holds_is_waited_for_no_longer(tmp_path: Path) -> None:
    told = line(answers(ok()), tmp_path)
    for path in (told.rest.tokens.path, told.rest.pacer.file(Group.QUERY)):
        lock = path.with_suffix(".lock")
        with locked(lock), within(SHORT), at_once(), pytest.raises(Busy, match="somebody else"):
            told.rest.call("ka00001")
        told.rest.tokens.token()
    assert told.requests == []


def test_a_thread_that_holds_the_lock_is_waited_for_no_longer(tmp_path: Path) -> None:
    told = line(answers(ok()), tmp_path)
    with told.rest.tokens._threads, within(SHORT), at_once(), pytest.raises(Busy):
        told.rest.call("ka00001")


def test_a_token_has_a_bound_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kt.broker.rest.token.TOKEN", CallTimeouts(SHORT, SHORT))
    told = line(answers(ok()), tmp_path)
    with locked(told.rest.tokens.path.with_suffix(".lock")), at_once(), pytest.raises(Busy):
        told.rest.tokens.token()


def test_the_list_of_stocks_goes_on_without_a_lock(tmp_path: Path) -> None:
    stocks = InstrumentCache(tmp_path, "server", SystemClock())
    with locked(tmp_path / "stocks.lock"), within(SHORT), at_once():
        assert stocks.get(lambda: ()) == ()
    with stocks._threads, within(SHORT), at_once():
        assert stocks.get(lambda: ()) == ()


def test_an_order_has_its_own_time_whoever_sends_it(tmp_path: Path) -> None:
    slow = dripping(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(TAKEN), TAKEN), 0.002)
    with serving(slow) as server, client(server, tmp_path) as kiwoom, within(0.0):
        assert kiwoom.place(BUY).status is OutcomeStatus.ACKED
        with pytest.raises(Unreachable):
            kiwoom.rest.call("ka00001")


def test_an_order_waits_for_its_turn_whoever_sends_it(tmp_path: Path) -> None:
    with serving(answer()) as server, client(server, tmp_path) as kiwoom:
        kiwoom.rest.pacer = Pacer(tmp_path, "slow", SystemClock(), 5, 2.5)
        with within(0.1):
            found = [kiwoom.place(BUY).status for _ in range(3)]
    assert found == [OutcomeStatus.ACKED] * 3


def test_an_order_that_had_to_wait_has_its_whole_time_for_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(deadlines.TIMEOUTS, Priority.ORDER, CallTimeouts(once=2.0, whole=0.1))
    slow = dripping(b"HTTP/1.1 200 OK\r\n\r\n" + TAKEN, 0.004)
    with serving(slow) as server, client(server, tmp_path) as kiwoom:
        assert kiwoom.place(BUY).status is OutcomeStatus.ACKED


def test_an_orders_budget_file_does_not_hold_up_its_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kt.broker.rest.client.BOOKS_SECONDS", SHORT)

    def handler(_: httpx.Request) -> httpx.Response:
        stack.enter_context(locked(told.rest.pacer.file(Group.ORDER).with_suffix(".lock")))
        return httpx.Response(429, text="<html>")

    told = line(handler, tmp_path)
    with contextlib.ExitStack() as stack, at_once():
        assert told.kiwoom.place(BUY).status is OutcomeStatus.UNKNOWN


def test_a_name_that_is_not_found_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's look-up knows no deadline."""
    asked, go = threading.Event(), threading.Event()

    def slow(*_: object, **__: object) -> list[object]:
        asked.set()
        go.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with at_once(), pytest.raises(transport.httpcore.ConnectTimeout):
        transport.dial("broker.test", 443, time.monotonic() + SHORT)
    assert asked.is_set()
    go.set()


def test_a_name_of_two_addresses_is_tried_at_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "resolve", lambda *_: ["::1", "127.0.0.1"])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        transport.dial("broker.test", port, time.monotonic() + 5).close()
    with pytest.raises(transport.httpcore.ConnectError):
        transport.dial("broker.test", port, time.monotonic() + 5)


def test_names_are_looked_up_by_the_system() -> None:
    assert "127.0.0.1" in transport.resolve("localhost", 80, time.monotonic() + 5)
    with pytest.raises(transport.httpcore.ConnectError):
        transport.resolve("x" * 70 + ".test", 80, time.monotonic() + 5)


def test_pages_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kt.broker.rest.client.PAGES_SECONDS", -1.0)
    more = httpx.Response(200, json={"return_code": 0}, headers={"cont-yn": "Y", "next-key": "k"})
    told = line(answers(more), tmp_path)
    with pytest.raises(Unreachable, match="its 1 pages took over"):
        list(told.rest.pages("ka10080"))
