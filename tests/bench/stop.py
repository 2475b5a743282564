"""From a tick on the socket to the stop-loss order's first byte on the wire, under load.

    python -m tests.bench.stop [--exits 300] [--ways http http-ready tls tls-ready]
                               [--state FOLDER] [--pause MS] [--frames 1500] [--quiet]

kt is itself: its stream, trading day, workers, journal on disk and REST line, in a process of its
own for each way of connecting (a fresh connection for each order, or one opened ahead; plain or
with TLS). Meanwhile 200 stocks stream, a deep scan follows the other, the analyst's call hangs,
and another process writes the journal, `--pause` milliseconds after each commit. `--quiet` leaves
the load out. The server (`loopback.py`) stamps the tick when it sends it, and the order when its
first byte is there. Ten positions are due in one burst at the end.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from kt.app import App, EmbeddedServer
from kt.broker.rest.send_progress import SendProgress
from kt.config.model import Config, Emergency, Limits
from kt.config.scan import Scan
from kt.engine.day import Day
from kt.engine.exits import EXIT
from kt.engine.runtime import WorkBatch
from kt.engine.workers import Task, Then
from kt.ids import new_id
from kt.records import (
    Fill,
    Order,
    OrderEventKind,
    OrderState,
    OrderType,
    Origin,
    Side,
    StreamEvent,
    StreamKind,
    SymbolLock,
    Tick,
)
from kt.rules.exit_prices import exit_prices
from kt.sim import launch
from kt.sim.server.settings import Settings
from kt.steps.context import Context
from kt.steps.order_events import event, fill_event
from kt.steps.orders import place
from kt.steps.portfolio import position_book
from kt.store.journal import SqliteJournal
from tests.bench.loopback import Setup, serve

STOCKS, HELD, SHARES = 200, 20, 10
WAYS = ("http", "http-ready", "tls", "tls-ready")
APART = (0.25, 0.4)
"""Seconds between two exits: one that waits for the order budget would measure the budget."""
STAGES = ("queued", "decided", "worker", "looked", "durable", "paced", "connected", "wire")
spawn = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Options:
    exits: int
    state: Path
    pause: float
    frames: int
    quiet: bool


@dataclass
class Marks:
    """When each exit came how far, by stock code; `perf_counter_ns`."""

    at: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    here: threading.local = field(default_factory=threading.local)

    def mark(self, code: str, what: str) -> None:
        self.at[code].setdefault(what, time.perf_counter_ns())

    def mine(self, what: str) -> None:
        """Of the exit that this thread works on."""
        code = getattr(self.here, "code", "")
        if code:
            self.mark(code, what)


class Whole:
    """kt's stream, subscribed to all stocks whatever the day is interested in."""

    def __init__(self, stream: Any, codes: Iterable[str], stops: dict[str, int], marks: Marks):
        self.stream, self.codes, self.stops, self.marks = stream, tuple(codes), stops, marks

    def start(self, sink: Callable[[StreamEvent], None]) -> None:
        def marked(event: StreamEvent) -> None:
            if isinstance(event, Tick) and event.price <= self.stops.get(event.stock_code, 0):
                self.marks.mark(event.stock_code, "queued")
            sink(event)

        self.stream.start(marked)
        self.stream.subscribe((StreamKind.TRADE, StreamKind.BOOK), self.codes)

    def subscribe(self, kinds: Iterable[StreamKind], stock_codes: Iterable[str] = ()) -> None:
        self.stream.subscribe(kinds, stock_codes)

    def unsubscribe(self, kinds: Iterable[StreamKind], stock_codes: Iterable[str]) -> None:
        """All of them stay."""

    def close(self) -> None:
        self.stream.close()


class Hanging:
    """An analyst who is asked and never answers."""

    name = model = "hanging"

    def shortlist(self, *_: object) -> Any:
        threading.Event().wait()

    decide = shortlist


