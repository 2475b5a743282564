"""A broker on loopback that measures: when a tick left it, and when the order's first byte came.

A process of its own. Queries are answered as the embedded exchange answers them, kept after the
first time and sent back after `ANSWER` seconds; orders, holdings and the stream are its own, in
the wire format of `kt.sim`. Times are `time.perf_counter_ns`, the same clock in every process.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import json
import random
import select
import socket
import ssl
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from kt.clock import ScaledClock
from kt.records import BalanceNotice, Holding, Holdings, OrderNotice, Side
from kt.sim.wire import holdings, realtime
from kt.sim.wire.account_rows import RowContext

ROOT = Path(__file__).parents[2]
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
ANSWER = 0.05
"""Seconds until a query is answered: the real server takes about as long."""
BURST = 0.005
"""The stream's frames leave in bursts, so many seconds apart."""
SELL, HELD = "kt10001", "kt00018"


@dataclass(frozen=True)
class Setup:
    """What the process is started with."""

    exchange: str
    """The embedded exchange that knows the answers."""
    clock: ScaledClock
    """Its time."""
    frames: int
    """Trades and books a second."""
    certificates: str
    """A folder with key.pem and certificate.pem; empty: no TLS."""


def context(folder: str) -> ssl.SSLContext | None:
    if not folder:
        return None
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(Path(folder) / "certificate.pem", Path(folder) / "key.pem")
    return made


def packed(payload: bytes) -> bytes:
    """A server's text frame."""
    if len(payload) < 126:
        return struct.pack("!BB", 0x81, len(payload)) + payload
    return struct.pack("!BBH", 0x81, 126, len(payload)) + payload


def frame(kind: str, code: str, values: dict[str, str]) -> bytes:
    row = realtime.row(kind, code, values)
    return packed(json.dumps({"data": [row], "trnm": "REAL"}, ensure_ascii=False).encode())


