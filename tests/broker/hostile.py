"""A server on loopback that does to each connection what a test says, however wrong."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Deed = Callable[[socket.socket], None]
"""What is done to a connection whose request has been read."""

TAKEN = json.dumps({"return_code": 0, "return_msg": "", "ord_no": "0000001"}).encode()


def answer(body: bytes = TAKEN, status: str = "200 OK", *headers: str, length: str = "") -> Deed:
    """A whole answer; `length` replaces the true Content-Length."""
    return raw(head(status, f"Content-Length: {length or len(body)}", *headers) + body)


def head(status: str, *headers: str) -> bytes:
    return "".join(f"{one}\r\n" for one in (f"HTTP/1.1 {status}", *headers, "")).encode()


def raw(content: bytes) -> Deed:
    return lambda line: line.sendall(content)


def packed(body: bytes = TAKEN) -> Deed:
    return answer(gzip.compress(body), "200 OK", "Content-Encoding: gzip")


def dripping(content: bytes, pause: float = 0.05) -> Deed:
    """Byte after byte, each long before a time-out of single reads."""

    def deed(line: socket.socket) -> None:
        for byte in content:
            line.sendall(bytes((byte,)))
            time.sleep(pause)

    return deed


def endless(first: bytes, again: bytes) -> Deed:
    """Until the other side hangs up."""

    def deed(line: socket.socket) -> None:
        line.sendall(first)
        while True:
            line.sendall(again)

    return deed


def silence(line: socket.socket) -> None:
    """Nothing, until the other side hangs up."""
    line.recv(1)


def reset(line: socket.socket) -> None:
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@dataclass
class Hostile:
    """What came: `connections` with their times, `requests`, and in `used` the number of the
    connection that each request came on."""

    address: str
    connections: list[float] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    used: list[int] = field(default_factory=list)
    lines: list[socket.socket] = field(default_factory=list)

    def hang_up(self) -> None:
        """On everybody who is connected now."""
        for line in self.lines:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def say(self, content: bytes) -> None:
        """To everybody who is connected now, unasked."""
        for line in self.lines:
            with contextlib.suppress(OSError):
                line.sendall(content)


@contextlib.contextmanager
def serving(
    deed: Deed, *, context: ssl.SSLContext | None = None, unread: bool = False
) -> Iterator[Hostile]:
    """`with serving(deed) as server:` each connection on a thread; all end with the block.
    `unread`: the deed is done as soon as somebody connects."""
    listener = socket.create_server(("127.0.0.1", 0))
    scheme = "http" if context is None else "https"
    server = Hostile(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}")
    lines = server.lines
    threads: list[threading.Thread] = []

    def serve(line: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError):
            if context is not None:
                line = context.wrap_socket(line, server_side=True)
                lines.append(line)
            with line:
                if not unread:
                    request = b""
                    while b"}" not in request:
                        piece = line.recv(65536)
                        if not piece:
                            return
                        request += piece
                    server.requests.append(request)
                    server.used.append(number)
                deed(line)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = listener.accept()
                number = len(server.connections)
                thread = threading.Thread(target=serve, args=(line, number), daemon=True)
                lines.append(line)
                server.connections.append(time.monotonic())
                threads.append(thread)
                thread.start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield server
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join(5)
        server.hang_up()
        for thread in threads:
            thread.join(5)
        for line in lines:
            line.close()