def watch(marks: Marks, app: App, day: Day) -> None:
    """Put marks into kt's way, without a change to kt."""
    workers = day.runtime.workers
    later, reach, wait, heard = workers.start, place.hit, app.pacer.wait, SendProgress.trace

    def started(task: Task) -> bool:
        job, _, code = task.name.partition(".")
        if job != EXIT.name:
            return later(task)
        marks.mark(code, "decided")

        def marked() -> Then:
            marks.here.code = code
            marks.mine("worker")
            try:
                return task.work()
            finally:
                marks.here.code = ""

        return later(replace(task, work=marked))

    def reached(name: str, profile: str) -> None:
        for point, what in (("place.before_plan", "looked"), ("place.sending", "durable")):
            if name == point:
                marks.mine(what)
        reach(name, profile)

    def waited(*given: Any) -> int:
        number = wait(*given)
        marks.mine("paced")
        return number

    def told(progress: SendProgress, event: str, info: Any) -> None:
        if event == "http11.send_request_headers.started":
            marks.mine("connected")
        heard(progress, event, info)

    workers.start = started  # type: ignore[method-assign]
    place.hit = reached
    app.pacer.wait = waited  # type: ignore[method-assign]
    SendProgress.trace = told  # type: ignore[method-assign]


def configured(exchange: launch.Running, folder: Path, options: Options) -> Config:
    """The defaults, with a deep scan that never rests and emergencies that never come."""
    often = 3600.0 if options.quiet else 1.0
    return Config(
        profile="sim",
        state_dir=str(folder),
        scan=Scan(fast_every=10.0, deep_every=often, ai_every=often),
        limits=Limits(positions=1000, orders_per_minute=10_000, orders_per_day=100_000),
        emergency=Emergency(errors=10_000, burst_orders=10_000, rejects_in_row=10_000),
    )


@dataclass
class Rig:
    """One kt over one loopback server."""

    day: Day
    ctx: Context
    pipe: Connection
    marks: Marks
    prices: dict[str, int]
    stops: dict[str, int]
    seen: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    ready: threading.Event = field(default_factory=threading.Event)

    def hold(self, codes: list[str]) -> None:
        """Bought by somebody; on the decision thread, so that nothing comes between."""

        def book() -> None:
            with self.ctx.journal.together():
                for code in codes:
                    self.bought(code)
            # One that was sold before fell: without a trade since, it would be due at once.
            state = self.day.runtime.state
            state.prices.update({code: self.prices[code] for code in codes})
            state.refresh(self.ctx)
            self.ready.set()

        self.ready.clear()
        self.pipe.send(("hold", {code: (SHARES, self.prices[code]) for code in codes}))
        self.day.runtime.events.put(WorkBatch((book,)))
        assert self.ready.wait(30)

    def bought(self, code: str) -> None:
        """Somebody bought it: an order that filled at once."""
        now, price = self.ctx.clock.now(), self.prices[code]
        order = Order(
            order_id=new_id(now), run=self.ctx.run, side=Side.BUY, stock_code=code,
            stock_name=code, order_type=OrderType.MARKET, quantity=SHARES, price=price,
            state=OrderState.PLANNED, origin=Origin.EXTERNAL, created_at=now, updated_at=now,
        )  # fmt: skip
        fill = Fill(
            fill_id=order.order_id, order_id=order.order_id, ord_no="", stock_code=code,
            stock_name=code, side=Side.BUY, quantity=SHARES, price=price, at=now, from_quantity=0,
            to_quantity=SHARES, source="rest",
        )  # fmt: skip
        planned = event(self.ctx, order.order_id, OrderEventKind.PLANNED)
        self.ctx.journal.plan_order(order, planned)
        self.ctx.journal.record(fill_event(fill))
        position_book.book(self.ctx, code, price)

    def fall(self, codes: list[str]) -> None:
        """All of these through their stops in one burst, and wait for the orders."""
        for code in codes:
            self.marks.at.pop(code, None)
            self.seen.pop(code, None)
        self.pipe.send(("fall", [(code, self.stops[code]) for code in codes]))
        ends = time.monotonic() + 30
        while not all("order" in self.seen[code] for code in codes):
            assert time.monotonic() < ends, f"no order of {codes}"
            if self.pipe.poll(0.5):
                what, code, at = self.pipe.recv()
                self.seen[code].setdefault(what, at)

    def gone(self, code: str) -> None:
        """Wait until its fill is booked, but not for ever."""
        ends = time.monotonic() + 2
        while code in self.day.runtime.state.positions and time.monotonic() < ends:
            time.sleep(0.01)

    def exits(self, wanted: int) -> list[dict[str, int]]:
        """One after another."""
        found: list[dict[str, int]] = []
        while len(found) < wanted:
            codes = random.sample(sorted(self.prices), HELD)
            self.hold(codes)
            time.sleep(1.0)
            for code in codes:
                time.sleep(random.uniform(*APART))
                self.fall([code])
                found.append({**self.marks.at[code], **self.seen[code]})
                self.gone(code)
        return found

    def burst(self, count: int) -> list[float]:
        """Seconds from the tick until each of the orders was there."""
        time.sleep(2.0)
        codes = random.sample(sorted(self.prices), HELD)
        self.hold(codes)
        time.sleep(2.0)
        self.fall(codes[:count])
        took = [
            (self.seen[code]["order"] - self.seen[code]["tick"]) / 1e9 for code in codes[:count]
        ]
        return sorted(took)


