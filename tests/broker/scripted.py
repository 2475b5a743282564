"""A WebSocket server that does what a test tells it, and remembers all it was sent."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from kt.records import StreamEvent, StreamState, Tick

LOGIN_OK = {"trnm": "LOGIN", "return_code": 0, "return_msg": "", "sor_yn": "Y"}
BAD_TOKEN = {
    "trnm": "LOGIN",
    "return_code": 805004,
    "return_msg": "토큰 인증에 실패했습니다. 접속을 종료합니다 "
    "[CODE=8005, MESSAGE=Token이 유효하지 않습니다]",
}
KICK = {
    "trnm": "SYSTEM",
    "code": "R10001",
    "message": "동일한 App key로 접속이 되었습니다. 기존 세션은 종료가 됩니다",
}

Answer = Callable[[dict[str, Any]], dict[str, Any] | None]


def taken(request: dict[str, Any]) -> dict[str, Any]:
    return {"trnm": request["trnm"], "return_code": 0, "return_msg": ""}


def framed(data: bytes) -> bytes:
    """Bytes behind their length, as the processes of one profile send them to each other."""
    return len(data).to_bytes(4, "big") + data


def wait_for(true: Callable[[], object], seconds: float = 10.0) -> None:
    """Until `true()`; fails loudly otherwise."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "what was waited for did not come"
        time.sleep(0.002)


class ScriptedServer:
    """`logins`, `requests`, `echoes` and `raw` are what clients sent. One session per token,
    the older one is kicked, as the broker does it."""

    def __init__(self) -> None:
        self.good_tokens: set[str] | None = None
        """None: any."""
        self.login_answer: dict[str, Any] | None = LOGIN_OK
        self.answer: Answer = taken
        self.on_login: Callable[[ServerConnection], None] = lambda connection: None
        self.kicks = True
        self.logins: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.raw: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.live: dict[str, ServerConnection] = {}
        self._lock = threading.Lock()
        self._server: Server | None = None
        self.port = 0

    def __enter__(self) -> ScriptedServer:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.shut()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/api/dostk/websocket"

    def open(self) -> None:
        """Listen, on the port of last time when there was one."""
        self._server = serve(
            self._serve,
            "127.0.0.1",
            self.port,
            compression=None,
            ping_interval=None,
            close_timeout=0.2,
        )
        self.port = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def shut(self) -> None:
        """Listen no more and cut every connection."""
        if self._server is not None:
            self._server.shutdown()
            self.cut()
            self._thread.join()
            self._server = None

    def send(self, frame: dict[str, Any] | str | bytes) -> None:
        """To every logged-in client. Bytes go as a text frame, as they are."""
        for connection in list(self.live.values()):
            self.send_to(connection, frame)

    @staticmethod
    def send_to(connection: ServerConnection, frame: dict[str, Any] | str | bytes) -> None:
        if isinstance(frame, dict):
            frame = json.dumps(frame, ensure_ascii=False)
        with contextlib.suppress(ConnectionClosed):
            if isinstance(frame, bytes):
                connection.send(frame, text=True)
            else:
                connection.send(frame)

    def cut(self) -> None:
        """End every connection without a word."""
        for connection in list(self.live.values()):
            self.cut_one(connection)

    @staticmethod
    def cut_one(connection: ServerConnection) -> None:
        with contextlib.suppress(OSError):
            connection.socket.shutdown(socket.SHUT_RDWR)

    def registered(self, trnm: str = "REG") -> list[tuple[str, str, str]]:
        """(group, type, item) of every request of that name, in the order they came."""
        return [
            (request["grp_no"], kind, item)
            for request in self.requests
            if request["trnm"] == trnm
            for row in request["data"]
            for kind in row["type"]
            for item in row["item"]
        ]

    def _serve(self, connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed, OSError):
            self.headers.append({k.lower(): v for k, v in connection.request.headers.items()})
            token = self._log_in(connection)
            try:
                if token is not None:
                    self._converse(connection)
            finally:
                with self._lock:
                    if self.live.get(token or "") is connection:
                        del self.live[token or ""]

    def _log_in(self, connection: ServerConnection) -> str | None:
        text = connection.recv()
        request = json.loads(text)
        self.raw.append(str(text))
        assert request["trnm"] == "LOGIN", "LOGIN comes before anything else"
        token = request["token"]
        self.logins.append(token)
        if self.login_answer is None:
            connection.recv()
            return None
        if self.good_tokens is not None and token not in self.good_tokens:
            self.send_to(connection, BAD_TOKEN)
            return None
        with self._lock:
            older = self.live.get(token)
            self.live[token] = connection
        if older is not None and self.kicks:
            self.send_to(older, KICK)
            older.close()
        self.send_to(connection, self.login_answer)
        if self.login_answer["return_code"] != 0:
            return None
        self.on_login(connection)
        return token

    def _converse(self, connection: ServerConnection) -> None:
        while True:
            text = str(connection.recv())
            self.raw.append(text)
            request = json.loads(text)
            if request.get("trnm") in {"REG", "REMOVE", "CNSRLST", "CNSRREQ"}:
                self.requests.append(request)
                answer = self.answer(request)
                if answer is not None:
                    self.send_to(connection, answer)


class Sink:
    """Keeps what a stream tells."""

    def __init__(self) -> None:
        self.events: list[StreamEvent] = []

    def __call__(self, event: StreamEvent) -> None:
        self.events.append(event)

    @property
    def states(self) -> list[str]:
        return [event.state for event in self.events if isinstance(event, StreamState)]

    @property
    def prices(self) -> list[int]:
        return [event.price for event in self.events if isinstance(event, Tick)]

    def state(self, name: str) -> StreamState:
        found = [e for e in self.events if isinstance(e, StreamState) and e.state == name]
        return found[-1]


class Tokens:
    """Hands out `first`, then what `renew` issues."""

    def __init__(self, first: str = "token-1") -> None:
        self.now = first
        self.renewals: list[str] = []

    def token(self) -> str:
        return self.now

    def renew(self, bad: str) -> str:
        self.renewals.append(bad)
        self.now = f"token-{len(self.renewals) + 1}"
        return self.now


def real(kind: str, values: dict[str, str], item: str = "", name: str = "") -> dict[str, Any]:
    """A data frame of one row."""
    return {"data": [{"values": values, "type": kind, "name": name, "item": item}], "trnm": "REAL"}


def trade(code: str, price: int, quantity: int = 1, time: str = "102755") -> dict[str, Any]:
    values = {"20": time, "10": f"+{price}", "11": "+10", "12": "+0.10", "15": f"{quantity:+d}"}
    return real("0B", {**values, "13": "1000", "228": "100.61"}, code, "주식체결")


def fill(ord_no: str, code: str, quantity: int, open_quantity: int, price: int) -> dict[str, Any]:
    values = {
        "9203": ord_no,
        "9001": f"A{code}",
        "913": "체결",
        "900": str(quantity + open_quantity),
        "901": str(price),
        "902": str(open_quantity),
        "904": "0000000",
        "905": "+매수",
        "907": "2",
        "908": "102755",
        "909": f"{ord_no}{open_quantity}",
        "910": str(price),
        "911": str(quantity),
        "914": str(price),
        "915": str(quantity),
        "919": "0",
    }
    return real("00", values, code, "주문체결")
