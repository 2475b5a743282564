"""The stream's socket: opened within one deadline, and read as whole messages within size limits.

websocket-client does the handshake and the sending; it gets a socket that is already connected, so
every received byte passes through here.
"""

from __future__ import annotations

import base64
import contextlib
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from websocket import ABNF

MOST_BYTES = 4 << 20
"""The largest message accepted. The broker's largest have some hundred thousand bytes."""
MOST_HEAD = 64 << 10
"""The most bytes of the handshake's response."""
MOST_CONTROL = 125
"""RFC 6455 5.5"""
READ_BYTES = 65_536
STEP_SECONDS = 2.0
"""The time-out of one socket call; a peer that accepts nothing for this long is disconnected."""
TOO_LATE = "the handshake took too long"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
CONTROL = frozenset({ABNF.OPCODE_CLOSE, ABNF.OPCODE_PING, ABNF.OPCODE_PONG})
KINDS = CONTROL | {ABNF.OPCODE_CONT, ABNF.OPCODE_TEXT, ABNF.OPCODE_BINARY}


class Connection:
    """A connected socket, read in large chunks by one thread: three system calls a frame would cost
    more than parsing it. A protocol violation raises OSError with the reason.

    `frame_seconds` is the time from a message's first byte to its last: otherwise one byte now
    and then would keep a dead connection alive.
    """

    def __init__(self, sock: socket.socket, frame_seconds: float, until: float) -> None:
        sock.settimeout(min(STEP_SECONDS, frame_seconds))
        self._socket = sock
        self._frame_seconds = frame_seconds
        self._until = until
        self._late = TOO_LATE
        self._unfinished = f"a message was not complete {frame_seconds:g} seconds after it began"
        self._room = MOST_HEAD
        self._data = b""
        self._at = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def recv(self, size: int) -> bytes:
        """A part of the handshake's response, for websocket-client."""
        self._room -= size
        if self._room < 0:
            raise OSError(f"the answer to the handshake is longer than {MOST_HEAD:,} bytes")
        return self._exactly(size)

    def message(
        self, silence: float, pong: Callable[[bytes], object], by: float = float("inf")
    ) -> tuple[int, bytes]:
        """The next message: its kind (text, binary or close) and its bytes. Answers PINGs.

        `silence` is the longest time without any byte; `by` is the deadline of the message,
        whatever else arrives before it.
        """
        begun, part, ends = 0, bytearray(), float("inf")
        while True:
            if self._at >= len(self._data):
                self._wait(silence, min(by, ends))
            kind, final, data = self._frame(len(part), min(by, ends))
            if kind in CONTROL:
                if kind == ABNF.OPCODE_CLOSE:
                    return kind, data
                if kind == ABNF.OPCODE_PING:
                    pong(data)
            elif bool(begun) != (kind == ABNF.OPCODE_CONT):
                raise OSError("a message began inside another, or ended without a beginning")
            elif final and not begun:
                return kind, data
            else:
                begun, ends = begun or kind, min(ends, time.monotonic() + self._frame_seconds)
                part += data
                if final:
                    return begun, bytes(part)
            if time.monotonic() > min(by, ends):
                raise TimeoutError(self._unfinished)

    def _frame(self, before: int, by: float) -> tuple[int, bool, bytes]:
        """One frame: its kind, whether it ends its message, its bytes; `before` is the number of
        bytes of the same message already read."""
        self._until, self._late = by, self._unfinished
        first, second = self._exactly(2)
        kind, final, size = first & 0x0F, first >= 0x80, second & 0x7F
        if first & 0x70 or second & 0x80 or kind not in KINDS:
            raise OSError(f"a frame that kt did not agree to ({first:02x} {second:02x})")
        if size > MOST_CONTROL:
            size = int.from_bytes(self._exactly(2 if size == MOST_CONTROL + 1 else 8), "big")
        if kind in CONTROL and (size > MOST_CONTROL or not final):
            raise OSError(f"a control frame of {size:,} bytes, or a part of one")
        if before + size > MOST_BYTES:
            raise OSError(
                f"a message of {before + size:,} bytes or more: {MOST_BYTES:,} are the most"
            )
        return kind, final, self._exactly(size)

    def _wait(self, silence: float, by: float) -> None:
        """Wait for the first bytes of a frame."""
        quiet = time.monotonic() + silence
        self._until, self._late = by, self._unfinished
        if quiet <= by:
            self._until, self._late = quiet, f"nothing was heard for {silence:g} seconds"
        self._more()

    def _exactly(self, size: int) -> bytes:
        piece = self._data[self._at : self._at + size]
        self._at += len(piece)
        if len(piece) == size:
            return piece
        whole = bytearray(piece)
        if self._until == float("inf"):
            self._until = time.monotonic() + self._frame_seconds
        while len(whole) < size:
            self._more()
            self._at = min(size - len(whole), len(self._data))
            whole += self._data[: self._at]
        return bytes(whole)

    def _more(self) -> None:
        """Read the next bytes, after the earlier ones are consumed."""
        data = b""
        while not data:
            try:
                data = self._socket.recv(READ_BYTES)
            except TimeoutError:
                if time.monotonic() > self._until:
                    raise TimeoutError(self._late) from None
                continue
            if not data:
                raise ConnectionResetError("the server closed the connection")
        if time.monotonic() > self._until:
            raise TimeoutError(self._late)
        self._data, self._at = data, 0


