"""One WebSocket connection to the broker, from LOGIN to its end; `leader.py` reconnects.

Answers are identified only by their `trnm`, so one request runs at a time. PING is echoed
unchanged, SYSTEM never.
"""

from __future__ import annotations

import contextlib
import math
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.cookies import CookieError
from typing import Any

import msgspec
import websocket

from kt.broker.stream.connection import TOO_LATE, Connection, dial
from kt.broker.stream.envelope import Frame
from kt.broker.stream.frames import FrameReader
from kt.broker.stream.groups import Batch
from kt.broker.stream.timeouts import Timeouts
from kt.errors import AuthError, StreamReplaced, Unreachable, WireError
from kt.records import StreamEvent

BAD_TOKEN = "805004"
STALE_TOKEN = "8005"
REPLACED = "R10001"
NOT_LOGGED_IN = "R10004"
_INNER_CODE = re.compile(r"CODE=([0-9]{3,5})|\[([0-9]{3,5}):")
_BROKEN = (OSError, websocket.WebSocketException)
_UNUSABLE = (*_BROKEN, ValueError, LookupError, CookieError)
"""What websocket-client raises for an answer to the handshake that it cannot use."""
REDIRECTS = frozenset(status for status in HTTPStatus if 300 <= status < 400)
_POLITE_SECONDS = 1.0
SHOWN = 200
"""The most characters of a received text that a reason quotes."""


class LoginRefused(AuthError):
    """The server refused the token; `stale` when a newly issued one may help."""

    def __init__(self, frame: Frame) -> None:
        number = str(frame.return_code).strip()[:SHOWN]
        text = frame.return_msg.strip()[:SHOWN]
        inner = _INNER_CODE.search(text)
        code = (inner[1] or inner[2]) if inner else ""
        super().__init__(
            f"The broker refused the stream's login: {text or 'no reason given'} ({number}).",
            hint="Check app key, secret key and profile, then `kt auth login`.",
            code=code or number,
        )
        self.stale = code == STALE_TOKEN or (number == BAD_TOKEN and not code)


class AwaitedAnswer:
    """The answer that one request waits for; answers are told apart by their name alone."""

    def __init__(self) -> None:
        self.turn = threading.Lock()
        """Held by the thread whose request is under way."""
        self.came = threading.Event()
        self.frame: Frame | None = None
        self.data = b""
        self._name = ""

    def expect(self, name: str) -> None:
        self.came.clear()
        self.frame, self.data, self._name = None, b"", name

    def offer(self, frame: Frame, data: bytes) -> None:
        if frame.trnm == self._name:
            self.frame, self.data, self._name = frame, data, ""
            self.came.set()