def measure(way: str, options: Options, exchange: launch.Running, out: Connection) -> None:
    """One way, in a process of its own."""
    folder = Path(tempfile.mkdtemp(prefix=f"stop-{way}-", dir=options.state))
    tls = way.startswith("tls")
    certificates = str(certificate(folder)) if tls else ""
    if tls:
        os.environ["SSL_CERT_FILE"] = str(folder / "certificate.pem")
    codes = listed()
    pipe, far = spawn.Pipe()
    setup = Setup(
        exchange.base_url, exchange.clock, 20 if options.quiet else options.frames, certificates
    )
    server = spawn.Process(target=serve, args=(far, setup), daemon=True)
    server.start()
    _, rest, stream = pipe.recv()
    keys = {"KT_APP_KEY": "kt-bench", "KT_SECRET_KEY": "kt-bench"}
    app = App(configured(exchange, folder, options), os.environ | keys, lambda line: None)
    app.server = EmbeddedServer(
        f"http{'s' * tls}://127.0.0.1:{rest}", f"ws{'s' * tls}://127.0.0.1:{stream}", exchange.clock
    )
    ctx = replace(app.context("bench"), analyst=Hanging())  # type: ignore[arg-type]
    prices = {quote.stock_code: quote.price for quote in app.market.quotes(codes)}
    pipe.send(("prices", prices))
    stops = {code: exit_prices(price, ctx.config.exits).stop for code, price in prices.items()}
    marks = Marks()
    day = Day(ctx, lambda: Whole(app.stream(), codes, stops, marks))
    watch(marks, app, day)
    if way.endswith("ready"):
        app.http.keep_ready()
    rig = Rig(day, ctx, pipe, marks, prices, stops)
    writer = spawn.Process(target=write, args=(app.database, options.pause), daemon=True)
    if not options.quiet:
        writer.start()

    away, home = spawn.Pipe()
    sleeper = spawn.Process(target=idle, args=(home,), daemon=True)
    sleeper.start()

    def drive() -> None:
        try:
            while not (day.runtime.state.reconciled and day.runtime.feed.running):
                time.sleep(0.1)
            time.sleep(5.0)
            late: list[tuple[int, float]] = []
            busy = True
            threading.Thread(target=pulse, args=(lambda: busy, late), daemon=True).start()
            before = counted(app)
            began = time.monotonic()
            found = rig.exits(options.exits)
            took = time.monotonic() - began
            calls = (counted(app) - before) / took
            busy = False
            away.send("stop")
            out.send((found, rig.burst(10), calls, late, away.recv()))
        finally:
            day.stop("measured")

    threading.Thread(target=drive, daemon=True).start()
    report = day.run()
    for alarm in report.alarms:
        print("alarm:", alarm, file=sys.stderr)
    for process in (writer, server, sleeper):
        with contextlib.suppress(AssertionError, AttributeError):
            process.terminate()
            process.join()
    app.close()


def counted(app: App) -> int:
    """Calls of the broker's so far."""
    app.journal.flush()
    return int(app.journal._file.read("SELECT count(*) AS n FROM api_calls")[0]["n"])


def listed() -> tuple[str, ...]:
    lines = (Path(launch.__file__).parent / "stocks.csv").read_text(encoding="utf-8").splitlines()
    return tuple(line.partition(",")[0] for line in lines[1 : STOCKS + 1])