def dial(url: str, seconds: float, frame_seconds: float) -> Connection:
    """A connection to the address in `url`, secured for wss; the handshake that follows has what
    is left of the seconds. Raises OSError, or ValueError for an invalid address."""
    until = time.monotonic() + seconds
    parts = urlsplit(url)
    secure = parts.scheme == "wss"
    if parts.scheme not in {"ws", "wss"} or not parts.hostname:
        raise ValueError("it is no ws or wss address")
    host, port = parts.hostname, parts.port or (443 if secure else 80)
    proxy = _proxy(host, secure)
    if proxy is None:
        sock = _open_socket(host, port, until)
    else:
        sock = _open_socket(proxy.hostname or "", proxy.port or 80, until)
    with contextlib.ExitStack() as undo:
        undo.callback(sock.close)
        if proxy is not None:
            _tunnel(sock, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", proxy, until)
        if secure:
            import ssl

            # Python counts this timeout over the TLS handshake as a whole.
            sock.settimeout(_left(until))
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
        undo.pop_all()
    return Connection(sock, frame_seconds, until)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError(TOO_LATE)
    return left


def _open_socket(host: str, port: int, until: float) -> socket.socket:
    """Connect to the first address of the host that answers."""
    fault = OSError(f"{host} has no address")
    for family, kind, number, _, address in socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM):
        sock = socket.socket(family, kind, number)
        try:
            sock.settimeout(_left(until))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.connect(address)
        except OSError as error:
            sock.close()
            fault = error
        else:
            return sock
    raise fault


def _proxy(host: str, secure: bool) -> SplitResult | None:
    """The HTTP proxy that the environment sets for this host, as for the REST calls."""
    from urllib.request import getproxies, proxy_bypass

    if host in LOOPBACK or proxy_bypass(host):
        return None
    address = getproxies().get("https" if secure else "http")
    if not address:
        return None
    return urlsplit(address if "://" in address else f"http://{address}")


def _tunnel(sock: socket.socket, target: str, proxy: SplitResult, until: float) -> None:
    """Ask the proxy for a connection to `target`."""
    request = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.username:
        who = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
        request.append(f"Proxy-Authorization: Basic {base64.b64encode(who).decode()}")
    sock.sendall("\r\n".join([*request, "", ""]).encode())
    head = b""
    while b"\r\n\r\n" not in head:
        sock.settimeout(_left(until))
        try:
            piece = sock.recv(READ_BYTES)
        except TimeoutError:
            raise TimeoutError(TOO_LATE) from None
        head += piece
        if not piece or len(head) > MOST_HEAD:
            raise OSError("the proxy's answer has no end")
    if head.split(None, 2)[1:2] != [b"200"]:
        raise OSError(f"the proxy refused: {head[:80].splitlines()[0]!r}")
