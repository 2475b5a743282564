"""The stream against the embedded exchange over real sockets: orders, fills, cuts, the kick."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kt.broker.kiwoom import Kiwoom
from kt.broker.rest.client import Http, Rest
from kt.broker.rest.rate_limit import Pacer
from kt.broker.rest.token import TokenSource
from kt.broker.rest.token_server import WireTokenServer
from kt.broker.stream.live import KiwoomStream
from kt.broker.stream.timeouts import Timeouts
from kt.config.secrets import AppKeys
from kt.errors import KtError
from kt.records import (
    BalanceNotice,
    BookUpdate,
    Execution,
    OrderNotice,
    OrderTicket,
    OrderType,
    OutcomeStatus,
    Side,
    StreamKind,
    StreamState,
    Tick,
)
from tests.broker.scripted import Sink, wait_for
from tests.serving import Served, serve

CODE = "005930"
ACCOUNT = (StreamKind.ORDERS, StreamKind.BALANCE)
PATIENCE = Timeouts(backoff=(0.02,), brief=0.0)


class Program:
    """kt's client with a state folder of its own, as one machine would run it."""

    def __init__(self, served: Served, folder: Path, app_key: str = "kt-sim") -> None:
        folder.mkdir(exist_ok=True)
        self.served = served
        self.folder = folder
        keys = AppKeys(app_key, "secret")
        self.http = Http(served.base_url)
        pacer = Pacer(folder, app_key, served.clock, 1_000.0, 1_000.0)
        server = WireTokenServer(self.http, pacer, served.clock)
        self.tokens = TokenSource(keys, served.base_url, folder, served.clock, server)
        rest = Rest(self.http, self.tokens, pacer, served.clock)
        self.kiwoom = Kiwoom(rest, served.clock)
        self.app_key = app_key
        self.faults: list[KtError] = []
        self.streams: list[KiwoomStream] = []

    def stream(self) -> KiwoomStream:
        stream = KiwoomStream(
            self.served.ws_url,
            self.tokens,
            self.served.clock,
            self.folder / "locks",
            self.app_key,
            report=self.faults.append,
            timeouts=PATIENCE,
        )
        self.streams.append(stream)
        return stream

    def buy(self, quantity: int) -> str:
        outcome = self.kiwoom.place(
            OrderTicket(
                side=Side.BUY,
                stock_code=CODE,
                quantity=quantity,
                order_type=OrderType.MARKET,
                price=0,
            )
        )
        assert outcome.status is OutcomeStatus.ACKED, outcome
        return outcome.ord_no

    def close(self) -> None:
        for stream in self.streams:
            stream.close()
        self.http.close()
        assert self.faults == [], "every row of the exchange can be read"


Run = Callable[..., Program]


@pytest.fixture
def served() -> Iterator[Served]:
    with serve(speed=5.0) as running:
        yield running


@pytest.fixture
def run(served: Served, tmp_path: Path) -> Iterator[Run]:
    programs: list[Program] = []

    def start(folder: str = "one", app_key: str = "kt-sim") -> Program:
        programs.append(Program(served, tmp_path / folder, app_key))
        return programs[-1]

    yield start
    for program in programs:
        program.close()


def notices(sink: Sink, ord_no: str) -> list[OrderNotice]:
    return [e for e in sink.events if isinstance(e, OrderNotice) and e.ord_no == ord_no]


def filled(sink: Sink, ord_no: str) -> int:
    return sum(notice.fill_quantity for notice in notices(sink, ord_no))


def test_prices_books_orders_fills_and_balance(run: Run) -> None:
    program, sink = run(), Sink()
    stream = program.stream()
    stream.start(sink)
    stream.subscribe([*StreamKind], [CODE])
    wait_for(lambda: any(isinstance(event, BookUpdate) for event in sink.events))
    wait_for(lambda: sink.prices)
    ord_no = program.buy(7)
    wait_for(lambda: filled(sink, ord_no) == 7)
    first, *_, last = notices(sink, ord_no)
    assert (first.status, first.quantity, first.side) == ("RECEIVED", 7, Side.BUY)
    assert (last.status, last.open_quantity, last.stock_name) == ("FILL", 0, "삼성전자")
    assert last.fill_price > 0 and last.exec_no
    wait_for(lambda: any(isinstance(e, BalanceNotice) and e.quantity == 7 for e in sink.events))
    book = next(event.book for event in sink.events if isinstance(event, BookUpdate))
    tick = next(event for event in sink.events if isinstance(event, Tick))
    assert book.bids[0].price < book.asks[0].price
    assert tick.low <= tick.price <= tick.high
    assert tick.at.date() == program.served.clock.now().date()