class Server:
    """Accepts on two ports, obeys the pipe, and tells it what it saw."""

    def __init__(self, pipe: Connection, setup: Setup) -> None:
        self.pipe, self.setup, self.tls = pipe, setup, context(setup.certificates)
        self.saying = threading.Lock()
        self.kept: dict[tuple[str, bytes, str], bytes] = {}
        self.held: dict[str, tuple[int, int]] = {}
        self.numbers = count(1)
        self.frames: deque[bytes] = deque()
        self.triggers: deque[list[tuple[str, int]]] = deque()
        self.trade, self.book = recorded("ws-0B.json"), recorded("ws-0D-example.json")
        self.noise: list[bytes] = []
        doors = [socket.create_server(("127.0.0.1", 0), backlog=64) for _ in range(2)]
        for door, serve in zip(doors, (self._rest, self._stream), strict=True):
            threading.Thread(target=self._accept, args=(door, serve), daemon=True).start()
        self.say("ports", *(door.getsockname()[1] for door in doors))

    def say(self, *what: Any) -> None:
        with self.saying:
            self.pipe.send(what)

    def obey(self) -> None:
        with contextlib.suppress(EOFError):
            while True:
                what, value = self.pipe.recv()
                if what == "prices":
                    trades = [self._trade(code, price) for code, price in value.items()]
                    self.noise = [
                        *trades,
                        *trades,
                        *(frame("0D", code, self.book) for code in value),
                    ]
                elif what == "hold":
                    self.held = dict(value)
                else:
                    self.triggers.append(value)

    def _accept(self, door: socket.socket, serve: Any) -> None:
        while True:
            plug, _ = door.accept()
            threading.Thread(target=self._attend, args=(plug, serve), daemon=True).start()

    def _attend(self, plug: socket.socket, serve: Any) -> None:
        plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError, StopIteration):
            serve(self.tls.wrap_socket(plug, server_side=True) if self.tls else plug)
        plug.close()

    # the REST line

    def _rest(self, plug: socket.socket) -> None:
        data = b""
        while True:
            if not data:
                select.select([plug], [], [])
            at = time.perf_counter_ns()
            while b"\r\n\r\n" not in data:
                data += self._read(plug)
            head, _, data = data.partition(b"\r\n\r\n")
            lines = (line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
            headers = {name.lower().decode(): value.decode() for name, value in lines}
            while len(data) < int(headers["content-length"]):
                data += self._read(plug)
            size = int(headers["content-length"])
            body, data = data[:size], data[size:]
            plug.sendall(self._answer(head, headers, body, at))

    @staticmethod
    def _read(plug: socket.socket) -> bytes:
        data = plug.recv(65_536)
        if not data:
            raise StopIteration
        return data

    def _answer(self, head: bytes, headers: dict[str, str], body: bytes, at: int) -> bytes:
        api_id = headers.get("api-id", "")
        if api_id == SELL:
            return self._sold(json.loads(body), at)
        time.sleep(ANSWER)
        if api_id == HELD:
            return self._holdings()
        key = (api_id, body, headers.get("next-key", ""))
        if key not in self.kept:
            self.kept[key] = self._forwarded(head, headers, body)
        return self.kept[key]

    def _forwarded(self, head: bytes, headers: dict[str, str], body: bytes) -> bytes:
        line = http.client.HTTPConnection(urlsplit(self.setup.exchange).netloc, timeout=20)
        headers = {name: text for name, text in headers.items() if name != "host"}
        try:
            line.request("POST", head.split(b" ", 2)[1].decode(), body, headers)
            answer = line.getresponse()
            told = {name: answer.headers[name] for name in ("cont-yn", "next-key", "api-id")}
            return reply(answer.read(), **{name: text for name, text in told.items() if text})
        finally:
            line.close()

    def _holdings(self) -> bytes:
        items = tuple(
            Holding(
                stock_code=code, stock_name=code, quantity=quantity, sellable=quantity,
                average_price=price, price=price, cost=quantity * price, value=quantity * price,
                profit=0, profit_pct=0.0,
            )
            for code, (quantity, price) in self.held.items()
        )  # fmt: skip
        worth = sum(item.value for item in items)
        told = Holdings(
            items=items, total_cost=worth, total_value=worth, total_profit=0,
            total_profit_pct=0.0, estimated_assets=worth,
        )  # fmt: skip
        broker = SimpleNamespace(holdings=lambda: told, executions=lambda _: ())
        shown = holdings.holdings(
            SimpleNamespace(  # type: ignore[arg-type]
                broker=broker, instruments={}, now=self.setup.clock.now(), commission_pct=0.0
            )
        )
        found = {**shown.fields, shown.rows_name: list(shown.rows)}
        return reply(json.dumps({**found, "return_code": 0, "return_msg": ""}).encode())

    def _sold(self, body: dict[str, str], at: int) -> bytes:
        """Taken, and filled at once: the stream tells it."""
        code, number = body["stk_cd"], f"{next(self.numbers):07d}"
        self.say("order", code, at)
        quantity, price = self.held.pop(code, (int(body["ord_qty"]), 0))
        now = self.setup.clock.now()
        order = OrderNotice(
            ord_no=number, original_ord_no="", stock_code=code, stock_name=code,
            status="RECEIVED", side=Side.SELL, quantity=quantity, price=0,
            open_quantity=quantity, at=now,
        )  # fmt: skip
        filled = OrderNotice(
            ord_no=number, original_ord_no="", stock_code=code, stock_name=code, status="FILL",
            side=Side.SELL, quantity=quantity, price=0, open_quantity=0, at=now,
            exec_no=number, fill_quantity=quantity, fill_price=price,
        )  # fmt: skip
        left = BalanceNotice(
            stock_code=code, stock_name=code, quantity=0, sellable=0, average_price=0,
            price=price, realised_today=0, at=now,
        )  # fmt: skip
        around = RowContext(filled=quantity, value=quantity * price)
        rows = (realtime.values(event, around) for event in (order, filled, left))
        self.frames += [frame(*row) for row in rows if row is not None]
        taken = {"ord_no": number, "dmst_stex_tp": "KRX", "return_code": 0, "return_msg": ""}
        return reply(json.dumps(taken).encode())

    # the stream

    def _trade(self, code: str, price: int) -> bytes:
        return frame("0B", code, {**self.trade, "10": f"-{price}", "28": f"-{price}"})

    def _stream(self, plug: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            request += self._read(plug)
        lines = dict(line.split(b": ", 1) for line in request.split(b"\r\n")[1:] if b": " in line)
        key = next(value for name, value in lines.items() if name.lower() == b"sec-websocket-key")
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        plug.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        data = b""
        sending = False
        while True:
            while (found := unmasked(data)) is None:
                data += self._read(plug)
            payload, data = found
            said = json.loads(payload) if payload[:1] == b"{" else {}
            told = {"trnm": said.get("trnm"), "return_code": 0, "return_msg": "", "sor_yn": "Y"}
            if sending:
                self.frames.append(packed(json.dumps(told).encode()))
            else:
                plug.sendall(packed(json.dumps(told).encode()))
                threading.Thread(target=self._send, args=(plug,), daemon=True).start()
                sending = True

    def _send(self, plug: socket.socket) -> None:
        """Bursts at an even pace; what was ordered goes in the middle of one."""
        share, due, owed = self.setup.frames * BURST, time.monotonic(), 0.0
        with contextlib.suppress(OSError):
            while True:
                owed += share
                burst = random.choices(self.noise, k=int(owed)) if self.noise else []
                owed -= int(owed)
                while self.frames:
                    burst.append(self.frames.popleft())
                codes: list[str] = []
                if self.triggers:
                    ticks = self.triggers.popleft()
                    codes = [code for code, _ in ticks]
                    middle = len(burst) // 2
                    burst[middle:middle] = [self._trade(*tick) for tick in ticks]
                data = b"".join(burst)
                at = time.perf_counter_ns()
                plug.sendall(data)
                for code in codes:
                    self.say("tick", code, at)
                due = max(due + BURST, time.monotonic() - 4 * BURST)
                time.sleep(max(0.0, due - time.monotonic()))


def recorded(name: str) -> dict[str, str]:
    """The values of a recorded row."""
    found = json.loads((ROOT / "tests/data/broker" / name).read_text())
    return dict(found["data"][0]["values"])


def reply(body: bytes, **headers: str) -> bytes:
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=UTF-8\r\n"
        f"Content-Length: {len(body)}\r\n{more}\r\n"
    )
    return head.encode() + body


def unmasked(data: bytes) -> tuple[bytes, bytes] | None:
    """A client's whole frame and what follows it; None while it is not whole."""
    if len(data) < 2:
        return None
    size, at = data[1] & 0x7F, 2
    if size == 126:
        size, at = int.from_bytes(data[2:4], "big"), 4
    elif size == 127:
        size, at = int.from_bytes(data[2:10], "big"), 10
    if len(data) < at + 4 + size:
        return None
    mask, body = data[at : at + 4], data[at + 4 : at + 4 + size]
    plain = bytes(byte ^ mask[place % 4] for place, byte in enumerate(body))
    return plain, data[at + 4 + size :]


def serve(pipe: Connection, setup: Setup) -> None:
    Server(pipe, setup).obey()
