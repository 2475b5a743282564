"""How near the pacer comes to the limit's own bound: a deep scan's worth of calls.

    python -m tests.bench.pace [--stocks 50] [--processes 1] [--threads 8]

A server on loopback counts strictly: more than 5 requests of one API id in any second of its
clock are answered with 429. In the middle of the scan one order is sent.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import queue
import tempfile
import threading
import time
from collections import defaultdict, deque
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from kt.broker.kiwoom import Kiwoom
from kt.broker.rest.client import Http, Rest
from kt.broker.rest.rate_limit import Pacer
from kt.broker.rest.token import Issued, TokenSource
from kt.clock import SystemClock
from kt.config.secrets import AppKeys
from kt.records import OrderTicket, OrderType, Side

RATE = 5
APIS = ("ka10059", "ka10004", "ka10046", "ka10002", "ka10080")
"""Flow, book, strength, member firms and minute bars: what a deep scan asks of every stock."""


class Strict(ThreadingHTTPServer):
    """Counts arrivals by API id over the last second; `arrivals` keeps them all."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.recent: dict[str, deque[float]] = defaultdict(deque)
        self.arrivals: list[tuple[float, str]] = []
        self.refused = 0

    def takes(self, api_id: str) -> bool:
        with self.lock:
            now = time.monotonic()
            recent = self.recent[api_id]
            while recent and recent[0] <= now - 1.0:
                recent.popleft()
            if len(recent) >= RATE:
                self.refused += 1
                return False
            recent.append(now)
            self.arrivals.append((now, api_id))
            return True


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Strict
    # Without this the answer's two writes wait for the peer's delayed acknowledgement.
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        taken = self.server.takes(self.headers["api-id"])
        body = {"return_code": 0, "ord_no": "0000001", "return_msg": ""}
        if not taken:
            body = {"return_code": 5, "return_msg": "x[1700:y]"}
        data = json.dumps(body).encode()
        self.send_response(200 if taken else 429)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Tokens:
    def issue(self, keys: AppKeys) -> Issued:
        return Issued("token", SystemClock().now() + timedelta(hours=24))

    def revoke(self, keys: AppKeys, token: str) -> None:
        """Nothing to give back."""


def kiwoom(address: str, folder: Path) -> Kiwoom:
    clock = SystemClock()
    tokens = TokenSource(AppKeys("key", "secret"), address, folder, clock, Tokens())
    pacer = Pacer(folder, "bench", clock, RATE, RATE)
    return Kiwoom(Rest(Http(address), tokens, pacer, clock), clock)


def scan(address: str, folder: Path, stocks: int, threads: int) -> None:
    """Each stock's five calls, by so many threads."""
    broker, work = kiwoom(address, folder), queue.SimpleQueue[tuple[str, str]]()
    for number in range(stocks):
        for api_id in APIS:
            work.put((api_id, f"{number:06d}"))

    def run() -> None:
        while True:
            try:
                api_id, code = work.get_nowait()
            except queue.Empty:
                return
            broker.rest.call(api_id, {"stk_cd": code})

    workers = [threading.Thread(target=run) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def place_one(address: str, folder: Path) -> float:
    """Seconds until the order was acknowledged."""
    ticket = OrderTicket(
        side=Side.SELL, stock_code="005930", quantity=1, order_type=OrderType.MARKET, price=0
    )
    broker = kiwoom(address, folder)
    before = time.monotonic()
    found = broker.place(ticket)
    assert found.ord_no, found
    return time.monotonic() - before


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--stocks", type=int, default=50)
    options.add_argument("--processes", type=int, default=1)
    options.add_argument("--threads", type=int, default=8)
    given = options.parse_args()
    server = Strict()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kiwoom(address, folder).rest.tokens.token()
        share = given.stocks // given.processes
        spawn = multiprocessing.get_context("spawn")
        children = [
            spawn.Process(target=scan, args=(address, folder, share, given.threads))
            for _ in range(given.processes)
        ]
        for child in children:
            child.start()
        while len(server.arrivals) < share * given.processes * len(APIS) // 2:
            time.sleep(0.01)
        waited = place_one(address, folder)
        for child in children:
            child.join()
    report(server, share * given.processes, waited)


def report(server: Strict, stocks: int, waited: float) -> None:
    calls = [at for at, api_id in server.arrivals if api_id in APIS]
    took = max(calls) - min(calls)
    bound = stocks / RATE
    print(f"calls                  {len(calls)} = {stocks} stocks x {len(APIS)} APIs")
    print(f"first to last arrival  {took:.3f} s")
    print(f"the limit's own bound  {bound:.3f} s  ({stocks} calls of each API, {RATE} a second)")
    print(f"over the bound         {(took / bound - 1) * 100:.1f} %  (goal: at most 5 %)")
    print(f"answered 429           {server.refused}  (goal: 0)")
    print(f"order in the middle    {waited * 1000:.0f} ms  (goal: one slot, {1000 // RATE} ms)")


if __name__ == "__main__":
    main()