def test_two_folders_with_one_key_and_the_older_one_ends(run: Run) -> None:
    one, other = run("one"), run("other")
    sink, newer = Sink(), Sink()
    one.stream().start(sink)
    stream = other.stream()
    stream.start(newer)
    wait_for(lambda: sink.states == ["connected", "replaced"])
    stream.subscribe([StreamKind.ORDERS])
    ord_no = other.buy(1)
    wait_for(lambda: filled(newer, ord_no) == 1)
    assert newer.states == ["connected"], "and nobody came back to fight"


def test_one_folder_and_one_key_share(run: Run) -> None:
    program, sinks = run(), [Sink(), Sink(), Sink()]
    for sink in sinks:
        stream = program.stream()
        stream.start(sink)
        stream.subscribe(ACCOUNT)
    ord_no = program.buy(3)
    wait_for(lambda: all(filled(sink, ord_no) == 3 for sink in sinks))
    details = [sink.state("connected").detail.split()[0] for sink in sinks]
    assert details == ["leader", "follower", "follower"]
    assert all(sink.states == ["connected"] for sink in sinks)
    program.streams[0].close()
    wait_for(lambda: all("reconnected" in sink.states for sink in sinks[1:]))
    ord_no = program.buy(2)
    wait_for(lambda: all(filled(sink, ord_no) == 2 for sink in sinks[1:]))


def test_other_keys_are_other_accounts(run: Run) -> None:
    one, other = run("one", "key-1"), run("one", "key-2")
    sinks = [Sink(), Sink()]
    for program, sink in zip((one, other), sinks, strict=True):
        stream = program.stream()
        stream.start(sink)
        stream.subscribe(ACCOUNT)
    ord_no = one.buy(1)
    wait_for(lambda: filled(sinks[0], ord_no) == 1)
    assert notices(sinks[1], ord_no) == []
    assert [sink.states for sink in sinks] == [["connected"], ["connected"]]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_a_cut_at_any_frame_loses_and_doubles_no_fill(
    served: Served, run: Run, nth: int, when: str
) -> None:
    """What the stream told and, after `reconnected`, what REST lists are the same fills."""
    program, sink = run(), Sink()
    stream = program.stream()
    stream.start(sink)
    stream.subscribe(ACCOUNT)
    served.set_faults([{"stream": "00", "action": "cut", "nth": nth, "when": when}])
    ord_nos = [program.buy(2), program.buy(3)]
    wait_for(lambda: "reconnected" in sink.states)
    rows: list[Execution] = []

    def complete() -> bool:
        rows[:] = [row for row in program.kiwoom.executions(CODE) if row.ord_no in ord_nos]
        return sum(row.quantity for row in rows) == 5

    wait_for(complete)
    told = [n for ord_no in ord_nos for n in notices(sink, ord_no) if n.status == "FILL"]
    assert len({(n.ord_no, n.exec_no) for n in told}) == len(told), "none twice"
    for ord_no in ord_nos:
        total = sum(row.quantity for row in rows if row.ord_no == ord_no)
        assert filled(sink, ord_no) <= total
    assert sink.states.count("lost") == sink.states.count("reconnected") == 1
    ord_no = program.buy(1)
    wait_for(lambda: filled(sink, ord_no) == 1)


def test_a_token_that_died_is_renewed_on_the_way_back(served: Served, run: Run) -> None:
    program, sink = run(), Sink()
    stream = program.stream()
    stream.start(sink)
    stream.subscribe(ACCOUNT)
    before = program.tokens.token()
    served.set_faults(
        [
            {"api": "kt10000", "action": "token_dead"},
            {"stream": "00", "action": "cut", "nth": 1},
        ]
    )
    ord_no = program.buy(1)
    wait_for(lambda: "reconnected" in sink.states)
    assert program.tokens.token() != before
    assert ord_no


def test_subscriptions_of_a_whole_market(run: Run) -> None:
    program, sink = run(), Sink()
    codes = [one.stock_code for one in program.kiwoom.instruments()][:180]
    stream = program.stream()
    stream.start(sink)
    started = time.monotonic()
    stream.subscribe([StreamKind.TRADE, StreamKind.BOOK], codes)
    assert len(codes) > 100
    assert time.monotonic() - started < 5.0
    seen: set[str] = set()

    def heard() -> bool:
        seen.update(e.stock_code for e in list(sink.events) if isinstance(e, Tick | BookUpdate))
        return len(seen) == len(codes)

    wait_for(heard, 20.0)
    assert not any(isinstance(e, StreamState) and e.state != "connected" for e in sink.events)