def write(database: Path, pause: float) -> None:
    """Another process that writes the journal, each time durably."""
    from kt.clock import SystemClock

    clock = SystemClock()
    with SqliteJournal(database, clock, database.parent / "halt.json", "sim") as journal:
        while True:
            lock = SymbolLock(stock_code="999990", reason="bench", order_id="", at=clock.now())
            journal.lock_symbol(lock)
            time.sleep(pause / 1000)


def pulse(seconds: Callable[[], bool], late: list[tuple[int, float]]) -> None:
    """How late a thread wakes up that sleeps for a millisecond, as long as `seconds` says so."""
    while seconds():
        began = time.perf_counter_ns()
        time.sleep(0.001)
        late.append((began, (time.perf_counter_ns() - began) / 1e6 - 1.0))


def idle(out: Connection) -> None:
    """A process that does nothing but wake up, until it is told to say how late it was."""
    late: list[tuple[int, float]] = []
    pulse(lambda: not out.poll(), late)
    out.send(late)


def certificate(folder: Path) -> Path:
    """A key and a certificate for 127.0.0.1, made now."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", folder / "key.pem", "-out", folder / "certificate.pem", "-days", "2",
         "-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


# --- what is shown ------------------------------------------------------------------------------


def figures(times: list[float]) -> str:
    """Median, p90, p99 and the longest, in ms."""
    ordered = sorted(times)
    p90, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * part))] for part in (0.9, 0.99))
    return f"{statistics.median(ordered):8.2f} {p90:8.2f} {p99:8.2f} {ordered[-1]:8.2f}"


def disk(folder: Path, rounds: int = 200) -> list[float]:
    """Milliseconds of the disk alone, for each write that must last."""
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        times = []
        for _ in range(rounds):
            began = time.perf_counter()
            os.write(file.fileno(), b"x" * 4096)
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - began) * 1000)
            time.sleep(0.005)
    return times


def line(what: str, shown: str) -> None:
    print(f"{what:26} {shown}")


def show(
    way: str, found: list[dict[str, int]], burst: list[float], calls: float, mine: Any, others: Any
) -> None:
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"\n{way}: {len(found)} exits beside {calls:.1f} calls a second; machine's load {load}")
    line("ms", f"{'median':>8} {'p90':>8} {'p99':>8} {'max':>8}")
    line("tick to first byte", figures([(one["order"] - one["tick"]) / 1e6 for one in found]))
    for before, after in zip(("tick", *STAGES[:-1]), STAGES, strict=True):
        last = "order" if after == "wire" else after
        spans = [(one[last] - one[before]) / 1e6 for one in found if before in one and last in one]
        if spans:
            line(f"  to {after}", figures(spans))
    line("kt wakes up late", figures([late for _, late in mine]))
    line("an idle process", figures([late for _, late in others]))
    waits = " ".join(f"{one:.2f}" for one in burst)
    line("ten at once, s each", f"{waits}  (5 a second allow 1.05 for the tenth)")


def main() -> int:
    """The exit code: 1 if a way of connecting could not be measured."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--exits", type=int, default=300)
    options.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    options.add_argument("--state", type=Path, default=None)
    options.add_argument("--pause", type=float, default=0.0)
    options.add_argument("--frames", type=int, default=1500)
    options.add_argument("--quiet", action="store_true")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="stop-", dir=given.state) as name:
        folder = Path(name)
        wanted = Options(given.exits, folder, given.pause, given.frames, given.quiet)
        print("under no load but the machine's own" if given.quiet else "under load")
        line("the disk before, ms", figures(disk(folder)))
        settings = Settings(state_dir=folder, rate=0, day="2026-11-23", open_at="10:00")
        exchange = launch.start(settings, lambda line: None)
        code = 0
        try:
            for way in given.ways:
                here, out = spawn.Pipe()
                child = spawn.Process(target=measure, args=(way, wanted, exchange, out))
                child.start()
                out.close()
                with contextlib.suppress(EOFError):
                    show(way, *here.recv())
                child.join()
                code |= child.exitcode != 0
        finally:
            launch.stop(folder)
        line("the disk after, ms", figures(disk(folder)))
    return code


if __name__ == "__main__":
    sys.exit(main())