class StreamSession:
    """A connection: `connect`, then `run` on the same or a new thread; `request` from any other.

    Once connected, `run` must be called: it alone closes the socket. `ended` is called when the
    connection is over, on the thread that noticed; `reason` and `replaced` then say why.
    """

    def __init__(
        self,
        ws_url: str,
        reader: FrameReader,
        deliver: Callable[[StreamEvent], None],
        timeouts: Timeouts,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self.ws_url = ws_url
        self.reader = reader
        self.deliver = deliver
        self.timeouts = timeouts
        self.ended = ended
        self.over = threading.Event()
        self.reason = ""
        self.replaced = False
        """Over because the same app key logged in elsewhere."""
        # Any: what this library annotates differs from one of its versions to the next.
        self._socket: Any = websocket.WebSocket()
        self._connection: Connection | None = None
        self._ending = threading.Lock()
        self._registering = AwaitedAnswer()
        self._searching = AwaitedAnswer()
        # Around a login the real server may report NOT_LOGGED_IN: that is no reason to disconnect.
        self._served = False

    def connect(self, token: str) -> None:
        """Open and log in. Raises LoginRefused, StreamReplaced or Unreachable."""
        with contextlib.ExitStack() as undo:
            undo.callback(self._socket.shutdown)
            undo.callback(self.close)
            try:
                self._connection = dial(self.ws_url, self.timeouts.connect, self.timeouts.frame)
                undo.callback(self._connection.close)
                self._shake_hands(self._connection)
            except _UNUSABLE as error:
                raise Unreachable(
                    f"The stream at {self.ws_url} cannot be reached: {str(error)[:SHOWN]}.",
                    hint="Check the network and the server's address, then start again.",
                ) from error
            if self.over.is_set():
                raise Unreachable(self.reason)
            answer = self._log_in(token)
            if answer.refused:
                raise LoginRefused(answer)
            undo.pop_all()

    def _shake_hands(self, connection: Connection) -> None:
        """The WebSocket handshake. Every answer but 101 is an error: a redirect would send the
        LOGIN frame, with its token, to any address that the answer names."""
        refused: Exception | None = None
        try:
            self._socket.connect(
                self.ws_url,
                socket=connection,
                redirect_limit=0,
                header=["User-Agent: kt"],
                suppress_origin=True,
            )
        except websocket.WebSocketTimeoutException:
            raise TimeoutError(TOO_LATE) from None
        except websocket.WebSocketBadStatusException as error:
            raise OSError(f"it answered with HTTP {error.status_code}") from None
        except _UNUSABLE as error:
            refused = error
        status = self._socket.status
        if status in REDIRECTS:
            raise OSError(f"it answered with a redirect (HTTP {status}), and kt follows none")
        if refused is not None:
            raise refused

    def run(self) -> None:
        """Receive until the connection is over; returns then."""
        try:
            while not self.over.is_set():
                self._handle(self._receive())
        except Unreachable as error:
            self._end(error.message)
        finally:
            self._end("its reader stopped")
            self._socket.shutdown()

    def request(self, trnm: str, batch: Batch) -> Frame:
        """Send REG or REMOVE and wait for its answer. Raises Unreachable when there is none: then
        the connection is over too."""
        with self._registering.turn:
            if not self._ask(self._registering, trnm, batch.body(trnm)):
                self._end(f"{trnm} was not answered within {self.timeouts.answer:g} seconds")
                self._cut()
            answer = self._registering.frame
        if answer is None:
            raise Unreachable(self.reason)
        self._served = self._served or not answer.refused
        return answer

    def search(self, trnm: str, body: Mapping[str, Any]) -> bytes:
        """Send a frame of a condition search and wait for its answer, beside REG and REMOVE. Raises
        Unreachable when there is none: the connection goes on."""
        with self._searching.turn:
            answered = self._ask(self._searching, trnm, {"trnm": trnm, **body})
            data = self._searching.data
        if data:
            return data
        late = f"{trnm} was not answered within {self.timeouts.answer:g} seconds"
        raise Unreachable(self.reason if answered else late)

    def _ask(self, awaited: AwaitedAnswer, trnm: str, body: Mapping[str, Any]) -> bool:
        """Send a request; True when its answer came, or the connection's end."""
        awaited.expect(trnm)
        if self.over.is_set():
            raise Unreachable(self.reason)
        self._send(msgspec.json.encode(body))
        return awaited.came.wait(self.timeouts.answer)

    def close(self) -> None:
        """Close the connection at once, with a close frame if the socket accepts it."""
        if self._end("it was closed here") and self._socket.connected:
            with contextlib.suppress(*_BROKEN):
                self._socket.settimeout(_POLITE_SECONDS)
                self._socket.send_close()
        self._cut()

    def _log_in(self, token: str) -> Frame:
        self._registering.expect("LOGIN")
        deadline = time.monotonic() + self.timeouts.answer
        self._send(msgspec.json.encode({"trnm": "LOGIN", "token": token}))
        while self._registering.frame is None:
            if self.replaced:
                raise StreamReplaced(self.reason)
            if self.over.is_set() or time.monotonic() > deadline:
                raise Unreachable("The broker did not answer the stream's login.")
            self._handle(self._receive(deadline))
        return self._registering.frame

    def _handle(self, data: bytes) -> None:
        try:
            frame = self.reader.open(data)
        except WireError as fault:
            self.reader.report(fault)
            return
        if frame.trnm == "REAL":
            for event in self.reader.events(frame):
                self.deliver(event)
        elif frame.trnm == "PING":
            self._send(data)
        elif frame.trnm == "SYSTEM":
            self._system(frame)
        else:
            self._registering.offer(frame, data)
            self._searching.offer(frame, data)

    def _system(self, frame: Frame) -> None:
        if frame.code == REPLACED:
            self.replaced = True
            self._end(f"the broker ended it: the same app key logged in elsewhere ({REPLACED})")
        elif frame.code == NOT_LOGGED_IN and self._served:
            self._end(f"the broker says that it is not logged in ({NOT_LOGGED_IN})")

    def _receive(self, by: float = math.inf) -> bytes:
        """The next message, by the moment `by` of the monotonic clock."""
        assert self._connection is not None
        try:
            kind, data = self._connection.message(self.timeouts.silence, self._socket.pong, by)
        except TimeoutError as error:
            raise Unreachable(str(error)) from error
        except _BROKEN as error:
            raise Unreachable(f"the connection broke: {error}") from error
        if kind == websocket.ABNF.OPCODE_CLOSE:
            raise Unreachable(f"the server closed the connection{_close_reason(data)}")
        return data

    def _send(self, data: bytes) -> None:
        try:
            self._socket.send(data, websocket.ABNF.OPCODE_TEXT)
        except _BROKEN as error:
            self._end(f"the connection broke: {error}")
            self._cut()
            raise Unreachable(self.reason) from error

    def _end(self, reason: str) -> bool:
        """Record the end; True for the first caller, whose reason counts."""
        with self._ending:
            if self.over.is_set():
                return False
            self.reason = reason
            self.over.set()
        self._registering.came.set()
        self._searching.came.set()
        self.ended()
        return True

    def _cut(self) -> None:
        """Wake the thread that reads the socket; that thread closes it."""
        sock = self._socket.sock
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def _close_reason(data: bytes) -> str:
    if len(data) < 2:
        return ""
    text = bytes(data[2:]).decode("utf-8", "replace").strip()
    return f" ({int.from_bytes(data[:2], 'big')}{' ' + text if text else ''})"
